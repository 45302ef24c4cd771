"""Whether the cases of one parametrized function take longer from some case on."""

from __future__ import annotations

import math
from itertools import groupby
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.changepoints.drift import form_of
from pytest_crackle.cooling.changepoints.rankseg import pooled_rho, rankseg
from pytest_crackle.cooling.shifts.time_shifts import CostSeries, descents_are_random, shift_at

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_crackle.cooling.profiles import Profile
    from pytest_crackle.cooling.shifts.time_shifts import TimeShift
    from pytest_crackle.cooling.suite import Suite

__all__ = ["LEAST_CASES", "case_series", "case_shifts"]

LEAST_CASES: Final = 20
_LEAST_POOL: Final = 3
_TENTH: Final = 1e-4


def case_series(suite: Suite, profile: Profile) -> list[CostSeries]:
    """Return the cases of each function that has enough of them, in run order.

    Only functions whose cases all ran in one process: under xdist's load distribution the cases of
    a function are spread, and which worker gets which depends on how long they take.
    """
    table = suite.table
    least = max(LEAST_CASES, 2 * profile.least_segment)
    members: dict[str, list[int]] = {}
    steady, nodeids = suite.steady, table.nodeids
    for function, run in groupby(suite.rows, table.functions.__getitem__):
        cases = [row for row in run if nodeids[row] != function and steady[row] >= 0]
        if cases:
            members.setdefault(function, []).extend(cases)
    found = []
    for function, rows in members.items():
        if len(rows) >= least and len({table.workers[row] for row in rows}) == 1:
            rows.sort(key=table.seqs.__getitem__)
            seconds = tuple(map(steady.__getitem__, rows))
            worker = table.workers[rows[0]] or ""
            found.append(CostSeries(function, worker, tuple(rows), seconds))
    return found


def case_shifts(
    suite: Suite, profile: Profile, places: Mapping[int, int]
) -> tuple[list[TimeShift], int]:
    """Find functions whose cases take longer from some case on.

    Parameters
    ----------
    suite : Suite
    profile : Profile
        `alpha`, `min_delta`, `min_shift`, `least_segment` and the least cost apply.
    places : mapping of int to int
        As `run_places` gives them.

    Returns
    -------
    list of TimeShift
    int
        Number of functions tested.

    Notes
    -----
    Cases in file order are no random sample: later ones are often the larger ones. So a rise along
    a line is nothing, and so is more than one change, which is how a product of parameters looks.
    A single step needs company elsewhere to be more than a notice (detectors.md 4, T3). The
    autocorrelation is pooled over three or more functions, as 20 cases say little about their own.
    O(cases log cases).
    """
    every = case_series(suite, profile)
    logs = [[math.log(value + _TENTH) for value in series.seconds] for series in every]
    rho = pooled_rho(logs) if len(logs) >= _LEAST_POOL else None
    found = []
    least = profile.least_cost(suite.seconds)
    for series, values in zip(every, logs, strict=True):
        if not series.may_cost(least):
            continue
        changes = rankseg(
            values,
            alpha=profile.alpha,
            least_segment=profile.least_segment,
            min_delta=profile.min_delta,
            rho=rho,
            ramps=False,
        ).changes
        if len(changes) != 1 or not changes[0].trusted:
            continue
        shuffled = descents_are_random([suite.table.indexes[row] for row in series.rows])
        shift = shift_at(series, changes[0], places, is_shuffled=shuffled)
        if (
            shift.ratio >= profile.min_shift
            and shift.extra >= least
            and form_of(values, [changes[0].index], log_alpha=math.log(profile.alpha)) == "step"
        ):
            found.append(shift)
    return found, len(every)
