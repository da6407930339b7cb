"""The mathematics of deep learning in NumPy, with every gradient derived by hand."""

import sys

import numpy as np

from core.activations import relu, scaled_tanh, sigmoid, softmax, tanh
from core.check import GradientError, check_layer
from core.containers import Residual, Sequential, predict
from core.conv import Conv2d, conv2d, pad2d
from core.cost import Cost, cost
from core.dense import Linear
from core.init import glorot_uniform, he_normal, lecun_normal, uniform_fan_in
from core.layer import Array, Backward, Layer, Param, evaluation_copy, observe
from core.losses import softmax_cross_entropy, squared_error
from core.optim import SGD
from core.pooling import Subsample, avg_pool2d, max_pool2d, sum_pool2d
from core.state import load, save

__all__ = [
    "SGD",
    "Array",
    "Backward",
    "Conv2d",
    "Cost",
    "GradientError",
    "Layer",
    "Linear",
    "Param",
    "Residual",
    "Sequential",
    "Subsample",
    "avg_pool2d",
    "check_layer",
    "conv2d",
    "cost",
    "evaluation_copy",
    "glorot_uniform",
    "he_normal",
    "lecun_normal",
    "load",
    "max_pool2d",
    "observe",
    "pad2d",
    "predict",
    "relu",
    "save",
    "scaled_tanh",
    "sigmoid",
    "softmax",
    "softmax_cross_entropy",
    "squared_error",
    "sum_pool2d",
    "tanh",
    "uniform_fan_in",
]

# Prime the allocator. On Linux, glibc serves blocks above a threshold (at first 128 KiB) straight from the system and
# returns them at once, so that every temporary of that size costs its page faults again: x + 1 on 1 MB takes ten times
# as long. Freeing one large block raises the threshold to its size, at most 32 MiB.
if sys.platform == "linux":
    np.empty(31 << 20, np.uint8)
