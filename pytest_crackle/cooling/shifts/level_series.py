"""The readings of a level in one process, and what each test adds to what it comes back to."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import accumulate
from operator import sub
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_crackle.cooling.suite import Suite

__all__ = ["LevelSeries", "Path", "level_series", "path_of"]

TAIL: Final = 3
"""Tests at the end whose increments cannot be told from garbage, where there is no last reading."""
_HUGE: Final = 1e300
"""Readings beyond it are missing: their differences are no numbers."""


@dataclass(frozen=True, slots=True)
class Path:
    """Hold what a level comes back to, and what each test adds to that.

    Attributes
    ----------
    values : tuple of float, shape (n_readings,)
        As read; the last reading of the session, where there is one, is not among them.
    floor : tuple of float, shape (n_readings,)
        The lowest value from here to the end.
    kept : tuple of float, shape (n_readings,)
        Rise of the floor at each reading: what the test leaves for good; 0 where that cannot be
        said (the first hundredth, and without a last reading the last three).
    """

    values: tuple[float, ...]
    floor: tuple[float, ...]
    kept: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.values)

    @property
    def warm_up(self) -> int:
        """Number of first readings that blame nobody."""
        return max(1, len(self.values) // 100)


@dataclass(frozen=True, slots=True)
class LevelSeries:
    """The readings of one level in one process.

    Attributes
    ----------
    worker : str
        "" without workers.
    rows : tuple of int, shape (n_readings,)
        Rows of the table in run order, those with a reading.
    path : Path
    has_end : bool
        Whether there is a reading after the last test.
    """

    worker: str
    rows: tuple[int, ...]
    path: Path
    has_end: bool


def path_of(values: Sequence[float], last: float | None = None) -> Path:
    """Return the floor of a level and what each reading adds to it.

    Parameters
    ----------
    values : Sequence[float], shape (n_readings,)
        Finite, in run order of one process.
    last : float, optional
        The reading at the end of the session, after the last test.

    Returns
    -------
    Path

    Notes
    -----
    The floor is the minimum over all later readings, so peaks and plateaus that come down again
    leave nothing. O(n).
    """
    n = len(values)
    floor = list(accumulate(reversed(values), min, initial=math.inf if last is None else last))[1:]
    floor.reverse()
    start, stop = max(1, n // 100), n if last is not None else n - TAIL
    rises = list(map(sub, floor[start:stop], floor[start - 1 :])) if start < stop else []
    kept = [*[0.0] * min(n, start), *rises, *[0.0] * (n - max(start, stop))]
    return Path(tuple(values), tuple(floor), tuple(kept))


def level_series(suite: Suite, metric: str) -> tuple[LevelSeries, ...]:
    """Return the series of a level for each process that read it, by name of the worker."""
    table, found = suite.table, []
    column = table.column(metric).tolist()
    for worker, order in suite.run_orders.items():
        rows = tuple([row for row in order if -_HUGE < column[row] < _HUGE])
        if not rows:
            continue
        end = table.ends.get(worker)
        last = end.metrics.get(metric) if end is not None else None
        if last is not None and not abs(last) < _HUGE:
            last = None
        path = path_of([column[row] for row in rows], last)
        found.append(LevelSeries(worker, rows, path, last is not None))
    return tuple(found)
