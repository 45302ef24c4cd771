"""The course of a pattern over the past runs: one line, with the place where it changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pytest_crackle.model.units import count_of, format_value
from pytest_crackle.reporting.escape import printable
from pytest_crackle.reporting.page.svgchart import (
    Box,
    curve,
    dots,
    hits,
    label,
    line,
    svg,
    unit_suffix,
    x_axis,
    y_axis,
)
from pytest_crackle.reporting.page.svgscale import Scale, scale_of

if TYPE_CHECKING:
    from pytest_crackle.model.pattern import Pattern, RunValue
    from pytest_crackle.reporting.page.chartdata import ChartData

__all__ = ["course_chart"]

_WIDTH: Final = 680
_HEIGHT: Final = 200
_RIGHT: Final = 24
_LEAST: Final = 2


def course_chart(data: ChartData, pattern: Pattern) -> str:
    """Draw what the metric was for the tests of a pattern in each run, this run last.

    Returns
    -------
    str
        An SVG element; empty with fewer than two runs.
    """
    course = pattern.over_runs
    if len(course) < _LEAST:
        return ""
    metric = pattern.metrics[0]
    unit = data.table.info(metric).unit
    box = Box(64, 30, _WIDTH - _RIGHT, _HEIGHT - 44)
    y = scale_of([one.value for one in course], box.bottom, box.top, unit, zero=True)
    x = Scale(1, len(course), box.left + 8, box.right - 8, is_whole=True)
    points = list(
        zip(x.places(range(1, len(course) + 1)), y.places(one.value for one in course), strict=True)
    )
    after = [point for point, one in zip(points, course, strict=True) if one.is_after]
    tests = count_of(len(pattern.tests), "test")
    parts = [
        y_axis(y, box, f"{printable(metric)} of {tests}{unit_suffix(y)}", most=4),
        x_axis(x, box, "compared runs, this one last", grid=False),
        curve(points, "o"),
        dots((point for point in points if point not in after), "o"),
        dots(after, "m"),
        *_change(course, points, box),
        hits(
            (point, f"{_name(one)}: {format_value(one.value, unit)}")
            for point, one in zip(points, course, strict=True)
        ),
    ]
    first, last = (format_value(course[end].value, unit) for end in (0, -1))
    about = f"{metric} of {tests} over {len(course)} runs, from {first} to {last}"
    return svg(_WIDTH, _HEIGHT, f"{about}.", parts)


def _name(one: RunValue) -> str:
    return "this run" if one.run is None else f"run {one.run}"


def _change(course: tuple[RunValue, ...], points: list[tuple[float, float]], box: Box) -> list[str]:
    """Draw the border before the first run after the change, and name that run."""
    place = next((i for i, one in enumerate(course) if one.is_after), 0)
    if not place:
        return []
    middle = (points[place - 1][0] + points[place][0]) / 2
    is_right = middle > (box.left + box.right) / 2
    name = label(
        middle + (-6 if is_right else 6),
        box.top - 4,
        _name(course[place]),
        "end" if is_right else "start",
        "x",
    )
    return [line(middle, box.top, middle, box.bottom, "x", dashed=True), name]
