"""One metric against another or a sum of others, with the line that the evidence names."""

from __future__ import annotations

import math
from heapq import nlargest
from statistics import median
from typing import TYPE_CHECKING, Final

from pytest_crackle.model.pattern import PatternKind
from pytest_crackle.reporting.escape import printable
from pytest_crackle.reporting.page.chartdata import spread_out
from pytest_crackle.reporting.page.svgchart import (
    Box,
    curve,
    dots,
    hits,
    legend,
    rings,
    svg,
    unit_suffix,
    x_axis,
    y_axis,
)
from pytest_crackle.reporting.page.svgscale import Scale, scale_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_crackle.model.pattern import Pattern
    from pytest_crackle.reporting.page.chartdata import ChartData
    from pytest_crackle.reporting.page.svgchart import Point

__all__ = ["fit_chart"]

WIDTH: Final = 680
_FIT_HEIGHT: Final = 320
_RIGHT: Final = 24
_SQUEEZED: Final = 8.0
"""Largest over median value from which on linear axes press most points into a corner."""
_TOP_NAMED: Final = 50


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
    columns = [data.columns.get(name) for name in [y_name, *x_names]]
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
    first = [*broken, *nlargest(_TOP_NAMED, members, key=lambda row: (pairs[row][1], -row))]
    named = spread_out(list(places), data.names_per_chart, first)
    entries = [("o", "other tests")] if others else []
    entries += [("m", "tests of the pattern")] if members and (others or broken) else []
    entries += [("x", "off the line")] if broken else []
    names = (
        (places[row], data.named(row, _pair_text(data, pairs[row], x_metric, x_name, y_name)))
        for row in sorted(named)
    )
    parts = [
        y_axis(y, box, printable(y_name) + unit_suffix(y)),
        x_axis(x, box, printable(x_name) + unit_suffix(x)),
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
