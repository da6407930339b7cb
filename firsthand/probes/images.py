"""Probes of images: whether near pixels belong together, and whether one place is like another.

Of large images the middle 32 x 32 pixels are looked at; channels are averaged, and the mean image is removed. All
follows from C, the covariances of all pairs of pixels (P, P); to permute the pixels is to reorder C.
"""

import numpy as np

from core.layer import Array
from firsthand.probes.arrays import Data, choose
from firsthand.probes.finding import PERMUTATIONS, Finding, Form, NotApplicable, Probe, Run, Sheet, Sketch, against

SIDE, MOST, CHUNK = 32, 60_000, 5_000
FARTHEST, PATCH = 7, 5


def pixel_correlation(data: Data, rng: np.random.Generator, sheet: Sheet) -> Finding:
    """correlation_d: of two pixels d apart in a row (vertical_1: in a column), pooled over all such pairs and all
    images, once the mean image is removed. reach: the distance up to which its size exceeds that of every one of 19
    permutations. Null: the same, with the pixels permuted, alike in all images."""
    C, grid = _covariances(pixels(data, rng, sheet, MOST))
    distances = np.arange(1, min(FARTHEST, grid.shape[1] - 1) + 1)
    shuffled = _permutations(grid, rng)
    measured = np.array([_correlation(C, grid, 0, d) for d in distances])
    draws = np.array([[_correlation(C, order, 0, d) for d in distances] for order in shuffled])
    for d, value, null in zip(distances, measured, draws.T, strict=True):
        sheet.put(f"correlation_{d}", value, "correlation", null)
    below = [_correlation(C, order, 1, 0) for order in shuffled]
    sheet.put("vertical_1", _correlation(C, grid, 1, 0), "correlation", below)
    beyond = np.abs(measured) > np.abs(draws).max(axis=0)
    reach = len(beyond) if beyond.all() else int(beyond.argmin())
    sheet.put("reach", reach, "pixels")
    near = sheet.contrast("correlation_1")
    strength = near.strength(0.3)
    if strength == "none":
        said = f"Neighbouring pixels correlate no more than permuted ones ({near}): no locality for kernels to exploit."
    else:
        said = (
            f"Neighbouring pixels correlate ({near} permuted), out to {reach} pixels{' or more' * int(beyond.all())}: "
            f"{strength} evidence for local kernels that reach about so far."
        )
    return sheet.conclude("correlation_1", strength, said, x=distances, **against(measured, draws))


def pixel_order(data: Data, rng: np.random.Generator, sheet: Sheet) -> Finding:
    """The share of a pixel's variance that one linear rule, the same at every place, explains from its four neighbours
    (R², the mean image removed). lost: how much of it goes when the pixels are permuted. Null: the pixels permuted,
    alike in all images, and the rule fitted again."""
    C, grid = _covariances(pixels(data, rng, sheet, MOST))
    draws = [_from_neighbours(C, order) for order in _permutations(grid, rng)]
    sheet.put("explained", _from_neighbours(C, grid), "share of variance", draws)
    explained = sheet.contrast("explained")
    sheet.put("lost", explained.effect, "share of variance")
    strength = explained.strength(0.3, sign=1)
    if strength == "none":
        said = (
            f"Four neighbours explain no more of a pixel than four others do ({explained}): the arrangement carries "
            "nothing, and a layer that ignores it loses nothing."
        )
    else:
        said = (
            f"Four neighbours explain more of a pixel than four others do ({explained} permuted): {strength} evidence "
            "that the arrangement carries the structure, which a dense layer would have to learn."
        )
    shown = against(np.array([explained.measured]), np.array(draws)[:, None])
    return sheet.conclude("explained", strength, said, x=np.array(["the linear rule"]), **shown)


def stationarity(data: Data, rng: np.random.Generator, sheet: Sheet) -> Finding:
    """Images are cut into patches of 5 x 5 (3 x 3 if smaller than 10), without overlap. similarity: the mean, over all
    pairs of places, of the correlation between the covariances within the patch here and there (those of different
    pixels); 1 if they are the same at every place. Places where nothing varies are left out. Null: the pixels permuted,
    alike in all images. The figure shows, for each place, its mean similarity with the others."""
    C, grid = _covariances(pixels(data, rng, sheet, MOST))
    side = PATCH if min(grid.shape) >= 2 * PATCH else 3
    if grid.shape[0] // side * (grid.shape[1] // side) < 2:
        raise NotApplicable(f"stationarity needs room for two patches of {side} x {side} pixels.")
    by_place = _similarities(C, grid, side)
    draws = np.array([_similarities(C, order, side).mean() for order in _permutations(grid, rng)])
    sheet.put("similarity", by_place.mean(), "correlation", draws)
    sheet.put("places", len(by_place), "places")
    alike = sheet.contrast("similarity")
    strength = alike.strength(0.5, sign=1)
    if strength == "none":
        said = (
            f"Patches here and there vary no more alike than permuted pixels ({alike}): no kernel to share over places."
        )
    else:
        said = (
            f"Patches here and there vary more alike than permuted pixels ({alike}): {strength} evidence for kernels "
            "that are shared over places."
        )
    shown = against(np.sort(by_place)[::-1], np.tile(draws[:, None], len(by_place)))
    return sheet.conclude("similarity", strength, said, x=np.arange(1, len(by_place) + 1), **shown)


def pixels(data: Data, rng: np.random.Generator, sheet: Sheet, most: int) -> Array:
    """At most so many images, (N, H, W)."""
    images = data["images"]
    chosen, sheet.sample = choose(rng, len(images), most, "images")
    height, width = images.shape[-2:]
    if len(chosen) < 2 or height < 3 or width < 3:
        raise NotApplicable(f"{sheet.probe} needs at least two images of at least 3 x 3 pixels.")
    top, left = max(0, height - SIDE) // 2, max(0, width - SIDE) // 2
    if top or left:
        sheet.sample += f", the middle {min(height, SIDE)} x {min(width, SIDE)} pixels"
    found = images[chosen, ..., top : top + SIDE, left : left + SIDE]
    return found if found.ndim == 3 else np.asarray(found.mean(axis=1))


def _covariances(images: Array) -> tuple[Array, Array]:
    """C (P, P), times N, and the grid (H, W) of the numbers that the pixels have in C."""
    flat = images.reshape(len(images), -1)
    C, mean = np.zeros((flat.shape[1],) * 2), flat.mean(axis=0, dtype=np.float64)
    for start in range(0, len(flat), CHUNK):
        deviation = flat[start : start + CHUNK] - mean
        C += deviation.T @ deviation
    if not C.any():
        raise NotApplicable("These images are all the same; there is nothing to measure.")
    return C, np.arange(flat.shape[1]).reshape(images.shape[1:])


def _permutations(grid: Array, rng: np.random.Generator) -> list[Array]:
    return [rng.permutation(grid.ravel()).reshape(grid.shape) for _ in range(PERMUTATIONS)]


def _correlation(C: Array, grid: Array, down: int, right: int) -> float:
    here, there = grid[: len(grid) - down, : grid.shape[1] - right], grid[down:, right:]
    variances = C[here, here].sum() * C[there, there].sum()
    return float(C[here, there].sum() / np.sqrt(variances)) if variances > 0 else 0.0


def _from_neighbours(C: Array, grid: Array) -> float:
    """R² = bᵀ A⁻¹ b / v: A covariances of the four neighbours, b theirs with the pixel, v its variance, over places."""
    centre = grid[1:-1, 1:-1]
    around = [grid[:-2, 1:-1], grid[2:, 1:-1], grid[1:-1, :-2], grid[1:-1, 2:]]
    A = np.array([[C[one, other].sum() for other in around] for one in around])
    b = np.array([C[one, centre].sum() for one in around])
    v = C[centre, centre].sum()
    return float(b @ np.linalg.lstsq(A, b, rcond=None)[0] / v) if v > 0 else 0.0


def _similarities(C: Array, grid: Array, side: int) -> Array:
    """For each place where something varies, the mean correlation of its patch's covariances with those elsewhere."""
    rows, columns = grid.shape[0] // side, grid.shape[1] // side
    patches = (
        grid[: rows * side, : columns * side].reshape(rows, side, columns, side).swapaxes(1, 2).reshape(-1, side**2)
    )
    one, other = np.triu_indices(side**2, 1)
    within = C[patches[:, one], patches[:, other]]  # (places, pairs)
    within = within[np.ptp(within, axis=1) > 0]
    if len(within) < 2:
        return np.zeros(1)
    correlations = np.corrcoef(within)
    return np.asarray((correlations.sum(axis=1) - 1) / (len(within) - 1))


def _probe(run: Run, title: str, x: str, y: str, form: Form = "curve") -> Probe:
    return Probe(("images",), ("images",), run, Sketch(title, x, y, "pixels permuted", form))


PROBES = {
    "pixel_correlation": _probe(
        pixel_correlation, "How alike are pixels some distance apart?", "distance in a row (pixels)", "correlation"
    ),
    "pixel_order": _probe(pixel_order, "What do four neighbours tell of a pixel?", "", "share of variance", "bars"),
    "stationarity": _probe(
        stationarity, "Is one place like another?", "place, the most typical first", "similarity with the others"
    ),
}
