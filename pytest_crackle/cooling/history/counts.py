"""Counts that never varied in the past, and do now: compared exactly."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.detectors.base import Detection, Finding
from pytest_crackle.cooling.history.axis import CONFIRMED, Axis
from pytest_crackle.cooling.history.comparable import LEAST_RUNS
from pytest_crackle.cooling.history.newest import MOST_HELD, WINDOW
from pytest_crackle.cooling.history.telling import doubt
from pytest_crackle.cooling.tails import log_poisson_sf
from pytest_crackle.cooling.wording import files_phrase
from pytest_crackle.model.pattern import PatternKind
from pytest_crackle.model.units import count_of, format_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_crackle.cooling.history.comparable import Comparable
    from pytest_crackle.cooling.profiles import Profile

__all__ = ["find_counts"]

_TOGETHER: Final = 4
_CLEAR_RATIO: Final = 2.0
_CLEAR_STEP: Final = 10.0
"""Whoever comes first pays for caches and imports: where tests came or went in the run of the
change, only a rise by both of these is told."""
_UNREPEATABLE: Final = frozenset({"gc.collections"})
"""Hangs on all allocations before: any change of any code moves it."""
_EXACT_CONFIDENCE: Final = 0.95
_SEEN_CONFIDENCE: Final = 0.5


@dataclass(frozen=True, slots=True)
class _Change:
    unit: int
    held: int
    run: int
    last_good: int
    was: float
    now: float
    runs_before: int


def find_counts(
    against: Comparable, profile: Profile
) -> tuple[Detection, dict[str, frozenset[int]]]:
    """Find counts that were the same in each past run and differ in the newest ones.

    Parameters
    ----------
    against : Comparable
    profile : Profile
        Its alpha decides whether more counts differ at first sight than usually do.

    Returns
    -------
    Detection
        Facts of sub-kind `count`.
    dict of str to frozenset of int
        By metric the places in `Comparable.rows` that they tell.

    Notes
    -----
    Runs of one process with the tests in the same order only: otherwise another test is the first
    user of a cache. What differs for the first time is told at once if it is more than chance: as
    many counts differ for the first time in a run as were seen to differ in exactly one of n runs,
    over n (Good 1953). What has differed in three runs in a row is told anyhow.

    References
    ----------
    I. J. Good, "The population frequencies of species and the estimation of population
    parameters", Biometrika 40 (1953) 237-264, doi:10.1093/biomet/40.3-4.237.
    """
    findings: list[Finding] = []
    told: dict[str, frozenset[int]] = {}
    kept = [place for place, same in enumerate(against.same_order) if same]
    if len(kept) < LEAST_RUNS:
        return Detection(), told
    for metric in _counts_of(against):
        changes = _changes(against, metric, kept, profile)
        changes = [one for one in changes if _is_own(against, one)]
        if changes:
            findings += _findings(against, metric, changes)
            told[metric] = frozenset(one.unit for one in changes)
    return Detection(tuple(findings)), told


def _counts_of(against: Comparable) -> list[str]:
    infos, measures = against.suite.table.info, frozenset(against.measures)
    return [
        name
        for name in against.suite.metrics
        if (infos(name).kind == "count" or name in measures)
        and name not in _UNREPEATABLE
        and against.has(name)
    ]


def _changes(
    against: Comparable, metric: str, kept: Sequence[int], profile: Profile
) -> list[_Change]:
    columns = against.columns(metric)
    places = [*kept[-WINDOW - MOST_HELD :], len(columns) - 1]
    new: list[_Change] = []
    once = runs = 0
    for unit, values in enumerate(zip(*(columns[place] for place in places), strict=True)):
        known = [(p, v) for p, v in zip(places, values, strict=True) if v == v]  # noqa: PLR0124
        if len(known) <= LEAST_RUNS or not all(value == int(value) for _, value in known):
            continue
        runs = max(runs, len(known) - 1)
        once += _differed_once([value for _, value in known[:-1]])
        change = _newest(unit, known)
        if change is not None:
            new.append(change)
    by_chance = once / max(1, runs)
    told = []
    for held in sorted({one.held for one in new}):
        some = [one for one in new if one.held == held]
        if held >= CONFIRMED or log_poisson_sf(by_chance, len(some)) <= math.log(profile.alpha):
            told += some
    return told


def _differed_once(values: Sequence[float]) -> bool:
    """Whether exactly one of some values differs from the others, and not the newest one."""
    usual = values[0] if values[0] in values[1:3] else values[-1]
    odd = [place for place, value in enumerate(values) if value != usual]
    return len(odd) == 1 and odd[0] < len(values) - 1


def _newest(unit: int, known: Sequence[tuple[int, float]]) -> _Change | None:
    """Return since when a count differs from the one value that it had before."""
    (_, was), (_, now) = known[0], known[-1]
    held = 0
    for _, value in reversed(known):
        if value == was or (value > was) != (now > was):
            break
        held += 1
    before = known[:-held] if held else []
    if not 1 <= held <= MOST_HELD or len(before) < max(LEAST_RUNS, min(held, WINDOW)):
        return None
    if any(value != was for _, value in before):
        return None
    return _Change(unit, held, known[-held][0], before[-1][0], was, now, len(before))


def _is_own(against: Comparable, change: _Change) -> bool:
    """Whether the test itself changed, and not only who comes first."""
    if against.company(change.run) == against.company(change.last_good):
        return True
    return change.now >= max(_CLEAR_RATIO * change.was, change.was + _CLEAR_STEP)


def _findings(against: Comparable, metric: str, changes: Sequence[_Change]) -> list[Finding]:
    groups: dict[tuple[int, int], list[_Change]] = defaultdict(list)
    for change in changes:
        groups[change.last_good, change.run].append(change)
    out = []
    for _, group in sorted(groups.items()):
        if len(group) >= _TOGETHER:
            out.append(_together(against, metric, group))
        else:
            out += [_single(against, metric, change) for change in group]
    return out


def _single(against: Comparable, metric: str, change: _Change) -> Finding:
    table, row = against.suite.table, against.rows[change.unit]
    unit = table.info(metric).unit
    since = Axis(against).since(change.last_good, change.run)
    now, was = format_value(change.now, unit), format_value(change.was, unit)
    summary = (
        f"{metric} of {table.nodeids[row]} is {now} {since}; {was} in each of the "
        f"{count_of(change.runs_before, 'run')} before{doubt(change.held)}."
    )
    return _finding(against, metric, [change], summary, table.nodeids[row])


def _together(against: Comparable, metric: str, group: Sequence[_Change]) -> Finding:
    suite = against.suite
    rows = [against.rows[change.unit] for change in group]
    first = group[0]
    unit = suite.table.info(metric).unit
    total = math.fsum(change.now for change in group), math.fsum(change.was for change in group)
    now, was = (format_value(value, unit) for value in total)
    axis = Axis(against)
    summary = (
        f"{metric} changed in {count_of(len(rows), 'test')} {files_phrase(suite, rows)}, "
        f"from {was} to {now} in all, {axis.since(first.last_good, first.run)}; it was the same in "
        f"each of the {count_of(min(change.runs_before for change in group), 'run')} before"
        f"{doubt(first.held)}."
    )
    return _finding(against, metric, group, summary, f"after run {axis.number(first.last_good)}")


def _finding(
    against: Comparable, metric: str, group: Sequence[_Change], summary: str, anchor: str
) -> Finding:
    suite = against.suite
    rows = tuple(sorted(against.rows[change.unit] for change in group))
    confirmed = group[0].held >= CONFIRMED
    single = len(group) == 1
    evidence = {
        "after_median": math.fsum(change.now for change in group),
        "before_median": math.fsum(change.was for change in group),
        "runs_before": float(min(change.runs_before for change in group)),
        "runs_held": float(group[0].held),
    }
    return Finding(
        PatternKind.PHASE_TRANSITION,
        "count",
        summary,
        (metric,),
        rows,
        anchor,
        0.0,
        exact=True,
        at=rows[0] if single else None,
        explained_by=None if single else suite.explain(rows),
        evidence=MappingProxyType(evidence),
        confidence=_EXACT_CONFIDENCE if confirmed else _SEEN_CONFIDENCE,
        score=float(len(rows)),
        gateable=confirmed,
        notice=not confirmed,
        details=() if single else tuple(_detail(against, metric, change) for change in group),
        over_runs=Axis(against).course(
            against.columns(metric), [change.unit for change in group], group[0].run
        ),
    )


def _detail(against: Comparable, metric: str, change: _Change) -> str:
    table = against.suite.table
    unit = table.info(metric).unit
    was, now = format_value(change.was, unit), format_value(change.now, unit)
    return f"{table.nodeids[against.rows[change.unit]]}: {was} -> {now}"
