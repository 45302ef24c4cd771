"""Where a pattern lies along the run order: its series, its place, the tests around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_crackle.model.pattern import PatternKind

if TYPE_CHECKING:
    from pytest_crackle.model.pattern import Pattern
    from pytest_crackle.model.report import Report

__all__ = ["Series", "series_of"]


@dataclass(frozen=True, slots=True)
class Series:
    """The series that a phase transition was seen in.

    Attributes
    ----------
    metric : str
    rows : tuple of int
        Rows of the table in run order.
    values : tuple of float
        The metric on them; NaN where missing.
    at : int or None
        Place in `rows` of the test where it begins.
    """

    metric: str
    rows: tuple[int, ...]
    values: tuple[float, ...]
    at: int | None


def series_of(report: Report, pattern: Pattern) -> Series | None:
    """Find the series of a phase transition.

    Returns
    -------
    Series or None
        None for other kinds, for a metric that was not recorded, and where several workers ran
        tests: their series are not one.

    Notes
    -----
    A shift of the cases of one function is drawn over the cases of that function. O(tests).
    """
    table = report.table
    if pattern.kind != PatternKind.PHASE_TRANSITION or not pattern.metrics:
        return None
    if "runs_held" in pattern.evidence:
        return None  # it lies between runs: the tests of this one do not show it
    orders = table.run_orders()
    metric = pattern.metrics[0]
    column = table.columns.get(metric)
    if column is None or len(orders) != 1:
        return None
    (rows,) = orders.values()
    if pattern.subkind == "cases" and pattern.at in table.nodeids:
        function = table.functions[table.nodeids.index(pattern.at)]
        rows = [row for row in rows if table.functions[row] == function]
    at = next((i for i, row in enumerate(rows) if table.nodeids[row] == pattern.at), None)
    return Series(metric, tuple(rows), tuple(column[row] for row in rows), at)
