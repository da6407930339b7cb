// The places of what can be run here (firsthand/pages/live.py). Python is loaded when a button is pressed, in a worker
// of its own, so that the page stays responsive; Stop ends the worker. One run at a time.
const liveScript = document.currentScript.src
const fromDisk = "This page was opened from the disk, where browsers start no workers: serve the site with " +
  "“python -m http.server -d build/site”, and open http://localhost:8000."

document$.subscribe(({ body }) => {
  const panels = [...body.querySelectorAll(".live")].map(furnish)
  let worker = null // kept from run to run, so that Python is loaded once

  for (const panel of panels) {
    panel.run.addEventListener("click", () => start(panel))
    panel.stop.addEventListener("click", () => {
      worker.terminate()
      worker = null
      finish(panel, "Stopped.")
    })
  }

  function start(panel) {
    panel.outcome.replaceChildren()
    if (location.protocol === "file:") return say(panel, fromDisk)
    worker ??= new Worker(new URL("live-worker.js", liveScript), { type: "module" })
    for (const other of panels) other.run.disabled = true
    panel.stop.hidden = panel.progress.hidden = false
    panel.progress.removeAttribute("value")
    panel.stop.focus()
    worker.onerror = (event) => fail(panel, event.message || "the worker could not be started")
    worker.onmessage = ({ data }) => {
      if (data.error) fail(panel, data.error)
      else if (data.outcome) show(panel, data.outcome)
      else progress(panel, data)
    }
    say(panel, "Loading Python …")
    worker.postMessage(panel.plan)
  }

  function finish(panel, sentence) {
    const focused = document.activeElement === panel.stop
    for (const other of panels) other.run.disabled = false
    panel.stop.hidden = panel.progress.hidden = true
    if (focused) panel.run.focus()
    say(panel, sentence)
  }

  function fail(panel, reason) {
    worker?.terminate()
    worker = null
    finish(panel, `This could not be run: ${reason}`)
  }

  function show(panel, outcome) {
    if (outcome.figure) panel.outcome.innerHTML = outcome.figure // drawn by firsthand/browser/curve.py
    for (const [number, text] of (outcome.printed ?? []).entries()) {
      if (!text) continue
      const head = create("p", { textContent: `Block ${number + 1}` })
      panel.outcome.append(head, create("pre", { textContent: text.trimEnd() }))
    }
    panel.outcome.dataset.equal = outcome.equal
    finish(panel, outcome.sentence)
  }
})

// A panel's elements, made once.
function furnish(place) {
  const run = create("button", { type: "button", className: "md-button", textContent: place.dataset.label })
  const stop = create("button", { type: "button", className: "md-button", textContent: "Stop", hidden: true })
  const progress = create("progress", { max: 1, hidden: true, ariaLabel: "How much of the run is done" })
  const status = create("p", { className: "live-status", role: "status" })
  const outcome = create("div", { className: "live-outcome" })
  place.replaceChildren(run, stop, progress, status, outcome)
  return { plan: place.dataset.plan, run, stop, progress, status, outcome }
}

function create(name, properties) {
  return Object.assign(document.createElement(name), properties)
}

function say(panel, sentence) {
  panel.status.textContent = sentence
}

// Either the name of a stage, or `done` of `total` steps; the bar tells steps, so that nothing is read out for each.
function progress(panel, { stage, done, total, note }) {
  if (stage) return say(panel, stage)
  panel.progress.value = done / total
  panel.progress.title = note
}
