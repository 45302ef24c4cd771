"""The table of the text report: a row for each pattern, fewer columns where it is too wide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pytest_crackle.reporting.figures import effect_text, kind_name, q_text
from pytest_crackle.reporting.layout import display_width
from pytest_crackle.reporting.series import series_of
from pytest_crackle.reporting.tables import Column, render_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_crackle.model.pattern import Pattern
    from pytest_crackle.model.report import Report
    from pytest_crackle.reporting.medium import Medium

__all__ = ["overview"]

_COLUMNS: Final[dict[str, Column]] = {
    "id": ("id", "left"),
    "pattern": ("pattern", "left"),
    "metric": ("metric", "left"),
    "tests": ("tests", "right"),
    "effect": ("effect", "right"),
    "q": ("q", "right"),
    "run order": ("run order", "left"),
}
_FIRST_TO_GO: Final = ("run order", "effect", "tests", "q")
_WIDEST_CELL: Final = 24
_NARROWER: Final = (24, 18, 12)


def overview(report: Report, patterns: Sequence[Pattern], medium: Medium) -> list[str]:
    """Lay the patterns out as a table that fits the width.

    Parameters
    ----------
    report : Report
    patterns : sequence of Pattern
        At least one.
    medium : Medium

    Returns
    -------
    list of str
        Two lines of heading and one a pattern; never wrapped. Where it is too wide, names of
        metrics are cut first, then columns go by priority.
    """
    rows = [_cells(report, pattern, medium) for pattern in patterns]
    names = [name for name in _COLUMNS if any(row[name] for row in rows)]
    lines: list[str] = []
    for gone in range(len(_FIRST_TO_GO) + 1):
        kept = [name for name in names if name not in _FIRST_TO_GO[:gone]]
        for room in _NARROWER:
            cells = [_row(row, kept, room, medium) for row in rows]
            lines = render_table([_COLUMNS[name] for name in kept], cells)
            if max(map(display_width, lines)) <= medium.width:
                return lines
    return [medium.fit(line) for line in lines]


def _row(row: dict[str, str], names: Sequence[str], room: int, medium: Medium) -> list[str]:
    return [
        _metric_cell(row[name], room, medium)
        if name == "metric"
        else medium.fit(row[name], _WIDEST_CELL)
        for name in names
    ]


def _metric_cell(text: str, room: int, medium: Medium) -> str:
    """Cut a list of metrics to its first and a count before cutting a name."""
    first, *rest = text.split("\n")
    whole = ", ".join([first, *rest])
    if display_width(whole) <= room or not rest:
        return medium.fit(whole, room)
    return f"{medium.fit(first, room - 3)} +{len(rest)}"


def _cells(report: Report, pattern: Pattern, medium: Medium) -> dict[str, str]:
    series = series_of(report, pattern)
    return {
        "id": medium.clean(pattern.id),
        "pattern": medium.clean(kind_name(pattern.kind)),
        "metric": "\n".join(map(medium.clean, pattern.metrics)),
        "tests": f"{len(pattern.tests):,}",
        "effect": medium.clean(effect_text(report, pattern)),
        "q": q_text(pattern),
        "run order": medium.spark(series.values) if series else "",
    }
