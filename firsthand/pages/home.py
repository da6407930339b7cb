"""The generated parts of the home page."""

from typing import get_args

from firsthand.pages.text import badge, table
from firsthand.verdicts import Verdict

MEANINGS: dict[Verdict, str] = {
    "reproduced": "data, size, algorithm and metric as in the paper, and the number inside the region",
    "agrees, scaled": "the number inside the region, but one of these differs, and the claim says which",
    "direction only": "the number outside, but on the side of the baseline that the paper says, for every seed",
    "not reproduced": "the number outside, or passed by the baseline or the control too; shown, with its analysis",
    "not run": "no records",
    "confirmed": "audits: a statement of the paper itself, put to the test, holds; designs: a prediction came true",
    "contradicted": "audits and predictions: it does not hold, and the counterexample is on the page",
}


def verdicts_table() -> str:
    return table(["Verdict", "Means"], [[badge(word), MEANINGS[word]] for word in get_args(Verdict)])
