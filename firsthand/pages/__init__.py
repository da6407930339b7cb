"""The pages of the site that are made from manifests, records, designs, source and docstrings.

`generate` is a pure function of the checkout: path in the site -> content. `hook` hands its result to MkDocs, `write`
to any other program that builds sites from Markdown.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from threadpoolctl import threadpool_limits

from firsthand.errors import FirsthandError
from firsthand.figures import Drawn, draw
from firsthand.pages import gallery, lessons, live, reference, speed, timeline
from firsthand.pages.datasets import data_page
from firsthand.pages.designs import design_pages, documents
from firsthand.pages.home import verdicts_table
from firsthand.pages.output import with_output
from firsthand.pages.paper import paper_page
from firsthand.pages.reference import modules_table, reference_pages
from firsthand.pages.text import slim
from firsthand.pages.view import View, view
from firsthand.project import Project
from firsthand.records import write_atomically
from firsthand.review import of_design
from firsthand.yamlfile import read_text

Pages: TypeAlias = dict[str, str | bytes]


def generate(project: Project) -> Pages:
    """Every generated file of the site, by its path there."""
    with threadpool_limits(1, user_api="blas"):  # fingerprints are small runs, on which two threads wait for each other
        judged = {slug: view(project, slug) for slug in project.judged()}
    views = [judged[slug] for slug in project.slugs()]
    figures = {one.slug: draw(project, one.slug) for one in views}
    pages: Pages = {}
    for one in views:
        pages |= paper_pages(one, figures[one.slug])
    return (
        pages
        | design_pages(project, judged)
        | {"data.md": data_page(views)}
        | reference_pages(project)
        | speed.figures(project)
        | lessons.lessons(project)
        | {live.ARCHIVE: live.archive(project, views, lessons.live_plans(project))}
        | _filled_in(project, views, figures)
    )


def paper_pages(view: View, figures: Mapping[str, Drawn]) -> Pages:
    """The page of a paper and its figures."""
    page = {f"papers/{view.slug}.md": paper_page(view, figures)}
    return page | {f"papers/{view.slug}/{name}.svg": slim(figure.svg) for name, figure in figures.items()}


def _filled_in(project: Project, views: list[View], figures: dict[str, dict[str, Drawn]]) -> Pages:
    """The hand-written pages in which a generated table has its place."""
    places = {
        "index.md": {
            "gallery": gallery.gallery(views, figures),
            "timeline": timeline.timeline(project),
            "verdicts": verdicts_table(),
            "lessons": lessons.contents(project),
        },
        "reference/index.md": {"modules": modules_table(project)},
        "speed.md": speed.places(project),
        "how-to-design.md": {},
    }
    pages: Pages = {}
    for path, tables in places.items():
        text = read_text(project.root / "site" / path)
        for name, content in tables.items():
            text = text.replace("{{" + name + "}}", content)
        pages[path] = with_output(text, project, path)
    return pages


def navigation(project: Project) -> list[dict[str, Any]]:
    """The menu, in the form of `nav` in mkdocs.yml."""
    manifests = {slug: project.manifest(slug) for slug in project.slugs()}
    papers: list[Any] = [
        {f"{manifest.title} ({manifest.year})": f"papers/{slug}.md"}
        for slug, manifest in sorted(manifests.items(), key=lambda item: item[1].year)
    ]
    designs: list[Any] = ["how-to-design.md"]
    for name, document in documents(project).items():
        designs.append({document.design.title: f"designs/{name}.md"})
        designs += [
            {f"A review by {one.review.reviewer}": f"designs/reviews/{one.name}.md"} for one in of_design(project, name)
        ]
    return [
        {"Home": "index.md"},
        {"Running it": "run.md"},
        {"Learn": lessons.navigation(project)},
        {"Papers": [*papers, "add-a-paper.md"]},
        {"Designs": designs},
        {"Data sets": "data.md"},
        {"Speed": "speed.md"},
        {"Reference": reference.navigation(project)},
    ]


def write(project: Project, folder: Path) -> int:
    """Write all generated pages below `folder`; returns how many. The sources in site/ are never overwritten."""
    if folder.resolve() == (project.root / "site").resolve():
        raise FirsthandError(f"{folder}: holds the hand-written pages; name another folder.")
    pages = generate(project)
    for path, content in pages.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(target, content.encode() if isinstance(content, str) else content)
    return len(pages)
