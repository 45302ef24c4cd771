"""Bars and strips: what an attribute costs beside its like, and where a pattern's tests lie."""

from __future__ import annotations

import math
from dataclasses import dataclass
from heapq import nlargest
from typing import TYPE_CHECKING, Final

from pytest_crackle.model.pattern import PatternKind
from pytest_crackle.model.units import count_of, format_value
from pytest_crackle.reporting.escape import printable
from pytest_crackle.reporting.page.chartdata import short_name, spread_out
from pytest_crackle.reporting.page.svgchart import (
    Box,
    band,
    bar,
    dots,
    hits,
    label,
    rings,
    svg,
    text_width,
    unit_suffix,
    x_axis,
)
from pytest_crackle.reporting.page.svgscale import scale_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_crackle.model.pattern import Pattern
    from pytest_crackle.reporting.page.chartdata import ChartData, Cost
    from pytest_crackle.reporting.page.svgchart import Point
    from pytest_crackle.reporting.page.svgscale import Scale

__all__ = ["cost_bars", "strip_chart"]

WIDTH: Final = 680
_BARS: Final = 8
_BAR: Final = 16
_STEP: Final = 24
_LONGEST: Final = 40
_TOP_NAMED: Final = 10
_LANE: Final = 44
_JITTER: Final = 13
_GOLDEN: Final = 0.6180339887498949
"""Multiples of it modulo 1 lie even: a jitter that is the same in each run."""


@dataclass(frozen=True, slots=True)
class _Bars:
    """What some attributes cost, and how to write it."""

    what: str
    unit: str
    noun: str
    costs: dict[str, tuple[float, int]]


def cost_bars(data: ChartData, pattern: Pattern) -> str:
    """Draw what the attributes of one type cost, the pattern's own one marked.

    Parameters
    ----------
    data : ChartData
    pattern : Pattern
        Explained by an attribute.

    Returns
    -------
    str
        An SVG element; empty where nothing explains the pattern or there is nothing to compare.
    """
    bars = _bars(data, pattern)
    own = "" if pattern.explained_by is None else pattern.explained_by.name
    if bars is None or own not in bars.costs or len(bars.costs) < 2:
        return ""
    costs = bars.costs
    ordered = sorted(costs, key=lambda name: (-costs[name][0], name))
    shown = ordered[:_BARS]
    if own not in shown:
        shown[-1] = own
    left = 12 + max(text_width(short_name(name, _LONGEST)) for name in shown)
    box = Box(left, 26, WIDTH - 150, 26 + _STEP * len(shown))
    sums = [0.0, *(costs[name][0] for name in shown)]
    x = scale_of(sums, box.left, box.right, bars.unit, zero=True)
    parts = [label(8, 14, bars.what)]
    for i, name in enumerate(shown):
        parts += _bar(bars, name, x, box.top + i * _STEP, "m" if name == own else "o")
    hidden = len(ordered) - len(shown)
    if hidden:
        parts.append(label(box.left, box.bottom + 12, f"and {hidden:,} more"))
    about = (
        f"{bars.what}: {own} {_bar_text(bars, own)},"
        f" number {ordered.index(own) + 1} of {len(ordered):,}."
    )
    return svg(WIDTH, box.bottom + (20 if hidden else 4), about, parts)


def _bars(data: ChartData, pattern: Pattern) -> _Bars | None:
    """Sum the costs by attribute, the pattern's own one over its tests, as its sentence does."""
    explained = pattern.explained_by
    if explained is None:
        return None
    if "setups" in pattern.evidence and explained.type == "fixture":
        return _Bars("own set-up time of fixtures", "s", "set-up", data.setup_cost())
    cost = data.cost_of(pattern)
    if cost is None or cost.kind == "level":
        return None
    costs = data.cost_by(explained.type, cost.column)
    own = [v for row in data.rows_of(pattern.tests) if math.isfinite(v := cost.column[row])]
    if costs and own:
        costs[explained.name] = (math.fsum(own), len(own))
    return _Bars(f"{cost.name}, by {explained.type}", cost.unit, "test", costs)


def _bar(bars: _Bars, name: str, x: Scale, top: float, mark: str) -> list[str]:
    end = x(max(bars.costs[name][0], 0.0))
    return [
        label(x.start - 8, top + 12, short_name(name, _LONGEST), "end", "m" if mark == "m" else ""),
        bar(x.start, top, end - x.start, _BAR, mark),
        label(end + 6, top + 12, printable(_bar_text(bars, name))),
    ]


def _bar_text(bars: _Bars, name: str) -> str:
    cost, count = bars.costs[name]
    return f"{format_value(cost, bars.unit)}, {count_of(count, bars.noun)}"


# ---------------------------------------------------------------------- strips


def strip_chart(data: ChartData, pattern: Pattern) -> str:
    """Draw the values of a metric in lanes: the tests of a pattern, what breaks it, all others.

    Parameters
    ----------
    data : ChartData
    pattern : Pattern

    Returns
    -------
    str
        An SVG element; empty if no test of the pattern has the metric.
    """
    cost = data.cost_of(pattern)
    if cost is None:
        return ""
    lanes = _lanes(data, pattern, cost)
    if not lanes or lanes[0][0] != "m":
        return ""
    values = [cost.column[row] for _, _, rows in lanes for row in rows]
    left = 12 + max(text_width(name) for _, name, _ in lanes)
    box = Box(max(left, 90), 24, WIDTH - 24, 24 + _LANE * len(lanes))
    log = 10.0 if cost.kind == "time" else 100.0
    x = scale_of(values, box.left + 4, box.right - 4, cost.unit, log_from=log)
    parts = [x_axis(x, box, printable(cost.name) + unit_suffix(x)), *_held(pattern, x, box)]
    most = data.names_per_chart // len(lanes)
    ranges = []
    for i, (mark, name, rows) in enumerate(lanes):
        middle = box.top + (i + 0.5) * _LANE
        parts.append(label(box.left - 8, middle - 2, name, "end"))
        parts.append(label(box.left - 8, middle + 12, count_of(len(rows), "test"), "end"))
        points = _lane_points(cost, rows, x, middle)
        parts.append(dots(points.values(), mark))
        parts += [rings(points.values())] if mark == "x" else []
        parts.append(hits(_named(data, cost, points, most)))
        ranges.append(f"{name}, {_range(cost, rows)}")
    return svg(WIDTH, box.bottom + 44, f"{cost.name}: {'; '.join(ranges)}.", parts)


def _lanes(data: ChartData, pattern: Pattern, cost: Cost) -> list[tuple[str, str, list[int]]]:
    """Return mark, name and rows of each lane that has points, the pattern's own one first."""
    broken = set(data.rows_of(pattern.exceptions))
    mine = set(data.rows_of(pattern.tests)) - broken
    rows = [row for row, is_known in enumerate(map(math.isfinite, cost.column)) if is_known]
    lanes = [
        ("m", "holding" if broken else "this pattern", [row for row in rows if row in mine]),
        ("x", "exceptions", [row for row in rows if row in broken]),
        ("o", "other tests", [row for row in rows if row not in mine and row not in broken]),
    ]
    return [lane for lane in lanes if lane[2]]


def _lane_points(cost: Cost, rows: Sequence[int], x: Scale, middle: float) -> dict[int, Point]:
    across = x.places(cost.column[row] for row in rows)
    return {
        row: (left, middle + _JITTER * (2 * (i * _GOLDEN % 1) - 1))
        for i, (row, left) in enumerate(zip(rows, across, strict=True))
    }


def _named(
    data: ChartData, cost: Cost, points: dict[int, Point], most: int
) -> list[tuple[Point, str]]:
    """Choose the points that name themselves: the largest ten, others at even steps."""
    rows = list(points)
    first = nlargest(_TOP_NAMED, rows, key=lambda row: (cost.column[row], -row))
    return [
        (points[row], data.named(row, printable(format_value(cost.column[row], cost.unit))))
        for row in spread_out(rows, most, first)
    ]


def _held(pattern: Pattern, x: Scale, box: Box) -> list[str]:
    """Shade the value that is conserved, with its spread."""
    value = pattern.evidence.get("value")
    if pattern.kind != PatternKind.CONSERVATION or value is None or not x.low <= value <= x.high:
        return []
    reach = abs(value) * pattern.evidence.get("spread", 0.0)
    low, high = x(value - reach), x(value + reach)
    return [band(low - 3, box.top, high - low + 6, box.bottom - box.top)]


def _range(cost: Cost, rows: Sequence[int]) -> str:
    values = [cost.column[row] for row in rows]
    low, high = min(values), max(values)
    text = format_value(low, cost.unit)
    if high > low:
        text += f" to {format_value(high, cost.unit)}"
    return f"{count_of(len(values), 'test')}, {text}"
