"""LeNet-5 (1998), the zip-code network (1989), a LeNet for 8 x 8 digits, and the dense networks beside them."""

import numpy as np

from core.activations import relu, scaled_tanh
from core.containers import Sequential
from core.conv import Conv2d, pad2d
from core.dense import Linear
from core.init import he_normal, lecun_normal, uniform_fan_in
from core.layer import Array, Backward, Layer
from core.pooling import Subsample

from .codes import digit_codes
from .layers import EuclideanUnits, LocalConv2d, OnePlace, Table, TableConv2d

# 1998, table I: the maps of S2 that each map of C3 sees.
TABLE_I: Table = (
    (0, 1, 2),
    (1, 2, 3),
    (2, 3, 4),
    (3, 4, 5),
    (0, 4, 5),
    (0, 1, 5),
    (0, 1, 2, 3),
    (1, 2, 3, 4),
    (2, 3, 4, 5),
    (0, 3, 4, 5),
    (0, 1, 4, 5),
    (0, 1, 2, 5),
    (0, 1, 3, 4),
    (1, 2, 4, 5),
    (0, 2, 3, 5),
    (0, 1, 2, 3, 4, 5),
)
EVERY_MAP: Table = (tuple(range(6)),) * 16
# 1989: each map of H2 sees 8 of the 12 maps of H1. Which, the paper does not say: these blocks are ours.
H1: Table = ((0,),) * 12
EIGHT_OF_TWELVE: Table = ((*range(8),),) * 4 + ((*range(4, 12),),) * 4 + ((*range(4), *range(8, 12)),) * 4
ALL_TWELVE: Table = ((*range(12),),) * 12

inverse_fan_in = uniform_fan_in(2.4)  # U(-2.4 / F, 2.4 / F)


def rows(x: Array) -> tuple[Array, Backward]:
    """Maps (N, C, H, W) as rows (N, C H W)."""
    shape = x.shape
    return x.reshape(len(x), -1), lambda dy: dy.reshape(shape)


def places(x: Array) -> tuple[Array, Backward]:
    """Maps (N, C, H, W) as one row for each place (N, H, W, C), for layers that work along the last axis."""
    return x.transpose(0, 2, 3, 1), lambda dy: dy.transpose(0, 3, 1, 2)


def background(x: Array) -> tuple[Array, Backward]:
    """Two pixels of background, -1, on every side (1989, section 3.3)."""
    return pad2d(x, 2, value=-1.0)


def lenet5(rng: np.random.Generator, table: Table = TABLE_I, sums: bool = True) -> Sequential:
    """The network of 1998, section II-B: images (N, 1, 32, 32) to penalties (N, 10), of which the smallest answers.

    Without `sums`, S2 and S4 keep one place of each window: an ablation."""
    subsample = Subsample if sums else OnePlace
    return Sequential(
        C1=Conv2d(1, 6, 5, rng=rng, init=inverse_fan_in),
        f1=scaled_tanh,  # (N, 6, 28, 28)
        S2=subsample(6, rng=rng, init=inverse_fan_in),
        f2=scaled_tanh,  # (N, 6, 14, 14)
        C3=TableConv2d(table, 5, rng=rng, init=inverse_fan_in),
        f3=scaled_tanh,  # (N, 16, 10, 10)
        S4=subsample(16, rng=rng, init=inverse_fan_in),
        f4=scaled_tanh,  # (N, 16, 5, 5)
        C5=Conv2d(16, 120, 5, rng=rng, init=inverse_fan_in),
        f5=scaled_tanh,  # (N, 120, 1, 1)
        rows=rows,
        F6=Linear(120, 84, rng=rng, init=inverse_fan_in),
        f6=scaled_tanh,  # (N, 84)
        output=EuclideanUnits(digit_codes()),  # (N, 10)
    )


def slide(network: Sequential) -> Sequential:
    """The same layers for inputs of any size: C5 and what follows become convolutions (1998, section VII).

    Images (N, 1, H, W) to penalties (N, H', W', 10), one row for each 32 x 32 window, 4 pixels apart.
    """
    return Sequential(**{name: places if name == "rows" else layer for name, layer in network.layers.items()})


def zip_network(
    rng: np.random.Generator,
    *,
    wiring: Table = EIGHT_OF_TWELVE,
    unit_biases: bool = True,
    own_kernels: bool = False,
    h3: int = 30,
) -> Sequential:
    """The network of 1989, section 3.3: images (N, 1, 16, 16) to outputs (N, 10), of which the largest answers."""

    def convolution(table: Table, size: tuple[int, int]) -> Layer:
        if own_kernels:
            return LocalConv2d(table, 5, stride=2, size=size, rng=rng, init=inverse_fan_in)
        biases = size if unit_biases else (1, 1)
        return TableConv2d(table, 5, stride=2, unit_biases=biases, rng=rng, init=inverse_fan_in)

    return Sequential(
        border1=background,
        H1=convolution(H1, (8, 8)),
        f1=scaled_tanh,  # (N, 12, 8, 8)
        border2=background,
        H2=convolution(wiring, (4, 4)),
        f2=scaled_tanh,  # (N, 12, 4, 4)
        rows=rows,
        H3=Linear(192, h3, rng=rng, init=inverse_fan_in),
        f3=scaled_tanh,  # (N, 30)
        output=Linear(h3, 10, rng=rng, init=inverse_fan_in),
        f4=scaled_tanh,  # (N, 10)
    )


def small_lenet(rng: np.random.Generator) -> Sequential:
    """LeNet-5 cut down to 8 x 8 digits in a frame of 10 x 10: 3 x 3 kernels, one sub-sampling, 40 units in C5."""
    return Sequential(
        C1=Conv2d(1, 6, 3, rng=rng, init=inverse_fan_in),
        f1=scaled_tanh,  # (N, 6, 8, 8)
        S2=Subsample(6, rng=rng, init=inverse_fan_in),
        f2=scaled_tanh,  # (N, 6, 4, 4)
        C3=TableConv2d(TABLE_I, 3, rng=rng, init=inverse_fan_in),
        f3=scaled_tanh,  # (N, 16, 2, 2)
        C5=Conv2d(16, 40, 2, rng=rng, init=inverse_fan_in),
        f5=scaled_tanh,  # (N, 40, 1, 1)
        rows=rows,
        F6=Linear(40, 84, rng=rng, init=inverse_fan_in),
        f6=scaled_tanh,  # (N, 84)
        output=EuclideanUnits(digit_codes()),  # (N, 10)
    )


def dense_300(rng: np.random.Generator, inputs: int) -> Sequential:
    """One hidden layer of 300 squashed units, as in the comparison of 1998, with softmax outputs: (N, 10) scores."""
    return Sequential(
        rows=rows,
        hidden=Linear(inputs, 300, rng=rng, init=lecun_normal),
        f=scaled_tanh,
        output=Linear(300, 10, rng=rng, init=lecun_normal),
    )


def dense_relu(rng: np.random.Generator, inputs: int) -> Sequential:
    """Two hidden layers of 256 rectified units with softmax outputs: a strong dense opponent, (N, 10) scores."""
    return Sequential(
        rows=rows,
        hidden1=Linear(inputs, 256, rng=rng, init=he_normal),
        f1=relu,
        hidden2=Linear(256, 256, rng=rng, init=he_normal),
        f2=relu,
        output=Linear(256, 10, rng=rng, init=he_normal),
    )
