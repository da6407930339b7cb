"""The gradients of elman_1990, and the claims of its quick tier."""

import numpy as np

from core import check_layer
from firsthand.project import Project
from firsthand.records import Unit
from firsthand.run import execute
from papers.elman_1990.model import line


def test_gradients() -> None:
    check_layer(line(np.random.default_rng(0)), np.random.default_rng(1).normal(size=(5, 1)))


def test_descent_converges() -> None:
    experiment = Project.find().manifest("elman_1990").experiments["descent"]
    record = execute(Project.find(), Unit("elman_1990", "descent", experiment.settings, 0))
    assert record.measurements["slope_error"] < 1e-3 < record.measurements["start_error"]
