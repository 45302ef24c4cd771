"""Changes over all compared runs: what the newest runs alone do not show."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.detectors.base import Detection, Finding
from pytest_crackle.cooling.history.axis import Axis
from pytest_crackle.cooling.history.run_changes import run_changes
from pytest_crackle.cooling.history.run_level import level_runs, seconds
from pytest_crackle.cooling.history.telling import (
    HELD_CONFIDENCE,
    SEEN_CONFIDENCE,
    each_phrase,
    gradually,
    of_phase,
    ratios_phrase,
)
from pytest_crackle.cooling.profiles import CoolingRate
from pytest_crackle.cooling.shifts.telling import range_phrase
from pytest_crackle.cooling.wording import files_phrase
from pytest_crackle.model.pattern import PatternKind
from pytest_crackle.model.units import count_of, format_value

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from pytest_crackle.cooling.history.comparable import Comparable
    from pytest_crackle.cooling.history.regressions import Phase
    from pytest_crackle.cooling.history.run_changes import RunChange
    from pytest_crackle.cooling.profiles import Profile

__all__ = ["find_changed_values", "find_older"]

_NEWS: Final = 30
"""Runs for which a change is told: later the new level is what everybody is used to. All changes
are told at fast cooling, which is for exploring."""
_TOGETHER: Final = 3
_NEAR: Final = 1
"""Runs by which the places of one change differ between tests."""


def find_older(
    against: Comparable, phase: Phase, told: Collection[int], profile: Profile
) -> Detection:
    """Find tests whose cost has been higher since some earlier run.

    Parameters
    ----------
    against : Comparable
    phase : Phase
    told : collection of int
        Places in `Comparable.rows` that the newest runs tell already.
    profile : Profile

    Returns
    -------
    Detection
        Findings of sub-kind `slower`, largest cost per run first.
    """
    series = list(zip(*phase.calm.logs, strict=True))
    result = run_changes(series, profile)
    least = math.log(profile.min_shift)
    changes = [
        change
        for change in result.changes
        if change.after - change.before >= least
        and phase.costs.units[change.unit] not in told
        and _is_news(against, change, profile)
    ]
    least_cost = profile.least_cost(phase.usual)
    findings = [_slower(against, phase, group) for group in _grouped(changes)]
    dear = [finding for finding in findings if (finding.cost_seconds or 0.0) >= least_cost]
    return Detection(tuple(dear), result.hypotheses)


def _is_news(against: Comparable, change: RunChange, profile: Profile) -> bool:
    since = Axis(against).runs_since(change.run)
    return since <= _NEWS or profile.rate is CoolingRate.FAST


def _grouped(changes: Sequence[RunChange]) -> list[list[RunChange]]:
    """Put together what changed in the same run, give or take one; fewer than three stay alone."""
    left = sorted(changes, key=lambda change: (change.run, change.unit))
    groups: list[list[RunChange]] = []
    while left:
        counts = Counter(change.run for change in left)
        run = max(counts, key=lambda place: (counts[place], place))
        group = [change for change in left if abs(change.run - run) <= _NEAR]
        left = [change for change in left if abs(change.run - run) > _NEAR]
        groups += [group] if len(group) >= _TOGETHER else [[change] for change in group]
    return groups


def _middle(group: Sequence[RunChange]) -> RunChange:
    """Return the change at the place that most of a group share."""
    run, _ = Counter(change.run for change in group).most_common(1)[0]
    return next(change for change in group if change.run == run)


def _slower(against: Comparable, phase: Phase, group: Sequence[RunChange]) -> Finding:
    suite, axis = against.suite, Axis(against)
    table, middle = suite.table, _middle(group)
    rows = tuple(sorted(against.rows[phase.costs.units[change.unit]] for change in group))
    before = [seconds(change.before) for change in group]
    after = [seconds(change.after) for change in group]
    cost = math.fsum(after) - math.fsum(before)
    of = of_phase(phase.costs.metric)
    single = len(group) == 1
    if single:
        anchor = table.nodeids[rows[0]]
        who = f"The {of} of {anchor} takes" if of else f"{anchor} takes"
        size = range_phrase(before[0], after[0], "s")
    else:
        anchor = f"after run {axis.number(middle.last_good)}"
        who = each_phrase(of, f"{count_of(len(rows), 'test')} {files_phrase(suite, rows)}")
        size = f"{format_value(cost, 's')} more in all"
    ratios = ratios_phrase([change.after - change.before for change in group])
    since, is_step = _since(axis, group)
    evidence = _evidence(axis, middle)
    evidence["shift"] = math.expm1(middle.after - middle.before)
    if single:
        evidence |= {"before_median": before[0], "after_median": after[0]}
    return Finding(
        PatternKind.PHASE_TRANSITION,
        "slower",
        f"{who} {ratios} as long ({size}) {since}.",
        (phase.costs.metric,),
        rows,
        anchor,
        min(change.log_p for change in group),
        at=rows[0] if single else None,
        explained_by=None if single else suite.explain(rows),
        cost_seconds=max(0.0, cost),
        evidence=MappingProxyType(evidence),
        confidence=HELD_CONFIDENCE if is_step else SEEN_CONFIDENCE,
        score=middle.after - middle.before,
        gateable=is_step,
        notice=not is_step,
        over_runs=axis.course(phase.seconds, [change.unit for change in group], middle.run),
    )


def _since(axis: Axis, group: Sequence[RunChange]) -> tuple[str, bool]:
    """Say since when, and whether it came at once: where one did, those beside it did as well."""
    middle = _middle(group)
    is_step = any(change.is_step for change in group)
    since = axis.since(middle.last_good, middle.run)
    return (since if is_step else gradually(axis.number(middle.run))), is_step


def _evidence(axis: Axis, change: RunChange) -> dict[str, float]:
    return {
        "runs_before": float(change.run),
        "runs_held": float(axis.runs_since(change.run)),
    }


def find_changed_values(
    against: Comparable, metric: str, told: Collection[int], profile: Profile
) -> Detection:
    """Find tests whose value of a recorded metric has another level since some run.

    Parameters
    ----------
    against : Comparable
    metric : str
        A metric that tests recorded, or a built-in value. In seconds: what all tests of a run share
        is taken off, as for the costs.
    told : collection of int
        Places in `Comparable.rows` that are told exactly.
    profile : Profile

    Returns
    -------
    Detection
        Findings of sub-kind `changed`, both directions; the ratio of the levels is at least the
        least shift ratio of the profile.
    """
    columns = against.columns(metric)
    in_seconds = against.suite.table.info(metric).unit == "s"
    if in_seconds:
        codes = against.suite.module_codes
        modules = [codes[row] for row in against.rows]
        series = list(zip(*level_runs(columns, modules, [False] * len(modules)).logs, strict=True))
    else:
        series = list(zip(*columns, strict=True))
    result = run_changes(series, profile)
    findings = []
    for group in _grouped(
        [
            change if not in_seconds else _in_seconds(change)
            for change in result.changes
            if change.unit not in told and _is_news(against, change, profile)
        ]
    ):
        large = [c for c in group if _ratio(c.before, c.after) >= profile.min_shift]
        parts = [large] if len(large) >= _TOGETHER else [[change] for change in large]
        findings += [_changed(against, metric, part) for part in parts]
    return Detection(tuple(findings), result.hypotheses)


def _in_seconds(change: RunChange) -> RunChange:
    return replace(change, before=seconds(change.before), after=seconds(change.after))


def _ratio(before: float, after: float) -> float:
    low, high = sorted((abs(before), abs(after)))
    if before * after < 0 or not low:
        return math.inf if high else 1.0
    return high / low


def _changed(against: Comparable, metric: str, group: Sequence[RunChange]) -> Finding:
    suite, axis = against.suite, Axis(against)
    table, middle = suite.table, _middle(group)
    rows = tuple(sorted(against.rows[change.unit] for change in group))
    unit = table.info(metric).unit
    since, is_step = _since(axis, group)
    evidence = _evidence(axis, middle)
    if len(group) == 1:
        anchor = table.nodeids[rows[0]]
        levels = range_phrase(middle.before, middle.after, unit)
        summary = f"{metric} of {anchor} is at another level {since}: {levels} (medians of runs)."
        evidence |= {"before_median": middle.before, "after_median": middle.after}
    else:
        anchor = f"after run {axis.number(middle.last_good)}"
        tests = f"{count_of(len(rows), 'test')} {files_phrase(suite, rows)}"
        summary = f"{metric} is at another level in {tests} {since}."
    details = [
        f"{table.nodeids[against.rows[c.unit]]}: {range_phrase(c.before, c.after, unit)}"
        for c in group
    ]
    return Finding(
        PatternKind.PHASE_TRANSITION,
        "changed",
        summary,
        (metric,),
        rows,
        anchor,
        min(change.log_p for change in group),
        at=rows[0] if len(group) == 1 else None,
        explained_by=None if len(group) == 1 else suite.explain(rows),
        evidence=MappingProxyType(evidence),
        confidence=HELD_CONFIDENCE if is_step else SEEN_CONFIDENCE,
        score=min(1e9, math.log(min(1e300, _ratio(middle.before, middle.after)))),
        details=() if len(group) == 1 else tuple(details),
        gateable=is_step,
        notice=not is_step,
        over_runs=axis.course(against.columns(metric), [c.unit for c in group], middle.run),
    )
