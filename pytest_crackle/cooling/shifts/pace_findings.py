"""What shifts of pace, of other threads and of the run queue say, in findings and notes."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.changepoints.autocorrelation import inflation_of
from pytest_crackle.cooling.detectors.base import Finding
from pytest_crackle.cooling.numeric import cliff_delta, median_of, mid_ranks
from pytest_crackle.cooling.profiles import CoolingRate
from pytest_crackle.cooling.shifts.pace import (
    ALONE,
    LEAST_PROBES,
    RHO,
    Probes,
    background_stretches,
    pace_stretches,
    probes_of,
    queue_stretches,
    threads_behind,
)
from pytest_crackle.cooling.shifts.telling import (
    KIND,
    onset_phrase,
    range_phrase,
    shift_evidence,
    times_phrase,
)
from pytest_crackle.cooling.tails import log_rank_sum_p
from pytest_crackle.model.report import NotTested
from pytest_crackle.model.units import count_of, format_count, format_percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_crackle.cooling.detectors.base import Column, Recheck
    from pytest_crackle.cooling.profiles import Profile
    from pytest_crackle.cooling.shifts.pace import Stretch
    from pytest_crackle.cooling.suite import Suite

__all__ = ["PlacedShift", "QueueShift", "background_shifts", "pace_shifts", "queue_shifts"]

PACE: Final = "pace"
BACKGROUND: Final = "background"
_NEAR: Final = 2
"""Probes by which the place of a change may be off."""


@dataclass(frozen=True, slots=True)
class PlacedShift:
    """A finding with the places in one process's run order where its cause may lie.

    Attributes
    ----------
    worker : str
    first, last : int
        It began with one of these tests; two probes more to either side.
    effect : str
        As a clause for the sentence of its cause: "pace is 3.7x".
    finding : Finding
    is_told : bool
        False: only of use to whatever explains it.
    """

    worker: str
    first: int
    last: int
    effect: str
    finding: Finding
    is_told: bool = True

    def is_at(self, worker: str, place: int) -> bool:
        """Whether a place in a worker's run order is among those where it began."""
        return worker == self.worker and self.first <= place <= self.last


@dataclass(frozen=True, slots=True)
class QueueShift:
    """From some test on the main thread waits longer for a core: others use the machine."""

    worker: str
    first: int
    last: int
    note: str
    difference: float


def _near(probes: Probes, start: int) -> tuple[int, int]:
    first = probes.first_test(max(0, start - _NEAR))
    return first, probes.places[min(len(probes) - 1, start + _NEAR)]


def _onset(suite: Suite, probes: Probes, stretch: Stretch) -> str:
    first, last = probes.first_test(stretch.start), probes.places[stretch.start]
    return onset_phrase(suite.table, probes.rows, first, last)


def _until(suite: Suite, probes: Probes, stretch: Stretch) -> str:
    if stretch.end is None:
        return ""
    return f", up to {suite.table.nodeids[probes.rows[probes.places[stretch.end - 1]]]},"


# ---------------------------------------------------------------------- queue


def queue_shifts(suite: Suite, profile: Profile) -> tuple[QueueShift, ...]:
    """Find where the machine became busier, for the notes; never a pattern.

    Parameters
    ----------
    suite : Suite
    profile : Profile

    Returns
    -------
    tuple of QueueShift
        Largest difference first.
    """
    found = []
    for probes in probes_of(suite, PACE):
        queue, stretches = queue_stretches(suite.table, probes, profile)
        for stretch in stretches:
            onset = _onset(suite, queue, stretch)
            shares = f"{format_percent(stretch.before)} -> {format_percent(stretch.after)}"
            note = f"the machine was busier {onset}: run-queue wait {shares}"
            first, last = _near(queue, stretch.start)
            difference = stretch.after - stretch.before
            found.append(QueueShift(queue.worker, first, last, note, difference))
    return tuple(sorted(found, key=lambda shift: (-shift.difference, shift.note)))


# ---------------------------------------------------------------------- pace


def pace_shifts(
    suite: Suite, profile: Profile, queue: Sequence[QueueShift]
) -> tuple[list[PlacedShift], int, list[NotTested]]:
    """Find where identical work begins to take longer, in the only process of a session.

    Parameters
    ----------
    suite : Suite
    profile : Profile
        A stretch that is over before the end or below `ALONE`, which is most often the machine, and
        a shorter time, which asks for nothing, are told at fast only, and as a notice.
    queue : sequence of QueueShift
        A shift at the same place as one of these cannot fail a gate.

    Returns
    -------
    list of PlacedShift
    int
        Number of series tested.
    list of NotTested
    """
    (probes,) = [_positive(probes) for probes in probes_of(suite, PACE)]
    if len(probes) < LEAST_PROBES:
        return [], 0, too_few(probes)
    stretches = pace_stretches(probes, profile, profile.alpha)
    returns = {stretch.end for stretch in stretches}
    found, highest = [], 0.0
    for stretch in stretches:
        highest = max(highest, stretch.before)
        is_new = stretch.after > highest if stretch.after > stretch.before else True
        if is_new and stretch.start not in returns:
            shift = _pace_shift(suite, probes, stretch, profile, queue)
            if stretch.end is not None or stretch.after < ALONE * stretch.before:
                finding = replace(shift.finding, notice=True, gateable=False)
                is_fast = profile.rate is CoolingRate.FAST
                shift = replace(shift, finding=finding, is_told=is_fast)
            found.append(shift)
    return found, 1, []


def _positive(probes: Probes) -> Probes:
    """Leave out readings of 0, which a coarse clock gives."""
    kept = [i for i, value in enumerate(probes.values) if value > 0]
    places = tuple(probes.places[i] for i in kept)
    return replace(probes, places=places, values=tuple(probes.values[i] for i in kept))


def too_few(probes: Probes) -> list[NotTested]:
    """Say that there are too few probes; nothing if pace is not measured at all."""
    if not len(probes):
        return []
    return [NotTested(KIND, PACE, f"{count_of(len(probes), 'probe')}, needs {LEAST_PROBES}")]


def _pace_shift(
    suite: Suite,
    probes: Probes,
    stretch: Stretch,
    profile: Profile,
    queue: Sequence[QueueShift],
) -> PlacedShift:
    times = times_phrase(stretch.after / stretch.before)
    levels = range_phrase(stretch.before, stretch.after, "s")
    onset, until = _onset(suite, probes, stretch), _until(suite, probes, stretch)
    summary = f"Identical work takes {times} as long {onset}{until} ({levels} of CPU)."
    first, last = _near(probes, stretch.start)
    busier = [s for s in queue if s.worker == probes.worker and s.first <= last and first <= s.last]
    finding = _gauge_finding(suite, probes, stretch, PACE, summary)
    finding = replace(
        finding,
        recheck=gauge_recheck(PACE, probes, stretch, _RatioLimit(profile)),
        gateable=stretch.change.gateable and not busier,
        details=tuple(f"At the same place {shift.note}." for shift in busier[:1]),
    )
    return PlacedShift(probes.worker, first, last, f"pace is {times}", finding)


def _gauge_finding(
    suite: Suite, probes: Probes, stretch: Stretch, metric: str, summary: str
) -> Finding:
    at = probes.rows[probes.first_test(stretch.start)]
    return Finding(
        kind=KIND,
        subkind=metric,
        summary=summary,
        metrics=(metric,),
        rows=probes.tests(stretch.start, stretch.stop),
        anchor=suite.table.modules[at],  # the test depends on when the probes were taken
        log_p=min(0.0, stretch.change.log_p),
        at=at,
        evidence=shift_evidence(
            probes.values,
            stretch.start,
            level_before=stretch.before,
            level_after=stretch.after,
            ratio=stretch.after / stretch.before if stretch.before else math.inf,
        ),
        score=abs(math.log(max(stretch.after, 1e-300) / max(stretch.before, 1e-300))),
    )


# ---------------------------------------------------------------------- other threads


def background_shifts(suite: Suite, profile: Profile) -> tuple[list[PlacedShift], int]:
    """Find where other threads of a process begin to use more of a core.

    Parameters
    ----------
    suite : Suite
    profile : Profile
        `alpha` is shared by the processes.

    Returns
    -------
    list of PlacedShift
    int
        Number of series tested.
    """
    every = [p for p in probes_of(suite, BACKGROUND) if len(p) >= LEAST_PROBES]
    found = []
    for probes in every:
        alpha = profile.alpha / len(every)
        for stretch in background_stretches(suite, probes, profile, alpha):
            shift = _background_shift(suite, probes, stretch, profile)
            log_p = min(0.0, shift.finding.log_p + math.log(len(every)))
            found.append(replace(shift, finding=replace(shift.finding, log_p=log_p)))
    return found, len(every)


def _cores(share: float) -> str:
    """Write a share of a core with the little precision that it has."""
    rounded = float(f"{share:.1g}" if share < 0.95 else f"{share:.2g}")
    if rounded == 1:
        return "a whole core"
    return f"{format_count(rounded)} of a core" if rounded < 1 else f"{format_count(rounded)} cores"


def _background_shift(
    suite: Suite, probes: Probes, stretch: Stretch, profile: Profile
) -> PlacedShift:
    amount = _cores(stretch.after)
    names = threads_behind(suite.table, probes, stretch)
    started = f" (started there: {names})" if names else ""
    onset, until = _onset(suite, probes, stretch), _until(suite, probes, stretch)
    head = onset[0].upper() + onset[1:]
    comma = until or ","
    summary = f"{head}{comma} other threads of this process use {amount}{started}."
    finding = replace(
        _gauge_finding(suite, probes, stretch, BACKGROUND, summary),
        recheck=gauge_recheck(BACKGROUND, probes, stretch, _DifferenceLimit(profile)),
        gateable=stretch.change.gateable,
        score=stretch.after - stretch.before,
    )
    first, last = _near(probes, stretch.start)
    effect = f"other threads of this process use {amount}"
    return PlacedShift(probes.worker, first, last, effect, finding)


# ---------------------------------------------------------------------- testing it again


@dataclass(frozen=True, slots=True)
class _RatioLimit:
    profile: Profile

    def holds(self, before: float, after: float) -> bool:
        """Whether the medians differ by the least ratio."""
        ratio = self.profile.min_shift
        return after >= ratio * before or before >= ratio * after

    @property
    def min_delta(self) -> float:
        """Least Cliff's delta."""
        return self.profile.min_delta


@dataclass(frozen=True, slots=True)
class _DifferenceLimit:
    profile: Profile

    def holds(self, before: float, after: float) -> bool:
        """Whether the medians differ by the least share of a core."""
        return after - before >= self.profile.background

    @property
    def min_delta(self) -> float:
        """Least Cliff's delta."""
        return self.profile.min_delta


def gauge_recheck(
    metric: str, probes: Probes, stretch: Stretch, limit: _RatioLimit | _DifferenceLimit
) -> Recheck:
    """Return a function that tests one found shift again, at its place, on part of the probes."""
    edge = [probes.rows[place] for place in probes.places]
    before_rows, after_rows = edge[: stretch.start], edge[stretch.start : stretch.stop]

    def recheck(column: Column, rows: Sequence[int]) -> float:
        values, kept = column(metric), frozenset(rows)
        before = [v for row in before_rows if row in kept and math.isfinite(v := values[row])]
        after = [v for row in after_rows if row in kept and math.isfinite(v := values[row])]
        if not before or not after or not limit.holds(median_of(before), median_of(after)):
            return 0.0
        if abs(cliff_delta(before, after)) < limit.min_delta:
            return 0.0
        ranks, n = mid_ranks([*before, *after]), len(before) + len(after)
        larger = max(sum(ranks[len(before) :]), len(after) * (n + 1) - sum(ranks[len(before) :]))
        # the rank sum's z is smaller by the inflation, so ln p by about its square
        return log_rank_sum_p(len(after), larger, n) / inflation_of(RHO) ** 2

    return recheck
