"""The mathematics of deep learning in NumPy, with every gradient derived by hand."""

import ctypes
import platform
import sys

from core.activations import relu, scaled_tanh, sigmoid, softmax, tanh
from core.adapters import Output, SelfAttention
from core.adaptive import Adagrad, Adam, AdamW, AMSGrad, RMSProp
from core.additive import AdditiveAttention
from core.attention import MultiHeadAttention, attention, causal_mask, padding_mask
from core.batch_norm import BatchNorm, GroupNorm
from core.check import GradientError, check_layer
from core.containers import Residual, Sequential, predict
from core.conv import Conv2d, conv2d, pad2d
from core.conv_transpose import Conv1d, ConvTranspose2d
from core.cost import Cost, cost
from core.dense import Linear
from core.dropout import Dropout
from core.embedding import Embedding
from core.gated import GRU, LSTM
from core.gelu import gelu, gelu_tanh, silu
from core.init import glorot_uniform, he_normal, lecun_normal, orthogonal, uniform_fan_in
from core.layer import Array, Backward, Layer, Param, evaluation_copy
from core.losses import binary_cross_entropy, kl_divergence, softmax_cross_entropy
from core.nonlinearities import PReLU, elu, leaky_relu, log_softmax, selu, softplus, softsign
from core.normalisation import LayerNorm, RMSNorm
from core.optim import SGD, Momentum, Nesterov, Optimiser, clip_by_norm
from core.pooling import AvgPool2d, GlobalAvgPool, MaxPool2d, Subsample, avg_pool2d, max_pool2d, sum_pool2d
from core.positions import rotary, sinusoidal
from core.probe import Probe
from core.recurrent import GRUCell, LSTMCell, RNNCell
from core.regression import gaussian_kl, gaussian_nll, huber, mae, mse, squared_error
from core.schedules import constant, cosine, staircase, transformer, warm_up
from core.sequence import RNN, Bidirectional
from core.state import load, save
from core.threads import threads
from core.watch import watch

# Let the allocator keep what is freed. On Linux, glibc serves blocks above a threshold (at first 128 KiB) straight from
# the system and returns them at once, and it returns the end of its heap as well. Every temporary, and every activation
# that is kept until the backward pass, then costs its page faults again: x + 1 on 1 MB takes ten times as long.
if sys.platform == "linux" and platform.libc_ver()[0] == "glibc":
    ctypes.CDLL(None).mallopt(-3, 32 << 20)  # M_MMAP_THRESHOLD: the largest that it takes
    ctypes.CDLL(None).mallopt(-1, 1 << 30)  # M_TRIM_THRESHOLD: what may lie free at the end of the heap
