"""Words in a figure can be read, whatever colour its lines have."""

import matplotlib.pyplot as plt
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text

from firsthand import figures
from firsthand.figures import BLUE, GREEN, GREY, INK, ORANGE, RED, SKY
from firsthand.project import Project

LEAST = 4.5  # the contrast that the web's guidelines ask for


def on_white(colour: str) -> float:
    """The contrast of a colour with white, as the guidelines (WCAG 2) define it: 1 to 21."""
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return 1.05 / (0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05)


def test_contrast_is_measured() -> None:
    assert on_white("white") == pytest.approx(1) and on_white("black") == pytest.approx(21)
    assert on_white(ORANGE) < LEAST


@pytest.mark.parametrize("colour", [BLUE, ORANGE, GREEN, RED, SKY, GREY])
def test_a_word_in_a_colour_of_the_palette_can_be_read(colour: str) -> None:
    figure, axes = plt.subplots()
    word = axes.text(0.5, 0.5, "word", color=colour)
    (line,) = axes.plot([0, 1], color=colour)
    figures.svg(figure)
    plt.close(figure)
    assert on_white(word.get_color()) >= LEAST and line.get_color() == colour
    assert (colour in INK) == (on_white(colour) < LEAST)


@pytest.mark.parametrize("slug", Project.find().judged())
def test_every_word_of_a_paper_can_be_read(slug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Figure] = []
    original = figures.svg
    monkeypatch.setattr(figures, "svg", lambda figure: (drawn.append(figure), original(figure))[1])
    assert len(figures.draw(Project.find(), slug)) == len(drawn) > 0
    words = [
        text for figure in drawn for text in figure.findobj(Text) if text.get_text().strip() and text.get_visible()
    ]
    pale = {text.get_text(): text.get_color() for text in words if 1 < on_white(text.get_color()) < LEAST}
    assert pale == {}  # (white stands on dark cells)
