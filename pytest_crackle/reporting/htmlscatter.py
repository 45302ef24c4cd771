"""Scatter charts: a metric along the run order, and one metric against another."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Final

from pytest_crackle.model.pattern import PatternKind
from pytest_crackle.model.units import format_value
from pytest_crackle.reporting.chartdata import short_name, spread_out
from pytest_crackle.reporting.escape import printable
from pytest_crackle.reporting.svgchart import (
    Box,
    curve,
    dots,
    hits,
    label,
    legend,
    line,
    rings,
    svg,
    text_width,
    wide_line,
    x_axis,
    y_axis,
)
from pytest_crackle.reporting.svgscale import Scale, scale_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_crackle.model.pattern import Pattern
    from pytest_crackle.reporting.chartdata import ChartData, RunSeries
    from pytest_crackle.reporting.svgchart import Point

__all__ = ["fit_chart", "run_chart"]

WIDTH: Final = 680
_HEIGHT: Final = 260
_FIT_HEIGHT: Final = 320
_RIGHT: Final = 24
_GROWING: Final = frozenset({"leak", "growth", "slope", "drift"})
"""Medians before and after say nothing of what goes on growing."""
_AFTER: Final = frozenset({"step", "cases", "pace", "background", "fixture"})
"""The tests of the pattern are those after the change."""
_SQUEEZED: Final = 8.0
"""Largest over median value from which on linear axes press most points into a corner."""


@dataclass(frozen=True, slots=True)
class _Plot:
    """The two scales of a chart along the run order, and the points on it by place."""

    x: Scale
    y: Scale
    places: dict[int, Point]


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
    levels = _levels(pattern, prefix) if series.proven else {}
    is_time = data.table.info(metric).kind == "time"
    box = Box(64, 40, WIDTH - _RIGHT, _HEIGHT - 44)
    y = scale_of(
        [*(v for _, v in points), *levels.values()],
        box.bottom,
        box.top,
        series.unit,
        log_from=10.0 if is_time else None,
    )
    x = Scale(0, max(1, len(series.rows) - 1), box.left + 4, box.right - 4, is_whole=True)
    at_rows = set(data.rows_of([pattern.at])) if pattern.at else set()
    at = next((i for i, row in enumerate(series.rows) if row in at_rows), None)
    title = f"{printable(series.name)}{_unit_of(y)}"
    heights = y.places(value for _, value in points)
    across = x.places(i for i, _ in points)
    pixels = zip(points, across, heights, strict=True)
    plot = _Plot(x, y, {i: (left, height) for (i, _), left, height in pixels})
    parts = [
        y_axis(y, box, title),
        x_axis(_counted(x), box, f"tests{printable(series.where)} in run order", grid=False),
        *_median_lines(levels, plot, at),
        *_points(data, pattern, series, plot),
        *_change(data, at, series, x, box),
        *_median_names(data, metric, levels, plot, at),
    ]
    about = f"{series.name} of {len(points):,} tests{series.where} in run order"
    if at is not None:
        about += f"; the pattern begins at test {at + 1:,}"
    for name, value in levels.items():
        about += f"; median {name} {data.value_text(metric, value)}"
    return svg(WIDTH, _HEIGHT, f"{about}.", parts)


def _unit_of(scale: Scale) -> str:
    if scale.is_log:
        return " (log)"
    return f" ({printable(scale.unit_name)})" if scale.unit_name else ""


def _counted(x: Scale) -> Scale:
    """Count tests from 1 on the axis."""
    return Scale(x.low + 1, x.high + 1, x.start, x.stop, is_whole=True)


def _levels(pattern: Pattern, prefix: str) -> dict[str, float]:
    if pattern.subkind in _GROWING:
        return {}
    names = {"before": f"{prefix}before_median", "after": f"{prefix}after_median"}
    return {key: pattern.evidence[name] for key, name in names.items() if name in pattern.evidence}


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
    first = sorted(members, key=lambda i: (-series.values[i], i))[:50]
    named = spread_out(list(places), data.names_per_chart, first if others else ())
    name = "from there on" if pattern.subkind in _AFTER else "tests of the pattern"
    entries = [("m", name), ("o", "other tests")] if members and others else []
    texts = {i: printable(format_value(series.values[i], series.unit)) for i in named}
    return [
        dots([places[i] for i in others], "o"),
        dots([places[i] for i in members], "m"),
        rings([places[i] for i in places if rows[i] in broken][:50]),
        hits(
            (places[i], f"{data.named(rows[i], texts[i])}, test {i + 1:,}") for i in sorted(named)
        ),
        legend(entries, WIDTH - _RIGHT, 14),
    ]


def _change(data: ChartData, at: int | None, series: RunSeries, x: Scale, box: Box) -> list[str]:
    if at is None:
        return []
    place = x(at)
    name = short_name(data.table.nodeids[series.rows[at]], 70)
    is_left = place - box.left > text_width(name) + 10 or place > (box.left + box.right) / 2
    offset, anchor = (-6, "end") if is_left else (6, "start")
    return [
        line(place, box.top - 10, place, box.bottom, "x", dashed=True),
        label(place + offset, box.top - 4, name, anchor, "x"),
    ]


def _median_lines(levels: dict[str, float], plot: _Plot, at: int | None) -> list[str]:
    """Draw each median as a wide pale line below the points, which it must not hide."""
    if at is None:
        return []
    x, y = plot.x, plot.y
    ends = {"before": (x(0), x(max(0, at - 1))), "after": (x(at), x(x.high))}
    return [
        wide_line(ends[name][0], ends[name][1], y(value), "x") for name, value in levels.items()
    ]


def _median_names(
    data: ChartData, metric: str, levels: dict[str, float], plot: _Plot, at: int | None
) -> list[str]:
    if at is None:
        return []
    parts = []
    top = min(plot.y.start, plot.y.stop)
    for name, value in levels.items():
        height = plot.y(value)
        below = 20 if height - 10 < top + 12 else -10
        text = f"median {data.value_text(metric, value)}"
        # flush with the outer end: the change and its name are at the inner one
        if name == "before":
            parts.append(label(plot.x(0), height + below, text, "start", "x"))
        else:
            parts.append(label(plot.x(plot.x.high), height + below, text, "end", "x"))
    return parts


def fit_chart(data: ChartData, pattern: Pattern) -> str:
    """Draw one metric against another or a sum of others, with the line that the evidence names.

    Parameters
    ----------
    data : ChartData
    pattern : Pattern
        A driver, a pair, a relation or a regime of two metrics.

    Returns
    -------
    str
        An SVG element; empty if no test has all metrics.
    """
    if pattern.kind == PatternKind.CONSERVATION:
        y_name, *x_names = pattern.metrics
    else:
        x_names, y_name = [pattern.metrics[0]], pattern.metrics[1]
    columns = [data.table.columns.get(name) for name in [y_name, *x_names]]
    if None in columns or not x_names:
        return ""
    pairs: dict[int, Point] = {}
    for row, (b, *a) in enumerate(zip(*[c for c in columns if c is not None], strict=True)):
        value = sum(a)
        if math.isfinite(value) and math.isfinite(b):
            pairs[row] = (value, b)
    if not pairs:
        return ""
    return _fit_svg(data, pattern, pairs, " + ".join(x_names), y_name)


def _fit_svg(
    data: ChartData, pattern: Pattern, pairs: dict[int, Point], x_name: str, y_name: str
) -> str:
    box = Box(64, 30, WIDTH - _RIGHT, _FIT_HEIGHT - 44)
    x_metric = (
        pattern.metrics[0] if pattern.kind != PatternKind.CONSERVATION else pattern.metrics[-1]
    )
    xs, ys = [x for x, _ in pairs.values()], [y for _, y in pairs.values()]
    log = 10.0 if _squeezed(xs) and _squeezed(ys) else None
    x = scale_of(xs, box.left + 4, box.right - 4, data.unit(x_metric), log_from=log)
    y = scale_of(ys, box.bottom, box.top, data.unit(y_name), log_from=log)
    places = dict(zip(pairs, zip(x.places(xs), y.places(ys), strict=True), strict=True))
    broken = [row for row in data.rows_of(pattern.exceptions) if row in places]
    mine = set(data.rows_of(pattern.tests)).difference(broken)
    members = [row for row in places if row in mine]
    others = [row for row in places if row not in mine and row not in set(broken)]
    first = [*broken, *sorted(members, key=lambda row: (-pairs[row][1], row))[:50]]
    named = spread_out(list(places), data.names_per_chart, first)
    entries = [("o", "other tests")] if others else []
    entries += [("m", "tests of the pattern")] if members and (others or broken) else []
    entries += [("x", "off the line")] if broken else []
    names = (
        (places[row], data.named(row, _pair_text(data, pairs[row], x_metric, x_name, y_name)))
        for row in sorted(named)
    )
    parts = [
        y_axis(y, box, printable(y_name) + _unit_of(y)),
        x_axis(x, box, printable(x_name) + _unit_of(x)),
        dots([places[row] for row in others], "o"),
        dots([places[row] for row in members], "m"),
        dots([places[row] for row in broken], "x"),
        *_fitted(pattern, pairs, members, x, y),
        rings([places[row] for row in broken]),
        hits(names),
        legend(entries, WIDTH - _RIGHT, 14),
    ]
    about = f"{y_name} against {x_name} in {len(pairs):,} tests"
    if "correlation" in pattern.evidence:
        about += f", correlation {pattern.evidence['correlation']:.2f}"
    return svg(WIDTH, _FIT_HEIGHT, f"{about}.", parts)


def _pair_text(data: ChartData, pair: Point, x_metric: str, x_name: str, y_name: str) -> str:
    first, second = data.value_text(x_metric, pair[0]), data.value_text(y_name, pair[1])
    return f"{printable(x_name)} {first}, {printable(y_name)} {second}"


def _squeezed(values: Sequence[float]) -> bool:
    """Whether most values would lie in a corner of a linear axis."""
    middle = median(values)
    return min(values) >= 0 and 0 < _SQUEEZED * middle < max(values)


def _fitted(
    pattern: Pattern, pairs: dict[int, Point], members: Sequence[int], x: Scale, y: Scale
) -> list[str]:
    """Draw the line that the evidence names; through the median residual where it has no height."""
    slope, intercept = pattern.evidence.get("slope"), pattern.evidence.get("intercept")
    if len(pattern.metrics) > 2:
        slope, intercept = 1.0, 0.0  # a sum of metrics
    if slope is None or not members:
        return []
    if intercept is None:
        intercept = median(pairs[row][1] - slope * pairs[row][0] for row in members)
    low = min(pairs[row][0] for row in members)
    high = max(pairs[row][0] for row in members)
    steps = 40 if x.is_log or y.is_log else 1
    points = []
    for step in range(steps + 1):
        share = step / steps
        value = low + share * (high - low)
        if x.is_log and low > 0:
            value = low * (high / low) ** share
        result = intercept + slope * value
        if y.low <= result <= y.high:
            points.append((x(value), y(result)))
    return [curve(points, "x")] if len(points) > 1 else []
