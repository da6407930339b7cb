"""Multiplications counted as they are done: arrays that note the size of every matrix product they take part in."""

import math
from typing import Any

import numpy as np

from core.layer import Array
from core.recurrent import LSTMCell, RNNCell


class Counted(np.ndarray[Any, Any]):
    """An array whose matrix products add their multiplications to a list that all its descendants share."""

    products: list[int]

    def __array_finalize__(self, parent: Any) -> None:
        self.products = getattr(parent, "products", [])

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = None, **settings: Any) -> Any:
        plain = [x.view(np.ndarray) if isinstance(x, Counted) else x for x in inputs]
        if out is not None:
            settings["out"] = tuple(x.view(np.ndarray) if isinstance(x, Counted) else x for x in out)
        result = getattr(ufunc, method)(*plain, **settings)
        if ufunc is np.matmul:
            self.products.append(result.size * plain[0].shape[-1])
        if out is not None:
            return out[0]
        counted = np.asarray(result).view(Counted)
        counted.products = self.products
        return counted


def counted(x: Array) -> Counted:
    """A view of x with a count of its own, at zero."""
    view = x.view(Counted)
    view.products = []
    return view


def multiplications(layer: str, n: int, d: int, k: int = 3) -> int:
    """Multiplications in the matrix products of one layer, for n positions of width d, forward.

    "attention": the softmax's products alone, the terms of table 1; "projected attention" with W_q, W_k, W_v and W_o;
    "simple recurrence" and "lstm", with the products by W and by U; "convolution" by a kernel of k, one product for
    each of its places.
    """
    rng = np.random.default_rng(0)  # the numbers do not matter
    x = counted(rng.normal(size=(1, n, d)).astype(np.float32))
    if layer == "attention":
        (x @ x.swapaxes(-1, -2)) @ x  # Q K^T, and the weights with V; core does the same in blocks
    elif layer == "projected attention":
        W_q, W_k, W_v, W_o = rng.normal(size=(4, d, d)).astype(np.float32)
        (((x @ W_q) @ (x @ W_k).swapaxes(-1, -2)) @ (x @ W_v)) @ W_o
    elif layer == "convolution":
        padded = counted(np.zeros((1, n + k - 1, d), np.float32))
        for W in rng.normal(size=(k, d, d)).astype(np.float32):  # one product for each place of the kernel
            padded[:, :n] @ W
        return sum(padded.products)
    else:
        cell: Any = LSTMCell(d, d, rng=rng) if layer == "lstm" else RNNCell(d, d, rng=rng)
        state: tuple[Any, ...] = tuple(np.zeros((1, d), np.float32).view(Counted) for _ in range(1 + (layer == "lstm")))
        for t in range(n):
            for part in state:
                part.products = x.products
            outputs, _ = cell(x[:, t], *state)
            state = outputs if isinstance(outputs, tuple) else (outputs,)
    return sum(x.products)


def exponent(sizes: tuple[int, ...], counts: list[int]) -> float:
    """The slope of log counts against log sizes, by least squares."""
    logs = [math.log(size) for size in sizes]
    return float(np.polyfit(logs, [math.log(count) for count in counts], 1)[0])
