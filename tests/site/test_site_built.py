"""The built site: nothing is loaded from elsewhere, and every link inside it leads somewhere."""

import functools
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADING = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src", "object": "data"}


class _Page(HTMLParser):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.missing_alt = 0
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.ids += [values["id"]] if "id" in values else []
        self.missing_alt += tag == "img" and not values.get("alt")
        if tag in LOADING and LOADING[tag] in values:
            self.loads.append(values[LOADING[tag]])
        elif tag == "a" and "href" in values:
            self.links.append(values["href"])


@functools.cache
def pages_of(built: Path) -> dict[Path, _Page]:
    found = {path.resolve(): _Page(path) for path in built.rglob("*.html") if path.name != "404.html"}
    assert len(found) > 10
    return found


def test_nothing_is_loaded_from_elsewhere(built: Path) -> None:
    for path, page in pages_of(built).items():
        for address in page.loads:
            assert not urlsplit(address).netloc, f"{path.name} loads {address}"
            assert (path.parent / unquote(urlsplit(address).path)).is_file(), f"{path.name} lacks {address}"
    for style in built.rglob("*.css"):
        css = style.read_text(encoding="utf-8")
        assert "url(http" not in css and 'url("http' not in css and "@import" not in css, style.name


def test_links_inside_the_site_lead_somewhere(built: Path) -> None:
    pages = pages_of(built)
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            assert target.is_file(), f"{path.name}: {link}"
            if parts.fragment and target in pages:
                assert unquote(parts.fragment) in pages[target].ids, f"{path.name}: {link}"


def test_every_picture_says_what_it_shows(built: Path) -> None:
    assert not [path.name for path, page in pages_of(built).items() if page.missing_alt]


def test_formulas_are_marked_and_only_their_pages_load_katex(built: Path) -> None:
    for path in pages_of(built):
        html = path.read_text(encoding="utf-8")
        assert ('class="arithmatex"' in html) == ("katex.min.js" in html), path.name
        assert "{{" not in html or path.name == "design-document.html", path.name  # which shows a template
    assert 'class="arithmatex"' in (built / "reference" / "conv.html").read_text(encoding="utf-8")


def test_a_page_of_a_paper_weighs_less_than_500_kb_with_its_figures(built: Path) -> None:
    for path in (built / "papers").glob("*.html"):
        weight = sum(file.stat().st_size for file in (path, *path.with_suffix("").glob("*")))
        assert weight < 500_000, f"{path.name}: {weight:,} bytes"


def test_no_id_is_given_twice(built: Path) -> None:
    for path, page in pages_of(built).items():
        assert len(page.ids) == len(set(page.ids)), (
            path.name,
            sorted(one for one in page.ids if page.ids.count(one) > 1),
        )
