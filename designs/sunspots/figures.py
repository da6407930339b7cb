"""The figures of the study, from its records."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from firsthand.figures import BLUE, GREY, ORANGE, Records

DRAWN = {"linear": ("a linear map of nine years", BLUE, "-"), "mlp": ("eight squashed units", ORANGE, "--")}


def residuals(records: Records) -> Figure:
    """How far each predictor lies beside the truth, year by year, in the mean over the seeds."""
    figure, axes = plt.subplots(figsize=(8, 3.2))
    axes.axhline(0, color=GREY, linewidth=1)
    for model, (name, colour, style) in DRAWN.items():
        found = records.all("forecast", model=model)
        mean = np.mean([record.arrays["residuals"] for record in found], axis=0)
        axes.plot(found[0].arrays["years"], mean, style, color=colour, label=name)
    axes.set_xlabel("test year")
    axes.set_ylabel("predicted less true\nsunspot number")
    axes.legend(loc="lower right")
    return figure
