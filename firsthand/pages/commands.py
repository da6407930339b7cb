"""The page of the command line: what each command says of itself with `--help`."""

from collections.abc import Iterator

import click

from firsthand.pages.text import code

HEAD = """# The command line

Every command, and what it says with `--help`. Exit codes, records and the JSON of a verdict:
[Running it](../run.md)."""
WIDTH = 100  # columns


def command_page() -> str:
    from firsthand.cli import cli  # the command line imports the pages

    parts = [HEAD, *(_section(context) for context in _walk(click.Context(cli, info_name="firsthand")))]
    return "\n\n".join(parts)


def _walk(context: click.Context) -> Iterator[click.Context]:
    """The commands below a group, in the order in which help lists them; groups before what they hold."""
    group = context.command
    if not isinstance(group, click.Group):
        return
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is not None:
            below = click.Context(
                command, info_name=name, parent=context, max_content_width=WIDTH, terminal_width=WIDTH
            )
            yield below
            yield from _walk(below)


def _section(context: click.Context) -> str:
    name = context.command_path.removeprefix("firsthand ")
    level = "###" if " " in name else "##"
    return f"{level} {name} {{ #{name.replace(' ', '-')} }}\n\n{code(context.get_help(), 'text')}"
