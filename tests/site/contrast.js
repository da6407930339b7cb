// Text that stands out too little from its ground (WCAG 2, level AA): 4.5 to 1, or 3 to 1 for large text.
const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true })
const known = new Map()
const rgba = (css) => {
  if (!known.has(css)) {
    canvas.clearRect(0, 0, 1, 1)
    canvas.fillStyle = css
    canvas.fillRect(0, 0, 1, 1)
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data
    known.set(css, [r, g, b, a / 255])
  }
  return known.get(css)
}
const over = ([r, g, b, a], below) => [r, g, b].map((c, k) => a * c + (1 - a) * below[k])
const luminance = (colour) => {
  const [r, g, b] = colour.map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}
const ground = (element) => {
  if (!element) return [255, 255, 255]
  const own = rgba(getComputedStyle(element).backgroundColor)
  return own[3] === 1 ? own.slice(0, 3) : over(own, ground(element.parentElement))
}
const opacity = (element) => element ? Number(getComputedStyle(element).opacity) * opacity(element.parentElement) : 1

const found = new Map()
const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
while (texts.nextNode()) {
  const element = texts.currentNode.parentElement
  if (!texts.currentNode.data.trim() || !element.checkVisibility({ visibilityProperty: true })) continue
  const box = element.getBoundingClientRect()
  if (box.width <= 1 || box.height <= 1 || element.closest("script, style, option, .katex-mathml, .md-skip")) continue
  const style = getComputedStyle(element)
  const [shown, below] = [opacity(element), ground(element)]
  if (!shown) continue // until the pointer or the focus is there
  const [r, g, b, a] = rgba(style.color)
  const colour = over([r, g, b, a * shown], below)
  const [dark, light] = [luminance(colour), luminance(below)].sort((x, y) => x - y)
  const size = parseFloat(style.fontSize)
  const wanted = size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5
  const ratio = (light + 0.05) / (dark + 0.05)
  if (ratio < wanted) {
    const place = [element, element.parentElement].map((e) => `${e.tagName.toLowerCase()}.${e.className}`).join(" in ")
    found.set(place, `${place}: ${ratio.toFixed(2)}, "${texts.currentNode.data.trim().slice(0, 30)}"`)
  }
}
return [...found.values()]
