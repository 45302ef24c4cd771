"""The run against the past: costs of single tests, of modules, and from some test on of all."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.detectors.base import Detection, Finding
from pytest_crackle.cooling.history.axis import CONFIRMED, Axis
from pytest_crackle.cooling.history.costs import costs_of, phases_of
from pytest_crackle.cooling.history.newest import WINDOW
from pytest_crackle.cooling.history.recoveries import recoveries
from pytest_crackle.cooling.history.run_level import level_runs, seconds
from pytest_crackle.cooling.history.session_wide import session_wide
from pytest_crackle.cooling.history.slower import Slower
from pytest_crackle.cooling.history.storms import storms_of
from pytest_crackle.cooling.history.telling import (
    HELD_CONFIDENCE,
    SEEN_CONFIDENCE,
    back_phrase,
    doubt,
    each_phrase,
    of_phase,
    ratios_phrase,
)
from pytest_crackle.cooling.numeric import median_of
from pytest_crackle.cooling.shifts.telling import range_phrase, times_phrase
from pytest_crackle.cooling.wording import files_phrase
from pytest_crackle.model.pattern import PatternKind
from pytest_crackle.model.report import NotTested
from pytest_crackle.model.units import count_of, format_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_crackle.cooling.history.comparable import Comparable
    from pytest_crackle.cooling.history.costs import Costs
    from pytest_crackle.cooling.history.run_level import Levelled
    from pytest_crackle.cooling.history.session_wide import Stretch
    from pytest_crackle.cooling.history.slower import Slowing
    from pytest_crackle.cooling.profiles import Profile

__all__ = ["Phase", "find_regressions", "measured_phases"]

TOGETHER: Final = 3
"""So many modules and single tests that became slower in the same run are one line."""


_NEARLY: Final = 0.75
"""What was dear enough two runs ago is told for so much of the least cost: it does not flicker."""


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase of the tests over all runs, with the part of the runs taken off.

    Attributes
    ----------
    costs : Costs
    levelled : Levelled
        Without what a run does to all its tests.
    calm : Levelled
        Without what the machine did to some of them, either. What a test leaves switched on slows
        the fixed piece of work as well, so this is not for what is slower from a test on.
    modules : tuple of int, shape (n_units,)
    usual : float
        Seconds of all phases together on a run like most, which is what costs are a share of: a
        busy machine makes a run twice as long, and a change half as dear.
    """

    costs: Costs
    levelled: Levelled
    calm: Levelled
    modules: tuple[int, ...]
    usual: float = 0.0

    @property
    def seconds(self) -> list[list[float]]:
        """What each test cost in each run, as on a run like most."""
        return [[seconds(level) for level in logs] for logs in self.calm.logs]


def measured_phases(against: Comparable, profile: Profile) -> tuple[list[Phase], list[NotTested]]:
    """Return the phases that can be compared, or the reason why none can."""
    phases: list[Phase] = []
    codes = against.suite.module_codes
    storms = storms_of(against)
    for metric in phases_of(against):
        costs = costs_of(against, metric)
        enough = [_has_past(values) for values in zip(*costs.columns, strict=True)]
        if sum(enough) < profile.min_tests or 2 * sum(enough) < len(against.suite.rows):
            continue
        modules = tuple(codes[against.rows[unit]] for unit in costs.units)
        levelled = level_runs(costs.columns, modules, costs.waits)
        calm = levelled
        if storms is not None:
            here = [[storm[unit] for unit in costs.units] for storm in storms]
            calm = level_runs(costs.columns, modules, costs.waits, here)
        phases.append(Phase(costs, levelled, calm, modules))
    if phases:
        usual = math.fsum(
            seconds(level)
            for phase in phases
            for level in phase.calm.typical
            if level == level  # noqa: PLR0124 - NaN
        )
        return [replace(phase, usual=usual) for phase in phases], []
    reason = "times: fewer than half of the tests have passed in three comparable runs"
    return [], [NotTested("history", "duration", reason)]


def _has_past(values: Sequence[float]) -> bool:
    return sum(value == value for value in values[:-1]) >= CONFIRMED  # noqa: PLR0124 - NaN


def find_regressions(
    against: Comparable, phase: Phase, profile: Profile
) -> tuple[Detection, frozenset[int]]:
    """Find what costs more than in the past, and since which run.

    Returns
    -------
    Detection
        Findings of sub-kinds `onward` (from some test of the run on, whatever the module) and
        `slower`; notes about what is fast again.
    frozenset of int
        Places in `Comparable.rows` that the findings tell.
    """
    slower = Slower(phase.calm, phase.modules, profile)
    onward, covered, tried = _onward(against, phase, profile)
    telling = _Telling(against, phase, profile)
    found = [one for one in slower.find() if not covered.issuperset(one.units)]
    findings = telling.slower(found)
    units = covered.union(unit for one in found for unit in one.units)
    told = frozenset(phase.costs.units[unit] for unit in units)
    notes = recoveries(against, phase, slower, profile)
    return Detection((*onward, *findings), slower.hypotheses + tried, notes=notes), told


def _onward(
    against: Comparable, phase: Phase, profile: Profile
) -> tuple[list[Finding], set[int], int]:
    """Look at each process's run as a series; return findings, their tests and what was tried."""
    units = {against.rows[row]: unit for unit, row in enumerate(phase.costs.units)}
    # residuals against what was usual before the newest runs, the machine's part of this run off
    usual = [_usual(values) for values in zip(*phase.levelled.logs, strict=True)]
    now = phase.levelled.logs[-1]
    findings: list[Finding] = []
    covered: set[int] = set()
    tried = 0
    for worker, order in against.suite.run_orders.items():
        placed = [units[row] for row in order if row in units]
        placed = [unit for unit in placed if math.isfinite(now[unit] - usual[unit])]
        tried += 1
        modules = [phase.modules[unit] for unit in placed]
        gone = [[logs[u] - usual[u] for u in placed] for logs in phase.levelled.logs]
        stretch = session_wide(gone, modules, profile)
        if stretch is None:
            continue
        after = placed[stretch.start :]
        finding = _onward_finding(against, phase, placed, stretch, worker)
        if (finding.cost_seconds or 0.0) >= profile.least_cost(phase.usual):
            findings.append(finding)
            covered.update(after)
    return findings, covered, tried


def _usual(values: Sequence[float]) -> float:
    past = [value for value in values[:-1] if value == value]  # noqa: PLR0124 - NaN
    return median_of(past[-WINDOW:]) if len(past) >= CONFIRMED else math.nan


def _onward_finding(
    against: Comparable,
    phase: Phase,
    placed: Sequence[int],
    stretch: Stretch,
    worker: str,
) -> Finding:
    table, logs = against.suite.table, phase.levelled.logs[-1]
    rows = tuple(against.rows[phase.costs.units[unit]] for unit in placed[stretch.start :])
    at = rows[0]
    cost = math.fsum(
        seconds(logs[unit]) - seconds(logs[unit] - stretch.shift)
        for unit in placed[stretch.start :]
    )
    where = f" of worker {worker}" if worker else ""
    modules = len({table.modules[row] for row in rows})
    held = stretch.held
    first_bad = len(against.runs) + 1 - held
    since = Axis(against).since(first_bad - 1, first_bad)
    confirmed = held >= CONFIRMED
    ratio, size = times_phrase(math.exp(stretch.shift)), format_value(cost, "s")
    summary = (
        f"From {table.nodeids[at]} on, all tests{where} take {ratio} as long as in past runs, "
        f"whatever their file ({count_of(len(rows), 'test')} in {count_of(modules, 'file')}, "
        f"{size} more in all), {since}{doubt(held)}."
    )
    return Finding(
        PatternKind.PHASE_TRANSITION,
        "onward",
        summary,
        (phase.costs.metric,),
        rows,
        f"{table.modules[at]} {worker}",
        stretch.log_p,
        at=at,
        cost_seconds=max(0.0, cost),
        evidence=MappingProxyType(
            {
                "runs_before": float(len(against.runs) + 1 - held),
                "runs_held": float(held),
                "shift": math.expm1(stretch.shift),
            }
        ),
        confidence=HELD_CONFIDENCE if confirmed else SEEN_CONFIDENCE,
        score=stretch.shift,
        gateable=confirmed,
        notice=not confirmed,
    )


class _Telling:
    """Sentences about what is slower since one of the newest runs."""

    def __init__(self, against: Comparable, phase: Phase, profile: Profile) -> None:
        self._against = against
        self._phase = phase
        self._least_cost = profile.least_cost(phase.usual)
        self._axis = Axis(against)

    def slower(self, found: Sequence[Slowing]) -> list[Finding]:
        """One finding for what became slower together, else one each; only what is dear enough."""
        by_run: dict[tuple[int, int, int], list[Slowing]] = {}
        for one in found:
            by_run.setdefault((one.shift.run, one.shift.last_good, one.shift.back), []).append(one)
        out = []
        for _, some in sorted(by_run.items()):
            groups = [some] if len(some) >= TOGETHER else [[one] for one in some]
            out += [self._finding(group) for group in groups if self._is_dear(group)]
        return out

    def _is_dear(self, group: Sequence[Slowing]) -> bool:
        """Whether it costs enough to be told, or did so and costs nearly enough now."""
        cost = math.fsum(one.extra for one in group)
        was = math.fsum(one.peak for one in group)
        return cost >= self._least_cost or (
            was >= self._least_cost and cost >= _NEARLY * self._least_cost
        )

    def _finding(self, group: Sequence[Slowing]) -> Finding:
        suite = self._against.suite
        units = sorted({unit for one in group for unit in one.units})
        rows = tuple(sorted(self._against.rows[self._phase.costs.units[unit]] for unit in units))
        best = min(group, key=lambda one: one.shift.log_p)
        held = self._axis.runs_since(best.shift.run)
        cost = math.fsum(one.extra for one in group)
        single = len(group) == 1 and group[0].module is None
        anchor, who = self._who(group, rows)
        ratios = ratios_phrase([one.shift.shift for one in group])
        size = self._size(group, cost)
        evidence = {
            "runs_before": float(best.shift.run),
            "runs_held": float(held),
            "shift": math.expm1(best.shift.shift),
        }
        if single:
            evidence |= {"before_median": best.before[0], "after_median": best.after[0]}
        confirmed = best.shift.held >= CONFIRMED
        goes_on = confirmed and not best.shift.back
        since = self._axis.since(best.shift.last_good, best.shift.run)
        doubts = doubt(best.shift.held) + back_phrase(best.shift.back)
        return Finding(
            PatternKind.PHASE_TRANSITION,
            "slower",
            f"{who} {ratios} as long {size} {since}{doubts}.",
            (self._phase.costs.metric,),
            rows,
            anchor,
            best.shift.log_p,
            at=rows[0] if single else None,
            explained_by=None if single else suite.explain(rows),
            cost_seconds=max(0.0, cost),
            evidence=MappingProxyType(evidence),
            confidence=HELD_CONFIDENCE if goes_on else SEEN_CONFIDENCE,
            score=best.shift.shift,
            gateable=goes_on,
            notice=not goes_on,
            over_runs=self._axis.course(self._phase.seconds, units, best.shift.run),
        )

    def _who(self, group: Sequence[Slowing], rows: Sequence[int]) -> tuple[str, str]:
        """Return the anchor of the id, and the subject of the sentence with its verb."""
        suite, of = self._against.suite, of_phase(self._phase.costs.metric)
        table = suite.table
        if len(group) > 1:
            anchor = f"after run {self._axis.number(group[0].shift.last_good)}"
            tests = f"{count_of(len(rows), 'test')} {files_phrase(suite, rows)}"
            return anchor, each_phrase(of, tests)
        if group[0].module is not None:
            module = table.modules[rows[0]]
            return f"module {module}", each_phrase(of, f"{count_of(len(rows), 'test')} in {module}")
        nodeid = table.nodeids[rows[0]]
        return nodeid, f"The set-up of {nodeid} takes" if of else f"{nodeid} takes"

    def _size(self, group: Sequence[Slowing], cost: float) -> str:
        """Say in brackets how much it is: both levels of a single test, else the sum."""
        if len(group) == 1 and group[0].module is None:
            return f"({range_phrase(group[0].before[0], group[0].after[0], 's')})"
        return f"({format_value(cost, 's')} more in all)"
