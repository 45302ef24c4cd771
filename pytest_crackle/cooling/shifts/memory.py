"""Resident memory that tests leave for good: jumps, leaks, growth, and what is none of these."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.detectors.base import Detection, Finding
from pytest_crackle.cooling.numeric import quantile
from pytest_crackle.cooling.profiles import CoolingRate, Profile
from pytest_crackle.cooling.shifts.level_series import LevelSeries, level_series
from pytest_crackle.cooling.shifts.levels import LEAST_TESTS, amount_changes
from pytest_crackle.cooling.shifts.telling import KIND, range_phrase, shift_evidence, wide_phrase
from pytest_crackle.model.metrics import KEPT_BY_PYTEST
from pytest_crackle.model.report import NotTested
from pytest_crackle.model.units import count_of, format_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_crackle.cooling.profiles import LevelLimits
    from pytest_crackle.cooling.shifts.levels import LevelChange
    from pytest_crackle.cooling.suite import Suite
    from pytest_crackle.model.table import MetricTable

__all__ = ["find_memory"]

METRIC: Final = "memory.rss"
_BYTES_PER_BLOCK: Final = 512
"""The largest block that getallocatedblocks counts, so size / 512 is the fewest that hold it."""
_MANY_IMPORTS: Final = 100
_SAFE: Final = 1.5
"""A change that exceeds its limit by this factor comes back in a rerun; see `_confidence`."""
_LARGEST: Final = 5


@dataclass(frozen=True, slots=True)
class _Rise:
    """A change of one series and, if there is one, why it is no leak."""

    series: LevelSeries
    change: LevelChange
    excuse: str | None

    @property
    def rows(self) -> tuple[int, ...]:
        return tuple(self.series.rows[i] for i in self.change.members)

    @property
    def at(self) -> int:
        return self.series.rows[self.change.start]


def find_memory(suite: Suite, profile: Profile) -> Detection:
    """Find tests that leave resident memory for good.

    Parameters
    ----------
    suite : Suite
    profile : Profile
        `levels` applies; a first import or an emptied heap is told at fast only, and only if it is
        large enough for normal.

    Returns
    -------
    Detection
        Sub-kinds jump, leak and growth. Growth never fails a gate.

    Notes
    -----
    Each process has its own series. A leak counts if the processes together reach the limit, and
    is then one finding. O(tests).
    """
    every = level_series(suite, METRIC)
    long = [series for series in every if len(series.path) >= LEAST_TESTS]
    if not long:
        return _too_short(every)
    rises = [rise for series in long for rise in _rises(suite.table, series, profile, len(long))]
    findings = [_jump(suite, rise, profile) for rise in rises if rise.change.subkind == "jump"]
    leaks = [rise for rise in rises if rise.change.subkind == "leak"]
    if len(long) == 1:
        findings += [_leak(suite, leak) for leak in leaks]
    elif leaks and math.fsum([leak.change.size for leak in leaks]) >= profile.levels.leak:
        findings.append(_leak(suite, leaks[0]) if len(leaks) == 1 else _leaks(suite, leaks))
    if not findings and (grown := [rise for rise in rises if rise.change.subkind == "growth"]):
        findings += _growth(suite, grown, profile.levels)
    return Detection(tuple(findings))


def _too_short(every: Sequence[LevelSeries]) -> Detection:
    if not every:
        return Detection()
    n = max(len(series.path) for series in every)
    reason = f"{count_of(n, 'test')} in a process, needs {LEAST_TESTS}"
    return Detection(not_tested=(NotTested(KIND, METRIC, reason),))


def _rises(table: MetricTable, series: LevelSeries, profile: Profile, n_series: int) -> list[_Rise]:
    found = []
    stricter = Profile.normal().levels
    for change in amount_changes(series.path, profile.levels, divisor=n_series):
        excuse = None if change.subkind == "growth" else _excuse(table, series, change)
        if excuse is not None:
            least = stricter.jump if change.subkind == "jump" else stricter.leak / n_series
            if profile.rate is not CoolingRate.FAST or change.size < least:
                continue
        found.append(_Rise(series, change, excuse))
    return found


def _excuse(table: MetricTable, series: LevelSeries, change: LevelChange) -> str | None:
    """Say why a rise is no leak: a first import, or objects that were freed since."""
    grown = [_imported(table, series.rows[i]) for i in change.members]
    imported = math.fsum(
        [series.path.kept[i] for i, n in zip(change.members, grown, strict=True) if n]
    )
    if 2 * imported >= change.size:
        return f"first import of {count_of(sum(grown), 'module')}"
    if _was_freed(table, series, change):
        return "the objects were freed later, the allocator keeps the pages: a peak, not a leak"
    return None


def _imported(table: MetricTable, row: int) -> int:
    """Modules that a test imported first, if they are many; by their audit events if need be."""
    if (growth := table.module_growth.get(row)) is not None:
        return growth
    column = table.columns.get("imports")
    events = column[row] if column is not None else math.nan
    return int(events) if events >= _MANY_IMPORTS else 0


def _was_freed(table: MetricTable, series: LevelSeries, change: LevelChange) -> bool:
    """Whether allocated blocks rose enough to explain the change and half of them went again."""
    rows, blocks = series.rows, table.blocks
    earlier = (blocks.get(rows[i]) for i in range(change.start - 1, -1, -1))
    before = next((number for number in earlier if number is not None), None)
    later = [blocks[rows[i]] for i in range(change.start, len(rows)) if rows[i] in blocks]
    if before is None or not later:
        return False
    peak = max(blocks.get(rows[i], 0) for i in range(change.start, change.stop)) or later[0]
    risen = peak - before
    return risen >= change.size / _BYTES_PER_BLOCK and min(later) <= before + risen / 2


def _confidence(size: float, limit: float) -> float:
    """Return .8 well above the limit, where no rerun falls below it, and .6 near it."""
    return 0.8 if size >= _SAFE * limit else 0.6


def _range(rise: _Rise) -> str:
    """Write the levels before and after, if nothing but this change lies between them."""
    change = rise.change
    if abs(change.after - change.before - change.size) > 0.02 * change.size:
        return ""
    return f" ({range_phrase(change.before, change.after, 'B')})"


def _finding(rise: _Rise, subkind: str, summary: str) -> Finding:
    path, change = rise.series.path, rise.change
    evidence = shift_evidence(
        path.values,
        change.start,
        kept=change.size,
        per_test=change.size / max(1, len(change.members)),
        level_before=change.before,
        level_after=change.after,
    )
    return Finding(
        kind=KIND,
        subkind=subkind,
        summary=summary,
        metrics=(METRIC,),
        rows=rise.rows,
        anchor="",
        log_p=-math.inf,
        exact=True,
        evidence=evidence,
        score=change.size,
    )


def _jump(suite: Suite, rise: _Rise, profile: Profile) -> Finding:
    table, change = suite.table, rise.change
    test = table.nodeids[rise.at]
    summary = f"{test} leaves {format_value(change.size, 'B')} for good{_range(rise)}"
    is_small = change.size < Profile.normal().levels.jump
    if rise.excuse is not None:
        summary += f": {rise.excuse}."
    elif is_small:
        # measured: at this size caches and the allocator's own pages are commoner than leaks
        summary += " in one step: rather a cache or pages that the allocator keeps than a leak."
    else:
        summary += "."
    wide = wide_phrase(table, rise.at)
    return replace(
        _finding(rise, "jump", summary),
        anchor=test,
        at=rise.at,
        confidence=_confidence(change.size, profile.levels.jump),
        gateable=rise.excuse is None and not is_small,
        details=(wide,) if wide else (),
    )


def _leak(suite: Suite, rise: _Rise) -> Finding:
    change, nodeids = rise.change, suite.table.nodeids
    test, stop = nodeids[rise.at], change.stop
    n = len(change.members)
    if stop >= len(rise.series.rows) - LEAST_TESTS:
        where = f"From {test} on"
    else:
        where = f"From {test} to {nodeids[rise.series.rows[stop - 1]]}"
    excuse = f": {rise.excuse}" if rise.excuse else ""
    summary = f"{where}, {count_of(n, 'test')} leave {_each([rise])}{_range(rise)}{excuse}."
    return replace(
        _finding(rise, "leak", summary),
        anchor=suite.table.modules[rise.at],  # noise may move the first test by one
        at=rise.at,
        explained_by=suite.explain(rise.rows),
        confidence=0.7,
        gateable=rise.excuse is None,
    )


def _each(rises: Sequence[_Rise]) -> str:
    """Say what the members leave: ``1.00 MiB each`` if they are alike, else the sum."""
    sizes = sorted(rise.series.path.kept[i] for rise in rises for i in rise.change.members)
    total = math.fsum([rise.change.size for rise in rises])
    if quantile(sizes, 0.9) <= 2 * quantile(sizes, 0.1):
        return f"{format_value(total / len(sizes), 'B')} each"
    return f"{format_value(total, 'B')} in all"


def _leaks(suite: Suite, rises: Sequence[_Rise]) -> Finding:
    """Tell the leaks of several processes as one; by size, so names of workers do not matter."""
    nodeids = suite.table.nodeids
    ordered = sorted(rises, key=lambda rise: (-rise.change.size, rise.at))
    largest = ordered[0]
    size = math.fsum([rise.change.size for rise in rises])
    rows = tuple(sorted(row for rise in rises for row in rise.rows))
    workers = len({rise.series.worker for rise in rises})
    each = _each(rises)
    total = f", {format_value(size, 'B')} in all" if each.endswith("each") else ""
    where = "1 process" if workers == 1 else f"{workers} processes"
    summary = (
        f"In {where}, {count_of(len(rows), 'test')} leave {each}{total}; "
        f"the most from {nodeids[largest.at]} on."
    )
    details = tuple(
        f"{rise.series.worker}: from {nodeids[rise.at]} on {count_of(len(rise.rows), 'test')}, "
        f"{format_value(rise.change.size, 'B')}{_range(rise)}"
        for rise in ordered
    )
    finding = _finding(largest, "leak", summary)
    evidence = {**finding.evidence, "kept": size, "per_test": size / len(rows)}
    return replace(
        finding,
        rows=rows,
        anchor=suite.table.modules[largest.at],
        at=largest.at,
        explained_by=suite.explain(rows),
        evidence=evidence,
        confidence=0.7,
        gateable=not any(rise.excuse for rise in rises),
        score=size,
        details=details,
    )


def _growth(suite: Suite, rises: Sequence[_Rise], limits: LevelLimits) -> list[Finding]:
    size = math.fsum([rise.change.size for rise in rises])
    first = math.fsum([rise.change.before for rise in rises])
    least = max(limits.growth or 0.0, limits.growth_share * first)
    if limits.growth is None or size - KEPT_BY_PYTEST * suite.n_tests < least:
        return []
    nodeids = suite.table.nodeids
    members = [(rise.series, i) for rise in rises for i in rise.change.members]
    steps = [(series.path.kept[i], series.rows[i]) for series, i in members]
    steps = sorted(steps, key=lambda step: (-step[0], step[1]))[:_LARGEST]
    where = "" if len(rises) == 1 else f" in {len(rises)} processes together"
    summary = (
        f"Memory grows by {format_value(size, 'B')} over the session{where} "
        f"({range_phrase(first, first + size, 'B')}), at no test in particular."
    )
    details = tuple(f"{format_value(kept, 'B')} at {nodeids[row]}" for kept, row in steps)
    largest = max(rises, key=lambda rise: (rise.change.size, -rise.at))
    finding = _finding(largest, "growth", summary)
    evidence = {**finding.evidence, "kept": size, "per_test": size / suite.n_tests}
    return [
        replace(
            finding,
            rows=tuple(sorted(row for _, row in steps)),
            anchor="session",
            evidence=evidence,
            confidence=0.5,
            gateable=False,
            score=size,
            details=details,
        )
    ]
