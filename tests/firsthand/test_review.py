"""A review is refused for saying nothing, or nothing about its design; a review that says something passes."""

from pathlib import Path

import pytest
from planned import SLUG, plan
from toy import Toy

from firsthand import review
from firsthand.frontmatter import MARK
from firsthand.project import Project
from firsthand.review.checks import generic
from firsthand.review.new import new_review

ANSWERS = [
    "The decision `one_unit` rests on `linear`, which was measured on the very points that the line is fitted to, so "
    "it says less than it seems to.",
    "A constant would be simpler still. It is the start from which `linear` counts, and nobody would keep it, since a "
    "slope is what these points have.",
    "Points on a parabola would do it: `one_unit` cannot bend, and its error would stay far above the noise however "
    "long one trains. Nobody drew any.",
    "Ten times as many points cost ten times the multiplications of `one_unit`, and buy a third of the doubt about its "
    "slope; no decision would change.",
    "Far outside the interval that was seen, `one_unit` goes on straight. A user would notice only by comparing with "
    "what came, which nothing here does.",
    "Incoming numbers are taken as they are. I would refuse a batch in which `linear` comes out below a half of what "
    "is written, for then the slope has gone.",
    "`C1` holds the fit against the true slope, which one knows of generated points alone; for real ones a residual by "
    "thirds of the range is missing.",
    "Training takes less than a second and repeats from its seed (`C1`), so going back to yesterday means to run "
    "yesterday again. Latency is one product.",
    "The running mean of the residuals should be watched. If it leaves twice the noise, `one_unit` has met something "
    "that is no line, and somebody must look.",
]


@pytest.fixture
def written(toy: Toy) -> Path:
    """A review of the healthy design with every place filled."""
    plan(toy)
    path = new_review(toy.project, SLUG)
    head = path.read_text().split("\n---\n")[0]
    head = head.replace('REPLACE with a role, not a name, as in "a reader of cheques"', "a reader of lines")
    head = head.replace('verdict: ""', "verdict: revise").replace(
        "conditions: []", "conditions: [Measure the noise as well.]"
    )
    head = head.replace("REPLACE with what the author must answer.", "What happens with two points only?")
    body = "\n".join(f"## {title}\n\n{text}\n" for title, text in zip(review.rubric(), ANSWERS, strict=True))
    path.write_text(f"{head}\n---\n\n{body}")
    return path


def refusals(path: Path) -> list[str]:
    return [str(problem) for problem in review.check(Project(path.parents[2]), path.stem)]


def test_the_healthy_review_passes(toy: Toy, written: Path) -> None:
    assert refusals(written) == []
    done = toy("review", "check")
    assert done.returncode == 0 and done.stdout == f"{written.stem}: nothing to object to\n"


def test_the_template_is_refused_wherever_it_waits_for_its_author(toy: Toy) -> None:
    plan(toy)
    path = new_review(toy.project, SLUG)
    said = refusals(path)
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        if MARK in line and not line.startswith(MARK):
            assert any(problem.startswith(f"{path}:{number}: ") for problem in said), line
    for title in review.rubric():
        about = [problem for problem in said if f"'## {title}'" in problem]
        assert len(about) == 1 and f"the section '## {title}' is as in the template" in about[0]
    assert any("there is no verdict" in problem for problem in said)
    assert toy("review", "check", path.stem).returncode == 1


def test_the_rubric_asks_what_a_review_must_ask() -> None:
    asked = " ".join(review.rubric().values()).lower()
    for word in ("measured", "simpler", "wrong", "cost", "production", "drift", "latency", "rolled back", "tests"):
        assert word in asked
    assert {"Data", "Model", "Infrastructure", "Monitoring"} < set(review.rubric())


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("verdict: revise", "", "there is no verdict; write accept, revise or reject"),
        (
            "conditions: [Measure the noise as well.]",
            "conditions: []",
            "the verdict is revise, but there are no conditions",
        ),
        ("[Measure the noise as well.]", "[N/A]", "the condition 'N/A' asks for nothing"),
        ("reviewer: a reader of lines", "reviewer: me", "say in a few words who reads"),
        ("design: plan_2001", "design: plan_2002", "there is no design called 'plan_2002' (there are plan_2001)"),
        ("id: Q1", "id: ''", "the id of question 1 is empty"),
        ("What happens with two points only?", "Really?", "question 'Q1' asks nothing"),
        ("What happens with two points only?", "It is clear what happens then.", "question 'Q1' asks nothing"),
        (
            "two points only?\n",
            "two points only?\n  - id: Q1\n    question: And what happens with a single one?\n",
            "the id of question 2 is used twice",
        ),
        ("two points only?\n", "two points only?\n    answer: We ran that.\n    change: C1\n", "says nothing"),
        (
            "two points only?\n",
            "two points only?\n    answer: We ran that case as well.\n    change: somewhere\n",
            "its change 'somewhere' is no claim or id of the design, no commit and no address",
        ),
        (
            "two points only?\n",
            "two points only?\n    answer: We ran that case as well.\n",
            "its change '' is no claim",
        ),
        ("two points only?\n", "two points only?\n    change: C1\n", "names a change but has no answer"),
        ("## Monitoring\n", "", "the section '## Monitoring' is missing"),
        ("## Monitoring\n", "## Monitoring\n\n## Infrastructure\n", "the section '## Monitoring' is empty"),
    ],
)
def test_refusals_name_file_and_line(written: Path, old: str, new: str, message: str) -> None:
    text = written.read_text()
    assert old in text
    written.write_text(text.replace(old, new, 1))
    said = refusals(written)
    assert any(message in problem for problem in said), said
    assert all(problem.startswith(f"{written}:") for problem in said)


def test_no_question(written: Path) -> None:
    text = written.read_text()
    start, end = text.index("questions:"), text.index("\n---\n")
    written.write_text(f"{text[:start]}questions: []{text[end:]}")
    assert any("there is no question; ask the author at least one" in said for said in refusals(written))


@pytest.mark.parametrize("change", ["C1", "linear", "0123abc", "https://example.org/change"])
def test_an_answer_leads_to_its_change(written: Path, change: str) -> None:
    more = f"two points only?\n    answer: We ran that case as well.\n    change: {change}\n"
    written.write_text(written.read_text().replace("two points only?\n", more))
    assert refusals(written) == []
    assert review.read(Project(written.parents[2]), written.stem).open_questions() == []


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("", "is empty"),
        ("n/a", "has 2 words; say in at least 20"),
        (
            "Looks good to me. The decision `one_unit` " + "is quite all right, " * 8,
            "begins with a phrase that fits any",
        ),
        ("The model is small and was measured with care by people who know what they do, " * 2, "names nothing that"),
        (ANSWERS[0], "has the same answer as '## Decisions and properties'"),
        (f"On monitoring: {ANSWERS[5]}", "has the same answer as '## Data'"),
    ],
)
def test_answers_that_are_refused(written: Path, answer: str, message: str) -> None:
    written.write_text(written.read_text().replace(ANSWERS[-1], answer))
    said = refusals(written)
    assert any(f"'## Monitoring' {message}" in problem for problem in said), said


@pytest.mark.parametrize(
    "text",
    [
        *("N/A", "Looks good.", "It is fine", "None.", "No issues found.", "OK, as above.", "LGTM!", "Nothing to add."),
        *("Overall, the design is solid.", "I have no concerns here.", "The architecture seems quite reasonable."),
    ],
)
def test_generic_phrases(text: str) -> None:
    assert generic(text)


@pytest.mark.parametrize(
    "text",
    [
        "None of the decisions answers it.",
        "Nothing is deployed here.",
        "No test covers it.",
        "Good controls stand beside it all.",
    ],
)
def test_sentences_that_only_begin_like_them(text: str) -> None:
    assert not generic(text)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("# A review\n", "line 1: there is no front matter"),
        ("---\ndesign: x\n---\n", "missing required field"),
        ("---\ndesign: x\nreviewer: a b\ndate: yesterday\nquestions: []\n---\n", "date: Invalid"),
        ("---\ndesign: x\nreviewer: a b\ndate: 2026-01-01\nquestions: [{question: Why}]\n---\n", "field `id`; add it"),
        (
            "---\ndesign: x\nreviewer: a b\ndate: 2026-01-01\nquestions: []\nverdict: maybe\n---\n",
            "verdict: Invalid enum",
        ),
    ],
)
def test_unreadable_reviews(toy: Toy, content: str, message: str) -> None:
    path = toy.root / "designs" / "reviews" / "broken.md"
    path.parent.mkdir()
    path.write_text(content)
    said = toy.refused("review", "check", "broken")
    assert message in said and str(path) in said


def test_new_never_overwrites(toy: Toy) -> None:
    plan(toy)
    first, second = new_review(toy.project, SLUG), new_review(toy.project, SLUG)
    assert first != second and second.stem == f"{first.stem}-2"
    assert [document.name for document in review.of_design(toy.project, SLUG)] == [first.stem, second.stem]
    assert "There is no design called 'plan'; did you mean plan_2001?" in toy.refused("review", "new", "plan")
    assert "There is no review called" in toy.refused("review", "check", "plan")


def test_the_reviews_of_this_checkout() -> None:
    project = Project(Path(__file__).parents[2])
    for name in review.names(project):
        assert review.check(project, name) == []
