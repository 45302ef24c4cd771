"""Where the cost of something that is done again and again shifts: fixtures, cases, tests."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.numeric import median_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_crackle.cooling.changepoints.rankseg import ChangePoint
    from pytest_crackle.cooling.suite import Suite

__all__ = [
    "MILLISECOND",
    "CostSeries",
    "TimeShift",
    "descents_are_random",
    "run_places",
    "shift_at",
]

MILLISECOND: Final = 0.001
"""Added to both medians of a ratio: below it there is nothing but the noise of the clock."""


@dataclass(frozen=True, slots=True)
class CostSeries:
    """What one thing cost each time that it was done in one process.

    Attributes
    ----------
    name : str
        The function or the fixture; the module or class, "" for all tests, of random order.
    worker : str
    rows : tuple of int, shape (n,)
        The tests, in run order.
    seconds : tuple of float, shape (n,)
    """

    name: str
    worker: str
    rows: tuple[int, ...]
    seconds: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.rows)

    def may_cost(self, least: float) -> bool:
        """Whether a shift in it may cost so many extra seconds.

        Half of the values after a change are at least their median, so `TimeShift.extra` is at most
        twice the sum of the series.
        """
        return 2 * math.fsum(self.seconds) >= least


@dataclass(frozen=True, slots=True)
class TimeShift:
    """One series of costs that is higher from some place on.

    Attributes
    ----------
    series : CostSeries
    rows : tuple of int
        The tests after the shift, in run order.
    place : int
        Of the first of them in the run order of its worker.
    before, after : float
        Median seconds.
    extra : float
        Seconds: difference of the medians times the number of tests after.
    change : ChangePoint
    is_shuffled : bool
        The order of the series is random.
    """

    series: CostSeries
    rows: tuple[int, ...]
    place: int
    before: float
    after: float
    extra: float
    change: ChangePoint
    is_shuffled: bool = False

    @property
    def ratio(self) -> float:
        """How many times as long, a millisecond added to either side."""
        return (self.after + MILLISECOND) / (self.before + MILLISECOND)


def run_places(suite: Suite) -> dict[int, int]:
    """Return the place of each row in the run order of its worker."""
    places: dict[int, int] = {}
    for order in suite.run_orders.values():
        places.update(zip(order, range(len(order)), strict=True))
    return places


def shift_at(
    series: CostSeries,
    change: ChangePoint,
    places: Mapping[int, int],
    *,
    span: tuple[int, int] | None = None,
    is_shuffled: bool = False,
) -> TimeShift:
    """Describe a change of a series, within a span of it that holds no other change.

    Parameters
    ----------
    series : CostSeries
    change : ChangePoint
        Its index counts from the start of the series.
    places : mapping of int to int
        As `run_places` gives them.
    span : tuple of int, optional
        Start and stop; the whole series if not given.
    is_shuffled : bool

    Returns
    -------
    TimeShift
    """
    start, stop = span or (0, len(series))
    index, seconds = change.index, series.seconds
    before, after = median_of(seconds[start:index]), median_of(seconds[index:stop])
    return TimeShift(
        series=series,
        rows=series.rows[index:stop],
        place=places[series.rows[index]],
        before=before,
        after=after,
        extra=(after - before) * (stop - index),
        change=change,
        is_shuffled=is_shuffled,
    )


def descents_are_random(indexes: Sequence[int]) -> bool:
    """Tell whether a sequence of different numbers goes down as often as a random order does.

    Notes
    -----
    A random permutation of n has (n - 1)/2 descents with variance (n + 1)/12; three standard
    deviations are allowed. In collection order there is none. O(n).

    References
    ----------
    D. E. Knuth, "The Art of Computer Programming", volume 3, section 5.1.3 (Eulerian numbers).
    """
    n = len(indexes)
    descents = sum(after < before for before, after in pairwise(indexes))
    return n > 1 and abs(descents - (n - 1) / 2) <= 3 * math.sqrt((n + 1) / 12)
