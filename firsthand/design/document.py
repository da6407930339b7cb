"""A design document, and what its numbers and claims are checked against."""

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from firsthand import frontmatter
from firsthand.design.schema import Design, Quantity
from firsthand.errors import FirsthandError
from firsthand.evidence import Evidence
from firsthand.frontmatter import Prose
from firsthand.manifest import Manifest
from firsthand.project import Project, unknown
from firsthand.verdicts import Judgement, judge

PLACEHOLDER = re.compile(r"\{\{\s*([A-Za-z][\w\-]*)\s*\}\}")


@dataclass(frozen=True)
class Document(Prose):
    """designs/<name>.md: the front matter, and the prose below it."""

    design: Design

    def declared(self) -> list[str]:
        """Every id that the front matter gives or rests on."""
        design = self.design
        own = [
            *design.quantities(),
            *(item.id for item in design.decisions),
            *(item.id for item in design.alternatives),
        ]
        claims = [claim for decision in design.decisions for claim in decision.evidence] + design.predictions
        claims += [item.claim for item in design.alternatives if item.claim]
        return list(dict.fromkeys([*own, *claims]))

    def placeholders(self) -> Iterator[tuple[int, str]]:
        """The {{id}} of the prose that name no property or constraint, with their lines."""
        for found in PLACEHOLDER.finditer(self.body):
            if found[1] not in self.design.quantities():
                yield self.line_at(found.start()), found[0]

    def filled(self) -> str:
        """The prose, with {{id}} replaced by the number of the property or constraint of that id."""
        for line, name in self.placeholders():
            raise FirsthandError(f"{self.path}:{line}: {self.unknown_placeholder(name)}")
        items = self.design.quantities()
        return PLACEHOLDER.sub(lambda found: written(items[found[1]]), self.body)

    def unknown_placeholder(self, name: str) -> str:
        known = ", ".join(self.design.quantities()) or "none"
        return f"{name} names no property or constraint (declared: {known}); declare it or name another."


def written(item: Quantity) -> str:
    """The number as the front matter has it, thousands separated."""
    return f"{item.value:,.10g}"


def names(project: Project) -> list[str]:
    return sorted(path.stem for path in (project.root / "designs").glob("*.md"))


def read(project: Project, name: str) -> Document:
    """Read designs/<name>.md; FirsthandError when it is unknown or its front matter is missing or malformed."""
    if name not in names(project):
        raise unknown("design", name, names(project))
    prose, design = frontmatter.read(project.root / "designs" / f"{name}.md", Design)
    return Document(prose.path, prose.text, prose.body, design)


@dataclass(frozen=True, eq=False)
class Grounds:
    """A design with the experiments, records and claims that it stands on: those of its paper, else of its study."""

    project: Project
    document: Document

    @property
    def slug(self) -> str | None:
        """The paper or study; None where the design has neither. FirsthandError for a paper that does not exist."""
        paper, name = self.document.design.paper, self.document.name
        if paper is None:
            return name if name in self.project.studies() else None
        if paper not in self.project.slugs():
            error = unknown("paper", paper, self.project.slugs())
            raise FirsthandError(f"{self.document.path}: paper: {error}")
        return paper

    @functools.cached_property
    def manifest(self) -> Manifest | None:
        return None if self.slug is None else self.project.manifest(self.slug)

    @functools.cached_property
    def evidence(self) -> Evidence | None:
        return None if self.slug is None else Evidence(self.project, self.slug, self.project.results(self.slug))

    @property
    def where(self) -> str:
        """The file that declares experiments and claims, for messages."""
        paper, name = self.document.design.paper, self.document.name
        return f"papers/{paper}/paper.yml" if paper else f"designs/{name}/study.yml"

    @functools.cached_property
    def judgements(self) -> dict[str, Judgement]:
        """The claims by id, judged from the committed records."""
        if self.manifest is None or self.evidence is None:
            return {}
        return {claim.id: judge(claim, self.manifest, self.evidence) for claim in self.manifest.claims}
