"""Positions: the tables by their formulas, rotations as matrices, what depends on the distance alone, refusals."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import Array, check_layer
from core.positions import rotary, sinusoidal
from tests.core.helpers import close, few, normal


def test_sinusoidal_in_loops() -> None:
    table = sinusoidal(7, 6, dtype=np.float64)
    for t in range(7):
        for i in range(3):
            angle = t / 10000 ** (2 * i / 6)
            close(table[t, 2 * i], math.sin(angle))
            close(table[t, 2 * i + 1], math.cos(angle))
    assert sinusoidal(7, 6).dtype == np.float32
    np.testing.assert_array_equal(sinusoidal(7, 6), table.astype(np.float32))
    close(sinusoidal(3, 4, base=100.0, dtype=np.float64)[2, 2], math.sin(2 / 10))


def test_sinusoidal_products_depend_on_the_distance_alone() -> None:
    """Every row has the squared length dim / 2, and PE_t . PE_{t + k} does not depend on t (Vaswani et al. 2017)."""
    table = sinusoidal(200, 64, dtype=np.float64)
    products = table @ table.T
    close(np.diag(products), np.full(200, 32.0))
    for k in (1, 7, 100):
        close(np.diag(products, k), np.full(200 - k, products[0, k]))


@few
@given(st.lists(st.integers(1, 3), max_size=2), st.integers(1, 4), st.integers(1, 3), st.integers(0, 5000))
def test_rotary_contract(leading, T, pairs, start) -> None:
    check_layer(rotary, normal(*leading, T, 2 * pairs), np.arange(start, start + T))


def test_rotary_contract_with_positions_for_each_sequence() -> None:
    check_layer(rotary, normal(2, 3, 4), np.array([[0, 1, 2], [5, 6, 7]]))
    check_layer(rotary, normal(2, 2, 3, 4), np.array([[[0, 1, 2]], [[5, 6, 7]]]), 100.0)


def rotation(t: int, d: int, base: float = 10000.0) -> Array:
    """R_t as a matrix of 2 x 2 blocks (Su et al. 2021, equation 15)."""
    R = np.zeros((d, d))
    for i in range(d // 2):
        angle = t * base ** (-2 * i / d)
        c, s = math.cos(angle), math.sin(angle)
        R[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = [[c, -s], [s, c]]
    return R


def test_rotary_in_loops() -> None:
    x, dy, positions = normal(2, 3, 6), normal(2, 3, 6, seed=1), np.array([0, 1, 17])
    y, backward = rotary(x, positions)
    dx, nothing = backward(dy)
    assert nothing is None
    for n in range(2):
        for k, t in enumerate(positions):
            close(y[n, k], rotation(t, 6) @ x[n, k])
            close(dx[n, k], rotation(t, 6).T @ dy[n, k])


@pytest.mark.parametrize("shift", [1, 100, 5000])
def test_rotated_products_depend_on_the_distance_alone(shift) -> None:
    q, k = normal(1, 64), normal(1, 64, seed=1)

    def score(m: int, n: int) -> Array:
        return rotary(q, np.array([m]))[0] @ rotary(k, np.array([n]))[0].T

    close(score(3 + shift, 10 + shift), score(3, 10))
    assert abs(score(3, 10) - score(3, 11)) > 1e-3
    close(np.linalg.norm(rotary(q, np.array([shift]))[0]), np.linalg.norm(q))


def test_angles_are_exact_at_large_positions_in_float32() -> None:
    """The error is that of rounding sine and cosine to float32 (1e-7), not of the angle (1e-3 at position 10,000)."""
    x, positions = normal(5, 8), 10_000 + np.arange(5)
    y, _ = rotary(x.astype(np.float32), positions)
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, rotary(x, positions)[0], atol=1e-6)


def test_position_zero_is_the_identity_and_views_will_do() -> None:
    x = normal(4, 3, 6)
    np.testing.assert_array_equal(rotary(x, np.zeros(3, int))[0], x)
    heads = normal(2, 3, 4, 6).swapaxes(1, 2)  # (N, H, T, d), as attention has them
    np.testing.assert_array_equal(rotary(heads, np.arange(3))[0], rotary(heads.copy(), np.arange(3))[0])


def test_empty_batch() -> None:
    y, backward = rotary(np.zeros((0, 3, 4), np.float32), np.arange(3))
    assert y.shape == backward(y)[0].shape == (0, 3, 4)


def test_refusals() -> None:
    x, positions = np.zeros((2, 3, 4), np.float32), np.arange(3)
    for bad_x, bad_positions in (
        (x.astype(np.float16), positions),
        (x, positions.astype(float)),
        (x, np.arange(4)),
        (x, np.zeros((3, 2, 3), int)),
        (x[0, 0], np.arange(4)),
        (x[0, 0, 0], positions),
    ):
        with pytest.raises(ValueError, match=r"rotary: got .* and positions .* expected"):
            rotary(np.asarray(bad_x), bad_positions)
    with pytest.raises(ValueError, match=r"rotary: got .* int64, expected an array of a floating type"):
        rotary(x.astype(int), positions)
    with pytest.raises(ValueError, match="rotary: dim is 3, expected an even number"):
        rotary(x[:, :, :3], positions)
    with pytest.raises(ValueError, match="rotary: base is 0"):
        rotary(x, positions, 0)
    with pytest.raises(ValueError, match="sinusoidal: dim is 5, expected an even number"):
        sinusoidal(3, 5)
    with pytest.raises(ValueError, match="sinusoidal: length is 0"):
        sinusoidal(0, 4)
