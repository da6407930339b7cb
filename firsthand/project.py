"""Where things are: the folder that holds papers/ and designs/, and what is in it.

What is run, recorded and judged has a folder of its own: a paper in papers/<slug>/ with its paper.yml, or the study of
a design that belongs to no paper, in designs/<slug>/ with its study.yml.
"""

import difflib
import functools
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from firsthand import study
from firsthand.errors import FirsthandError
from firsthand.manifest import Manifest, read


def unknown(kind: str, name: str, known: Iterable[str]) -> FirsthandError:
    """The error for a name that does not exist, with the nearest one that does."""
    choices = sorted(known)
    near = difflib.get_close_matches(name, choices, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(choices) or 'none'}."
    return FirsthandError(f"There is no {kind} called {name!r}; {hint}")


@dataclass(frozen=True)
class Project:
    """A checkout: papers/<slug>/, designs/<slug>.md, designs/<slug>/, and build/ for all that can be made again."""

    root: Path

    @staticmethod
    def find(start: Path | None = None) -> "Project":
        """The nearest folder at or above `start` that has papers/, else the one this package was installed from."""
        here = (start or Path.cwd()).resolve()
        for folder in (here, *here.parents):
            if (folder / "papers").is_dir() and (folder / "designs").is_dir():
                return Project(folder)
        home = Path(__file__).resolve().parent.parent
        if (home / "papers").is_dir():
            return Project(home)
        raise FirsthandError(f"{here}: no folder here or above has papers/ and designs/; change to a checkout.")

    def slugs(self) -> list[str]:
        return sorted(path.parent.name for path in self.root.glob("papers/*/paper.yml"))

    def studies(self) -> list[str]:
        """The designs that belong to no paper and have experiments of their own."""
        return sorted(path.parent.name for path in self.root.glob("designs/*/study.yml"))

    def judged(self) -> list[str]:
        """All that has claims: papers, then studies."""
        return [*self.slugs(), *self.studies()]

    def paper(self, slug: str) -> Path:
        """The folder of a paper or of a study."""
        for folder, known in (("papers", self.slugs()), ("designs", self.studies())):
            if slug in known:
                return self.root / folder / slug
        raise unknown("paper", slug, self.judged())

    def manifest(self, slug: str) -> Manifest:
        folder = self.paper(slug)
        if folder.parent.name == "designs":
            return _study(folder / "study.yml")
        return _manifest(folder / "paper.yml")

    def module(self, slug: str, name: str) -> str:
        """The import name of a module of a paper or study."""
        return ".".join((*self.paper(slug).relative_to(self.root).parts, name))

    def results(self, slug: str) -> Path:
        """The accepted records, committed with the paper or study."""
        return self.paper(slug) / "results"

    def runs(self, slug: str) -> Path:
        """The records of runs on this machine; `firsthand accept` moves them to the results."""
        return self.root / "build" / "runs" / slug

    def importable(self) -> None:
        """Let papers.<slug> and designs.<slug> be imported from this checkout."""
        if str(self.root) not in sys.path:
            sys.path.insert(0, str(self.root))


@functools.cache
def _manifest(path: Path) -> Manifest:
    return read(path)


@functools.cache
def _study(path: Path) -> Manifest:
    return study.read(path)
