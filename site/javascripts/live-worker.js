// Python in a worker: loads Pyodide, unpacks the archive of firsthand/pages/live.py, and carries out one plan of it for
// each message. Answers with stages, steps, and in the end an outcome or an error.
const root = new URL("..", import.meta.url) // of the site
let ready = null

async function load() {
  const began = performance.now()
  const { runtime } = await (await get("live/runtime.json")).json()
  const archive = get("live/firsthand.zip").then((response) => response.arrayBuffer())
  const address = new URL(runtime, root).href
  const { loadPyodide } = await import(`${address}pyodide.mjs`).catch(() => {
    throw new Error(`Python cannot be loaded from ${address}: find a network, or build the site with Pyodide in it.`)
  })
  const python = await loadPyodide({ indexURL: address, packages: ["numpy"] })
  python.unpackArchive(await archive, "zip", { extractDir: "/firsthand" })
  python.runPython("import sys; sys.path.insert(0, '/firsthand')")
  const seconds = ((performance.now() - began) / 1000).toFixed(1)
  postMessage({ stage: `Pyodide ${python.version} and NumPy are ready after ${seconds} s. Running …` })
  return python.pyimport("firsthand.browser.live")
}

async function get(path) {
  const response = await fetch(new URL(path, root))
  if (!response.ok) throw new Error(`${path} is not part of this site (${response.status}); build it again.`)
  return response
}

// At most twenty messages a second: a short run may report thousands of steps.
function reporter() {
  let last = 0
  return (done, total, note) => {
    if (performance.now() - last < 50) return
    last = performance.now()
    postMessage({ done, total, note })
  }
}

onmessage = async ({ data: plan }) => {
  try {
    if (ready) postMessage({ stage: "Running …" })
    const live = await (ready ??= load())
    postMessage({ outcome: JSON.parse(live.run(plan, reporter())) })
  } catch (error) {
    postMessage({ error: sentence(error) })
  }
}

// Of a Python traceback the last line, without the name of our own exception.
function sentence(error) {
  return String(error.message ?? error).trim().split("\n").pop().replace(/^firsthand\.errors\.FirsthandError: /, "")
}
