"""The built site as a reader sees it, in Chromium: nothing from outside, formulas drawn, phones, dark, search."""

import functools
import http.server
import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from firsthand.pages import assets
from firsthand.project import Project

pytestmark = pytest.mark.browser

# A page of each type; whether it has formulas.
PAGES = {
    "index.html": False,
    "run.html": False,
    "data.html": False,
    "speed.html": False,
    "how-to-design.html": False,
    "add-a-paper.html": False,
    "papers/lenet_1998.html": True,
    "papers/adam_2015.html": True,
    "papers/gcn_2017.html": True,
    "papers/transformer_2017.html": True,
    "papers/tail_at_scale_2013.html": True,  # a paper without gradients
    "designs/lenet_1998.html": True,
    "designs/sunspots.html": False,
    "designs/reviews/lenet_1998-2026-11-24.html": False,
    "learn/chain-rule.html": True,
    "learn/vectorisation.html": True,
    "learn/production.html": False,
    "reference/index.html": False,
    "reference/conv.html": True,
    "reference/command-line.html": False,
    "reference/manifest.html": False,
}
PAPER = "papers/lenet_1998.html"
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--window-size=1280,900",
)


CONTRAST = (Path(__file__).parent / "contrast.js").read_text(encoding="utf-8")


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def base(project: Project, built: Path) -> Iterator[str]:
    if not assets.files(project.root):
        pytest.skip("KaTeX is not installed: python -m firsthand.pages.assets")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(built)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    webdriver = pytest.importorskip("selenium.webdriver")
    service = pytest.importorskip("selenium.webdriver.chrome.service")
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("chromium and chromedriver are not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    opened = webdriver.Chrome(options=options, service=service.Service(driver))
    opened.implicitly_wait(5)
    yield opened
    opened.quit()


def requests(browser: Any) -> list[str]:
    """The addresses that pages asked for since the last call; the browser's own new tab is not one of them."""
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [
        message["params"]["request"]["url"] for message in messages if message["method"] == "Network.requestWillBeSent"
    ]
    return [address for address in asked if not address.startswith(("data:", "chrome:"))]


def still(browser: Any) -> None:
    """Colours change at once."""
    style = "<style>* { transition: none !important }</style>"
    browser.execute_script("document.head.insertAdjacentHTML('beforeend', arguments[0])", style)


@contextmanager
def phone(browser: Any) -> Iterator[None]:
    size = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    yield
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.mark.parametrize("page", PAGES)
def test_a_page_of_each_type(browser: Any, base: str, page: str) -> None:
    """Nothing from outside, formulas drawn, text that stands out in both schemes, no wider than a phone."""
    requests(browser)
    browser.get(base + page)
    assert browser.get_log("browser") == []
    assert [address for address in requests(browser) if not address.startswith(base)] == []

    marked, drawn, failed = browser.execute_script(
        "return ['.arithmatex', '.arithmatex .katex', '.katex-error'].map(s => document.querySelectorAll(s).length)"
    )
    assert drawn >= marked and not failed and (marked > 0) == PAGES[page]
    assert "$$" not in browser.find_element("css selector", "article").text

    still(browser)
    browser.execute_script("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    for scheme in ("default", "slate"):
        browser.execute_script(f"document.body.dataset.mdColorScheme = '{scheme}'")
        assert browser.execute_script(CONTRAST) == [], scheme

    with phone(browser):
        assert browser.execute_script("return document.documentElement.scrollWidth") <= 390


def test_the_contrast_of_bad_text_is_noticed(browser: Any, base: str) -> None:
    browser.get(base + "run.html")
    browser.execute_script("document.querySelector('article p').style.color = '#999'")
    (found,) = browser.execute_script(CONTRAST)
    assert found.startswith("p. in article.") and ": 2.8" in found


def test_figures_keep_a_light_ground_in_the_dark(browser: Any, base: str) -> None:
    for page in ("index.html", PAPER, "learn/wrong-gradient.html"):
        browser.get(base + page)
        grounds = browser.execute_script(
            "document.body.dataset.mdColorScheme = 'slate';"
            "return [...document.querySelectorAll('article img')].map((one) => getComputedStyle(one).backgroundColor)"
        )
        assert grounds and set(grounds) == {"rgb(255, 255, 255)"}, page


def test_dark_and_light(browser: Any, base: str) -> None:
    browser.get(base + PAPER)

    def background() -> str:
        found: str = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
        return found

    first = background()
    browser.execute_script("document.querySelector('.md-header__option label:not([hidden])').click()")
    second = background()
    assert {first, second} == {"rgb(255, 255, 255)", background()} and first != second
    browser.refresh()
    assert background() == second, "the choice is kept"
    browser.execute_script("localStorage.clear()")


def test_the_derivation_stands_beside_its_code_or_on_a_phone_above_it(browser: Any, base: str) -> None:
    def places() -> tuple[dict[str, float], dict[str, float]]:
        browser.get(base + PAPER)
        derived, code = browser.execute_script(
            "return ['.derived', '.derivation > .code'].map((s) => document.querySelector(s).getBoundingClientRect())"
        )
        return derived, code

    derived, code = places()
    assert derived["right"] < code["left"] and abs(derived["top"] - code["top"]) < 5
    with phone(browser):
        derived, code = places()
        assert derived["bottom"] <= code["top"] and code["right"] <= 390


def test_a_claim_opens_at_its_address(browser: Any, base: str) -> None:
    browser.get(base + PAPER + "#claim-L1-parameters")
    assert browser.find_element("css selector", "#claim-L1-parameters[open]").is_displayed()


def test_the_keyboard_alone_suffices(browser: Any, base: str) -> None:
    """The first key leads past the menu; what has the focus is marked; a claim opens with it."""
    keys = pytest.importorskip("selenium.webdriver").Keys
    browser.get(base + PAPER)
    still(browser)
    browser.switch_to.active_element.send_keys(keys.TAB)
    first = browser.switch_to.active_element
    assert "md-skip" in first.get_attribute("class") and first.value_of_css_property("opacity") != "0"
    summary = browser.find_element("css selector", "#claim-L1-parameters > summary")
    browser.execute_script("arguments[0].focus({ focusVisible: true })", summary)
    assert summary.value_of_css_property("outline-style") == "solid"
    summary.send_keys(keys.ENTER)
    assert browser.find_elements("css selector", "#claim-L1-parameters[open]")


def test_the_menus_filter_the_gallery(browser: Any, base: str, project: Project) -> None:
    browser.get(base + "index.html")
    structures = [project.manifest(slug).structure for slug in project.slugs()]

    def choose(menu: str, value: str) -> int:
        shown: int = browser.execute_script(
            "const menu = document.querySelector(`[data-filter=${arguments[0]}]`); menu.value = arguments[1];"
            "menu.dispatchEvent(new Event('change', { bubbles: true }));"
            "return [...document.querySelectorAll('.card')].filter((card) => card.checkVisibility()).length",
            menu,
            value,
        )
        return shown

    assert choose("structure", "sequences") == structures.count("sequences") < len(structures)
    assert choose("year", "1997") == 1
    assert browser.find_element("css selector", ".filters output").text == f"1 of {len(structures)}"
    assert choose("year", "") == structures.count("sequences") and choose("structure", "") == len(structures)
    assert choose("topics", "weight sharing") == 1


def test_search_finds_the_forget_gate(browser: Any, base: str) -> None:
    browser.get(base + "index.html")
    browser.find_element("css selector", ".md-search__input").send_keys("forget gate")
    found = browser.find_elements("css selector", ".md-search-result__item a")
    places = [one.get_attribute("href").removeprefix(base) for one in found]
    right = ("papers/lstm_1997.html", "designs/lstm_1997.html", "learn/recurrence.html", "reference/gated.html")
    assert places and places[0].split("?")[0].split("#")[0] in right, places[:5]
    browser.get(found[0].get_attribute("href"))
    assert "forget gate" in browser.find_element("css selector", "article").text.lower()


def test_the_site_is_read_and_searched_from_the_disk(browser: Any, base: str, built: Path) -> None:
    requests(browser)
    browser.get((built / "index.html").as_uri())
    browser.find_element("css selector", ".md-search__input").send_keys("sub-sampling")
    assert browser.find_element("css selector", ".md-search-result__item a").get_attribute("href").startswith("file:")
    assert [address for address in requests(browser) if not address.startswith("file:")] == []
