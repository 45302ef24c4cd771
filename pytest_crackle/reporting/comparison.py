"""A comparison of two reports, as text and as JSON."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from pytest_crackle.model.units import count_of, format_value
from pytest_crackle.reporting.figures import confidence_text, kind_name
from pytest_crackle.reporting.medium import joined
from pytest_crackle.reporting.tables import MOST_ROWS, render_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_crackle.model.comparison import Change, Comparison, Lone, Total
    from pytest_crackle.model.pattern import Pattern
    from pytest_crackle.model.report import Report
    from pytest_crackle.reporting.medium import Medium
    from pytest_crackle.reporting.tables import Column

__all__ = ["COMPARISON_SCHEMA", "comparison_object", "comparison_text"]

COMPARISON_SCHEMA: Final = "pytest-crackle/comparison/1"
_MOST_NAMED: Final = 3
_MOST_LEFT_OUT: Final = 6
_STEP: Final = "  "
_ROOM: Final = 60
"""Columns for a node id within a sentence."""


def comparison_text(comparison: Comparison, names: tuple[str, str], medium: Medium) -> list[str]:
    """Return a comparison for people.

    Parameters
    ----------
    comparison : Comparison
    names : (str, str)
        What to call the two reports.
    medium : Medium

    Returns
    -------
    list of str
        Lines. What makes the two hard to compare comes first; sums are told without a verdict.
    """
    lines = [
        medium.fit(f"{which} {name}: {_facts(report)}")
        for which, name, report in zip(
            ("before:", "after: "), names, (comparison.before, comparison.after), strict=True
        )
    ]
    for caution in comparison.cautions:
        lines += _wrapped(medium, f"caution: {caution}")
    lines += ["", *_patterns(comparison, medium), "", *_tests(comparison, medium)]
    if comparison.totals:
        lines += ["", *_totals(comparison.totals, medium)]
    if comparison.left_out:
        names_left = joined(comparison.left_out, _MOST_LEFT_OUT, "")
        lines += _wrapped(medium, f"left out: {names_left}: {comparison.why_left_out}", 0)
    return lines


def _wrapped(medium: Medium, text: str, depth: int = 1) -> list[str]:
    start = _STEP * depth
    return [line.text for line in medium.lines(text, start=start, indent=len(start) + len(_STEP))]


def _facts(report: Report) -> str:
    parts = [
        count_of(len(set(report.table.nodeids)), "test"),
        count_of(len(report.patterns), "pattern"),
        f"cooling {report.cooling.rate}",
    ]
    return ", ".join([*([report.session.started] if report.session.started else []), *parts])


def _patterns(comparison: Comparison, medium: Medium) -> Iterator[str]:
    counts = (
        (len(comparison.appeared), "appeared"),
        (len(comparison.vanished), "vanished"),
        (len(comparison.worse), "got worse"),
        (len(comparison.better), "got better"),
        (len(comparison.alike), "as before"),
    )
    told = ", ".join(f"{count:,} {what}" for count, what in counts if count)
    yield f"patterns: {told or 'none in either report'}"
    for what, some in (("appeared", comparison.appeared), ("vanished", comparison.vanished)):
        for lone in some:
            yield from _lone(what, lone, medium)
    for what, changes in (("worse", comparison.worse), ("better", comparison.better)):
        for change in changes:
            yield from _changed(what, change, medium)


def _lone(what: str, lone: Lone, medium: Medium) -> Iterator[str]:
    pattern = lone.pattern
    facts = [f"confidence {confidence_text(pattern.confidence)}"]
    if pattern.accepted:
        facts.append("accepted")
    if lone.remark:
        facts.append(lone.remark)
    yield from _wrapped(medium, f"{what}: {_title(pattern)}; {'; '.join(facts)}")
    yield from _sentence(pattern, medium)


def _title(pattern: Pattern) -> str:
    return f"{pattern.id} {kind_name(pattern.kind)}"


def _sentence(pattern: Pattern, medium: Medium, start: str = "") -> list[str]:
    text = start + medium.sentence(pattern, _ROOM)
    return _wrapped(medium, text, 2)


def _changed(what: str, change: Change, medium: Medium) -> Iterator[str]:
    times = change.worse if what == "worse" else change.better
    amount = f"{times:,.1f} times as bad" if what == "worse" else f"{times:,.1f} times less bad"
    yield from _wrapped(medium, f"{what}: {_title(change.after)}; {amount}")
    yield from _sentence(change.before, medium, "before: ")
    yield from _sentence(change.after, medium, "after: ")


def _tests(comparison: Comparison, medium: Medium) -> Iterator[str]:
    kinds = Counter((ended.before, ended.after) for ended in comparison.ended)
    yield (
        f"tests: {comparison.common:,} in both, {len(comparison.added):,} added,"
        f" {len(comparison.removed):,} removed, {len(comparison.ended):,} with another outcome"
    )
    for (old, new), count in sorted(kinds.items(), key=lambda item: (_gravity(item[0]), item[0])):
        nodeids = [e.nodeid for e in comparison.ended if (e.before, e.after) == (old, new)]
        yield from _named(f"{old} -> {new} ({count:,})", nodeids, medium)
    for what, some in (("added", comparison.added), ("removed", comparison.removed)):
        if some:
            yield from _named(f"{what} ({len(some):,})", some, medium)


def _gravity(outcomes: tuple[str, str]) -> int:
    """What fails now comes first, then what failed before."""
    bad = ("failed", "error", "xpassed")
    return 0 if outcomes[1] in bad else 1 if outcomes[0] in bad else 2


def _named(what: str, nodeids: Sequence[str], medium: Medium) -> list[str]:
    shown = [medium.shorten(nodeid, _ROOM) for nodeid in nodeids[:_MOST_NAMED]]
    text = joined([*shown, *nodeids[_MOST_NAMED:]], _MOST_NAMED, "")
    return _wrapped(medium, f"{what}: {text}")


def _totals(totals: Sequence[Total], medium: Medium) -> Iterator[str]:
    moved = [total for total in totals if total.before != total.after]
    same = len(totals) - len(moved)
    what = "sums over the tests that have the metric and one outcome in both (medians of levels):"
    yield from _wrapped(medium, what, 0)
    if moved:
        columns: list[Column] = [("metric", "left")]
        columns += [(name, "right") for name in ("tests", "before", "after", "ratio")]
        rows = [
            [
                medium.fit(total.name, 40),
                f"{total.tests:,}",
                medium.clean(format_value(total.before, total.unit)),
                medium.clean(format_value(total.after, total.unit)),
                _ratio(total),
            ]
            for total in moved
        ]
        yield from render_table(columns, rows)
        if len(moved) > MOST_ROWS:
            yield f"and {len(moved) - MOST_ROWS:,} more metrics: --json for all"
    if same:
        yield f"{count_of(same, 'metric')} the same before and after"


def _ratio(total: Total) -> str:
    if not total.before > 0 or not total.after > 0:
        return "-"
    ratio = total.after / total.before
    return f"{ratio:.2f}" if 0.1 <= ratio < 10 else f"{ratio:.3g}"


def comparison_object(comparison: Comparison, names: tuple[str, str]) -> dict[str, object]:
    """Return a comparison for JSON: every pattern and test of which the text tells the first few.

    Parameters
    ----------
    comparison : Comparison
    names : (str, str)
        What to call the two reports.

    Returns
    -------
    dict
        Base units; `times_worse` and `times_better` are null where that cannot be said.
    """
    reports = (comparison.before, comparison.after)
    sides = {
        side: {
            "name": name,
            "started": report.session.started,
            "complete": report.session.complete,
            "rate": report.cooling.rate,
            "tests": len(set(report.table.nodeids)),
            "patterns": len(report.patterns),
        }
        for side, name, report in zip(("before", "after"), names, reports, strict=True)
    }
    return {
        "schema": COMPARISON_SCHEMA,
        **sides,
        "cautions": list(comparison.cautions),
        "patterns": {
            "appeared": [_lone_object(lone) for lone in comparison.appeared],
            "vanished": [_lone_object(lone) for lone in comparison.vanished],
            "worse": [_change_object(change) for change in comparison.worse],
            "better": [_change_object(change) for change in comparison.better],
            "alike": [_change_object(change) for change in comparison.alike],
        },
        "tests": {
            "common": comparison.common,
            "added": list(comparison.added),
            "removed": list(comparison.removed),
            "ended": [asdict(ended) for ended in comparison.ended],
        },
        "metrics": {
            total.name: {
                "unit": total.unit,
                "kind": total.kind,
                "tests": total.tests,
                "before": total.before,
                "after": total.after,
            }
            for total in comparison.totals
        },
        "left_out": {
            "metrics": list(comparison.left_out),
            "reason": comparison.why_left_out or None,
        },
    }


def _lone_object(lone: Lone) -> dict[str, object]:
    return {
        **_pattern_object(lone.pattern),
        "summary": lone.pattern.summary,
        "cost_seconds": lone.pattern.cost_seconds,
        "confidence": lone.pattern.confidence,
        "remark": lone.remark,
    }


def _change_object(change: Change) -> dict[str, object]:
    return {
        **_pattern_object(change.after),
        "before": change.before.summary,
        "after": change.after.summary,
        "times_worse": _factor(change.worse),
        "times_better": _factor(change.better),
    }


def _factor(times: float) -> float | None:
    return times if 0 < times < math.inf else None


def _pattern_object(pattern: Pattern) -> dict[str, object]:
    return {
        "id": pattern.id,
        "kind": pattern.kind,
        "subkind": pattern.subkind,
        "metrics": list(pattern.metrics),
        "accepted": pattern.accepted,
    }
