"""The experiments that paper.yml names: each a function of (run, settings) that returns named measurements."""

from collections.abc import Callable
from typing import Any

import numpy as np

from core.activations import scaled_tanh
from core.containers import Sequential, predict
from core.cost import cost
from core.layer import Array, Layer
from core.losses import softmax_cross_entropy
from core.optim import SGD, Momentum, Optimiser
from core.pooling import Subsample
from core.regression import squared_error
from firsthand import Result, Run

from . import data
from . import model as networks
from .layers import LocalConv2d, TableConv2d, map_criterion
from .newton import DiagonalNewton
from .training import answers, train


def counts(run: Run, *, c3: str, wiring: str, biases: str, h3: int) -> Result:
    """Build both networks and count."""
    table = networks.EVERY_MAP if c3 == "full" else networks.TABLE_I
    lenet5 = cost(networks.lenet5(run.rng("weights"), table), (1, 32, 32))
    layers = [row for row in lenet5.rows if row.connections]
    zip_network = cost(
        networks.zip_network(
            run.rng("weights"),
            wiring=networks.ALL_TWELVE if wiring == "full" else networks.EIGHT_OF_TWELVE,
            unit_biases=biases == "one per unit",
            h3=h3,
        ),
        (1, 16, 16),
    )
    return Result(
        {
            "lenet5_parameters": lenet5.parameters,
            "lenet5_connections": lenet5.connections,
            "lenet5_multiply_adds": lenet5.multiply_adds,
            "lenet5_kept_bytes": lenet5.kept_bytes,
            "zip_units": zip_network.units,
            "zip_connections": zip_network.connections,
            "zip_parameters": zip_network.parameters,
        },
        {
            "layer_names": [row.name for row in layers],
            "layer_parameters": [row.parameters for row in layers],
            "layer_shapes": [
                "@".join((str(row.output_shape[0]), "x".join(map(str, row.output_shape[1:])))).rstrip("@")
                for row in layers
            ],
            "layer_connections": [row.connections for row in layers],
            "table": [[int(s2 in row) for row in table] for s2 in range(6)],
        },
    )


def wide_input(run: Run, *, crop_distance: int) -> Result:
    """LeNet-5 on a 32 x 36 input, against LeNet-5 on its left 32 x 32 crop and one `crop_distance` further right."""
    network = networks.lenet5(run.rng("weights")).astype(np.float64)
    x = run.rng("image").normal(size=(1, 1, 32, 36))
    wide = predict(networks.slide(network), x)[0, 0]  # (2, 10), one row for each place
    crops = np.concatenate([predict(network, x[..., left : left + 32]) for left in (0, crop_distance)])  # (2, 10)
    scale = np.abs(wide).max()
    return Result(
        {
            "difference": np.abs(wide - crops).max() / scale,
            "difference_same_crop": np.abs(wide - crops[[0, 0]]).max() / scale,
        }
    )


def shift(run: Run, *, stage: str, kernels: str, pixels: int) -> Result:
    """Shift, then apply the stage; against: apply the stage, then shift by as many of its own steps."""
    rng = run.rng("weights")
    convolution: Layer = TableConv2d(((0,),) * 6, 5, rng=rng, init=networks.inverse_fan_in)
    if kernels == "own":
        convolution = LocalConv2d(((0,),) * 6, 5, size=(28, 28), rng=rng, init=networks.inverse_fan_in)
    layers: list[Any] = [convolution, scaled_tanh]
    step = 1
    if stage == "sub-sampled":
        layers += [Subsample(6, rng=rng, init=networks.inverse_fan_in), scaled_tanh]
        step = 2
    network = Sequential(*layers).astype(np.float64)
    x = run.rng("image").normal(size=(1, 1, 32, 32))
    y = predict(network, x)
    after = predict(network, np.roll(x, pixels, axis=3))
    moved = round(pixels / step + 0.01)  # an odd shift before a step of two has no exact counterpart; take the next
    inner = slice(8, -8) if step == 1 else slice(4, -4)  # away from what the roll brought round
    scale = np.abs(y).max()
    return Result(
        {
            "difference": np.abs(after - np.roll(y, moved, axis=3))[..., inner].max() / scale,
            "difference_unmoved": np.abs(after - y)[..., inner].max() / scale,
        }
    )


def structure(run: Run, *, images: str, order: str) -> Result:
    """Correlations of pixels in a row after the mean image is removed, and nearest neighbours in raw pixels."""
    digits = data.load_mnist(run) if images == "mnist" else data.load_optdigits(run)
    train, test = digits.train_images, digits.test_images[:1000]
    if order == "permuted":
        permutation = run.rng("pixels").permutation(train[0].size)
        train, test = data.permute(train, permutation), data.permute(test, permutation)
    deviation = (train - train.mean(axis=0))[:, 0]  # (N, H, W)

    def correlation(distance: int) -> float:
        return float(np.corrcoef(deviation[:, :, :-distance].ravel(), deviation[:, :, distance:].ravel())[0, 1])

    known = train[:5000].reshape(len(train[:5000]), -1)

    def neighbour_error(images: Array) -> float:
        asked = images.reshape(len(images), -1)
        nearest = ((known * known).sum(axis=1) - 2 * asked @ known.T).argmin(axis=1)  # |a - k|^2 - |a|^2
        return float((digits.train_labels[nearest] != digits.test_labels[:1000]).mean())

    distances = range(1, 8)
    correlations = [correlation(distance) for distance in distances]
    return Result(
        {
            "correlation_1": correlations[0],
            "correlation_2": correlations[1],
            "correlation_4": correlations[3],
            "nn_error": neighbour_error(test),
            "nn_error_moved": float(np.mean([neighbour_error(data.moved(test, *by)) for by in data.DIRECTIONS])),
        },
        {"distances": distances, "correlations": correlations},
    )


def scaling(run: Run, *, scale: str) -> Result:
    """Mean and variance of the padded MNIST training images."""
    raw = data.frame(run.data("mnist")["train_images"] / np.float32(255), 32).astype(np.float64)
    scaled = raw
    if scale == "paper":
        scaled = data.paper_scale(raw)
    elif scale == "standardised":
        scaled = (raw - raw.mean()) / raw.std()
    return Result({"mean": scaled.mean(), "variance": scaled.var(), "raw_mean": raw.mean(), "raw_variance": raw.var()})


def digits(
    run: Run, *, model: str, pixels: str, labels: str, passes: float, batch: int, rates: dict[str, float]
) -> Result:
    """The small LeNet, or a dense network, on the embedded digits."""
    sets = _prepared(run, data.load_optdigits(run), pixels, labels)
    if model == "lenet":
        network, penalties = networks.small_lenet(run.rng("weights")), True
    else:
        network, penalties = networks.dense_300(run.rng("weights"), sets.train_images[0].size), False
    losses = _fit(run, network, penalties, sets.train_images, sets.train_labels, rates[model], passes, batch)
    read = answers(network, sets.test_images, smallest=penalties)
    missed = np.flatnonzero(read != sets.test_labels)
    return Result(
        {
            "test_error": len(missed) / len(read),
            "train_error": np.mean(answers(network, sets.train_images, smallest=penalties) != sets.train_labels),
            "train_loss": losses[-1],
            "majority_error": sets.majority_misses() / len(read),
        },
        {
            "losses": losses,
            "missed_images": sets.test_images[missed[:24], 0],
            "missed_read": read[missed[:24]],
            "missed_labels": sets.test_labels[missed[:24]],
        },
    )


def zip_code(
    run: Run, *, kernels: str, labels: str, images: int, passes: float, step: str, rates: dict[str, float]
) -> Result:
    """The 1989 network: one digit at a time, in the order of the file, at a fixed rate."""
    sets = _prepared(run, data.load_zip(run).first(images), "in place", labels)
    network = networks.zip_network(run.rng("weights"), own_kernels=kernels == "own")
    targets = np.where(np.eye(10, dtype=bool)[sets.train_labels], 1, -1).astype(np.float32)  # (N, 10), +1 and -1
    test_targets = np.where(np.eye(10, dtype=bool)[sets.test_labels], 1, -1)
    optimiser, before_pass = _step_rule(network, step, rates[step], sets.train_images[:500])
    curve: list[tuple[int, int]] = []
    for _ in train(
        run,
        network,
        squared_error,
        sets.train_images,
        targets,
        optimiser=optimiser,
        passes=passes,
        batch=1,
        before_pass=before_pass,
    ):
        train_y, test_y = (predict(network, x, batch_size=500) for x in (sets.train_images, sets.test_images))
        curve.append(
            (
                int((train_y.argmax(axis=1) != sets.train_labels).sum()),
                int((test_y.argmax(axis=1) != sets.test_labels).sum()),
            )
        )
    test_mse = float(np.mean((test_y - test_targets) ** 2))
    return Result(
        {
            "train_misses": curve[-1][0],
            "test_misses": curve[-1][1],
            "majority_misses": sets.majority_misses(),
            "test_mse": test_mse,
            "test_half_mse": test_mse / 2,
            "train_half_mse": float(np.mean((train_y - targets) ** 2)) / 2,
            "constant_half_mse": float(np.mean((targets.mean(axis=0) - test_targets) ** 2)) / 2,
        },
        {"train_misses": [train_misses for train_misses, _ in curve], "test_misses": [misses for _, misses in curve]},
    )


def mnist(
    run: Run, *, model: str, pixels: str, labels: str, images: int, passes: float, batch: int, rates: dict[str, float]
) -> Result:
    """LeNet-5, or a dense network, on all of MNIST."""
    sets = _prepared(run, data.load_mnist(run).first(images), "in place", labels)
    network, penalties = _network(run, model)
    see = np.arange(sets.train_images[0].size)
    if pixels == "permuted":
        see = run.rng("pixels").permutation(see)
    seen = data.permute(sets.train_images, see)
    losses = _fit(run, network, penalties, seen, sets.train_labels, rates[model], passes, batch)

    def error(images: Array, right: Array) -> float:
        return float((answers(network, data.permute(images, see), smallest=penalties) != right).mean())

    return Result(
        {
            "test_error": error(sets.test_images, sets.test_labels),
            "test_error_moved": float(
                np.mean([error(data.moved(sets.test_images, *by), sets.test_labels) for by in data.DIRECTIONS])
            ),
            "train_error": error(sets.train_images, sets.train_labels),
            "train_loss": losses[-1],
            "majority_error": sets.majority_misses() / len(sets.test_labels),
        },
        {"losses": losses, **({"kernels": network["C1"].W.data[:, 0]} if model == "lenet5" else {})},
    )


def _fit(
    run: Run, network: Sequential, penalties: bool, images: Array, labels: Array, rate: float, passes: float, batch: int
) -> list[float]:
    """Train as for MNIST: momentum, a rate that falls to zero, a new order in each pass. The mean loss of each pass."""
    criterion = map_criterion if penalties else softmax_cross_entropy
    optimiser = Momentum(network, rate, momentum=0.9)
    order = run.rng("order")
    return list(
        train(
            run,
            network,
            criterion,
            images,
            labels,
            optimiser=optimiser,
            passes=passes,
            batch=batch,
            order=order,
            falling=True,
        )
    )


def _step_rule(network: Sequential, step: str, rate: float, sample: Array) -> tuple[Optimiser, Callable[[], None]]:
    """Plain gradient steps, or the papers' own, whose curvature is measured on a sample before each pass."""
    if step == "plain":
        return SGD(network, rate), lambda: None
    newton = DiagonalNewton(network, rate, mu=0.02)
    return newton, lambda: newton.measure(sample, np.ones((len(sample), 10), np.float32))


def _network(run: Run, model: str) -> tuple[Sequential, bool]:
    """The network, and whether its outputs are penalties (the smallest answers)."""
    rng = run.rng("weights")
    if model in ("lenet5", "lenet5 without sums"):
        return networks.lenet5(rng, sums=model == "lenet5"), True
    build = {"dense relu": networks.dense_relu, "dense 300": networks.dense_300}[model]
    return build(rng, 32 * 32), False


def _prepared(run: Run, sets: data.Digits, pixels: str, labels: str) -> data.Digits:
    """The variants: labels shuffled (a control), pixels permuted alike in every image (an ablation)."""
    if labels == "shuffled":
        sets = sets.with_shuffled_labels(run.rng("labels"))
    if pixels == "permuted":
        order = run.rng("pixels").permutation(sets.train_images[0].size)
        sets = data.Digits(
            data.permute(sets.train_images, order),
            sets.train_labels,
            data.permute(sets.test_images, order),
            sets.test_labels,
        )
    return sets
