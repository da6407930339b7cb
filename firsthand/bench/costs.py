"""`firsthand cost`: what the models of the benchmark cost, how long their steps should take, and how long they do."""

import time
from collections.abc import Sequence

import click
import msgspec
import numpy as np
from msgspec import Struct
from rich import box
from rich.table import Table
from threadpoolctl import threadpool_limits

from core.cost import cost
from core.layer import Layer
from core.probe import Probe
from firsthand import records
from firsthand.bench.cli import write
from firsthand.bench.registry import WORKLOADS
from firsthand.bench.workload import Draw
from firsthand.project import Project, unknown
from firsthand.report import console
from firsthand.roofline import Machine, best_time, estimate, measure_machine, step
from firsthand.run import machine

SHAPES = {  # of the inputs, batch included
    "mlp": (128, 784),
    "lenet-64": (64, 1, 28, 28),
    "resnet-20": (64, 3, 32, 32),
    "lstm-8-1": (1, 100, 8),
    "lstm-128-64": (64, 100, 128),
    "gru-128-64": (64, 100, 128),
    "transformer-5": (512, 5, 128),
    "transformer-256": (8, 256, 256),
}

ROUNDS = 5
HEAD = ("parameters", "forward", "backward", "kept MB", "per byte", "predicted ms", "measured ms", "watched")


class CostRow(Struct, kw_only=True):
    """One model: `watched_ms` is the time of the same step with a `core.probe.Probe` on every layer."""

    workload: str
    what: str
    parameters: int
    multiply_adds: int
    backward_multiply_adds: int
    kept_bytes: int
    intensity: float
    predicted_ms: float
    measured_ms: float
    watched_ms: float


class CostReport(Struct, kw_only=True):
    """What `firsthand cost --json` prints."""

    date: str
    machine: dict[str, str | int]
    multiply_adds_per_second: float
    bytes_per_second: float
    models: list[CostRow]


def measure(name: str, constants: Machine) -> CostRow:
    """Forward and backward, without the loss and the optimiser."""
    workload, draw = WORKLOADS[name], Draw(np.float32)
    model: Layer = workload.build(draw, **workload.size).models[0]
    x = draw.normal(*SHAPES[name])
    counted = cost(model, x)
    expected = estimate(counted, constants)
    probe = Probe(model)

    def watched() -> None:
        step(probe.model, x)
        probe.calls.clear()

    times = [(best_time(lambda: step(model, x), 2), best_time(watched, 2)) for _ in range(ROUNDS)]  # taking turns
    alone, seen = (1e3 * min(each) for each in zip(*times, strict=True))
    return CostRow(
        workload=name,
        what=workload.what,
        parameters=counted.parameters,
        multiply_adds=counted.multiply_adds,
        backward_multiply_adds=counted.backward_multiply_adds,
        kept_bytes=counted.kept_bytes,
        intensity=expected.intensity,
        predicted_ms=1e3 * expected.seconds,
        measured_ms=alone,
        watched_ms=seen,
    )


@click.command("cost", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", metavar="[WORKLOAD...]", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show_costs(names: Sequence[str], as_json: bool) -> None:
    """Count what models of the benchmark compute, move and keep; predict the time of a forward and a backward from two
    constants of this machine, measured now; and measure it, also with a probe on every layer.

    `firsthand.roofline.report(model, inputs)` does the same for a model of yours, layer by layer. The results are also
    written to build/bench/<date>-costs.json.
    """
    for name in names:
        if name not in SHAPES:
            raise unknown("model to count", name, SHAPES)
    folder = Project.find().root / "build" / "bench"
    records.prepare(folder)
    with threadpool_limits(1, user_api="blas"):
        constants = measure_machine()
        rows = [measure(name, constants) for name in dict.fromkeys(names or SHAPES)]
    report = CostReport(
        date=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        machine=machine() | {"blas_threads": 1},
        multiply_adds_per_second=constants.multiply_adds_per_second,
        bytes_per_second=constants.bytes_per_second,
        models=rows,
    )
    content = msgspec.json.format(msgspec.json.encode(report), indent=2)
    path = write(content, folder, report.date, "-costs")
    if as_json:
        click.echo(content.decode())
        return
    table = Table("model", box=box.SIMPLE_HEAD, pad_edge=False)
    for title in HEAD:
        table.add_column(title, justify="right")
    for row in rows:
        table.add_row(row.what, *cells(row))
    out = console()
    out.print(table)
    out.print(f"one thread; {peaks(report)}", soft_wrap=True)
    out.print(f"written to {path}", soft_wrap=True)


def cells(row: CostRow) -> list[str]:
    """What the columns of HEAD say of a model; multiply-adds in millions, and what watching costs in per cent."""
    return [
        f"{row.parameters:,}",
        f"{row.multiply_adds / 1e6:,.1f} M",
        f"{row.backward_multiply_adds / 1e6:,.1f} M",
        f"{row.kept_bytes / 1e6:.3g}",
        f"{row.intensity:.3g}",
        f"{row.predicted_ms:.2f}",
        f"{row.measured_ms:.2f}",
        f"{100 * (row.watched_ms / row.measured_ms - 1):+.0f} %",
    ]


def peaks(report: CostReport) -> str:
    """The two constants behind the predictions."""
    return (
        f"this machine does at most {report.multiply_adds_per_second / 1e9:.3g} thousand million multiply-adds and "
        f"moves {report.bytes_per_second / 1e9:.3g} GB in a second"
    )
