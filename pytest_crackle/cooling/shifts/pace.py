"""Identical work between the tests: pace, other threads' share of a core, wait for a core."""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.changepoints.rankseg import rankseg
from pytest_crackle.cooling.numeric import median_of, quantile
from pytest_crackle.cooling.shifts.leavers import lives_of, name_kinds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_crackle.cooling.changepoints.rankseg import ChangePoint
    from pytest_crackle.cooling.profiles import Profile
    from pytest_crackle.cooling.suite import Suite
    from pytest_crackle.model.table import MetricTable

__all__ = [
    "ALONE",
    "LEAST_PROBES",
    "RHO",
    "Probes",
    "Stretch",
    "background_stretches",
    "machine_ratio",
    "pace_stretches",
    "probes_of",
    "queue_stretches",
    "stretches_of",
    "threads_behind",
]

LEAST_PROBES: Final = 20
RHO: Final = 0.5
"""Autocorrelation of pace and queue: fixed, as null sessions showed .2 to .5 (detectors.md 4)."""
ALONE: Final = 2.0
"""Least ratio of a slowdown without a cause in the process. Measured on a machine that others use:
a busy neighbour on the same core makes identical work take 1.4 to 1.6 times as long, in 4 of 40
sessions from some probe to the end."""
_LEAST_SEGMENT: Final = 5
_STEADY: Final = 0.1
"""Other threads left running show in nine of ten probes; threads that tests use come and go."""
_LEAST_MODULES: Final = 3


@dataclass(frozen=True, slots=True)
class Probes:
    """Readings of one gauge in one process, taken between tests.

    Attributes
    ----------
    worker : str
        "" without workers.
    rows : tuple of int
        All rows of that process in run order.
    places : tuple of int, shape (n_probes,)
        The reading was taken after the test at this place of `rows`.
    values : tuple of float, shape (n_probes,)
    """

    worker: str
    rows: tuple[int, ...]
    places: tuple[int, ...]
    values: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.values)

    def first_test(self, index: int) -> int:
        """Return the place of the first test since the probe before `index`."""
        return self.places[index - 1] + 1 if index else 0

    def tests(self, start: int, stop: int) -> tuple[int, ...]:
        """Return the rows of the tests between the probe before `start` and that before `stop`."""
        last = self.first_test(stop) if stop < len(self) else len(self.rows)
        return self.rows[self.first_test(start) : last]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of a series that lies higher, or lower, than what comes before it.

    Attributes
    ----------
    start : int
        First value of it.
    stop : int
        First value after its own level; the next change.
    end : int or None
        First value that is back; None if it lasts to the end.
    before, after : float
        Medians of the level before and of its own.
    change : ChangePoint
    """

    start: int
    stop: int
    end: int | None
    before: float
    after: float
    change: ChangePoint


def probes_of(suite: Suite, metric: str) -> tuple[Probes, ...]:
    """Return the readings of a gauge for each process, by name of the worker.

    Parameters
    ----------
    suite : Suite
    metric : str
        Readings that are negative or not finite are missing.
    """
    return suite.once(("probes", metric), lambda: _probes_of(suite, metric))


def _probes_of(suite: Suite, metric: str) -> tuple[Probes, ...]:
    column, found = suite.table.column(metric).tolist(), []
    for worker, rows in suite.run_orders.items():
        readings = list(map(column.__getitem__, rows))
        places = tuple([p for p, value in enumerate(readings) if 0 <= value < math.inf])
        values = tuple(map(readings.__getitem__, places))
        found.append(Probes(worker, tuple(rows), places, values))
    return tuple(found)


def stretches_of(values: Sequence[float], changes: Sequence[ChangePoint]) -> list[Stretch]:
    """Turn change points into stretches, each with the place where the level is back.

    Parameters
    ----------
    values : Sequence[float], shape (n,)
    changes : Sequence[ChangePoint]
        By index.

    Returns
    -------
    list of Stretch
        One for each change. A level is back when it has gone half of the way or more.
    """
    edges = [0, *(change.index for change in changes), len(values)]
    medians = [median_of(values[a:b]) for a, b in pairwise(edges)]
    found = []
    for i, change in enumerate(changes):
        before, after = medians[i], medians[i + 1]
        middle = (before + after) / 2
        later = range(i + 2, len(medians))
        back = next((k for k in later if (medians[k] <= middle) == (before < after)), None)
        end = edges[back] if back is not None else None
        found.append(Stretch(edges[i + 1], edges[i + 2], end, before, after, change))
    return found


def _segments(values: Sequence[float], alpha: float, profile: Profile) -> tuple[ChangePoint, ...]:
    found = rankseg(
        values,
        alpha=alpha,
        least_segment=_LEAST_SEGMENT,
        min_delta=profile.min_delta,
        rho=RHO,
        ramps=False,
    )
    return tuple(change for change in found.changes if change.trusted)


def pace_stretches(probes: Probes, profile: Profile, alpha: float) -> list[Stretch]:
    """Find where identical work begins to take longer, or shorter.

    Parameters
    ----------
    probes : Probes
        Of `pace`, in seconds; readings of 0 are left out by the caller.
    profile : Profile
        `min_delta` and `min_shift` apply.
    alpha : float

    Returns
    -------
    list of Stretch
        In seconds; empty below 20 probes.
    """
    if len(probes) < LEAST_PROBES:
        return []
    changes = _segments([math.log(value) for value in probes.values], alpha, profile)
    found = stretches_of(probes.values, changes)
    least = profile.min_shift
    return [s for s in found if s.after >= least * s.before or s.before >= least * s.after]


def machine_ratio(probes: Sequence[Probes], worker: str, place: int) -> float | None:
    """Return how many times as long identical work takes from a place of a run order on.

    Parameters
    ----------
    probes : Sequence[Probes]
        Of `pace`.
    worker : str
    place : int

    Returns
    -------
    float or None
        At least 1; None if there are fewer than 20 probes in that process, or five on one side.
    """
    for one in probes:
        if one.worker == worker and len(one) >= LEAST_PROBES:
            index = bisect_left(one.places, place)
            before, after = one.values[:index], one.values[index:]
            if min(len(before), len(after)) < _LEAST_SEGMENT or not (low := median_of(before)):
                return None
            return max(1.0, median_of(after) / low)
    return None


def background_stretches(
    suite: Suite, probes: Probes, profile: Profile, alpha: float
) -> list[Stretch]:
    """Find where other threads of the process begin to use more of a core, for long.

    Parameters
    ----------
    suite : Suite
    probes : Probes
        Of `background`, shares of a core.
    profile : Profile
        `min_delta` and `background` (least difference) apply.
    alpha : float

    Returns
    -------
    list of Stretch
        Upward only.

    Notes
    -----
    Tests that use threads themselves lie side by side in their modules, so a shift of the median
    proves nothing. Told is what a thread explains that was started there and outlived the stretch;
    else what stays up in nine of ten probes over three modules or more.
    """
    if len(probes) < LEAST_PROBES:
        return []
    found = []
    for stretch in stretches_of(probes.values, _segments(probes.values, alpha, profile)):
        if stretch.after - stretch.before < profile.background:
            continue
        values = sorted(probes.values[stretch.start : stretch.stop])
        floor = quantile(values, _STEADY)
        is_steady = floor - stretch.before >= profile.background / 2
        tests = probes.tests(stretch.start, stretch.stop)
        modules = {suite.table.modules[row] for row in tests}
        if is_steady and (
            len(modules) >= _LEAST_MODULES or threads_behind(suite.table, probes, stretch)
        ):
            found.append(stretch)
    return found


def threads_behind(table: MetricTable, probes: Probes, stretch: Stretch) -> str:
    """Name the threads that came where a stretch begins and outlived it; "" if there are none."""
    first, last = probes.first_test(stretch.start), probes.places[stretch.start]
    until = probes.places[stretch.stop - 1]
    lives = lives_of(table, probes.worker, probes.rows, "threads")
    names = [
        life.identity
        for life in lives
        if first <= life.opened <= last and (life.closed is None or life.closed > until)
    ]
    return name_kinds(names, "threads")


def queue_stretches(
    table: MetricTable, probes: Probes, profile: Profile
) -> tuple[Probes, list[Stretch]]:
    """Find where the main thread begins to wait longer for a core, between probes.

    Parameters
    ----------
    table : MetricTable
        With `delay` and `duration`.
    probes : Probes
        Of `pace`: they set the spans.
    profile : Profile
        `queue` (least difference) applies.

    Returns
    -------
    Probes
        Share of the time spent waiting for a core, one value a span.
    list of Stretch
        Upward only.
    """
    delay, wall = table.column("delay").tolist(), table.column("duration").tolist()
    places, shares = [], []
    for index, place in enumerate(probes.places):
        tests = probes.rows[probes.first_test(index) : place + 1]
        known = [row for row in tests if delay[row] >= 0 and 0 < wall[row] < math.inf]
        n = len(known)
        total = math.fsum([wall[row] / n for row in known])
        if total > 0:
            waited = math.fsum([delay[row] / n for row in known])
            places.append(place)
            shares.append(min(1.0, waited / total))
    queue = Probes(probes.worker, probes.rows, tuple(places), tuple(shares))
    if len(queue) < LEAST_PROBES:
        return queue, []
    found = stretches_of(queue.values, _segments(queue.values, profile.alpha, profile))
    return queue, [s for s in found if s.after - s.before >= profile.queue]
