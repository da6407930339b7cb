"""Whatever is handed over is measured, or refused with one sentence."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from firsthand.errors import FirsthandError
from firsthand.probes import KINDS, PROBES, Kind, NotApplicable, recognise, run
from firsthand.probes.arrays import NAMES

EDGES = np.array([[0, 1], [1, 2], [2, 3]])
NAN = np.ones((3, 4, 5))
NAN[1, 2, 3] = np.nan


@pytest.mark.parametrize(
    ("kind", "arrays", "message"),
    [
        ("images", {}, "images need an array images or train_images or x; there is none: store"),
        ("images", {"images": NAN}, "here: images[1, 2, 3] is nan; remove"),
        ("images", {"images": np.ones((2, 3, 3))}, "holds nothing but 1.0"),
        ("images", {"images": np.ones((2, 3))}, "must have the shape (N, H, W), or"),
        ("images", {"images": np.ones((2, 32, 32, 3))}, "but has (2, 32, 32, 3); numpy.moveaxis"),
        ("images", {"x": np.arange(18).reshape(2, 3, 3), "y": [1, 2, 3]}, "there are 3 labels for 2 examples"),
        ("images", {"images": np.zeros((0, 3, 3))}, "is empty, with the shape (0, 3, 3)"),
        ("images", {"images": np.array([[["a"]]])}, "must hold real numbers, but holds <U1"),
        ("table", {"table": np.array([[1, None]], object)}, "must hold real numbers, but holds object"),
        ("table", {"table": np.array([[1j, 2]])}, "must hold real numbers, but holds complex128"),
        ("table", {"table": np.array([[1e200, 2]])}, "is as large as 1e+200; rescale it"),
        ("table", {"table": np.array([[1e-200, 0]])}, "is as large as 1e-200; rescale it"),
        ("sequences", {"series": np.arange(9), "labels": np.ones(9)}, "there are 9 labels for 0 examples"),
        ("sequences", {"series": np.array([0, np.inf])}, "here: series[1] is inf"),
        ("text", {"tokens": np.array([0.5])}, "must hold whole numbers, but holds float64"),
        ("graphs", {"edges": EDGES.T}, "edges must have the shape (E, 2), but has (2, 3)"),
        ("graphs", {"edges": EDGES.astype(float)}, "must hold whole numbers"),
        ("graphs", {"edges": EDGES, "labels": [0, 1]}, "edges[1] is [1, 2], but the nodes are 0 to 1"),
        ("graphs", {"edges": EDGES - 1}, "edges[0] is [-1, 0]"),
        ("graphs", {"edges": [[0, 1], [2, 2]]}, "edges[1] is [2, 2], which joins a node to itself"),
        ("graphs", {"edges": [[0, 1], [1, 0]]}, "holds an edge twice"),
        ("graphs", {"edges": EDGES, "feature_indptr": [0, 1]}, "go together"),
        ("graphs", {"edges": EDGES, "feature_indptr": [0, 2, 1, 2, 3], "feature_indices": [0, 1, 2]}, "must rise"),
        ("graphs", {"edges": EDGES, "labels": [0, 1, 2, 3, 4], "features": np.eye(4)}, "5 labels for 4 examples"),
        (None, {"x": np.eye(3)}, "do not tell what they are; call the first images, series,"),
        (None, {"images": np.eye(3), "series": np.eye(3)}, "could be images or sequences"),
    ],
)
def test_refusals(kind: Kind | None, arrays: dict[str, Any], message: str) -> None:
    with pytest.raises(FirsthandError) as caught:
        recognise(arrays, kind, "here")
    assert message in str(caught.value) and str(caught.value).startswith("here: ")


def test_what_arrays_may_be_called() -> None:
    images = np.arange(18.0).reshape(2, 3, 3)
    for names in (("images", "labels"), ("train_images", "train_labels"), ("x", "y")):
        data = recognise({names[0]: images, names[1]: ["a", "b"], "test_images": images}, "images")
        assert np.array_equal(data["images"], images) and data["labels"].tolist() == ["a", "b"]
    assert recognise({"train_images": images}).kind == "images"
    assert recognise({"edges": EDGES, "x": np.eye(4)}).has("examples")


NUMBERS = hnp.arrays(
    st.sampled_from([np.float64, np.float32, np.int64, np.uint8, np.bool_]),
    hnp.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=40).filter(lambda shape: math.prod(shape) < 4000),
    elements={"min_value": 0, "max_value": 100} | {"allow_nan": False},
    fill=st.just(1),
)


def arrays_of(drawn: st.DataObject, kind: Kind) -> dict[str, np.ndarray]:
    """Arrays of any shape and type under the names of a kind, or with luck the right ones."""
    rng = np.random.default_rng(drawn.draw(st.integers(0, 2**32)))
    size, wide = drawn.draw(st.integers(1, 60)), drawn.draw(st.integers(1, 9))
    levels = drawn.draw(st.sampled_from([2, 5, 1000]))
    scale = drawn.draw(st.sampled_from([1, 1e-9, 1e9]))
    table = rng.integers(levels, size=(size, wide)) * scale
    right = {
        "images": (rng.integers(levels, size=(size, wide, wide + 2)) * scale)[:, :, : drawn.draw(st.integers(1, 11))],
        "series": rng.integers(levels, size=(size, 40)) * scale if wide > 5 else rng.integers(levels, size=size * 9),
        "sets": table,
        "edges": np.unique(np.sort(rng.permuted(np.tile(np.arange(size + 1), (30, 1)), axis=1)[:, :2]), axis=0),
        "features": rng.random((size + 1, wide)),
        "table": table,
        "tokens": rng.integers(levels, size=size * 20),
        "counts": rng.integers(levels, size=(size, wide)),
        "labels": rng.integers(drawn.draw(st.integers(1, 4)), size=size + (kind == "graphs")),
    }
    names = drawn.draw(st.sets(st.sampled_from([name for name in NAMES[kind] if name in right]), min_size=1))
    found = {name: right[name] for name in names}
    if drawn.draw(st.booleans()):
        found[drawn.draw(st.sampled_from(list(NAMES[kind])))] = drawn.draw(NUMBERS)
    return found


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from(KINDS))
def test_anything_is_refused_or_measured_in_finite_numbers(drawn: st.DataObject, kind: Kind) -> None:
    try:
        data = recognise(arrays_of(drawn, kind), kind, "here")
    except FirsthandError as refusal:
        assert str(refusal).startswith("here: ") and "\n" not in str(refusal)
        return
    for name, probe in PROBES.items():
        try:
            found = run(name, data)
        except NotApplicable:
            continue
        assert kind in probe.kinds
        assert all(map(math.isfinite, found.measurements.values())), found
        assert all(math.isfinite(part) for null in found.null.values() for part in null), found
        assert all(np.isfinite(found.arrays[shown]).all() for shown in ("measured", "null_mean", "null_std"))
