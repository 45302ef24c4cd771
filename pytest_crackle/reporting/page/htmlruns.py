"""A metric along the run order, with the place where it changes and the levels before and after."""

from __future__ import annotations

import math
from dataclasses import dataclass
from heapq import nlargest
from typing import TYPE_CHECKING, Final

from pytest_crackle.model.units import format_value
from pytest_crackle.reporting.escape import printable
from pytest_crackle.reporting.page.chartdata import short_name, spread_out
from pytest_crackle.reporting.page.svgchart import (
    Box,
    dots,
    hits,
    label,
    legend,
    line,
    rings,
    svg,
    text_width,
    unit_suffix,
    wide_line,
    x_axis,
    y_axis,
)
from pytest_crackle.reporting.page.svgscale import Scale, scale_of

if TYPE_CHECKING:
    from pytest_crackle.model.pattern import Pattern
    from pytest_crackle.reporting.page.chartdata import ChartData, RunSeries
    from pytest_crackle.reporting.page.svgchart import Point

__all__ = ["run_chart"]

WIDTH: Final = 680
_HEIGHT: Final = 260
_RIGHT: Final = 24
_GROWING: Final = frozenset({"leak", "growth", "slope", "drift"})
"""Medians before and after say nothing of what goes on growing."""
_AFTER: Final = frozenset({"step", "cases", "pace", "background", "fixture"})
"""The tests of the pattern are those after the change."""
_NEAR: Final = 30
"""Pixels over which levels next to a change are drawn."""
_TOP_NAMED: Final = 50


@dataclass(frozen=True, slots=True)
class _Plot:
    """The two scales of a chart along the run order, and the points on it by place."""

    x: Scale
    y: Scale
    places: dict[int, Point]


@dataclass(frozen=True, slots=True)
class _Levels:
    """Levels before and after a change, what they are called, and whether they are next to it."""

    values: dict[str, float]
    name: str
    is_near: bool


def run_chart(data: ChartData, pattern: Pattern, metric: str, prefix: str) -> str:
    """Draw a metric along the run order, with the change and the medians in the evidence.

    Parameters
    ----------
    data : ChartData
    pattern : Pattern
    metric : str
    prefix : str
        Of the names in the evidence.

    Returns
    -------
    str
        An SVG element; empty if the metric has no values.
    """
    series = data.run_series(pattern, metric)
    if series is None:
        return ""
    points = [(i, v) for i, v in enumerate(series.values) if math.isfinite(v)]
    if not points:
        return ""
    levels = _levels(pattern, prefix) if series.proven else _Levels({}, "", is_near=False)
    is_time = data.table.info(metric).kind == "time"
    box = Box(64, 40, WIDTH - _RIGHT, _HEIGHT - 44)
    y = scale_of(
        [*(v for _, v in points), *levels.values.values()],
        box.bottom,
        box.top,
        series.unit,
        log_from=10.0 if is_time else None,
    )
    x = Scale(0, max(1, len(series.rows) - 1), box.left + 4, box.right - 4, is_whole=True)
    at_rows = set(data.rows_of([pattern.at])) if pattern.at else set()
    at = next((i for i, row in enumerate(series.rows) if row in at_rows), None)
    title = f"{printable(series.name)}{unit_suffix(y)}"
    heights = y.places(value for _, value in points)
    across = x.places(i for i, _ in points)
    pixels = zip(points, across, heights, strict=True)
    plot = _Plot(x, y, {i: (left, height) for (i, _), left, height in pixels})
    parts = [
        y_axis(y, box, title),
        x_axis(_counted(x), box, f"tests{printable(series.where)} in run order", grid=False),
        *_level_lines(levels, plot, at),
        *_points(data, pattern, series, plot),
        *_change(data, at, series, x, box),
        *_level_names(data, metric, levels, plot, at),
    ]
    about = f"{series.name} of {len(points):,} tests{series.where} in run order"
    if at is not None:
        about += f"; the pattern begins at test {at + 1:,}"
    for side, value in levels.values.items():
        about += f"; {levels.name} {side} {data.value_text(metric, value)}"
    return svg(WIDTH, _HEIGHT, f"{about}.", parts)


def _counted(x: Scale) -> Scale:
    """Count tests from 1 on the axis."""
    return Scale(x.low + 1, x.high + 1, x.start, x.stop, is_whole=True)


def _levels(pattern: Pattern, prefix: str) -> _Levels:
    """Return the levels that the evidence names: those next to the change, else of all before."""
    if pattern.subkind in _GROWING:
        return _Levels({}, "", is_near=False)
    for kind, form in (("level", "level_{}"), ("median", "{}_median")):
        names = {side: prefix + form.format(side) for side in ("before", "after")}
        if all(name in pattern.evidence for name in names.values()):
            values = {side: pattern.evidence[name] for side, name in names.items()}
            return _Levels(values, kind, is_near=kind == "level")
    return _Levels({}, "", is_near=False)


def _points(
    data: ChartData,
    pattern: Pattern,
    series: RunSeries,
    plot: _Plot,
) -> list[str]:
    mine = set(data.rows_of(pattern.tests))
    rows, places = series.rows, plot.places
    members = [i for i in places if rows[i] in mine]
    others = [i for i in places if rows[i] not in mine]
    broken = set(data.rows_of(pattern.exceptions))
    first = nlargest(_TOP_NAMED, members, key=lambda i: (series.values[i], -i))
    named = spread_out(list(places), data.names_per_chart, first if others else ())
    name = "from there on" if pattern.subkind in _AFTER else "tests of the pattern"
    entries = [("m", name), ("o", "other tests")] if members and others else []
    texts = {i: printable(format_value(series.values[i], series.unit)) for i in named}
    return [
        dots([places[i] for i in others], "o"),
        dots([places[i] for i in members], "m"),
        rings([places[i] for i in places if rows[i] in broken][:_TOP_NAMED]),
        hits(
            (places[i], f"{data.named(rows[i], texts[i])}, test {i + 1:,}") for i in sorted(named)
        ),
        legend(entries, WIDTH - _RIGHT, 14),
    ]


def _change(data: ChartData, at: int | None, series: RunSeries, x: Scale, box: Box) -> list[str]:
    if at is None:
        return []
    place = x(at)
    left, right = place - box.left - 6, WIDTH - 6 - place
    nodeid = data.table.nodeids[series.rows[at]]
    name = short_name(nodeid, int(max(left, right) // text_width("x")) - 1)
    is_left = left > text_width(name) or left > right
    offset, anchor = (-6, "end") if is_left else (6, "start")
    return [
        line(place, box.top - 10, place, box.bottom, "x", dashed=True),
        label(place + offset, box.top - 4, name, anchor, "x"),
    ]


def _spans(levels: _Levels, plot: _Plot, at: int) -> dict[str, tuple[float, float]]:
    """Return where each level is drawn, in pixels from left to right."""
    first, last = plot.x(0), plot.x(plot.x.high)
    if levels.is_near:
        first = max(first, plot.x(max(0, at - 1)) - _NEAR)
        last = min(last, plot.x(at) + _NEAR)
    return {"before": (first, plot.x(max(0, at - 1))), "after": (plot.x(at), last)}


def _level_lines(levels: _Levels, plot: _Plot, at: int | None) -> list[str]:
    """Draw each level as a wide pale line below the points, which it must not hide."""
    if at is None:
        return []
    spans = _spans(levels, plot, at)
    return [wide_line(*spans[side], plot.y(v), "x") for side, v in levels.values.items()]


def _level_names(
    data: ChartData, metric: str, levels: _Levels, plot: _Plot, at: int | None
) -> list[str]:
    """Write the values at the lines: above or below them, where the change leaves room."""
    if at is None:
        return []
    parts = []
    top = min(plot.y.start, plot.y.stop)
    for side, (left, right) in _spans(levels, plot, at).items():
        value = levels.values.get(side)
        if value is None:
            continue
        height, text = plot.y(value), data.value_text(metric, value)
        shift = 20 if height - 10 < top + 12 else -10
        if levels.is_near:
            # beside the change; below the line after it, as what comes next lies higher as a rule
            place, anchor = (right - 8, "end") if side == "before" else (left + 8, "start")
            shift = -10 if side == "before" else 20
        else:
            # flush with the outer end: the change and its name are at the inner one
            place, anchor = (left, "start") if side == "before" else (right, "end")
            text = f"median {text}"
        parts.append(label(place, height + shift, text, anchor, "x"))
    return parts
