"""The generated pages: pure, complete, and saying nothing that was not computed."""

import ast
import re
import typing
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from firsthand import data, design
from firsthand.bench.naive import LAYERS, NaiveReport
from firsthand.errors import FirsthandError
from firsthand.figures import draw
from firsthand.pages import Pages, paper_pages, speed, text, timeline, write
from firsthand.pages.claims import KINDS
from firsthand.pages.gradients import derivations
from firsthand.pages.view import View, view
from firsthand.project import Project
from firsthand.verdicts import STANDS, Verdict, judge
from tests.site.helpers import of, pages_of

SLUG = "lenet_1998"
PAPER = f"papers/{SLUG}.md"
GREEN = ("verdict--reproduced", "verdict--agrees-scaled", "verdict--confirmed")


@pytest.fixture(scope="session")
def paper(project: Project) -> View:
    """Judged once: where code has changed since a record was made, judging takes the fingerprints anew."""
    return view(project, SLUG)


def line_of(page: str, claim_id: str) -> str:
    """What is to be seen of a claim before it is opened."""
    (found,) = re.findall(rf'id="claim-{claim_id}" markdown="1">\n<summary>(.*)</summary>', page)
    return str(found)


def test_the_same_checkout_gives_the_same_pages(project: Project, paper: View, pages: Pages) -> None:
    for path, content in paper_pages(paper, draw(project, SLUG)).items():
        assert pages[path] == content


@pytest.mark.parametrize("which", ["project", "counted", "bare"])
def test_every_claim_is_listed_with_its_computed_verdict(which: str, request: pytest.FixtureRequest) -> None:
    one = request.getfixturevalue("paper") if which == "project" else view(request.getfixturevalue(which), SLUG)
    page = of(paper_pages(one, {}), PAPER)
    for claim in one.manifest.claims:
        judgement = judge(claim, one.manifest, one.evidence)
        assert text.verdict(judgement) in line_of(page, claim.id)
        assert page.count(f"firsthand run {SLUG} --claim {claim.id}\n") == 1


def test_claims_stand_under_their_kind_in_the_order_of_the_manifest(project: Project, pages: Pages) -> None:
    page, claims = of(pages, PAPER), project.manifest(SLUG).claims
    listed = re.findall(r'<details class="fold" id="claim-(\S+)"', page)
    assert listed == [claim.id for kind in KINDS for claim in claims if claim.kind == kind]


def test_that_records_stand_is_said_once(paper: View) -> None:
    noted = {
        name: msgspec.structs.replace(judgement, notes=[STANDS, "Another."])
        for name, judgement in paper.judgements.items()
    }
    page = of(paper_pages(replace(paper, judgements=noted), {}), PAPER)
    assert STANDS not in page and page.count("the records stand") == 1 and page.count("Another.") >= len(noted)


def test_every_paper_has_a_page_with_its_claims_figures_and_design(project: Project, pages: Pages) -> None:
    for slug in project.slugs():
        page, manifest = of(pages, f"papers/{slug}.md"), project.manifest(slug)
        assert all(f'<details class="fold" id="claim-{claim.id}"' in page for claim in manifest.claims)
        drawn = [plan for plan in manifest.figures if f"papers/{slug}/{plan.id}.svg" in pages]
        assert all(plan.title in page for plan in manifest.figures)
        assert drawn == manifest.figures or design.read(project, slug).design.draft  # a draft waits for its runs
        assert design.read(project, slug).design.title in of(pages, f"designs/{slug}.md")
        assert f"(papers/{slug}.md)" in of(pages, "index.md")


def test_every_paper_page_has_the_same_skeleton(project: Project, pages: Pages) -> None:
    order = [
        *("live", "data", "decisions", "equations", "gradients", "claims", "disagreements", "figures"),
        *("deviations", "ledger", "limits", "exercises", "reviews", "measured"),
    ]
    for slug in project.slugs():
        found = re.findall(r"^## .+ \{ #(\w+) \}$", of(pages, f"papers/{slug}.md"), re.MULTILINE)
        assert {"data", "claims", "limits", "measured"} <= set(found)
        optional = {"live", "disagreements"}
        if not any(one.marked for one in derivations(project.root, slug)):  # no gradient to practise on
            optional.add("exercises")
        assert found == [name for name in order if name in found or name not in optional]


def test_limits_equations_and_properties_are_those_of_the_design(project: Project, pages: Pages) -> None:
    page, document = of(pages, PAPER), design.read(project, SLUG)
    sections = {section.title: section.text for section in document.sections()}
    for title in ("Gradients", "Failure modes", "When not to use it"):
        assert "{{" not in sections[title] and sections[title] in page
    for item in document.design.properties:
        assert f'| <span id="{item.id}">`{item.id}`</span> | {item.statement} |' in page
    assert "probe `pixel_correlation` of `mnist` <small>" in page and " Null: the same" in page
    assert "experiment `structure`" in page and "beside it: the years in random order" in of(
        pages, "designs/sunspots.md"
    )


def test_deviations_lead_to_what_they_cost(paper: View, pages: Pages) -> None:
    found = paper.judgements["Z1-newton"]
    cells = of(pages, PAPER).partition("{ #deviations }")[2].partition("{ #ledger }")[0]
    assert f"[Z1-newton](#claim-Z1-newton) {text.verdict(found)}" in cells


def test_a_counted_claim_is_reproduced_and_a_contradicted_one_is_shown(counted: Project) -> None:
    pages = pages_of(counted, SLUG)
    page = of(pages, PAPER)
    assert text.badge("reproduced") in line_of(page, "L1-connections")
    assert text.badge("not reproduced") in line_of(page, "L1-parameters")
    failed = page.partition("## What did not agree")[2].partition("## Figures")[0]
    assert "**L1-parameters**" in failed and "why is not understood" in failed and "L1-connections" not in failed
    assert "1 not reproduced" in of(pages, "index.md")
    assert text.badge("not reproduced") in of(pages, f"designs/{SLUG}.md")


def test_without_records_every_claim_is_not_run_and_nothing_is_green(bare: Project) -> None:
    pages = pages_of(bare, SLUG)
    page = of(pages, PAPER)
    claims = bare.manifest(SLUG).claims
    for claim in claims:
        assert text.badge("not run") in line_of(page, claim.id)
    assert f"{len(claims)} not run" in of(pages, "index.md") and "· not run\n" in of(pages, "index.md")
    for path in (PAPER, f"designs/{SLUG}.md"):
        assert not any(green in of(pages, path) for green in GREEN)
    assert "There are no accepted records: not run." in page
    assert "What did not agree" not in page


def test_what_is_stale_or_against_expectation_is_not_green(counted: Project) -> None:
    judgement = view(counted, SLUG).judgements["L1-connections"]
    assert judgement.verdict == "reproduced"
    stale = msgspec.structs.replace(judgement, stale=True, holds=False)
    against = msgspec.structs.replace(judgement, kind="audit", verdict="confirmed", holds=False)
    for badge in (text.verdict(stale), text.verdict(against), text.counts([stale])):
        assert not any(green in badge for green in GREEN)
    assert "reproduced (stale)" in text.verdict(stale) and "against expectation" in text.verdict(against)


def test_every_verdict_has_a_mark_and_is_explained(pages: Pages) -> None:
    home = of(pages, "index.md")
    for word in typing.get_args(Verdict):
        assert text.badge(word) in home
    assert "{{" not in home


@pytest.mark.parametrize("slug", [SLUG, "lstm_1997", "adam_2015", "tail_at_scale_2013"])
def test_code_is_the_tested_source(project: Project, pages: Pages, slug: str) -> None:
    """All of it, in its order, but for the docstring, which stands beside it."""
    page = of(pages, f"papers/{slug}.md")
    for found in derivations(project.root, slug):
        assert found.source in page and found.docstring in page
        source = (project.root / found.file).read_text(encoding="utf-8")
        (original,) = [node for node in ast.parse(source).body if getattr(node, "name", "") == found.name]
        assert isinstance(original, ast.ClassDef | ast.FunctionDef)
        original.body = original.body[bool(ast.get_docstring(original)) :]
        shown = ast.parse(found.source)
        backward = [node for node in ast.walk(shown) if isinstance(node, ast.FunctionDef) and node.name == "backward"]
        assert {(lines[0], lines[-1]) for lines in found.marked} == {(one.lineno, one.end_lineno) for one in backward}
        if isinstance(original, ast.ClassDef) and not isinstance(shown.body[0], ast.ClassDef):
            assert found.rest in page
            rest = [node for shell in ast.parse(found.rest).body for node in ast.iter_child_nodes(shell)]
            bases = [ast.dump(base) for base in original.bases] if found.rest else []
            parts = [ast.dump(node) for node in (*shown.body, *rest)]
            assert sorted(parts) == sorted([*bases, *(ast.dump(node) for node in original.body)])
        else:
            assert [ast.dump(node) for node in shown.body] == [ast.dump(original)]


def test_a_paper_without_gradients_shows_its_model(project: Project, pages: Pages) -> None:
    page = of(pages, "papers/tail_at_scale_2013.md")
    assert "### hedged {" in page and "F(t) * F(t - delay)" in page and "The marked lines" not in page


def test_the_rule_of_an_optimiser_paper_is_on_its_page(project: Project) -> None:
    found = {one.name: one for one in derivations(project.root, "adam_2015")}
    assert "v_hat = self.v / (1 - self.beta2**self.t)" in found["Adam"].source
    assert "AdaMax" in found and "draw" in found and "IterateAverage" not in found and "Rule" not in found
    assert "dW = (x.T @ dz" in found["Regressions"].source
    assert "Cache" not in {one.name for one in derivations(project.root, "transformer_2017")}  # its step writes words


def test_every_backward_of_the_paper_is_on_its_page(project: Project, pages: Pages) -> None:
    total = sum(path.read_text(encoding="utf-8").count("def backward(") for path in project.paper(SLUG).glob("*.py"))
    assert of(pages, PAPER).count("def backward(") == total > 0


def test_numbers_of_the_design_stand_in_its_prose(project: Project, pages: Pages) -> None:
    document = design.read(project, SLUG)
    page = of(pages, f"designs/{SLUG}.md")
    assert "{{" in document.body and "{{" not in page
    for item in (*document.design.properties, *document.design.constraints):
        number = f"{int(item.value):,}" if item.value == int(item.value) else str(item.value)
        for before, after in re.findall(rf"^(.*)\{{\{{{item.id}\}}\}}(.*)$", document.body, re.MULTILINE):
            if "{{" not in before + after:
                assert f"{before}{number}{after}" in page
    for decision in document.design.decisions:
        assert decision.choice in page and decision.choice in of(pages, PAPER)


def test_an_unknown_name_in_the_prose_is_refused(bare: Project) -> None:
    path = bare.root / "designs" / "other.md"
    original = (bare.root / "designs" / f"{SLUG}.md").read_text(encoding="utf-8")
    path.write_text(original.replace("{{order}}", "{{ordre}}"), encoding="utf-8")
    try:
        with pytest.raises(FirsthandError, match=r"other\.md:\d+: .*ordre.* names no property"):
            design.read(bare, "other").filled()
    finally:
        path.unlink()


def test_data_sets_are_listed_with_their_licences(pages: Pages) -> None:
    page = of(pages, "data.md")
    for name in data.names():
        assert f"`{name}`" in page and data.describe(name).licence.name in page and data.digest(name) in page


def test_write_puts_every_page_on_the_disk_and_spares_the_sources(
    project: Project, pages: Pages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firsthand.pages.generate", lambda project: pages)
    assert write(project, tmp_path) == len(pages)
    for path, content in pages.items():
        assert (tmp_path / path).read_bytes() == (content.encode() if isinstance(content, str) else content)
    with pytest.raises(FirsthandError, match="hand-written"):
        write(project, project.root / "site")


def test_text_from_a_manifest_cannot_break_a_table_or_become_a_tag() -> None:
    assert text.inline("a\n b <c> < 3") == "a b &lt;c> < 3"
    assert text.table(["x"], [["a|b"]]).splitlines()[2] == "| a&#124;b |"


# -- speed -------------------------------------------------------------------------------------------------------------


def test_the_tables_of_speed_are_those_that_were_measured(project: Project, pages: Pages) -> None:
    report = msgspec.json.decode((project.root / "site/measured/loops.json").read_bytes(), type=NaiveReport)
    assert {row.layer for row in report.layers} == set(LAYERS) and all(row.valid for row in report.layers)
    page = of(pages, "speed.md")
    for row in report.layers:
        assert f"| {row.what} | " in page and f"| {1e3 * row.loops_s / row.ours_ms:,.0f} |" in page
    assert "{{" not in page and b"<svg" in pages["speed-loops.svg"]


def test_what_was_not_measured_says_so_and_what_is_broken_is_refused(project: Project, tmp_path: Path) -> None:
    elsewhere = Project(tmp_path)
    assert speed.places(elsewhere)["loops"] == speed.NOT_MEASURED and speed.figures(elsewhere) == {}
    (tmp_path / "site/measured").mkdir(parents=True)
    (tmp_path / "site/measured/one-thread.json").write_text('{"date": 1}')
    with pytest.raises(FirsthandError, match=r"one-thread\.json: .*write it again with `firsthand bench --json`"):
        speed.places(elsewhere)


@pytest.mark.parametrize(
    ("seconds", "said"), [(7200, "2&nbsp;h"), (90, "1.5&nbsp;min"), (0.25, "250&nbsp;ms"), (2e-5, "20&nbsp;µs")]
)
def test_durations_are_told_in_their_own_unit(seconds: float, said: str) -> None:
    assert speed.duration(seconds) == said


# -- the gallery -------------------------------------------------------------------------------------------------------


def test_every_paper_has_a_card_that_the_menus_can_find(project: Project, pages: Pages) -> None:
    home = of(pages, "index.md")
    menus = {
        name: set(re.findall(r'<option value="([^"]+)"', found))
        for name, found in re.findall(r'<select data-filter="(\w+)">(.*?)</select>', home)
    }
    for slug in project.slugs():
        manifest = project.manifest(slug)
        topics = "|".join(manifest.topics)
        card = f'data-structure="{manifest.structure}" data-topics="{topics}" data-year="{manifest.year}"'
        assert home.count(card) == 1 and f"](papers/{slug}.md)**" in home
        assert manifest.structure in menus["structure"] and str(manifest.year) in menus["year"]
        assert set(manifest.topics) <= menus["topics"]


def test_the_timeline_names_every_paper_and_all_that_it_builds_on(project: Project, pages: Pages) -> None:
    found, drawn = timeline.entries(project), of(pages, "index.md")
    assert [entry.year for entry in found] == sorted(entry.year for entry in found)
    edges = [(name, slug) for slug in project.slugs() for name in project.manifest(slug).builds_on]
    assert {name for edge in edges for name in edge} <= {entry.slug for entry in found} and (
        "elman_1990",
        "lstm_1997",
    ) in edges
    assert drawn.count("<path d=") == len(edges) and drawn.count("<circle ") == len(found)
    assert all(f"](papers/{slug}.md)" in timeline.timeline(project) for slug in project.slugs())


# -- the weight of a page ----------------------------------------------------------------------------------------------


def test_a_figure_loses_weight_and_nothing_else() -> None:
    original = (
        b'<svg viewBox="0 0 72 36"><metadata>x</metadata><g id="text_1"><!-- 1 -->\n'
        b'<path id="DejaVuSans-31" d="M 1.23456 2 \nL 3 4.98765 \nz\n" transform="scale(0.015625)"/>\n</g>\n'
        b'<use xlink:href="#DejaVuSans-31" x="1.23456" style="fill: #b0b0b0; stroke-width: 0.25"/></svg>'
    )
    assert text.slim(original) == (
        b'<svg viewBox="0 0 72 36"><path id="i0" d="M1.2 2L3 5z" transform="scale(0.015625)"/>\n'
        b'<use xlink:href="#i0" x="1.2" style="fill:#b0b0b0;stroke-width:0.25"/></svg>'
    )
    assert text.sized(original) == "{ loading=lazy width=96 height=48 }"
