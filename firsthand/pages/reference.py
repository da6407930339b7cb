"""The reference of the core: a page for each module, its text taken from the docstrings by mkdocstrings."""

from pathlib import Path

from firsthand.pages.gradients import first_sentence
from firsthand.pages.text import table
from firsthand.project import Project


def modules(project: Project) -> list[Path]:
    return sorted(path for path in (project.root / "core").glob("*.py") if not path.stem.startswith("_"))


def reference_pages(project: Project) -> dict[str, str]:
    return {f"reference/{path.stem}.md": f"# core.{path.stem}\n\n::: core.{path.stem}\n" for path in modules(project)}


def modules_table(project: Project) -> str:
    return table(
        ["Module", "What it holds"],
        [[f"[`core.{path.stem}`]({path.stem}.md)", first_sentence(path)] for path in modules(project)],
    )
