"""The pages of designs and reviews, and commands whose output stands on a hand-written page."""

import json
import re

import pytest

from firsthand import design, review
from firsthand.errors import FirsthandError
from firsthand.pages import Pages
from firsthand.pages.designs import design_page
from firsthand.pages.output import READING, with_output
from firsthand.pages.view import view
from firsthand.project import Project
from tests.site.helpers import of


def test_every_design_and_every_review_has_a_page(project: Project, pages: Pages) -> None:
    for name in design.names(project):
        page = of(pages, f"designs/{name}.md")
        document = design.read(project, name)
        for item in document.design.alternatives:
            assert item.what in page or item.what.replace("<", "&lt;") in page
        for one in review.of_design(project, name):
            assert f"(reviews/{one.name}.md)" in page and f"**{one.review.verdict}**" in page
            for question in one.review.questions:
                assert (question.question in page) == (question in one.open_questions())
                assert question.question in of(pages, f"designs/reviews/{one.name}.md")


def test_a_probed_number_stands_beside_its_null_model(project: Project, pages: Pages) -> None:
    """The null is that of the same measurement, as it was kept with it."""
    page, kept = of(pages, "designs/gcn_2017.md"), project.root / "designs" / "results" / "gcn_2017.json"
    (mean, std) = next(
        one["null"]["edge_homophily"] for one in json.loads(kept.read_text()) if one["name"] == "homophily"
    )
    (row,) = [line for line in page.splitlines() if '<span id="homophily">' in line]
    assert f"<small>null: {mean:.2g} ± {std:.2g}</small>" in row
    assert "null:" not in of(pages, "designs/elman_1990.md")  # whose numbers come from experiments


def test_an_answered_question_leads_to_its_change(project: Project, pages: Pages) -> None:
    documents = [review.read(project, name) for name in review.names(project)]
    answered = [(one.name, question) for one in documents for question in one.review.questions if question.answer]
    assert answered
    for name, question in answered:
        page = of(pages, f"designs/reviews/{name}.md")
        assert question.answer in page
        link = re.search(rf"\[`?{question.change}`?\]\((\.\./[^)#]*)#([^)]+)\)", page)
        assert link, question.change
        if link[1].startswith("../lenet"):
            assert f'<span id="{link[2]}">' in of(pages, "designs/lenet_1998.md")


def test_what_a_review_names_is_there(project: Project, pages: Pages) -> None:
    """Properties, decisions and alternatives of the design each have a place to which the review leads."""
    for name in review.names(project):
        design_name = review.read(project, name).review.design
        led = set(re.findall(rf"\]\(\.\./{design_name}\.md#([^)]+)\)", of(pages, f"designs/reviews/{name}.md")))
        ids = set(re.findall(r'<span id="([^"]+)">', of(pages, f"designs/{design_name}.md")))
        assert led <= ids and len(led) >= 3
        assert design_name != "lenet_1998" or {"partial_table", "translation"} < led


def test_a_study_shows_its_predictions_with_the_ones_that_failed(project: Project, pages: Pages) -> None:
    page = of(pages, "designs/sunspots.md")
    for claim in project.manifest("sunspots").claims:
        assert f'<details class="fold" id="claim-{claim.id}"' in page
    assert "## What did not come out as predicted" in page and "The paper" not in page


def test_without_records_no_design_looks_as_if_it_held(bare: Project) -> None:
    study = view(bare, "sunspots")
    page = design_page(study.grounds, study, {})
    assert "verdict--confirmed" not in page and "not run, or stale" in page and "✗ refused" in page
    printed = with_output("{{run: firsthand verify sunspots}}", bare, "page.md")
    assert "2 confirmed" not in printed and "not run" in printed


def test_every_command_of_the_page_was_carried_out(pages: Pages) -> None:
    page = of(pages, "how-to-design.md")
    assert "{{" not in page and page.count("```console\n$ firsthand ") == 7
    assert "sunspots: nothing to object to" in page and "/home" not in page and "Traceback" not in page


def test_commands_that_change_the_checkout_are_refused(project: Project) -> None:
    for words in ("run sunspots", "accept sunspots", "design check --write", "probe sunspots --out x"):
        with pytest.raises(FirsthandError, match=r"site/page\.md: firsthand .* is more than reading"):
            with_output(f"{{{{run: firsthand {words}}}}}", project, "page.md")
    with pytest.raises(FirsthandError, match="There is no design called"):
        with_output("{{run: firsthand design show sunspot}}", project, "page.md")
    with pytest.raises(FirsthandError, match="--colour"):
        with_output("{{run: firsthand verify --colour}}", project, "page.md")


def test_what_is_started_on_a_page_is_thrown_away(project: Project) -> None:
    text = with_output("{{run: firsthand design new x}} {{run: firsthand review new x}}", project, "page.md")
    assert "wrote designs/x.md\n" in text and "wrote designs/reviews/x-" in text
    assert not (project.root / "designs" / "x.md").exists()


def test_what_is_printed_is_what_the_command_prints(project: Project) -> None:
    text = with_output("Before.\n\n{{run: firsthand verify sunspots}}\n\nAfter.", project, "page.md")
    assert text.startswith("Before.\n\n```console\n$ firsthand verify sunspots\n") and text.endswith("```\n\n\nAfter.")
    assert re.search(r"\d confirmed; \d contradicted", text) and READING
