"""Bars and strips: what an attribute costs beside its like, and where a pattern's tests lie."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pytest_crackle.model.pattern import PatternKind
from pytest_crackle.model.units import count_of, format_value
from pytest_crackle.reporting.chartdata import short_name, spread_out
from pytest_crackle.reporting.escape import printable
from pytest_crackle.reporting.svgchart import (
    Box,
    band,
    bar,
    dots,
    hits,
    label,
    rings,
    svg,
    text_width,
    x_axis,
)
from pytest_crackle.reporting.svgscale import scale_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_crackle.model.pattern import Pattern
    from pytest_crackle.reporting.chartdata import ChartData
    from pytest_crackle.reporting.svgchart import Point
    from pytest_crackle.reporting.svgscale import Scale

__all__ = ["cost_bars", "strip_chart"]

WIDTH: Final = 680
_BARS: Final = 8
_BAR: Final = 16
_STEP: Final = 24
_LONGEST: Final = 40
_LANE: Final = 44
_JITTER: Final = 13
_GOLDEN: Final = 0.6180339887498949
"""Multiples of it modulo 1 lie even: a jitter that is the same in each run."""


@dataclass(frozen=True, slots=True)
class _Plot:
    """A metric along its scale, and how many points of a lane name themselves."""

    metric: str
    x: Scale
    most_names: int


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
    explained, metric = pattern.explained_by, pattern.metrics[0]
    if explained is None:
        return ""
    is_setup = "setups" in pattern.evidence and explained.type == "fixture"
    costs = data.setup_cost() if is_setup else _costs(data, pattern, explained.type)
    if explained.name not in costs or len(costs) < 2 or data.table.info(metric).kind == "level":
        return ""
    ordered = sorted(costs, key=lambda name: (-costs[name][0], name))
    shown = ordered[:_BARS]
    if explained.name not in shown:
        shown[-1] = explained.name
    unit = data.unit(metric)
    wall = " (wall time)" if metric == "duration" else ""
    what = f"{metric}{wall} of the tests, by {explained.type}"
    if is_setup:
        what = "own set-up time of fixtures"
    left = 12 + max(text_width(short_name(name, _LONGEST)) for name in shown)
    box = Box(left, 26, WIDTH - 150, 26 + _STEP * len(shown))
    x = scale_of([costs[name][0] for name in shown] + [0.0], box.left, box.right, unit, zero=True)
    parts = [label(8, 14, what)]
    for i, name in enumerate(shown):
        cost, count = costs[name]
        is_own = name == explained.name
        top = box.top + i * _STEP
        noun = "set-up" if is_setup else "test"
        text = f"{format_value(cost, unit)}, {count_of(count, noun)}"
        short = short_name(name, _LONGEST)
        parts.append(label(box.left - 8, top + 12, short, "end", "m" if is_own else ""))
        parts.append(bar(box.left, top, x(max(cost, 0.0)) - box.left, _BAR, "m" if is_own else "o"))
        parts.append(label(x(max(cost, 0.0)) + 6, top + 12, printable(text)))
    hidden = len(ordered) - len(shown)
    if hidden:
        parts.append(label(box.left, box.bottom + 12, f"and {hidden:,} more"))
    own, count = costs[explained.name]
    about = (
        f"{what}: {explained.name} {format_value(own, unit)} in {count_of(count, 'test')},"
        f" number {ordered.index(explained.name) + 1} of {len(ordered):,}."
    )
    return svg(WIDTH, box.bottom + (20 if hidden else 4), about, parts)


def _costs(data: ChartData, pattern: Pattern, kind: str) -> dict[str, tuple[float, int]]:
    """Sum the metric by attribute, the pattern's own one over its tests, as its sentence does."""
    costs, metric = data.cost_by(kind, pattern.metrics[0]), pattern.metrics[0]
    if pattern.explained_by is not None and metric in data.table.columns:
        column = data.table.columns[metric]
        own = [column[row] for row in data.rows_of(pattern.tests) if math.isfinite(column[row])]
        costs[pattern.explained_by.name] = (math.fsum(own), len(own))
    return costs


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
    metric = pattern.metrics[0]
    column = data.table.columns.get(metric)
    if column is None:
        return ""
    broken = set(data.rows_of(pattern.exceptions))
    mine = set(data.rows_of(pattern.tests)) - broken
    rows = [row for row, value in enumerate(column) if math.isfinite(value)]
    lanes = [
        ("m", _members_name(pattern), [row for row in rows if row in mine]),
        ("x", "exceptions", [row for row in rows if row in broken]),
        ("o", "other tests", [row for row in rows if row not in mine and row not in broken]),
    ]
    lanes = [lane for lane in lanes if lane[2]]
    if not any(mark == "m" for mark, _, _ in lanes):
        return ""
    values = [column[row] for row in rows]
    is_time = data.table.info(metric).kind == "time"
    left = 12 + max(text_width(name) for _, name, _ in lanes)
    box = Box(max(left, 90), 24, WIDTH - 24, 24 + _LANE * len(lanes))
    log = 10.0 if is_time else 100.0
    x = scale_of(values, box.left + 4, box.right - 4, data.unit(metric), log_from=log)
    unit = " (log)" if x.is_log else f" ({printable(x.unit_name)})" if x.unit_name else ""
    parts = [x_axis(x, box, printable(metric) + unit), *_held(pattern, x, box)]
    plot = _Plot(metric, x, data.names_per_chart // len(lanes))
    for i, (mark, name, members) in enumerate(lanes):
        middle = box.top + (i + 0.5) * _LANE
        parts.append(label(box.left - 8, middle - 2, name, "end"))
        parts.append(label(box.left - 8, middle + 12, count_of(len(members), "test"), "end"))
        parts += _lane(data, plot, mark, members, middle)
    about = f"{metric}: " + "; ".join(
        f"{name}, {_range(data, metric, [column[row] for row in members])}"
        for _, name, members in lanes
    )
    return svg(WIDTH, box.bottom + 44, f"{about}.", parts)


def _members_name(pattern: Pattern) -> str:
    return "holding" if pattern.exceptions else "this pattern"


def _lane(data: ChartData, plot: _Plot, mark: str, rows: Sequence[int], middle: float) -> list[str]:
    metric, x = plot.metric, plot.x
    column = data.table.columns[metric]
    across = x.places(column[row] for row in rows)
    places: dict[int, Point] = {
        row: (left, middle + _JITTER * (2 * (i * _GOLDEN % 1) - 1))
        for i, (row, left) in enumerate(zip(rows, across, strict=True))
    }
    first = sorted(rows, key=lambda row: (-column[row], row))[:10]
    named = spread_out(rows, plot.most_names, first)
    texts = [(places[row], data.named(row, data.value_text(metric, column[row]))) for row in named]
    drawn = [dots(places.values(), mark)]
    if mark == "x":
        drawn.append(rings(places.values()))
    return [*drawn, hits(texts)]


def _held(pattern: Pattern, x: Scale, box: Box) -> list[str]:
    """Shade the value that is conserved, with its spread."""
    value = pattern.evidence.get("value")
    if pattern.kind != PatternKind.CONSERVATION or value is None or not x.low <= value <= x.high:
        return []
    reach = abs(value) * pattern.evidence.get("spread", 0.0)
    low, high = x(value - reach), x(value + reach)
    return [band(low - 3, box.top, high - low + 6, box.bottom - box.top)]


def _range(data: ChartData, metric: str, values: Sequence[float]) -> str:
    low, high = min(values), max(values)
    text = data.value_text(metric, low)
    if high > low:
        text += f" to {data.value_text(metric, high)}"
    return f"{count_of(len(values), 'test')}, {text}"
