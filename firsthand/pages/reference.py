"""The reference: the core from its docstrings (by mkdocstrings), the command line, and the files that people write."""

from pathlib import Path
from typing import Any

from firsthand.pages.commands import command_page
from firsthand.pages.gradients import first_sentence
from firsthand.pages.schemas import FORMS, schema_pages
from firsthand.pages.text import table
from firsthand.project import Project

COMMANDS = "reference/command-line.md"


def modules(project: Project) -> list[Path]:
    return sorted(path for path in (project.root / "core").glob("*.py") if not path.stem.startswith("_"))


def reference_pages(project: Project) -> dict[str, str]:
    core = {f"reference/{path.stem}.md": f"# core.{path.stem}\n\n::: core.{path.stem}\n" for path in modules(project)}
    return core | {COMMANDS: command_page()} | schema_pages()


def navigation(project: Project) -> list[Any]:
    files = [{form.title: f"reference/{name}.md"} for name, form in FORMS.items()]
    core = [{f"core.{path.stem}": f"reference/{path.stem}.md"} for path in modules(project)]
    return ["reference/index.md", {"The command line": COMMANDS}, *files, {"The core": core}]


def modules_table(project: Project) -> str:
    return table(
        ["Module", "What it holds"],
        [[f"[`core.{path.stem}`]({path.stem}.md)", first_sentence(path)] for path in modules(project)],
    )
