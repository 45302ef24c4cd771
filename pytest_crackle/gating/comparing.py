"""Compare two reports: patterns by their stable ids, tests by their node ids, metrics in sum."""

from __future__ import annotations

import math
from collections import Counter
from statistics import median
from typing import TYPE_CHECKING

from pytest_crackle.gating.baseline import MOST_OF_A_SUBKIND, WORSE
from pytest_crackle.gating.effects import effect_of, share_of, times
from pytest_crackle.model.comparison import Change, Comparison, Ended, Lone, Total

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_crackle.model.pattern import Pattern
    from pytest_crackle.model.report import Report

__all__ = ["compare"]

_Key = tuple[str, str | None]
"""Node id, and the worker under ``--dist each``."""


def compare(before: Report, after: Report) -> Comparison:
    """Say what differs between two reports of one suite.

    Parameters
    ----------
    before, after : Report

    Returns
    -------
    Comparison

    Notes
    -----
    Worse is what a gate would call worse than accepted: twice the effect (see `effect_of`), and
    where it is seconds that depend on the machine, twice the time over the rest of the suite as
    well. Times of single tests differ from run to run by more than most changes, so only sums are
    given, without a verdict; and levels only where as many processes ran. O(tests x metrics).
    """
    old_rows, new_rows = _rows(before), _rows(after)
    common = [key for key in old_rows if key in new_rows]
    outcomes = [
        (key, before.table.outcomes[old_rows[key]], after.table.outcomes[new_rows[key]])
        for key in common
    ]
    same = [(old_rows[key], new_rows[key]) for key, old, new in outcomes if old == new]
    totals = tuple(_totals(before, after, same))
    split = _split(before, after) if any(total.kind == "level" for total in totals) else ""
    old_patterns = {pattern.id: pattern for pattern in before.patterns}
    new_patterns = {pattern.id: pattern for pattern in after.patterns}
    changes = [_change(old_patterns[i], p) for i, p in new_patterns.items() if i in old_patterns]
    return Comparison(
        before=before,
        after=after,
        cautions=tuple(_cautions(before, after, len(common))),
        appeared=_lone(after, before),
        vanished=_lone(before, after),
        worse=tuple(sorted((c for c in changes if _is_worse(c)), key=lambda c: -c.worse)),
        better=tuple(sorted((c for c in changes if _is_better(c)), key=lambda c: -c.better)),
        alike=tuple(c for c in changes if not _is_worse(c) and not _is_better(c)),
        added=tuple(sorted({key[0] for key in new_rows.keys() - old_rows.keys()})),
        removed=tuple(sorted({key[0] for key in old_rows.keys() - new_rows.keys()})),
        ended=tuple(Ended(k[0], old, new, k[1]) for k, old, new in outcomes if old != new),
        common=len(common),
        totals=tuple(total for total in totals if not (split and total.kind == "level")),
        left_out=tuple(total.name for total in totals if split and total.kind == "level"),
        why_left_out=split,
    )


def _split(before: Report, after: Report) -> str:
    """Say why levels cannot be compared; "" if they can.

    A level is one process's: which tests it ran before decides how high it stands.
    """
    old, new = (len(set(report.table.workers)) for report in (before, after))
    if old == new:
        return ""
    return f"levels are those of a process, and {old:,} before and {new:,} after shared the tests"


def _rows(report: Report) -> dict[_Key, int]:
    table, is_each = report.table, report.session.dist == "each"
    workers = table.workers if is_each else [None] * table.n_tests
    return {key: row for row, key in enumerate(zip(table.nodeids, workers, strict=True))}


def _change(before: Pattern, after: Pattern) -> Change:
    old, new = ((effect_of(p), share_of(p)) for p in (before, after))
    return Change(before, after, times(*new, *old), times(*old, *new))


def _is_worse(change: Change) -> bool:
    return change.worse >= WORSE


def _is_better(change: Change) -> bool:
    return change.better >= WORSE


def _lone(teller: Report, other: Report) -> tuple[Lone, ...]:
    """Return the patterns that the other report does not tell."""
    ids = {pattern.id for pattern in other.patterns}
    ran = frozenset(other.table.nodeids)
    counts = Counter((p.kind, p.subkind) for p in other.patterns)
    out = []
    for pattern in teller.patterns:
        if pattern.id in ids:
            continue
        remark = None
        if pattern.tests and ran.isdisjoint(pattern.tests):
            remark = "none of its tests ran in the other run"
        elif counts[pattern.kind, pattern.subkind] >= MOST_OF_A_SUBKIND:
            remark = (
                f"or it is beyond the {MOST_OF_A_SUBKIND} of sub-kind {pattern.subkind} that the"
                " other report tells"
            )
        out.append(Lone(pattern, remark))
    return tuple(out)


def _cautions(before: Report, after: Report, common: int) -> Iterator[str]:
    """Say what makes the two differ, or hides differences, beside the tests themselves."""
    for which, report in (("before", before), ("after", after)):
        session = report.session
        if not session.complete:
            why = f": {session.incomplete_because}" if session.incomplete_because else ""
            yield f"{which}: the run is incomplete{why}; what it does not tell means little"
        if session.partial_because:
            yield f"{which}: only a part of the suite ran: {session.partial_because}"
        if report.faults:
            yield f"{which}: a part of the analysis failed: {report.faults[0]}"
    if before.table.n_tests and after.table.n_tests and not common:
        yield "no test is in both"
    facts = (
        ("cooling", before.cooling.rate, after.cooling.rate),
        ("detectors", _names(before), _names(after)),
        ("pytest-crackle", before.version, after.version),
        ("Python", before.session.python, after.session.python),
        ("platform", before.session.platform, after.session.platform),
        ("workers", *(one.session.shared_by() or "none" for one in (before, after))),
    )
    for name, old, new in facts:
        if old != new:
            yield f"{name}: {old or 'unknown'} before, {new or 'unknown'} after"


def _names(report: Report) -> str:
    return ", ".join(report.cooling.detectors)


def _totals(before: Report, after: Report, rows: Sequence[tuple[int, int]]) -> Iterator[Total]:
    old_table, new_table = before.table, after.table
    for name in sorted(old_table.columns.keys() & new_table.columns.keys()):
        info = new_table.info(name)
        if (info.unit, info.kind) != (old_table.info(name).unit, old_table.info(name).kind):
            continue
        old_column, new_column = old_table.columns[name], new_table.columns[name]
        pairs = [
            (x, y)
            for old, new in rows
            if not math.isnan(x := old_column[old]) and not math.isnan(y := new_column[new])
        ]
        if pairs:
            fold = median if info.kind == "level" else _sum
            olds, news = ([pair[i] for pair in pairs] for i in (0, 1))
            yield Total(
                name, info.unit, info.kind, len(pairs), _finite(fold(olds)), _finite(fold(news))
            )


def _sum(values: Sequence[float]) -> float:
    """Add up, the halves first: a sum of finite values may overflow, and half of it may not."""
    return 2.0 * sum([value / 2.0 for value in values])


def _finite(value: float) -> float:
    return value if math.isfinite(value) else math.copysign(1.7e308, value)
