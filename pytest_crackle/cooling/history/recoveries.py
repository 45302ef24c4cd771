"""What was slower for some runs and has been as before for three: told once, in a line."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.history.axis import CONFIRMED
from pytest_crackle.cooling.history.run_level import seconds
from pytest_crackle.cooling.history.telling import of_phase
from pytest_crackle.model.units import count_of, format_value

if TYPE_CHECKING:
    from pytest_crackle.cooling.history.comparable import Comparable
    from pytest_crackle.cooling.history.newest import Newest
    from pytest_crackle.cooling.history.regressions import Phase
    from pytest_crackle.cooling.history.slower import Slower
    from pytest_crackle.cooling.profiles import Profile

__all__ = ["recoveries"]

_NAMED: Final = 3


def recoveries(
    against: Comparable, phase: Phase, slower: Slower, profile: Profile
) -> tuple[str, ...]:
    """Say which tests are back at their old cost, in the run that makes it three in a row.

    Returns
    -------
    tuple of str
        A line for each of at most three tests, one line for more.

    Notes
    -----
    Such a test had been confirmed as slower three runs ago, by the limits that hold for what is
    told as slower. O(tests).
    """
    costs = phase.costs
    back = []
    log_limit = math.log(profile.q) - math.log(max(1, slower.hypotheses))
    least_cost = profile.least_cost(phase.usual)
    for unit in range(len(slower.series)):
        was = _recovered(slower, unit)
        if was is not None and was.log_p <= log_limit:
            extra = seconds(was.after) - seconds(was.before)
            if extra >= least_cost:
                back.append((extra, unit, was))
    back.sort(key=lambda one: (-one[0], one[1]))
    of = of_phase(costs.metric)
    subject = f"the {of} of " if of else ""
    if len(back) > _NAMED:
        total = format_value(math.fsum(extra for extra, _, _ in back), "s")
        return (
            f"{subject}{count_of(len(back), 'test')} that took longer for some runs: as before for "
            f"{CONFIRMED} runs now, {total} less in all",
        )
    return tuple(
        f"{subject}{against.suite.table.nodeids[against.rows[costs.units[unit]]]} is back at "
        f"{format_value(seconds(was.before), 's')} for {CONFIRMED} runs, after "
        f"{count_of(was.held, 'run')} at {format_value(seconds(was.after), 's')}"
        for _, unit, was in back
    )


def _recovered(slower: Slower, unit: int) -> Newest | None:
    """Return the shift that was confirmed up to three runs ago and has gone since, if any."""
    values = slower.series[unit]
    since = values[-CONFIRMED:]
    if len(values) <= CONFIRMED or not max(since) < values[-CONFIRMED - 1]:  # false for NaN too
        return None
    was = slower.tests.find(unit, -CONFIRMED)
    if was is None or was.held < CONFIRMED or max(since) > was.before + was.shift / 2:
        return None
    return was
