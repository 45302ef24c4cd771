"""Whether one function-scoped fixture takes longer to set up from some test on."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.changepoints.rankseg import rankseg
from pytest_crackle.cooling.numeric import median_of
from pytest_crackle.cooling.shifts.pace import RHO
from pytest_crackle.cooling.shifts.time_shifts import CostSeries, shift_at
from pytest_crackle.cooling.suite import DAY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_crackle.cooling.changepoints.rankseg import ChangePoint
    from pytest_crackle.cooling.profiles import Profile
    from pytest_crackle.cooling.shifts.time_shifts import TimeShift
    from pytest_crackle.cooling.suite import Suite

__all__ = ["LEAST_SETUPS", "fixture_series", "fixture_shifts"]

LEAST_SETUPS: Final = 20
_LEAST_BESIDE: Final = 3
_TENTH: Final = 1e-4
"""Seconds added before logarithms: an empty phase costs half of that."""


def fixture_series(suite: Suite) -> list[CostSeries]:
    """Return the set-ups of each function-scoped fixture in each process.

    Returns
    -------
    list of CostSeries
        In run order, without the first one in each module, which pays for imports and caches, and
        without tests that do not count. Series of fewer than 20 are left out. Seconds are CPU time
        where known.
    """
    table = suite.table
    if not table.setups:
        return []
    counted = frozenset(suite.rows)
    has_cpu = "cpu" in table.columns
    series: dict[tuple[str, str], tuple[list[int], list[float]]] = {}
    for worker, order in suite.run_orders.items():
        seen: set[tuple[str, str]] = set()
        for row in filter(table.setups.__contains__, order):
            for setup in table.setups[row]:
                first = (setup.name, table.modules[row])
                if setup.scope != "function" or first not in seen:
                    seen.add(first)
                    continue
                seconds = min(setup.cpu, setup.wall) if has_cpu else setup.wall
                if row in counted and 0 <= seconds <= DAY:  # more is of a patched clock
                    rows, values = series.setdefault((worker, setup.name), ([], []))
                    rows.append(row)
                    values.append(seconds)
    return [
        CostSeries(name, worker, tuple(rows), tuple(values))
        for (worker, name), (rows, values) in series.items()
        if len(rows) >= LEAST_SETUPS
    ]


def fixture_shifts(
    suite: Suite, profile: Profile, places: Mapping[int, int]
) -> tuple[list[TimeShift], int]:
    """Find fixtures whose set-up takes longer from some test on.

    Parameters
    ----------
    suite : Suite
    profile : Profile
        `alpha` is shared by all fixtures; `min_delta`, `min_shift` and the least cost apply.
    places : mapping of int to int
        As `run_places` gives them.

    Returns
    -------
    list of TimeShift
    int
        Number of series tested.

    Notes
    -----
    A fixture of the same name may be another one in another file, and costs depend on who asks. So
    the shift must show within the module in which it lies as well, by three set-ups on either side
    and half of its size. Only a single change that lasts to the end is told. O(set-ups log).
    """
    every = fixture_series(suite)
    found = []
    least = profile.least_cost(suite.seconds)
    for series in every:
        if not series.may_cost(least):
            continue
        segmentation = rankseg(
            [math.log(value + _TENTH) for value in series.seconds],
            alpha=profile.alpha / len(every),
            least_segment=profile.least_segment,
            min_delta=profile.min_delta,
            rho=RHO,
        )
        if len(segmentation.changes) != 1 or not segmentation.changes[0].trusted:
            continue
        change = segmentation.changes[0]
        shift = shift_at(series, change, places)
        if (
            shift.ratio >= profile.min_shift
            and shift.extra >= least
            and _shows_within_module(suite, series, change)
        ):
            found.append(shift)
    return found, len(every)


def _shows_within_module(suite: Suite, series: CostSeries, change: ChangePoint) -> bool:
    modules, index = suite.table.modules, change.index
    logs = [math.log(value + _TENTH) for value in series.seconds]
    here = modules[series.rows[index]]
    inside = [i for i, row in enumerate(series.rows) if modules[row] == here]
    before = [logs[i] for i in inside if i < index]
    after = [logs[i] for i in inside if i >= index]
    if min(len(before), len(after)) < _LEAST_BESIDE:
        return False
    whole = median_of(logs[index:]) - median_of(logs[:index])
    return 2 * (median_of(after) - median_of(before)) >= whole
