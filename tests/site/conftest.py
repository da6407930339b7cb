import shutil
import sys
import warnings
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
    """The whole site, generated once; what needs less uses `pages_of` in helpers.py."""
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
def built(project: Project, pages: Pages, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The site, built strictly from `pages`; with empty files in the place of KaTeX where it was not installed."""
    pytest.importorskip("mkdocs")
    pytest.importorskip("mkdocstrings")
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    folder = tmp_path_factory.mktemp("site")
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("default")  # those of MkDocs and its plugins are not ours
        patch.setenv("NO_MKDOCS_2_WARNING", "1")
        if not assets.files(project.root):
            patch.setenv("FIRSTHAND_NODE_MODULES", str(_stand_ins(tmp_path_factory.mktemp("node_modules"))))
        patch.setattr("firsthand.pages.generate", lambda project: pages)
        build(load_config(str(project.root / "mkdocs.yml"), site_dir=str(folder)))
    yield folder


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
