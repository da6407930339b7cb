"""Saving and loading: resuming bit for bit, and every way in which a file can be wrong."""

import numpy as np
import pytest

import core.state
from core import SGD, Layer, Linear, Momentum, Sequential, load, save, softmax_cross_entropy, tanh
from tests.core.helpers import normal, seeded
from tests.core.test_layer import Dropout


def model(hidden: int = 5) -> Sequential:
    rng = seeded()
    return Sequential(Linear(4, hidden, rng=rng), tanh, drop=Dropout(rng=rng), out=Linear(hidden, 3, rng=rng))


def train(net: Sequential, optimiser: SGD, steps: int) -> None:
    x, labels = normal(8, 4).astype(np.float32), np.arange(8) % 3
    for _ in range(steps):
        y, backward = net(x)
        _, backward_loss = softmax_cross_entropy(y, labels)
        backward(backward_loss())
        optimiser.step()


def everything(net: Layer, optimiser: SGD) -> dict:
    return core.state._entries(net, optimiser)


def same(a: dict, b: dict) -> None:
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_array_equal(a[name], b[name])


def test_fifty_steps_saved_and_fifty_more_are_a_hundred(tmp_path) -> None:
    straight = model()
    optimiser = Momentum(straight, 0.1, 0.9)
    train(straight, optimiser, 100)

    first = model()
    first_optimiser = Momentum(first, 0.1, 0.9)
    train(first, first_optimiser, 50)
    save(tmp_path / "half.npz", first, first_optimiser, epoch=50, note="half way")

    second = model()
    second["drop"].rng.random(7)  # whatever state it is in
    second_optimiser = Momentum(second, 0.3, 0.9)
    extra = load(tmp_path / "half.npz", second, second_optimiser)
    assert (int(extra["epoch"]), str(extra["note"])) == (50, "half way")
    train(second, second_optimiser, 50)
    same(everything(straight, optimiser), everything(second, second_optimiser))
    assert second["drop"].calls == 100


def test_every_kind_of_generator(tmp_path) -> None:
    for kind in (np.random.PCG64, np.random.MT19937, np.random.Philox, np.random.SFC64, np.random.PCG64DXSM):
        a, b = (Dropout(rng=np.random.Generator(kind(seed))) for seed in (1, 2))
        a.rng.integers(0, 9, 3, dtype=np.uint8)
        save(tmp_path / "a.npz", a)
        load(tmp_path / "a.npz", b)
        np.testing.assert_array_equal(a.rng.random(5), b.rng.random(5))


def test_without_optimiser_the_slots_are_left_alone(tmp_path) -> None:
    net = model()
    save(tmp_path / "a.npz", net, Momentum(net, 0.1, 0.9))
    load(tmp_path / "a.npz", model())


def test_loading_sets_grads_to_zero(tmp_path) -> None:
    net = model()
    save(tmp_path / "a.npz", net)
    net[0].W.grad += 1
    load(tmp_path / "a.npz", net)
    assert not net[0].W.grad.any()


def refused(path, net: Layer, optimiser: SGD | None, words: str) -> None:
    """Loading raises, says why, and changes nothing."""
    before = {name: np.copy(array) for name, array in core.state._entries(net, optimiser).items()}
    with pytest.raises(ValueError, match=words):
        load(path, net, optimiser)
    same(before, core.state._entries(net, optimiser))


def test_what_does_not_fit_is_listed_and_changes_nothing(tmp_path) -> None:
    path, net = tmp_path / "a.npz", model()
    train(net, optimiser := Momentum(net, 0.1, 0.9), 3)
    save(path, net, optimiser)

    other = model()
    other.layers["extra"] = other.layers.pop("out")
    refused(
        path, other, None, r"missing: param/extra\.W; missing: param/extra\.b; unexpected: param/out\.W; unexpected"
    )

    wide = model(hidden=6)
    words = (
        r"param/0\.W: float32 \(4, 5\) in the file, float32 \(4, 6\) in the model; .*velocity\.out\.W: float32 \(5, 3\)"
    )
    refused(path, wide, Momentum(wide, 0.1, 0.9), words)

    double = model().astype(np.float64)
    refused(path, double, None, r"param/0\.W: float32 \(4, 5\) in the file, float64 \(4, 5\) in the model")

    plain = model()
    refused(path, plain, SGD(plain, 0.1), r"unexpected: optimiser/velocity\.0\.W")
    save(path, net)
    refused(path, plain, SGD(plain, 0.1), r"missing: optimiser/steps")

    twister = model()
    twister["drop"].rng = np.random.Generator(np.random.MT19937(0))
    refused(path, twister, None, r"generator/drop\.rng: not a state of MT19937")


def test_no_file_is_a_file_not_found(tmp_path) -> None:
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "nowhere.npz", model())


def test_a_damaged_file_is_named(tmp_path) -> None:
    path, net = tmp_path / "a.npz", model()
    save(path, net, Momentum(net, 0.1, 0.9))
    content = path.read_bytes()
    for length in [*range(0, len(content), 397), len(content) - 1]:
        path.write_bytes(content[:length])
        refused(path, net, None, r"load: .*a\.npz is damaged or not an \.npz file")
    np.save(tmp_path / "array.npy", np.zeros(3))
    refused(tmp_path / "array.npy", net, None, r"array\.npy is damaged or not an \.npz file")
    np.savez(path, a=np.array([{"pickled": 1}], dtype=object))
    refused(path, net, None, r"a\.npz is damaged or not an \.npz file")


def test_a_flipped_byte_is_found_or_harmless(tmp_path) -> None:
    path, net = tmp_path / "a.npz", model()
    save(path, net)
    content = path.read_bytes()
    for place in range(0, len(content), 61):
        path.write_bytes(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
        twin = model()
        try:
            load(path, twin)
        except ValueError:
            continue
        same(core.state._entries(net, None), core.state._entries(twin, None))


def test_a_save_that_fails_leaves_the_old_file(tmp_path, monkeypatch) -> None:
    path, net = tmp_path / "a.npz", model()
    save(path, net)
    content = path.read_bytes()

    def full(file, **arrays) -> None:
        file.write(b"half of it")
        raise OSError("no space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="no space"):
        save(path, net)
    assert path.read_bytes() == content
    assert [p.name for p in tmp_path.iterdir()] == ["a.npz"]


def test_extra_must_be_numbers_or_text(tmp_path) -> None:
    with pytest.raises(ValueError, match=r"save: settings is .* expected numbers, text"):
        save(tmp_path / "a.npz", model(), settings={"rate": 0.1})
    assert list(tmp_path.iterdir()) == []
