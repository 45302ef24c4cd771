"""Each metric over all tests that have it: summarised when somebody reads it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from operator import eq
from statistics import median
from typing import TYPE_CHECKING, overload

from pytest_crackle.model.report import MetricSummary

if TYPE_CHECKING:
    from pytest_crackle.model.table import MetricTable

__all__ = ["MetricSummaries"]


class MetricSummaries(Sequence[MetricSummary]):
    """The metrics of a finished table that any test has, sorted by name.

    Parameters
    ----------
    table : MetricTable

    Notes
    -----
    How many there are is known at once. Each is summarised when the first of them is read, which a
    report on the terminal never does: O(n log n) a metric.
    """

    def __init__(self, table: MetricTable) -> None:
        self._table = table
        columns = table.columns
        # NaN is not equal to itself
        self._names = [name for name in sorted(columns) if any(map(eq, *[columns[name]] * 2))]

    def __len__(self) -> int:
        return len(self._names)

    @overload
    def __getitem__(self, place: int) -> MetricSummary: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[MetricSummary, ...]: ...
    def __getitem__(self, place: int | slice) -> MetricSummary | tuple[MetricSummary, ...]:
        return self._all[place]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._all == tuple(other)

    def __hash__(self) -> int:
        return hash(self._all)

    def __repr__(self) -> str:
        return repr(self._all)

    @cached_property
    def _all(self) -> tuple[MetricSummary, ...]:
        return tuple(map(self._summary, self._names))

    def _summary(self, name: str) -> MetricSummary:
        info = self._table.info(name)
        values: Sequence[float] = self._table.columns[name]
        total = sum(values)
        if not math.isfinite(total):
            values = [value for value in values if value == value]  # noqa: PLR0124 - NaN
            # halves first: a sum of finite values may overflow, and half of it may not
            total = 2.0 * sum([value / 2.0 for value in values])
            total = total if math.isfinite(total) else math.copysign(1.7e308, total)
        return MetricSummary(name, info.unit, info.kind, len(values), total, median(values))
