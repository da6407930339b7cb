// The menus above the gallery: a card is shown when it has what every menu asks for.
document$.subscribe(({ body }) => {
  const filters = body.querySelector(".filters")
  if (!filters) return
  const cards = [...body.querySelectorAll(".gallery .card")]
  const menus = [...filters.querySelectorAll("select")]
  const apply = () => {
    const has = (card, menu) => !menu.value || card.dataset[menu.dataset.filter].split("|").includes(menu.value)
    for (const card of cards) card.hidden = !menus.every((menu) => has(card, menu))
    const shown = cards.filter((card) => !card.hidden).length
    filters.querySelector("output").value = shown < cards.length ? `${shown} of ${cards.length}` : ""
  }
  filters.hidden = false
  filters.addEventListener("change", apply)
  apply() // a browser may bring back what was chosen before
})
