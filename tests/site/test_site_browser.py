"""The built site as a reader sees it, in Chromium: nothing from outside, formulas drawn, phones, dark, search."""

import functools
import http.server
import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from firsthand.pages import assets
from firsthand.project import Project

pytestmark = pytest.mark.browser

PAGES = (
    "index.html",
    "run.html",
    "data.html",
    "papers/lenet_1998.html",
    "designs/lenet_1998.html",
    "reference/index.html",
    "reference/conv.html",
    "reference/losses.html",
)
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


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Any]:
    webdriver = pytest.importorskip("selenium.webdriver")
    service = pytest.importorskip("selenium.webdriver.chrome.service")
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("chromium and chromedriver are not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    for flag in (*FLAGS, f"--user-data-dir={tmp_path}"):
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


def narrow(browser: Any) -> None:
    phone = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)


def test_pages_load_nothing_from_outside_and_draw_their_formulas(browser: Any, base: str) -> None:
    for page in PAGES:
        browser.get(base + page)
        assert browser.get_log("browser") == [], page
        assert [address for address in requests(browser) if not address.startswith(base)] == [], page
        marked, drawn, failed = browser.execute_script(
            "return ['.arithmatex', '.arithmatex .katex', '.katex-error'].map(s => document.querySelectorAll(s).length)"
        )
        assert drawn >= marked and not failed, page
        assert (marked > 0) == (page in PAGES[3:5] + PAGES[6:]), page
        assert "$$" not in browser.find_element("css selector", "article").text, page


def test_no_page_is_wider_than_a_phone(browser: Any, base: str) -> None:
    narrow(browser)
    for page in PAGES:
        browser.get(base + page)
        assert browser.execute_script("return document.documentElement.scrollWidth") <= 390, page
    browser.get(base + PAGES[3])
    box, table = browser.execute_script(
        "const box = document.querySelector('.claims .md-typeset__scrollwrap');"
        "return [box.clientWidth, box.scrollWidth]"
    )
    assert box <= 390 < table, "the table of claims scrolls in a box of its own"


def test_dark_and_light(browser: Any, base: str) -> None:
    browser.get(base + PAGES[3])

    def background() -> str:
        found: str = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
        return found

    first = background()
    browser.execute_script("document.querySelector('.md-header__option label:not([hidden])').click()")
    second = background()
    assert {first, second} == {"rgb(255, 255, 255)", background()} and first != second
    browser.refresh()
    assert background() == second, "the choice is kept"


def test_a_claim_opens_at_its_address(browser: Any, base: str) -> None:
    browser.get(base + PAGES[3] + "#claim-L1-parameters")
    assert browser.find_element("css selector", "#claim-L1-parameters[open]").is_displayed()


def test_the_site_is_read_and_searched_from_the_disk(browser: Any, base: str, built: Path) -> None:
    requests(browser)
    browser.get((built / "index.html").as_uri())
    browser.find_element("css selector", ".md-search__input").send_keys("sub-sampling")
    assert browser.find_element("css selector", ".md-search-result__item a").get_attribute("href").startswith("file:")
    assert [address for address in requests(browser) if not address.startswith("file:")] == []
