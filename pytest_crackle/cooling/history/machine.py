"""What the whole run shares: a slower machine is told as that, and never as a pattern."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pytest_crackle.cooling.history.newest import WINDOW
from pytest_crackle.cooling.numeric import median_of
from pytest_crackle.cooling.shifts.telling import times_phrase
from pytest_crackle.model.units import count_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_crackle.cooling.history.comparable import Comparable
    from pytest_crackle.cooling.history.run_level import Levelled
    from pytest_crackle.cooling.profiles import Profile

__all__ = ["slow_run"]


def slow_run(against: Comparable, levelled: Levelled, profile: Profile) -> tuple[str, ...]:
    """Say that everything takes longer in this run, and what a fixed piece of work says to that.

    Returns
    -------
    tuple of str
        One line, or none if this run is no slower than the least shift of the profile.
    """
    past = levelled.overall[-WINDOW - 1 : -1]
    shift = levelled.overall[-1] - median_of(past)
    if shift < math.log(profile.min_shift):
        return ()
    ratio = times_phrase(math.exp(shift))
    line = (
        f"this run is {ratio} slower everywhere than the {count_of(len(past), 'run')} before; "
        "tests are compared without that"
    )
    pace = _pace_shift(against)
    if pace is None:
        return (line,)
    if pace >= shift / 2:
        paced = times_phrase(math.exp(pace))
        return (f"{line}. Machine, not code: a fixed piece of work takes {paced} as long, too",)
    return (f"{line}. A fixed piece of work is as fast as ever: look at what all tests share",)


def _pace_shift(against: Comparable) -> float | None:
    if not against.has("pace"):
        return None
    paces = [_median(run.column("pace")) for run in against.runs[-WINDOW:]]
    known = [pace for pace in paces if pace > 0]
    now = _median(against.suite.table.column("pace"))
    return math.log(now / median_of(known)) if known and now > 0 else None


def _median(values: Sequence[float]) -> float:
    finite = [value for value in values if math.isfinite(value)]
    return median_of(finite) if finite else math.nan
