"""Threads: the same bits with any number of them, only when asked for, and without them where there are none."""

import subprocess
import sys
import threading
from collections.abc import Sequence

import numpy as np
import pytest

import core.batch_norm
import core.columns
from core import BatchNorm, Conv1d, Conv2d, ConvTranspose2d, GroupNorm, Layer, threads
from core.threads import parts, share
from tests.core.helpers import normal, seeded

LAYERS = [
    (Conv2d(3, 4, 3, padding=1, rng=seeded()), (13, 3, 6, 7)),
    (Conv2d(3, 4, 3, stride=2, padding=1, rng=seeded()), (13, 3, 6, 7)),
    (Conv2d(3, 4, 1, rng=seeded()), (13, 3, 6, 7)),
    (Conv1d(3, 4, 3, padding=1, rng=seeded()), (13, 3, 9)),
    (ConvTranspose2d(3, 4, 2, stride=2, rng=seeded()), (13, 3, 6, 7)),
    (BatchNorm(3), (13, 3, 6, 7)),
    (BatchNorm(3).eval(), (13, 3, 6, 7)),
    (BatchNorm(3), (13, 3)),
    (GroupNorm(3, 6), (13, 6, 5, 7)),
]


def who(items: Sequence[int]) -> list[tuple[int, int]]:
    return [(item, threading.get_ident()) for item in items]


@pytest.fixture
def no_new_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)


@pytest.mark.parametrize(("layer", "shape"), LAYERS)
def test_the_same_bits(layer: Layer, shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core.columns, "BLOCK_BYTES", 1)  # every image is a block
    monkeypatch.setattr(core.batch_norm, "BLOCK_BYTES", 1)
    x = normal(*shape).astype(np.float32)
    results = []
    for count in (1, 2, 3, 20):
        layer.astype(np.float32).zero_grad()
        with threads(count):
            y, backward = layer(x)
            dx = backward(normal(*y.shape, seed=1).astype(np.float32))
        results.append([y, dx, *(p.grad for _, p in layer.named_params())])
    for others in results[1:]:
        for a, b in zip(results[0], others, strict=True):
            np.testing.assert_array_equal(a, b)


def test_work_is_shared_only_inside() -> None:
    me = threading.get_ident()
    alone = [(item, me) for item in range(5)]
    assert share(who, range(5)) == alone
    with threads(2):
        shared = share(who, range(5))
        with threads(1):
            assert share(who, range(5)) == alone
        assert share(who, range(1)) == alone[:1]  # nothing to share
    assert [item for item, _ in shared] == list(range(5))
    assert len({thread for _, thread in shared}) == 2
    assert share(who, range(5)) == alone


def test_where_no_thread_can_be_started(no_new_threads: None) -> None:
    with threads(3):
        assert share(who, range(5)) == [(item, threading.get_ident()) for item in range(5)]


def test_none_is_started_on_import() -> None:
    code = "import threading, core; assert threading.active_count() == 1"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_errors_come_out() -> None:
    def work(items: Sequence[int]) -> list[int]:
        return [1 // (4 - item) for item in items]

    with threads(2), pytest.raises(ZeroDivisionError):
        share(work, range(5))


def test_errstate_goes_along() -> None:
    with threads(2), np.errstate(over="raise"):
        states = share(lambda items: [np.geterr()["over"] for _ in items], range(4))
    assert states == ["raise"] * 4


def test_parts() -> None:
    assert [list(part) for part in parts(range(7), 3)] == [[0, 1], [2, 3], [4, 5, 6]]
    assert [list(part) for part in parts(range(2), 5)] == [[0], [1]]
    assert parts(range(0), 2) == []


def test_refusals() -> None:
    for count in (0, -1, 1.5, True):
        with pytest.raises(ValueError, match=r"threads: count is .*, expected a whole number"), threads(count):
            pass
