"""The reference says what the code says: every command, every key, every word that a key may hold."""

from collections.abc import Iterator
from typing import Literal

import click
import msgspec
import pytest

from firsthand.cli import cli
from firsthand.manifest import Claim, Manifest
from firsthand.pages import commands, navigation, schemas
from firsthand.project import Project
from firsthand.yamlfile import Strict


def commands_below(group: click.Group, path: str = "firsthand") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        yield f"{path} {name}", command
        if isinstance(command, click.Group):
            yield from commands_below(command, f"{path} {name}")


def test_every_command_and_every_option_is_on_the_page() -> None:
    page = commands.command_page()
    sections = {part.partition("\n")[0]: part for part in page.split("\n##")}
    found = list(commands_below(cli))
    assert len(found) > 15 and len(sections) == len(found) + 1
    for path, command in found:
        name = path.removeprefix("firsthand ")
        section = next(part for head, part in sections.items() if head.endswith(f"{{ #{name.replace(' ', '-')} }}"))
        assert f"Usage: {path} " in section
        for parameter in command.params:
            assert all(option in section for option in parameter.opts if isinstance(parameter, click.Option))


def row_of(page: str, structure: str, key: str) -> str:
    """The line of a key in the table of a structure."""
    section = page.partition(f"\n## {structure}\n")[2].partition("\n## ")[0]
    (found,) = [line for line in section.splitlines() if line.startswith(f"| `{key}` |")]
    return found


@pytest.mark.parametrize("name", schemas.FORMS)
def test_every_key_of_every_structure_is_on_its_page(name: str) -> None:
    form = schemas.FORMS[name]
    page = schemas.schema_page(form)
    for kind in schemas.structures(form.kind):
        for field in msgspec.structs.fields(kind):
            assert ("**needed**" in row_of(page, kind.__name__, field.name)) == field.required
    assert page.rstrip().endswith("```") and "REPLACE" in page


def test_what_a_key_may_hold_what_it_is_without_and_what_its_comment_says() -> None:
    page = schemas.schema_page(schemas.FORMS["manifest"])
    kind = row_of(page, "Claim", "kind")
    assert all(f"`{word}`" in kind for word in ("exact", "theory", "original", "scaled", "ablation", "audit"))
    assert row_of(page, "Manifest", "experiments").split(" | ")[1] == "mapping from text to [Experiment](#experiment)"
    assert '| `"mean"` |' in row_of(page, "Claim", "statistic")
    direction = schemas.comments(Claim)["direction"]
    assert direction.startswith("the side of the baseline") and direction.endswith("says nothing of the claim")
    assert direction in row_of(page, "Claim", "direction")
    assert set(schemas.comments(Manifest)) == {field.name for field in msgspec.structs.fields(Manifest)}


class Inner(Strict):
    """Held by the other."""

    word: Literal["a", "b"]


class Outer(Strict):
    """Holds the other in three ways."""

    one: Inner
    many: list[Inner] = []  # a note
    # that goes on
    named: dict[str, Inner | None] = {}


def test_structures_are_found_wherever_they_are_held() -> None:
    assert schemas.structures(Outer) == [Outer, Inner]
    assert schemas.comments(Outer) == {"one": "", "many": "a note that goes on", "named": ""}


def test_the_reference_is_in_the_menu(project: Project) -> None:
    menu = str(navigation(project))
    for path in ("reference/command-line.md", *(f"reference/{name}.md" for name in schemas.FORMS)):
        assert path in menu
