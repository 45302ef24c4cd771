"""Pace under several workers, to tell a process that got slower from a slower machine."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.detectors.base import Finding
from pytest_crackle.cooling.numeric import median_of
from pytest_crackle.cooling.shifts.pace import (
    ALONE,
    LEAST_PROBES,
    Probes,
    pace_stretches,
    probes_of,
)
from pytest_crackle.cooling.shifts.pace_findings import PACE, PlacedShift
from pytest_crackle.cooling.shifts.telling import (
    KIND,
    onset_phrase,
    range_phrase,
    shift_evidence,
    times_phrase,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_crackle.cooling.profiles import Profile
    from pytest_crackle.cooling.shifts.pace import Stretch
    from pytest_crackle.cooling.suite import Suite

__all__ = ["worker_pace_shifts"]

LEAST_RATIO: Final = 1.2
_BIN: Final = 0.5
_REACH: Final = 2
"""Bins to either side: the others within about a second."""
_SAME_ONSET: Final = 1.0
_SAME_MOMENT: Final = 2.0


@dataclass(frozen=True, slots=True)
class _Timed:
    """The probes of one worker and when they were taken, seconds since the epoch."""

    probes: Probes
    times: tuple[float, ...]

    def onset(self, stretch: Stretch) -> float:
        return self.times[stretch.start]


@dataclass(frozen=True, slots=True)
class _Slowed:
    """A worker that slowed down, but not against the others."""

    onset: float
    worker: str
    ratio: float


def worker_pace_shifts(suite: Suite, profile: Profile) -> tuple[list[PlacedShift], list[str], int]:
    """Find workers that begin to run the same code slower than the others, and slow moments of all.

    Parameters
    ----------
    suite : Suite
    profile : Profile
        `alpha` is shared by the workers.

    Returns
    -------
    list of PlacedShift
        A worker is slower if its pace and its pace relative to the others of the same second both
        step up by a fifth or more, within a second of each other, to the end of its session. Below
        `ALONE`, which a neighbour on its core does as well, that is not told, but may explain.
    list of str
        A note if two workers or more slow down within two seconds and none of them alone: then it
        is the machine.
    int
        Number of series tested.

    Notes
    -----
    Tests of different workers are never compared, only the identical work between them.
    O(probes x workers).
    """
    timed = [t for p in probes_of(suite, PACE) if len((t := _timed(suite, p)).times)]
    medians = [_binned(one) for one in timed]
    tested = [i for i, one in enumerate(timed) if len(one.times) >= LEAST_PROBES]
    found: list[PlacedShift] = []
    slowed: list[_Slowed] = []
    for i in tested:
        alpha = profile.alpha / len(tested)
        raw = [s for s in pace_stretches(timed[i].probes, profile, alpha) if _is_slower(s)]
        relative = _relative(timed[i], [m for k, m in enumerate(medians) if k != i])
        own = [
            (s, relative.onset(s))
            for s in pace_stretches(relative.probes, profile, alpha)
            if _is_slower(s)
        ]
        for stretch in raw:
            onset = timed[i].onset(stretch)
            is_own = any(s.end is None and abs(t - onset) <= _SAME_ONSET for s, t in own)
            if is_own and stretch.end is None:
                shift = _slower_worker(suite, timed[i].probes, stretch, len(tested))
                is_told = stretch.after >= ALONE * stretch.before
                found.append(replace(shift, is_told=is_told))
            elif not any(abs(t - onset) <= _SAME_MOMENT for _, t in own):
                slowed.append(
                    _Slowed(onset, timed[i].probes.worker, stretch.after / stretch.before)
                )
    return found, _machine_note(suite, slowed), len(tested)


def _timed(suite: Suite, probes: Probes) -> _Timed:
    """Return the positive readings whose time is known: the end of the test before the probe."""
    starts, wall = suite.table.starts, suite.table.column("duration")
    kept, times = [], []
    for i, place in enumerate(probes.places):
        row = probes.rows[place]
        time = starts[row] + (wall[row] if wall[row] >= 0 else 0.0)
        if probes.values[i] > 0 and 0 <= time < 1e12:
            kept.append(i)
            times.append(time)
    places = tuple(probes.places[i] for i in kept)
    values = tuple(probes.values[i] for i in kept)
    return _Timed(Probes(probes.worker, probes.rows, places, values), tuple(times))


def _binned(timed: _Timed) -> dict[int, float]:
    """Return the median ln pace of each half second."""
    bins: dict[int, list[float]] = {}
    for time, value in zip(timed.times, timed.probes.values, strict=True):
        bins.setdefault(int(time / _BIN), []).append(math.log(value))
    return {moment: median_of(values) for moment, values in bins.items()}


def _relative(timed: _Timed, others: Sequence[dict[int, float]]) -> _Timed:
    """Return pace over the median pace of the other workers within a second."""
    probes, kept, values = timed.probes, [], []
    known: dict[int, float | None] = {}
    for i, time in enumerate(timed.times):
        moment = int(time / _BIN)
        if moment not in known:
            near = range(moment - _REACH, moment + _REACH + 1)
            beside = [bins[k] for bins in others for k in near if k in bins]
            known[moment] = median_of(beside) if beside else None
        base = known[moment]
        if base is not None:
            kept.append(i)
            values.append(math.exp(math.log(probes.values[i]) - base))
    places = tuple(probes.places[i] for i in kept)
    relative = Probes(probes.worker, probes.rows, places, tuple(values))
    return _Timed(relative, tuple(timed.times[i] for i in kept))


def _is_slower(stretch: Stretch) -> bool:
    return stretch.after >= LEAST_RATIO * stretch.before


def _slower_worker(suite: Suite, probes: Probes, stretch: Stretch, n_workers: int) -> PlacedShift:
    first, last = probes.first_test(stretch.start), probes.places[stretch.start]
    times = times_phrase(stretch.after / stretch.before)
    levels = range_phrase(stretch.before, stretch.after, "s")
    onset = onset_phrase(suite.table, probes.rows, first, last)
    at = probes.rows[first]
    finding = Finding(
        kind=KIND,
        subkind=PACE,
        summary=(
            f"{probes.worker} takes {times} as long for the same work {onset} ({levels} of CPU)."
        ),
        metrics=(PACE,),
        rows=probes.tests(stretch.start, stretch.stop),
        anchor=suite.table.modules[at],
        log_p=min(0.0, stretch.change.log_p + math.log(n_workers)),
        at=at,
        evidence=shift_evidence(probes.values, stretch.start, ratio=stretch.after / stretch.before),
        confidence=0.7,
        score=math.log(stretch.after / stretch.before),
        gateable=stretch.change.gateable,
        details=("The other workers kept their pace.",),
    )
    return PlacedShift(probes.worker, first, last, f"pace is {times}", finding)


def _machine_note(suite: Suite, slowed: Sequence[_Slowed]) -> list[str]:
    ordered = sorted(slowed, key=lambda one: one.onset)
    begin = min((start for start in suite.table.starts if start >= 0), default=0.0)
    for i, first in enumerate(ordered):
        together = [one for one in ordered[i:] if one.onset - first.onset <= _SAME_MOMENT]
        workers = {one.worker for one in together}
        if len(workers) >= 2:
            times = times_phrase(median_of([one.ratio for one in together]))
            return [
                f"the machine took {times} as long for the same work from "
                f"{first.onset - begin:,.0f} s after the first test on, in {len(workers)} workers "
                "at once"
            ]
    return []
