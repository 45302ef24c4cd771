"""Descriptors, threads and units of custom levels that tests leave behind."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.detectors.base import Detection, Finding
from pytest_crackle.cooling.numeric import median_of
from pytest_crackle.cooling.shifts.leavers import has_identities, leavers_of, name_kinds
from pytest_crackle.cooling.shifts.level_series import level_series
from pytest_crackle.cooling.shifts.levels import LEAST_TESTS, unit_changes
from pytest_crackle.cooling.shifts.memory import METRIC as MEMORY
from pytest_crackle.cooling.shifts.settled import lasting_share, settled
from pytest_crackle.cooling.shifts.telling import KIND, range_phrase, shift_evidence, wide_phrase
from pytest_crackle.cooling.wording import having
from pytest_crackle.model.report import NotTested
from pytest_crackle.model.units import count_of, format_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_crackle.cooling.profiles import Profile
    from pytest_crackle.cooling.shifts.leavers import Leaver
    from pytest_crackle.cooling.shifts.level_series import LevelSeries, Path
    from pytest_crackle.cooling.shifts.levels import LevelChange
    from pytest_crackle.cooling.suite import Suite
    from pytest_crackle.model.pattern import Explanation

__all__ = ["find_left_open"]

_NOUNS: Final = {"fds": "descriptor", "threads": "thread"}
_STATES: Final = {"fds": " open for good", "threads": " running for good"}
_MOST_DETAILS: Final = 5
_ONE_HOLDS: Final = 0.8
_LASTING: Final = 0.25
"""Share of its rises that a custom level must keep; a random walk of 400 readings keeps .1."""
_TELLING: Final = 2.0
"""Least lift of an attribute that is named: below, tests that leave nothing have it as often."""


def find_left_open(suite: Suite, profile: Profile) -> Detection:
    """Find tests that leave descriptors, threads or units of a custom level.

    Parameters
    ----------
    suite : Suite
    profile : Profile
        `levels.units` is the least number that must be left in the session, all processes together.

    Returns
    -------
    Detection
        Sub-kind jump for one test, leak for several.

    Notes
    -----
    Where a process recorded identities, what a test opened and nothing closed is a fact of that
    test. By number alone the floor of the level decides. O(tests + identities).
    """
    findings: list[Finding] = []
    not_tested: list[NotTested] = []
    for metric in sorted({*suite.levels, *_NOUNS} - {MEMORY}):
        found, reason = _find_one(suite, profile, metric)
        findings += found
        if reason is not None:
            not_tested.append(NotTested(KIND, metric, reason))
    return Detection(tuple(findings), not_tested=tuple(not_tested))


def _find_one(suite: Suite, profile: Profile, metric: str) -> tuple[list[Finding], str | None]:
    table, units = suite.table, profile.levels.units
    leavers: list[Leaver] = []
    by_number: list[_Counted] = []
    longest = 0
    identified = set()
    for worker, rows in suite.run_orders.items():
        if metric in _NOUNS and has_identities(table, rows, metric):
            identified.add(worker)
            leavers += leavers_of(table, worker, rows, metric)
    for series in level_series(suite, metric):
        longest = max(longest, len(series.rows))
        if series.worker not in identified and len(series.rows) >= LEAST_TESTS:
            by_number += _counted(series, metric)
    findings: list[Finding] = []
    leavers.sort(key=lambda leaver: leaver.row)
    if sum(len(leaver.identities) for leaver in leavers) >= units:
        findings.append(_by_identity(suite, metric, leavers))
    if by_number and math.fsum([one.kept_units for one in by_number]) >= units:
        findings += _by_number(suite, metric, by_number)
    too_short = 0 < longest < LEAST_TESTS and not identified
    reason = f"{count_of(longest, 'test')} in a process, needs {LEAST_TESTS}" if too_short else None
    return findings, reason


# ---------------------------------------------------------------------- by identity


def _by_identity(suite: Suite, metric: str, leavers: Sequence[Leaver]) -> Finding:
    table, noun, state = suite.table, _NOUNS[metric], _STATES[metric]
    rows = tuple(leaver.row for leaver in leavers)
    total = sum(len(leaver.identities) for leaver in leavers)
    kinds = name_kinds([name for leaver in leavers for name in leaver.identities], metric)
    explained = suite.explain(rows) if len(rows) > 1 else None
    largest = max(leavers, key=lambda leaver: (len(leaver.identities), -leaver.row))
    most = len(largest.identities)
    at = largest.row
    test = table.nodeids[at]
    if len(leavers) == 1:
        summary = f"{test} leaves {count_of(total, noun)}{state} ({kinds})."
    elif most >= _ONE_HOLDS * total:
        summary = (
            f"{test} leaves {count_of(most, noun)}{state}, "
            f"{count_of(len(leavers) - 1, 'other test')} {total - most:,} more ({kinds})."
        )
    else:
        at = min(rows, key=lambda row: (table.seqs[row], row))
        amount = _amount([len(leaver.identities) for leaver in leavers], noun)
        where = _shared(rows, explained) or f", first {table.nodeids[at]}"
        summary = f"{count_of(len(rows), 'test')} leave {amount}{state}{where} ({kinds})."
    return Finding(
        kind=KIND,
        subkind="jump" if len(leavers) == 1 else "leak",
        summary=summary,
        metrics=(metric,),
        rows=rows,
        anchor=_anchor(suite, rows, explained, at),
        log_p=-math.inf,
        exact=True,
        at=at,
        explained_by=explained,
        evidence={"kept": float(total), "per_test": total / len(leavers)},
        confidence=0.99,
        score=float(total),
        details=_details(suite, metric, leavers),
    )


def _shared(rows: Sequence[int], explained: Explanation | None) -> str:
    """Say what the tests have in common, if others hardly have it."""
    if explained is None or explained.lift < _TELLING:
        return ""
    common = round(explained.recall * len(rows))
    amount = "all" if common == len(rows) else f"{common:,} of them"
    return f", {amount} {having(explained.type, explained.name)}"


def _anchor(suite: Suite, rows: Sequence[int], explained: Explanation | None, at: int) -> str:
    """Hang the id on what the tests share: one leaking test more or less changes nothing."""
    if explained is not None and explained.recall == 1 and explained.lift >= _TELLING:
        return f"{explained.type} {explained.name}"
    return suite.table.nodeids[at if len(rows) > 1 else rows[0]]


def _details(suite: Suite, metric: str, leavers: Sequence[Leaver]) -> tuple[str, ...]:
    lines = []
    if len(leavers) > 1:
        ordered = sorted(leavers, key=lambda leaver: (-len(leaver.identities), leaver.row))
        lines = [
            f"{suite.table.nodeids[leaver.row]}: {name_kinds(leaver.identities, metric)}"
            for leaver in ordered[:_MOST_DETAILS]
        ]
    wide = [wide_phrase(suite.table, leaver.row) for leaver in leavers]
    return (*lines, *[line for line in wide if line][:_MOST_DETAILS])


# ---------------------------------------------------------------------- by number


@dataclass(frozen=True, slots=True)
class _Counted:
    """One process's series of a level that is known by number only."""

    series: LevelSeries
    unit: float

    @property
    def kept_units(self) -> float:
        return math.fsum(self.series.path.kept) / self.unit

    @property
    def changes(self) -> tuple[LevelChange, ...]:
        # a measured gauge moves a little all the time: only five units at once are a jump
        least = 0.0 if self.unit == 1 else 5 * self.unit
        changes = unit_changes(self.series.path, self.unit)
        return tuple(c for c in changes if c.subkind == "leak" or c.size >= least)


def _counted(series: LevelSeries, metric: str) -> list[_Counted]:
    """Take what can be trusted to last; nothing of a custom gauge that goes up and down."""
    if metric not in _NOUNS and lasting_share(series.path) < _LASTING:
        return []
    path = settled(series.path)
    return [_Counted(replace(series, path=path), _unit_of(path))]


def _unit_of(path: Path) -> float:
    """Return 1 for whole numbers, else the larger of the median rise and 1 % of the range."""
    if all(map(float.is_integer, path.values)):
        return 1.0
    rises = [value for value in path.kept if value > 0]
    span = max(path.values) / 100 - min(path.values) / 100
    return max(median_of(rises) if rises else 0.0, span) or 1.0


def _by_number(suite: Suite, metric: str, counted: Sequence[_Counted]) -> list[Finding]:
    changes = [(one.series, change) for one in counted for change in one.changes]
    # .8: a level that still moves at the end may come down after it
    confidence = 0.8 if any(_fell_at_the_end(one.series.path) for one in counted) else 0.95
    changes.sort(key=lambda pair: (-pair[1].size, pair[0].rows[pair[1].start]))
    if metric in _NOUNS and len(changes) > 1:
        findings = [_all_of(suite, metric, changes)]
    else:
        findings = [_of_change(suite, metric, series, change) for series, change in changes]
    return [replace(finding, confidence=confidence) for finding in findings]


def _all_of(
    suite: Suite, metric: str, changes: Sequence[tuple[LevelSeries, LevelChange]]
) -> Finding:
    """Tell all that is left of one kind, in several places or processes, as one finding."""
    largest = _of_change(suite, metric, *changes[0])
    kept = {series.rows[i]: series.path.kept[i] for series, c in changes for i in c.members}
    rows, size = tuple(sorted(kept)), math.fsum(kept.values())
    explained = suite.explain(rows)
    amount, tests = _amount(list(kept.values()), _NOUNS[metric]), count_of(len(rows), "test")
    at = largest.rows[0] if largest.at is None else largest.at
    where = _shared(rows, explained) or f", the most from {suite.table.nodeids[at]} on"
    return replace(
        largest,
        subkind="leak",
        summary=f"{tests} leave {amount}{_STATES[metric]}{where}.",
        rows=rows,
        anchor=_anchor(suite, rows, explained, at),
        explained_by=explained,
        evidence={**largest.evidence, "kept": size, "per_test": size / len(rows)},
        score=size,
    )


def _amount(sizes: Sequence[float], noun: str) -> str:
    """Say what tests leave: ``1 descriptor each``, or the sum where they differ."""
    if min(sizes) == max(sizes):
        return f"{count_of(int(sizes[0]), noun)} each"
    return count_of(int(math.fsum(sizes)), noun)


def _fell_at_the_end(path: Path) -> bool:
    tail = path.values[-max(2, len(path) // 100) :]
    return any(after < before for before, after in pairwise(tail))


def _of_change(suite: Suite, metric: str, series: LevelSeries, change: LevelChange) -> Finding:
    table = suite.table
    ordered = tuple(series.rows[i] for i in change.members)
    rows = tuple(sorted(ordered))
    explained = suite.explain(rows) if len(rows) > 1 else None
    evidence = shift_evidence(
        series.path.values,
        max(1, change.start),
        kept=change.size,
        per_test=change.size / len(rows),
        level_before=change.before,
        level_after=change.after,
    )
    return Finding(
        kind=KIND,
        subkind=change.subkind if len(rows) == 1 or change.subkind == "leak" else "leak",
        summary=_sentence(suite, metric, series, change, explained),
        metrics=(metric,),
        rows=rows,
        anchor=_anchor(suite, rows, explained, ordered[0]),
        log_p=-math.inf,
        exact=True,
        at=ordered[0],
        explained_by=explained,
        evidence=evidence,
        score=change.size,
        details=tuple(line for row in ordered[:_MOST_DETAILS] if (line := wide_phrase(table, row))),
    )


def _sentence(
    suite: Suite,
    metric: str,
    series: LevelSeries,
    change: LevelChange,
    explained: Explanation | None,
) -> str:
    table, members = suite.table, change.members
    unit = table.info(metric).unit
    first = table.nodeids[series.rows[members[0]]]
    whole = abs(change.after - change.before - change.size) <= 0.02 * change.size
    levels = f" ({range_phrase(change.before, change.after, unit)})" if whole else ""
    if metric not in _NOUNS:
        size, n = format_value(change.size, unit), len(members)
        if n == 1:
            return f"From {first} on, {metric} stays {size} higher{levels}."
        return (  # no test is blamed: it may be read by some tests only
            f"From {first} on, {metric} rises in {n:,} of {len(series.rows):,} readings "
            f"and does not come back, {size} in all{levels}."
        )
    noun, state = _NOUNS[metric], _STATES[metric]
    if len(members) == 1:
        return f"{first} leaves {count_of(int(change.size), noun)}{state}{levels}."
    amount = _amount([series.path.kept[i] for i in members], noun)
    tests = count_of(len(members), "test")
    if shared := _shared(members, explained):
        return f"{tests} leave {amount}{state}{shared}{levels}."
    if change.is_scattered:
        return f"{tests} leave {amount}{state}, first {first}{levels}."
    return f"From {first} on, {tests} leave {amount}{state}{levels}."
