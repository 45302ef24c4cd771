"""Change points of many series over the runs, under one false discovery rate."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_crackle.cooling.changepoints.autocorrelation import (
    guarded_rho,
    inflation_of,
    lag_rho,
    rho_about_levels,
)
from pytest_crackle.cooling.changepoints.rank_scan import RankScan
from pytest_crackle.cooling.changepoints.rankseg import default_least_segment, rankseg
from pytest_crackle.cooling.history.slower import rho_along
from pytest_crackle.cooling.multiplicity import benjamini_hochberg
from pytest_crackle.cooling.numeric import median_of, mid_ranks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_crackle.cooling.changepoints.rank_scan import Split
    from pytest_crackle.cooling.profiles import Profile

__all__ = ["RunChange", "RunChanges", "run_changes"]

_KNOWS_ITSELF = 40
"""From so many runs on a series says more about its autocorrelation than its like do."""


@dataclass(frozen=True, slots=True)
class RunChange:
    """The newest change of one series.

    Attributes
    ----------
    unit : int
        Place of the series.
    run : int
        Place of the first run after it on the axis of runs.
    last_good : int
        Place of the last run before it that has a value.
    log_p : float
    before, after : float
        Medians of the levels on both sides; the one after lasts to this run.
    is_step : bool
        False where a line through the runs explains as much as the two levels do: then it may have
        come little by little, and `run` is a place in the middle of it.
    """

    unit: int
    run: int
    last_good: int
    log_p: float
    before: float
    after: float
    is_step: bool


@dataclass(frozen=True, slots=True)
class RunChanges:
    """Series whose level changed, and how many series were tested."""

    changes: tuple[RunChange, ...]
    hypotheses: int


def run_changes(series: Sequence[Sequence[float]], profile: Profile) -> RunChanges:
    """Find the series whose level changed at some run, each with its newest change.

    Parameters
    ----------
    series : sequence of sequence of float, shape (n_units, n_runs)
        This run last; NaN where missing. Series without a value of this run are left out: a test
        that is gone is nobody's trouble.
    profile : Profile

    Returns
    -------
    RunChanges

    Notes
    -----
    Only the first split of each series is looked for at first, with the autocorrelation that is
    usual for all of them. That loses nothing: `rankseg` finds no change in a series whose first
    split is not significant, and a series whose first split does not pass the false discovery rate
    over all series could not be told whatever else is found in it. So p of the first split is p of
    the hypothesis "this series never changed", and the few series that pass are segmented in full.
    A constant series costs a comparison, any other one sort of its runs. O(n_units n_runs log).
    """
    least = max(profile.least_segment, 0)
    rho = rho_along(series)
    hypotheses = 0
    found: list[tuple[int, Split]] = []
    log_q = math.log(profile.q)
    for unit, values in enumerate(series):
        finite = [value for value in values if value == value]  # noqa: PLR0124 - NaN
        n = len(finite)
        shortest = max(least, default_least_segment(n))
        if n < 2 * shortest or values[-1] != values[-1]:
            continue
        hypotheses += 1
        if min(finite) == max(finite):
            continue
        scan = RankScan(finite, shortest, inflation_of(rho))
        best = scan.best(0, n, seeded=True)
        if best.log_p <= log_q:
            found.append((unit, best))
    log_qs = benjamini_hochberg([best.log_p for _, best in found], hypotheses)
    kept = [one for one, value in zip(found, log_qs, strict=True) if value <= log_q]
    changes = [_newest(unit, series[unit], best, rho, profile) for unit, best in kept]
    return RunChanges(tuple(change for change in changes if change is not None), hypotheses)


def _newest(
    unit: int, values: Sequence[float], first: Split, rho: float, profile: Profile
) -> RunChange | None:
    places = [place for place, value in enumerate(values) if value == value]  # noqa: PLR0124 - NaN
    finite = [values[place] for place in places]
    if len(finite) >= _KNOWS_ITSELF:
        rho = max(rho, _own_rho(finite, first.index, profile))
    found = rankseg(
        finite,
        alpha=profile.alpha,
        least_segment=profile.least_segment,
        min_delta=profile.min_delta,
        rho=rho,
    )
    if found.differenced or not (found.changes or found.drifts):
        return None
    newest = found.changes[-1] if found.changes else None
    edges = [0, *(change.index for change in found.changes)] if found.changes else [0, first.index]
    start, index = edges[-2], edges[-1]
    return RunChange(
        unit,
        places[index],
        places[index - 1],
        first.log_p,
        median_of(finite[start:index]),
        median_of(finite[index:]),
        newest is not None and newest.gateable and newest.kind == "step",
    )


def _own_rho(values: Sequence[float], split: int, profile: Profile) -> float:
    """Return the autocorrelation of a series about its levels, raised by its uncertainty.

    With the step in it a series of 60 runs that does nothing else looks like one that drifts; one
    that drifts still does so without the step. Where no other split is left, the plain estimate
    about the two levels will do; else there are more levels or a drift, and only the one that is
    blind to steps, which scatters twice as much, tells these two apart.
    """
    n = len(values)
    levels = median_of(values[:split]), median_of(values[split:])
    rest = [value - levels[place >= split] for place, value in enumerate(values)]
    ranks = mid_ranks(rest)
    least = max(profile.least_segment, default_least_segment(n))
    further = RankScan(rest, least, 1.0).best(0, n, seeded=True)
    alone = further.log_p > math.log(profile.alpha)
    return guarded_rho(rho_about_levels(ranks) if alone else lag_rho(ranks), n)
