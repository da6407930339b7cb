"""Reviews of designs: designs/reviews/<design>-<date>.md, a verdict, questions, and an answer to each of the rubric."""

import datetime
from dataclasses import dataclass
from typing import Literal

from firsthand import frontmatter
from firsthand.frontmatter import Prose
from firsthand.project import Project, unknown
from firsthand.scaffold import template
from firsthand.yamlfile import Strict


class Question(Strict):
    """What the author must answer. An answer names the change that it led to: a claim, a commit or an address."""

    id: str
    question: str
    answer: str = ""
    change: str = ""


class Review(Strict):
    """The front matter of a review."""

    design: str
    reviewer: str  # a role, such as "a reader of cheques"
    date: datetime.date
    questions: list[Question]
    verdict: Literal["", "accept", "revise", "reject"] = ""
    conditions: list[str] = []  # what would turn the verdict into accept, or keep it there


@dataclass(frozen=True)
class Document(Prose):
    """designs/reviews/<name>.md: the front matter, and the answers below it."""

    review: Review

    def open_questions(self) -> list[Question]:
        return [question for question in self.review.questions if not question.answer]


def names(project: Project) -> list[str]:
    return sorted(path.stem for path in (project.root / "designs" / "reviews").glob("*.md"))


def read(project: Project, name: str) -> Document:
    """Read designs/reviews/<name>.md; FirsthandError when it is unknown or its front matter is missing or malformed."""
    if name not in names(project):
        raise unknown("review", name, names(project))
    prose, review = frontmatter.read(project.root / "designs" / "reviews" / f"{name}.md", Review)
    return Document(prose.path, prose.text, prose.body, review)


def of_design(project: Project, design: str) -> list[Document]:
    """The reviews of a design, the oldest first."""
    found = [document for name in names(project) if (document := read(project, name)).review.design == design]
    return sorted(found, key=lambda document: (document.review.date, document.name))


def rubric() -> dict[str, str]:
    """The sections of a review, each with what its template asks."""
    body = template("review/review.md").split("\n---\n", 1)[1]
    parts = body.split("## ")[1:]
    return {title: rest.strip() for title, _, rest in (part.partition("\n") for part in parts)}
