"""What several tests of the site ask for."""

from firsthand.figures import draw
from firsthand.pages import Pages, gallery, paper_pages
from firsthand.pages.designs import design_page
from firsthand.pages.view import view
from firsthand.project import Project


def pages_of(project: Project, slug: str) -> Pages:
    """The pages of one paper, of its design, and the gallery with its card alone."""
    one, figures = view(project, slug), draw(project, slug)
    return paper_pages(one, figures) | {
        f"designs/{slug}.md": design_page(one.grounds, None, {}),
        "index.md": gallery.gallery([one], {slug: figures}),
    }


def of(pages: Pages, path: str) -> str:
    """A page, which is text."""
    page = pages[path]
    assert isinstance(page, str)
    return page
