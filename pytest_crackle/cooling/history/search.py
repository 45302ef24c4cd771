"""All that changed against the past: times, exact counts, recorded values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_crackle.cooling.detectors.base import Detection, joined
from pytest_crackle.cooling.history.counts import find_counts
from pytest_crackle.cooling.history.machine import slow_run
from pytest_crackle.cooling.history.older import find_changed_values, find_older
from pytest_crackle.cooling.history.regressions import find_regressions, measured_phases

if TYPE_CHECKING:
    from pytest_crackle.cooling.history.comparable import Comparable
    from pytest_crackle.cooling.profiles import Profile

__all__ = ["find_changes"]


def find_changes(against: Comparable, profile: Profile) -> Detection:
    """Find what costs more, counts otherwise or has another level than in past runs.

    Parameters
    ----------
    against : Comparable
        With three past runs or more.
    profile : Profile

    Returns
    -------
    Detection
        Findings of kind phase-transition, sub-kinds onward, slower, count and changed.
    """
    counts, exact = find_counts(against, profile)
    return joined(
        _times(against, profile),
        counts,
        *(
            find_changed_values(against, metric, exact.get(metric, ()), profile)
            for metric in _values_of(against)
        ),
    )


def _times(against: Comparable, profile: Profile) -> Detection:
    phases, not_tested = measured_phases(against, profile)
    out = [Detection(not_tested=tuple(not_tested))]
    if phases:
        out.append(Detection(notes=slow_run(against, phases[0].levelled, profile)))
    for phase in phases:
        found, told = find_regressions(against, phase, profile)
        out += [found, find_older(against, phase, told, profile)]
    return joined(*out)


def _values_of(against: Comparable) -> list[str]:
    """Metrics whose level over the runs is looked at: recorded measures and the memory peak."""
    return [name for name in [*against.measures, "memory.peak"] if against.has(name)]
