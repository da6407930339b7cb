"""Curves as SVG: what a run measured on its way, upon a pale band where the committed record has the same.

An axis is logarithmic where its numbers are positive and spread over a factor of a thousand or more. Colours and
fonts come from the style sheet (site/stylesheets/site.css), so that the picture follows light and dark.
"""

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 480, 260
LEFT, RIGHT, TOP, BOTTOM = 52, 22, 12, 30  # margins
SPREAD = 1000  # from the smallest number to the largest, for a logarithmic axis


@dataclass(frozen=True)
class Curve:
    """One line, and the same line in the record, if there is one."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    recorded: Sequence[float] | None


@dataclass(frozen=True)
class Axis:
    """From numbers to places between `start` and `end` in the picture."""

    low: float
    high: float
    start: float
    end: float
    log: bool

    def place(self, value: float) -> float:
        low, high, value = (math.log10(v) if self.log else v for v in (self.low, self.high, value))
        return self.start + (self.end - self.start) * (value - low) / (high - low)

    def ticks(self) -> list[float]:
        """Round numbers inside the axis: a handful, or powers of ten."""
        if self.log:
            first, last = math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9)
            return [10.0**power for power in range(first, last + 1, max(1, math.ceil((last - first) / 5)))]
        rough = (self.high - self.low) / 5
        unit = 10.0 ** math.floor(math.log10(rough))
        step = next(unit * size for size in (1, 2, 5, 10) if unit * size >= rough)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [round(k * step, 12) for k in range(first, last + 1)]


def figure(curves: Sequence[Curve], shows: str) -> str:
    """The curves in one picture, with a caption that says what they show and which is which."""
    x = _axis([v for curve in curves for v in curve.x], LEFT, WIDTH - RIGHT)
    y = _axis([v for curve in curves for v in (*curve.y, *(curve.recorded or ()))], HEIGHT - BOTTOM, TOP)
    drawn = [*_grid(x, y)]
    for number, curve in enumerate(curves, start=1):
        if curve.recorded is not None:
            drawn.append(_line(f"live-record live-line--{number}", x, y, curve.x, curve.recorded))
        drawn.append(_line(f"live-line live-line--{number}", x, y, curve.x, curve.y))
    names = [f'<span class="live-line--{k}">{html.escape(curve.name)}</span>' for k, curve in enumerate(curves, 1)]
    key = f": {', '.join(names)}" if len(names) > 1 else ""
    band = " The pale band is the committed record." if any(curve.recorded is not None for curve in curves) else ""
    words = html.escape(shows)
    return (
        f'<figure class="live-figure"><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{words}">'
        f"{''.join(drawn)}</svg><figcaption>{words}{key}.{band}</figcaption></figure>"
    )


def _axis(values: Sequence[float], start: float, end: float) -> Axis:
    finite = [float(value) for value in values if math.isfinite(value)] or [0.0]
    low, high = min(finite), max(finite)
    if low == high:
        low, high = low - 0.5, high + 0.5
    return Axis(low, high, start, end, log=low > 0 and high / low >= SPREAD)


def _short(value: float) -> str:
    return f"{value:g}".replace("e+0", "e").replace("e-0", "e-")


def _grid(x: Axis, y: Axis) -> list[str]:
    lines = [
        f'<path class="live-grid" d="M{LEFT} {y.place(tick):.1f}H{WIDTH - RIGHT}"/>'
        f'<text x="{LEFT - 6}" y="{y.place(tick) + 4:.1f}" text-anchor="end">{_short(tick)}</text>'
        for tick in y.ticks()
    ]
    return lines + [
        f'<text x="{x.place(tick):.1f}" y="{HEIGHT - 10}" text-anchor="middle">{_short(tick)}</text>'
        for tick in x.ticks()
    ]


def _line(name: str, x: Axis, y: Axis, xs: Sequence[float], ys: Sequence[float]) -> str:
    known = [(u, v) for u, v in zip(xs, ys, strict=True) if math.isfinite(u) and math.isfinite(v)]
    points = " ".join(f"{x.place(u):.1f},{y.place(v):.1f}" for u, v in known)
    return f'<polyline class="{name}" points="{points}"/>'
