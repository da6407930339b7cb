import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import matplotlib.pyplot as pyplot
import pytest

from firsthand import records
from firsthand.pages import Pages, assets, generate
from firsthand.plan import units_of
from firsthand.project import Project
from firsthand.run import execute

SLUG = "lenet_1998"


@pytest.fixture(autouse=True)
def tidy(project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Copies of the checkout leave no trace in the import path; figures that were begun are closed."""
    project.importable()
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    pyplot.close("all")


@pytest.fixture(scope="session")
def project() -> Project:
    return Project(Path(__file__).resolve().parents[2])


@pytest.fixture(scope="session")
def pages(project: Project) -> Pages:
    return generate(project)


@pytest.fixture(scope="session")
def bare(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The same checkout without a single accepted record."""
    return _copy(project, tmp_path_factory.mktemp("bare"))


@pytest.fixture(scope="session")
def counted(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A checkout with the records of the counting claims alone, one of which is told to expect another number."""
    copy = _copy(project, tmp_path_factory.mktemp("counted"))
    manifest = project.manifest(SLUG)
    claims = [claim for claim in manifest.claims if claim.reads.experiment == "counts"]
    for unit in units_of(SLUG, manifest, claims):
        records.write(execute(project, unit), copy.results(SLUG))
    path = copy.paper(SLUG) / "paper.yml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("accept: {equals: 60000,", "accept: {equals: 60001,"), encoding="utf-8")
    return copy


@pytest.fixture(scope="session")
def built(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built strictly; with empty files in the place of KaTeX where it was not installed."""
    pytest.importorskip("mkdocs")
    pytest.importorskip("mkdocstrings")
    folder = tmp_path_factory.mktemp("site")
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    if not assets.files(project.root):
        environment["FIRSTHAND_NODE_MODULES"] = str(_stand_ins(tmp_path_factory.mktemp("node_modules")))
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-q", "-f", str(project.root / "mkdocs.yml")]
    done = subprocess.run([*command, "-d", str(folder)], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def _copy(project: Project, root: Path) -> Project:
    for name in ("core", "papers", "designs", "site"):
        shutil.copytree(project.root / name, root / name, ignore=shutil.ignore_patterns("__pycache__", "results"))
    return Project(root)


def _stand_ins(folder: Path) -> Path:
    for name in ("katex/dist/katex.min.js", "katex/dist/katex.min.css", "iframe-worker/shim/index.js"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of this folder in one process where tests run in several: what they share is made once."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("site"))
