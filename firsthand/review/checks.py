"""Everything that `firsthand review check` refuses: a review that says nothing, or nothing about this design."""

import re
from collections.abc import Iterator

from firsthand import design as designs
from firsthand.design import Grounds
from firsthand.frontmatter import MARK, Problem, Section, missing_sections
from firsthand.project import Project
from firsthand.review.document import Document, Question, read, rubric

FEWEST = 20  # words of an answer: two sentences
ALIKE = 0.8  # two answers that share more of their words than this are one, with a word exchanged
_PHRASE = re.compile(
    r"\W*(?:(?:overall|i think|yes|in general),? )?"
    r"(?:n/?a|not applicable|lgtm|tbd|todo|i agree|as expected|nothing to (?:add|report|say|object to)|"
    r"(?:i (?:have|see) |there (?:are|is) )?no (?:issues?|problems?|concerns?|comments?|objections?)|"
    r"(?:(?:this|it|that|all|everything|the (?:design|architecture|model|approach)) )?"
    r"(?:looks?|is|are|seems?|sounds?) (?:all |very |quite )?"
    r"(?:good|fine|ok(?:ay)?|great|sound|solid|reasonable|well[- ](?:done|designed|thought[- ]out))|"
    r"ok(?:ay)?|fine|good|great|solid|well done|(?:see|as|same as) above)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"\W*(?:yes|no|none|nothing)\W*", re.IGNORECASE)
_CHANGE = re.compile(r"[0-9a-f]{7,40}|https?://\S+")


def generic(text: str) -> bool:
    """Whether the first sentence is a phrase that fits any design, with hardly a word besides."""
    first = re.split(r"[.!?;:\n]", text.strip())[0]
    found = _PHRASE.match(first)
    return bool(_WORD.fullmatch(first)) or (found is not None and len(_words(first[found.end() :])) <= 3)


def check(project: Project, name: str) -> list[Problem]:
    """What is wrong with a review, in the order of the lines."""
    document = read(project, name)
    if document.review.design not in designs.names(project):
        known = ", ".join(designs.names(project)) or "none"
        problem = f"there is no design called {document.review.design!r} (there are {known}); correct the name."
        return [document.refused(document.line_with("design:"), problem)]
    grounds = Grounds(project, designs.read(project, document.review.design))
    found = [*document.marks(), *_verdict(document), *_questions(document, grounds), *_answers(document, grounds)]
    return sorted(found, key=lambda problem: problem.line)


def _verdict(document: Document) -> Iterator[Problem]:
    review, line = document.review, document.line_with("verdict:")
    if not review.verdict:
        yield document.refused(line, "there is no verdict; write accept, revise or reject.")
    if review.verdict in ("revise", "reject") and not review.conditions:
        yield document.refused(
            line, f"the verdict is {review.verdict}, but there are no conditions; say what would turn it into accept."
        )
    for text in review.conditions:
        if len(_words(text)) < 4 or generic(text):
            yield document.refused(
                document.line_with("conditions:"), f"the condition {text!r} asks for nothing; say what must be done."
            )
    if len(_words(review.reviewer)) < 2:
        yield document.refused(
            document.line_with("reviewer:"), "reviewer: say in a few words who reads, as in 'a reader of cheques'."
        )


def _questions(document: Document, grounds: Grounds) -> Iterator[Problem]:
    questions = document.review.questions
    if not questions:
        line = document.line_with("questions:")
        yield document.refused(line, "there is no question; ask the author at least one that must be answered.")
    ids = [question.id for question in questions]
    for number, question in enumerate(questions):
        line = document.line_of(question.id)
        if not question.id.strip() or question.id in ids[:number]:
            word = "is used twice" if question.id.strip() else "is empty"
            yield document.refused(line, f"the id of question {number + 1} {word}; give each question its own.")
        if len(_words(question.question)) < 5 or not question.question.rstrip().endswith("?"):
            yield document.refused(line, f"question {question.id!r} asks nothing; write a sentence that ends with '?'.")
        yield from _answer(document, grounds, question, line)


def _answer(document: Document, grounds: Grounds, question: Question, line: int) -> Iterator[Problem]:
    who = f"question {question.id!r}"
    if not question.answer and question.change:
        yield document.refused(line, f"{who} names a change but has no answer; say what was changed and why.")
    if not question.answer:
        return
    if len(_words(question.answer)) < 4 or generic(question.answer):
        yield document.refused(line, f"the answer to {who} says nothing; say what was changed, or why nothing was.")
    known = [*grounds.judgements, *grounds.document.declared()]
    if question.change not in known and not _CHANGE.fullmatch(question.change):
        yield document.refused(
            line,
            f"{who} is answered, but its change {question.change!r} is no claim or id of the design, no commit and no "
            "address; name the change that answers it.",
        )


def _answers(document: Document, grounds: Grounds) -> Iterator[Problem]:
    wanted = rubric()
    yield from missing_sections(document, wanted)
    seen: dict[str, set[str]] = {}
    for section in document.sections():
        if section.title not in wanted:
            continue
        words = {word.lower() for word in _words(section.text)}
        for title in [title for title, others in seen.items() if len(words & others) > ALIKE * len(words | others)][:1]:
            yield document.refused(
                section.line, f"'## {section.title}' has the same answer as '## {title}'; answer what is asked."
            )
        seen[section.title] = words
        yield from _one_answer(document, grounds, section)


def _one_answer(document: Document, grounds: Grounds, section: Section) -> Iterator[Problem]:
    count = len(_words(section.text))
    if not count or MARK in section.text:  # which is refused already
        return
    if count < FEWEST:
        yield document.refused(
            section.line, f"'## {section.title}' has {count} words; say in at least {FEWEST} what you found and where."
        )
    if generic(section.text):
        yield document.refused(
            section.line, f"'## {section.title}' begins with a phrase that fits any design; say what holds of this one."
        )
    known = [*grounds.document.declared(), *grounds.judgements]
    if not set(re.findall(r"`([^`\n]+)`", section.text)) & set(known):
        few = ", ".join(f"`{name}`" for name in known[:3])
        said = f"names nothing that the design declares; put an id of it in backticks, such as {few}"
        yield document.refused(section.line, f"'## {section.title}' {said}.")


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+(?:['’\-.,][^\W_]+)*", text)
