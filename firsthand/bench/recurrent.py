"""Recurrent layers over whole sequences."""

from typing import Any, Literal

from core.gated import GRU, LSTM
from firsthand.bench.twins import Twins
from firsthand.bench.workload import Draw, Pair, Pass, Workload


def sequence(draw: Draw, kind: Literal["lstm", "gru"], dim: int, length: int, batch: int) -> Pair:
    """As many inputs as hidden units. A random gradient of every output comes in, and one goes out on both sides, since
    such a layer stands on an embedding or on another one."""
    model = LSTM(dim, dim, rng=draw.rng) if kind == "lstm" else GRU(dim, dim, rng=draw.rng)
    x, dy = draw.normal(batch, length, dim), draw.normal(batch, length, dim)

    def ours() -> None:
        _, backward = model(x)
        backward(dy)

    def theirs(t: Twins) -> list[Pass]:
        net = lstm(t, model) if isinstance(model, LSTM) else gru(t, model)
        tx, t_dy = t.array(x).requires_grad_(), t.array(dy)

        def run() -> None:
            tx.grad = None
            net(tx)[0].backward(t_dy)

        return [run]

    return Pair([model], [ours], theirs)


def lstm(t: Twins, layer: LSTM) -> Any:
    """nn.LSTM has its gates in the order i, f, g, o, and a second bias, which is left at zero."""
    n_in, n_hidden = len(layer.W.data), len(layer.U.data)
    net = t.nn.LSTM(n_in, n_hidden, batch_first=True, dtype=t.type_of(layer.W))

    def reordered(rows: Any) -> Any:
        return rows.roll(n_hidden, 0).T  # o, i, f, g, as columns

    t.pair(layer.W, net.weight_ih_l0, reordered)
    t.pair(layer.U, net.weight_hh_l0, reordered)
    t.pair(layer.b, net.bias_ih_l0, lambda b: b.roll(n_hidden))
    t.nn.init.zeros_(net.bias_hh_l0.requires_grad_(False))
    return net


def gru(t: Twins, layer: GRU) -> Any:
    """nn.GRU has second biases of r and z too, which stay at zero."""
    n_in, n_hidden = len(layer.W.data), len(layer.U.data)
    net = t.nn.GRU(n_in, n_hidden, batch_first=True, dtype=t.type_of(layer.W))
    t.pair(layer.W, net.weight_ih_l0, lambda rows: rows.T)
    t.pair(layer.U, net.weight_hh_l0, lambda rows: rows.T)
    t.pair(layer.b, net.bias_ih_l0)
    t.nn.init.zeros_(net.bias_hh_l0)
    t.pair(layer.b_q, net.bias_hh_l0, lambda b: b[2 * n_hidden :])
    used = (t.torch.arange(3 * n_hidden) >= 2 * n_hidden).to(net.bias_hh_l0.dtype)
    net.bias_hh_l0.register_hook(lambda g: g * used)
    return net


WORKLOADS = [
    Workload(
        f"{kind}-{dim}-{batch}",
        f"{kind.upper()}, {dim} hidden, T {length}, batch {batch}, Adam",
        sequence,
        {"kind": kind, "dim": dim, "length": length, "batch": batch},
        {"kind": kind, "dim": 4, "length": 6, "batch": 3},
    )
    for kind, dim, length, batch in (
        ("lstm", 8, 100, 1),
        ("lstm", 8, 100, 32),
        ("lstm", 128, 100, 64),
        ("lstm", 512, 50, 64),
        ("gru", 8, 100, 32),
        ("gru", 128, 100, 64),
        ("gru", 512, 50, 64),
    )
]
