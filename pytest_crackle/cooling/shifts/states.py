"""Interpreter state that a test leaves switched: exact facts from the readings after every test."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.detectors.base import Finding
from pytest_crackle.cooling.profiles import CoolingRate
from pytest_crackle.cooling.shifts.telling import KIND
from pytest_crackle.model.units import count_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_crackle.cooling.profiles import Profile
    from pytest_crackle.cooling.suite import Suite
    from pytest_crackle.model.table import MetricTable

__all__ = ["LeftState", "StateSpan", "left_states", "state_finding", "state_spans"]

METRIC: Final = "state"
LASTING: Final = 3
"""Tests that a state must outlive, or reach the end of the session."""
_MOST_DETAILS: Final = 5
_FAST_ONLY: Final = frozenset({"log level", "recursion limit"})
_LEVELS: Final = {
    "0": "NOTSET",
    "10": "DEBUG",
    "20": "INFO",
    "30": "WARNING",
    "40": "ERROR",
    "50": "CRITICAL",
}


@dataclass(frozen=True, slots=True)
class StateSpan:
    """One test left one reading switched.

    Attributes
    ----------
    worker : str
        "" without workers.
    reading, before, after : str
        As the firing describes them.
    start : int
        Place of the test in its worker's run order.
    stop : int
        Place of the test that changed the reading again; the number of tests if none did.
    row : int
    next_row : int or None
        The test that changed it again.
    """

    worker: str
    reading: str
    before: str
    after: str
    start: int
    stop: int
    row: int
    next_row: int | None


def state_spans(suite: Suite) -> tuple[StateSpan, ...]:
    """Find what tests left switched for the next three tests or to the end.

    Parameters
    ----------
    suite : Suite

    Returns
    -------
    tuple of StateSpan
        By row and reading. A change back to what the reading was when the session began is a
        repair and none of them; so is a change after which it has the same description.

    Notes
    -----
    O(tests + changes).
    """
    table, spans = suite.table, list[StateSpan]()
    if not table.states:
        return ()
    for worker, rows in suite.run_orders.items():
        base: dict[str, str] = {}
        changed: dict[str, list[tuple[int, str, str]]] = {}
        for place, row in enumerate(rows):
            for change in table.states.get(row, ()):
                base.setdefault(change.reading, change.before)
                if change.before != change.after:
                    changes = changed.setdefault(change.reading, [])
                    changes.append((place, change.before, change.after))
        for reading, changes in changed.items():
            ends = [place for place, _, _ in changes[1:]] + [len(rows)]
            for (place, before, after), stop in zip(changes, ends, strict=True):
                lasts = stop - place > LASTING or stop == len(rows)
                if after == base[reading] or not lasts or place == len(rows) - 1:
                    continue  # after the last test nobody is there to be bothered
                next_row = rows[stop] if stop < len(rows) else None
                spans.append(
                    StateSpan(worker, reading, before, after, place, stop, rows[place], next_row)
                )
    return tuple(sorted(spans, key=lambda span: (span.row, span.reading)))


@dataclass(frozen=True, slots=True)
class LeftState:
    """What is told as one finding: the same tests leave the same readings in the same states.

    Attributes
    ----------
    rows : tuple of int
        The tests that leave it, in collection order.
    spans : tuple of StateSpan
        One for each test and reading.
    """

    rows: tuple[int, ...]
    spans: tuple[StateSpan, ...]


def left_states(suite: Suite, profile: Profile) -> tuple[LeftState, ...]:
    """Group what tests left switched into findings.

    Parameters
    ----------
    suite : Suite
    profile : Profile
        Log level and recursion limit are told at fast only: many tests set them on purpose and
        nothing gets slower.

    Returns
    -------
    tuple of LeftState
        By their first test.
    """
    by_state: dict[tuple[str, str, str], list[StateSpan]] = {}
    for span in state_spans(suite):
        if span.reading not in _FAST_ONLY or profile.rate is CoolingRate.FAST:
            by_state.setdefault((span.reading, span.before, span.after), []).append(span)
    by_rows: dict[tuple[int, ...], list[StateSpan]] = {}
    for spans in by_state.values():
        rows = tuple(dict.fromkeys(span.row for span in spans))
        by_rows.setdefault(rows, []).extend(spans)
    groups = [LeftState(rows, tuple(spans)) for rows, spans in by_rows.items()]
    return tuple(sorted(groups, key=lambda group: (group.rows, group.spans[0].reading)))


def state_finding(
    suite: Suite,
    left: LeftState,
    *,
    effects: Sequence[str] = (),
    evidence: Mapping[str, float] | None = None,
) -> Finding:
    """Tell what some tests left switched.

    Parameters
    ----------
    suite : Suite
    left : LeftState
    effects : Sequence[str]
        What follows from it, as clauses: "pace is 3.7x".
    evidence : mapping of str to float, optional

    Returns
    -------
    Finding
        An exact fact.
    """
    table, spans = suite.table, left.spans
    at = min(left.rows, key=lambda row: (table.seqs[row], row))
    first = table.nodeids[at]
    readings = list(dict.fromkeys((span.reading, span.before, span.after) for span in spans))
    what = " and ".join(dict.fromkeys(_what(*reading) for reading in readings))
    if len(left.rows) == 1:
        summary = f"{first} leaves {what}"
    else:
        summary = f"{count_of(len(left.rows), 'test')} leave {what}, first {first}"
    until = _until(table, spans)
    if effects:
        where = "until then" if until else "from there on"
        summary += f"{until}; {where} {' and '.join(effects)}"
    else:
        summary += until
    return Finding(
        kind=KIND,
        subkind="state",
        summary=f"{summary}.",
        metrics=(METRIC,),
        rows=left.rows,
        anchor="; ".join([first, *sorted({span.reading for span in spans})]),
        log_p=-math.inf,
        exact=True,
        at=at,
        evidence={"tests_after": float(_tests_after(spans)), **(evidence or {})},
        confidence=0.99,
        score=float(_tests_after(spans)),
        details=_details(table, left) if len(left.rows) > 1 else (),
    )


def _tests_after(spans: Sequence[StateSpan]) -> int:
    """Tests that ran in the state: the most over the readings of one finding."""
    by_reading: dict[str, int] = {}
    for span in spans:
        by_reading[span.reading] = by_reading.get(span.reading, 0) + span.stop - span.start - 1
    return max(by_reading.values())


def _until(table: MetricTable, spans: Sequence[StateSpan]) -> str:
    """Say when the state ends, if one test left it and it ends at one place."""
    ends = {span.next_row for span in spans}
    if len({span.row for span in spans}) > 1 or len(ends) > 1:
        return ""
    (end,) = ends
    if end is None:
        return ""
    tests = spans[0].stop - spans[0].start - 1
    return f" for {count_of(tests, 'test')}, until {table.nodeids[end]}"


def _details(table: MetricTable, left: LeftState) -> tuple[str, ...]:
    shown = [f"left by {table.nodeids[row]}" for row in left.rows[:_MOST_DETAILS]]
    if (more := len(left.rows) - _MOST_DETAILS) > 0:
        shown.append(f"and by {count_of(more, 'more test')}")
    return tuple(shown)


def _what(reading: str, before: str, after: str) -> str:
    """Say in what state a reading was left, so that a reader knows which call did it."""
    if reading in ("trace function", "profile function"):
        call = "sys.settrace" if reading == "trace function" else "sys.setprofile"
        if after == "none":
            return f"no {reading} set ({call}; {before} before)"
        was = "" if before == "none" else f", {before} before"
        return f"a {reading} set ({call}: {after}{was})"
    if reading == "gc":
        return f"garbage collection {after}"
    if reading == "gc threshold":
        return f"the gc threshold at {after} ({before} before)"
    if reading == "log level":
        return f"the root log level at {_level(after)} ({_level(before)} before)"
    if reading == "log disable":
        if after == "0":
            return f"no log records disabled (logging.disable; up to {_level(before)} before)"
        return f"log records up to {_level(after)} disabled (logging.disable)"
    if reading == "tracemalloc":
        return f"tracemalloc {after}"
    return f"the {reading} at {after} ({before} before)"


def _level(number: str) -> str:
    return _LEVELS.get(number, number)
