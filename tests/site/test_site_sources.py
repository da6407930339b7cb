"""The hand-written pages say what the code does, and their Python runs."""

import re
from pathlib import Path

import click
import msgspec
import pytest

from firsthand.cli import cli
from firsthand.pages import assets
from firsthand.project import Project
from firsthand.verdicts import Judgement

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [*sorted((ROOT / "site").rglob("*.md")), ROOT / "README.md"]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_commands_on_a_page_exist(path: Path) -> None:
    for words in re.findall(r"(?:^|`)firsthand((?: [a-z]+)+)", path.read_text(encoding="utf-8"), re.MULTILINE):
        command: click.Command = cli
        for word in words.split():
            if isinstance(command, click.Group):
                assert word in command.commands, f"firsthand{words}"
                command = command.commands[word]


def test_every_field_of_a_verdict_is_documented() -> None:
    page = (ROOT / "site" / "run.md").read_text(encoding="utf-8")
    section = page.partition("## The JSON of a verdict")[2].partition("\n## ")[0]
    documented = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
    assert documented == [field.name for field in msgspec.structs.fields(Judgement)]


def test_the_public_copy_of_katex_is_the_pinned_one(project: Project) -> None:
    lock = msgspec.json.decode((project.root / "package-lock.json").read_bytes())
    assert lock["packages"]["node_modules/katex"]["version"] == assets.VERSION
    assert "resolved" not in str(lock)
    remote, local = assets.tags(None), assets.tags("../assets/katex")
    assert remote.count("integrity=") == remote.count('crossorigin="anonymous"') == remote.count(assets.VERSION) == 2
    assert "http" not in local


def test_without_npm_katex_is_not_there(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FIRSTHAND_NODE_MODULES", raising=False)
    monkeypatch.setattr("firsthand.pages.assets.shutil.which", lambda name: None)
    assert not assets.install(tmp_path) and not assets.files(tmp_path)
