"""Convolutional networks: one like LeNet-5, and the residual network of 20 layers for small images."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from core.activations import relu
from core.batch_norm import BatchNorm
from core.containers import Sequential
from core.conv import Conv2d
from core.dense import Linear
from core.init import he_normal
from core.layer import Array, Backward, Layer
from core.losses import softmax_cross_entropy
from core.pooling import avg_pool2d, max_pool2d
from firsthand.bench.twins import Twins
from firsthand.bench.workload import Draw, Pair, Pass, Workload


def flatten(x: Array) -> tuple[Array, Backward]:
    shape = x.shape
    return x.reshape(len(x), -1), lambda dy: dy.reshape(shape)


def halve(x: Array) -> tuple[Array, Backward]:
    return max_pool2d(x, 2)


def classifier(draw: Draw, model: Layer, image: tuple[int, ...], batch: int, twin: Callable[[Twins], Any]) -> Pair:
    """The training step that both networks have; `twin` makes the network in PyTorch."""
    x, labels = draw.normal(batch, *image), draw.labels(10, batch)

    def ours() -> None:
        logits, backward = model(x)
        _, backward_loss = softmax_cross_entropy(logits, labels)
        backward(backward_loss())

    def theirs(t: Twins) -> list[Pass]:
        net, tx, t_labels = twin(t), t.array(x), t.array(labels)
        return [lambda: t.F.cross_entropy(net(tx), t_labels).backward()]

    return Pair([model], [ours], theirs, "momentum")


def lenet(draw: Draw, batch: int) -> Pair:
    rng, init = draw.rng, he_normal
    c1, c2 = Conv2d(1, 6, 5, padding=2, rng=rng, init=init, of_data=True), Conv2d(6, 16, 5, rng=rng, init=init)
    f1, f2, f3 = (Linear(i, o, rng=rng, init=init) for i, o in ((400, 120), (120, 84), (84, 10)))
    model = Sequential(c1, relu, halve, c2, relu, halve, flatten, f1, relu, f2, relu, f3)

    def twin(t: Twins) -> Any:
        nn, a, b, c, d, e = t.nn, t.conv(c1), t.conv(c2), t.linear(f1), t.linear(f2), t.linear(f3)
        maps = (a, nn.ReLU(), nn.MaxPool2d(2), b, nn.ReLU(), nn.MaxPool2d(2), nn.Flatten())
        return nn.Sequential(*maps, c, nn.ReLU(), d, nn.ReLU(), e)

    return classifier(draw, model, (1, 28, 28), batch, twin)


class Block(Layer):
    """y = relu(shortcut(x) + f(x)), f = norm conv relu norm conv; a shortcut that changes the shape drops every other
    pixel and adds maps of zeros (He et al. 2015, section 4.2, option A)."""

    def __init__(self, c_in: int, c_out: int, rng: np.random.Generator) -> None:
        self.stride, self.extra = (1 if c_in == c_out else 2), c_out - c_in
        self.conv1 = Conv2d(c_in, c_out, 3, stride=self.stride, padding=1, bias=False, rng=rng, init=he_normal)
        self.conv2 = Conv2d(c_out, c_out, 3, padding=1, bias=False, rng=rng, init=he_normal)
        self.norm1, self.norm2 = BatchNorm(c_out), BatchNorm(c_out)

    def __call__(self, x: Array) -> tuple[Array, Backward]:
        f, backward_f = Sequential(self.conv1, self.norm1, relu, self.conv2, self.norm2)(x)
        first, C, s = self.extra // 2, x.shape[1], self.stride
        f[:, first : first + C] += x[:, :, ::s, ::s]
        y, backward_relu = relu(f)

        def backward(dy: Array) -> Array:
            df = backward_relu(dy)  # y = relu(f + shortcut)
            dx: Array = backward_f(df)  # f = f(x)
            dx[:, :, ::s, ::s] += df[:, first : first + C]  # the shortcut: the pixels that it kept
            return dx

        return y, backward


def resnet(draw: Draw, widths: Sequence[int], blocks: int, image: int, batch: int) -> Pair:
    rng = draw.rng
    conv = Conv2d(3, widths[0], 3, padding=1, bias=False, rng=rng, init=he_normal, of_data=True)
    norm, last = BatchNorm(widths[0]), Linear(widths[-1], 10, rng=rng)
    channels = [widths[0], *(width for width in widths for _ in range(blocks))]
    body = [Block(c_in, c_out, rng) for c_in, c_out in pairwise(channels)]
    side = image >> (len(widths) - 1)
    model = Sequential(conv, norm, relu, *body, lambda x: avg_pool2d(x, side), flatten, last)

    def twin(t: Twins) -> Any:
        def block(b: Block) -> Callable[[Any], Any]:
            conv1, norm1, conv2, norm2 = t.conv(b.conv1), t.norm(b.norm1), t.conv(b.conv2), t.norm(b.norm2)
            s, first = b.stride, b.extra // 2

            def run(x: Any) -> Any:
                f = norm2(conv2(t.F.relu(norm1(conv1(x)))))
                if s > 1:
                    x = t.F.pad(x[:, :, ::s, ::s], (0, 0, 0, 0, first, b.extra - first))
                return t.F.relu(f + x)

            return run

        stem = t.nn.Sequential(t.conv(conv), t.norm(norm), t.nn.ReLU())
        head = t.nn.Sequential(t.nn.AvgPool2d(side), t.nn.Flatten(), t.linear(last))
        tower = [block(b) for b in body]

        def net(x: Any) -> Any:
            x = stem(x)
            for run in tower:
                x = run(x)
            return head(x)

        return net

    return classifier(draw, model, (3, image, image), batch, twin)


WORKLOADS = [
    Workload("lenet-64", "LeNet-like, 28x28, batch 64, momentum", lenet, {"batch": 64}, {"batch": 3}),
    Workload("lenet-256", "LeNet-like, 28x28, batch 256, momentum", lenet, {"batch": 256}, {"batch": 2}),
    Workload(
        "resnet-20",
        "ResNet-20, 3x32x32, batch 64, momentum",
        resnet,
        {"widths": (16, 32, 64), "blocks": 3, "image": 32, "batch": 64},
        {"widths": (4, 7, 9), "blocks": 2, "image": 12, "batch": 3},
    ),
]
