// The formulas that pymdownx.arithmatex has marked, drawn by KaTeX (loaded on pages that have any).
// Displays on lines that follow each other, as in docstrings, arrive as one: they are parted at $$ $$.
document$.subscribe(({ body }) => {
  if (!window.katex) return // no formulas here, or KaTeX could not be reached: they stay as they were written
  for (const marked of body.querySelectorAll(".arithmatex")) {
    const formulas = marked.textContent.trim().slice(2, -2).split(/\$\$\s+\$\$/)
    marked.replaceChildren(...formulas.map((formula) => {
      const drawn = document.createElement("span")
      katex.render(formula, drawn, { displayMode: marked.tagName === "DIV", throwOnError: false })
      return drawn
    }))
  }
})
