"""Appeals to authority and fashion are told from reasons and from history."""

from pathlib import Path

import pytest
from planned import plan, refusals
from toy import Toy

from firsthand.design.appeals import appeal, appeals

REFUSED = [
    "Attention is state of the art.",
    "We take the state-of-the-art layer.",
    "GELU, as in BERT.",
    "Patches of 16, following ViT.",
    "A gate like GPT-2 has.",
    "Because Google uses it.",
    "Chosen since the authors recommend it.",
    "because He et al. used it",
    "because Vaswani and Shazeer did so",
    "This is best practice.",
    "The industry standard.",
    "Everybody uses Adam.",
    "Most people prefer ReLU.",
    "It is commonly used.",
    "a widely adopted schedule",
    "Dropout is popular.",
    "A modern architecture.",
    "The obvious choice.",
    "It is known to work.",
    "The field has moved to attention.",
    "It was the state of the art in 1998, so we use it.",
    "Because it was popular in 1998.",
    "Everyone uses convolutions.",
    "The standard choice for images.",
    "As is common practice, the batch is normalised.",
    "A proven architecture.",
    "The default choice.",
    "The canonical architecture.",
    "Because it is the standard.",
    "It is the norm.",
    "It is the latest.",
    "It has become ubiquitous.",
    "Traditionally the last layer is dense.",
    "A well-established technique.",
    "Google uses it.",
    "Experts recommend it.",
    "Recommended by the authors.",
    "Used by all major labs.",
    "Recent work uses attention.",
    "Nobody uses sigmoids, which are outdated.",
    "What people use for text.",
    "It works well in practice.",
    "It won the ImageNet challenge.",
    "As in the original paper.",
    "Gates as in the paper by Cho.",
    "The paper does it this way.",
    "We follow the authors.",
    "Inspired by GPT-3.",
    "Masks, as used in BERT.",
    "GELU, as BERT does.",
]
REASONS = [
    "Pixels four apart do not correlate, so a window of five is enough.",
    "Because Adam used more memory than SGD here.",
    "Units see 5 x 5 windows, as in MNIST strokes are five pixels wide.",
    "The rates are those of claim L5-dense.",
    "It is used once for each place.",
    "As in the digits of 1989, the border is background.",
    "Because LeNet-5 has 60,000 weights.",
    "The standard deviation of the pixels is 0.3.",
    "A practice set of 900 digits.",
    "The usual error is 3 %.",
    "The default rate of 0.01 diverges.",
    "Most papers are not near a label.",
    "The common word's gradient is large.",
    "The draws are standard normal ones.",
    "The noise of the pixels is standard normal.",
    "It grows with the norm of the gradient, which is the norm of W.",
    "The last years are the latest values.",
    "The commonest class has 30 %.",
    "A window based on the correlation length.",
    "It has twice as many weights as ResNet-20.",
    "The authors do not state the rate.",
    "The paper prints 7.27 as the bound.",
    "The dominant frequency is one in eleven years.",
    "Other papers have other words.",
    "The layer is used in all places.",
    "Others than the nearest say nothing.",
]
HISTORY = [
    "In 1998 this was the state of the art.",
    "Dense layers were commonly used in 1989.",
    "Networks of this kind were popular until 2012.",
]


@pytest.mark.parametrize("text", REFUSED)
def test_appeals_are_found(text: str) -> None:
    assert appeal(text, ["MNIST"])
    assert [place for place, _ in appeals(f"A window fits.\n\nIt is small. {text}", ["MNIST"])] == [29]


@pytest.mark.parametrize("text", REASONS)
def test_reasons_pass(text: str) -> None:
    assert not appeal(text, ["MNIST", "L5-dense"]) and not list(appeals(text, ["MNIST", "L5-dense"]))


@pytest.mark.parametrize("text", HISTORY)
def test_history_passes_in_prose_and_is_no_reason(text: str) -> None:
    assert appeal(text) and not list(appeals(text))


def test_a_line_break_hides_nothing() -> None:
    assert list(appeals("It is the state of\nthe art.")) == [(0, "state of the art")]


@pytest.mark.parametrize(("section", "refused"), [("Decisions", True), ("Alternatives", True), ("The data", False)])
def test_where_reasons_belong(toy: Toy, section: str, refused: bool) -> None:
    """In other sections nobody gives reasons for decisions; "popular pages" may be what the data are."""
    path: Path = plan(toy)
    path.write_text(
        path.read_text().replace(f"## {section}\n", f"## {section}\n\nThe first line.\n\nThis is popular.\n")
    )
    line = next(n for n, text in enumerate(path.read_text().splitlines(), 1) if "popular" in text)
    assert [said.startswith(f"{path}:{line}: 'popular' appeals to") for said in refusals(path)] == [True] * refused
