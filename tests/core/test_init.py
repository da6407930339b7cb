"""Initial weights: type, scale and seeds."""

import math

import numpy as np
import pytest

from core import glorot_uniform, he_normal, lecun_normal, orthogonal, uniform_fan_in
from tests.core.helpers import seeded

FAN_IN, FAN_OUT = 50, 200


@pytest.mark.parametrize(
    ("init", "deviation"),
    [
        (uniform_fan_in(2.4), 2.4 / FAN_IN / math.sqrt(3)),
        (lecun_normal, 1 / math.sqrt(FAN_IN)),
        (glorot_uniform, math.sqrt(2 / (FAN_IN + FAN_OUT))),
        (he_normal, math.sqrt(2 / FAN_IN)),
    ],
)
def test_scale_type_and_seed(init, deviation: float) -> None:
    w = init(seeded(3), (FAN_IN, FAN_OUT), FAN_IN, FAN_OUT)
    assert w.dtype == np.float32 and w.shape == (FAN_IN, FAN_OUT)
    assert abs(w.mean()) < 0.05 * deviation
    assert math.isclose(w.std(), deviation, rel_tol=0.02)
    np.testing.assert_array_equal(w, init(seeded(3), (FAN_IN, FAN_OUT), FAN_IN, FAN_OUT))
    assert (w != init(seeded(4), (FAN_IN, FAN_OUT), FAN_IN, FAN_OUT)).any()


def test_uniform_fan_in_keeps_its_bound() -> None:
    w = uniform_fan_in(2.4)(seeded(), (1000,), 24, 1)
    assert 0.099 < np.abs(w).max() <= np.float32(0.1)


@pytest.mark.parametrize("shape", [(4, 4), (3, 7), (7, 3), (4, 2, 3, 3)])
def test_orthogonal(shape) -> None:
    w = orthogonal(2.0)(seeded(), shape, 1, 1)
    assert w.dtype == np.float32 and w.shape == shape
    matrix = w.reshape(shape[0], -1)
    small = matrix @ matrix.T if len(matrix) <= matrix.shape[1] else matrix.T @ matrix
    np.testing.assert_allclose(small, 4 * np.eye(len(small)), atol=1e-5)
    np.testing.assert_array_equal(w, orthogonal(2.0)(seeded(), shape, 1, 1))


def test_refusals() -> None:
    for scale in (-1.0, float("nan"), float("inf"), "2.4"):
        with pytest.raises(ValueError, match="uniform_fan_in: scale is"):
            uniform_fan_in(scale)  # type: ignore[arg-type]
