"""Two runs of a history side by side: what appeared, vanished, and moved beyond what is usual."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from statistics import median
from typing import TYPE_CHECKING, Final

from pytest_crackle.cli.historytext import run_name, terminal
from pytest_crackle.model.record import OUTCOMES
from pytest_crackle.model.units import count_of, format_value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_crackle.storage.history.reading import History
    from pytest_crackle.storage.history.stored import StoredRun

__all__ = ["Comparison", "Outcome", "Shift", "compare_runs", "comparison_text"]

_LEAST_RUNS: Final = 5
"""Values that say what is usual for a test. A sixth of the same kind is beyond all of them in one
case of three, so the ratio and the seconds below must hold as well."""
_MOST_RUNS: Final = 20
_LEAST_RATIO: Final = 1.5
_LEAST_SECONDS: Final = 0.01
_OFFSET: Final = 1e-3
"""Seconds added to both sides of a ratio: below a millisecond the clock tells, not the test."""
_LEAST_COMMON: Final = 20
_TIMES: Final = "duration"
_CPU: Final = "cpu"
_BEYOND: Final = 1.1
_NOT_COMPARED: Final = frozenset({"pace", "background", "delay", "gc.collections"})
"""What the machine and the tests before decide, not the test."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A test that ended otherwise."""

    nodeid: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Shift:
    """A value that moved beyond all that the test had before.

    Attributes
    ----------
    before, after : float
        In the two runs, base unit.
    lowest, highest : float
        Over `runs` runs up to the first of the two.
    cpu_before, cpu_after : float or None
        CPU seconds beside a duration, where they were measured.
    """

    nodeid: str
    metric: str
    unit: str
    before: float
    after: float
    lowest: float
    highest: float
    runs: int
    cpu_before: float | None = None
    cpu_after: float | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs between two runs.

    Attributes
    ----------
    before, after : str
        The runs in words.
    pace : float or None
        Median ratio of the durations of the tests in both, None where nothing can be said.
    times, counts : tuple of Shift
        Largest difference first; counts in collection order.
    not_compared : tuple of str
        Sentences.
    """

    before: str
    after: str
    appeared: tuple[str, ...] = ()
    vanished: tuple[str, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    pace: float | None = None
    total_before: float = 0.0
    total_after: float = 0.0
    times: tuple[Shift, ...] = ()
    counts: tuple[Shift, ...] = ()
    not_compared: tuple[str, ...] = ()
    common: int = 0


class _Side:
    """One run with its tests by node id."""

    def __init__(self, history: History, run: StoredRun, names: Mapping[int, str]) -> None:
        self.run = run
        self.rows = {names[test]: row for row, test in enumerate(history.tests(run))}
        self._history = history

    def column(self, metric: str) -> Sequence[float]:
        """Return a metric, NaN where a test has no value."""
        if metric not in self.run.metrics:
            return [math.nan] * self.run.n_tests
        return self._history.column(self.run, metric)

    def outcome(self, nodeid: str) -> str:
        return OUTCOMES[self.run.outcomes[self.rows[nodeid]]]


def compare_runs(
    history: History, runs: Sequence[StoredRun], before: StoredRun, after: StoredRun
) -> Comparison:
    """Compare two runs.

    Parameters
    ----------
    history : History
    runs : sequence of StoredRun
        All of them: those like `before` and not after it say what is usual for a test.
    before, after : StoredRun

    Returns
    -------
    Comparison

    Notes
    -----
    A time is told if it is beyond all that the test took in the last 5 to 20 comparable runs up to
    `before`, at least 1.5 times what it took in `before` with the run's common pace taken out, and
    at least 10 ms away; the CPU time stands beside it, for a busy machine makes tests wait. A count
    or value is told if it had never varied in these runs. Levels and what only the machine decides
    are left to the report. Runs of different environments are compared by tests and outcomes alone.
    """
    usual = _usual(runs, before, after)
    names = history.nodeids([before, after, *usual])
    one, two = _Side(history, before, names), _Side(history, after, names)
    comparison = _tests(one, two)
    places = [(run.facts.mode, run.facts.environment) for run in (before, after)]
    why = None
    if places[0] != places[1]:
        why = "values are not compared: the runs had different machines or workers"
    elif len(usual) < _LEAST_RUNS:
        found = count_of(len(usual), "comparable run")
        why = f"values are not compared: {found} up to the first, needs {_LEAST_RUNS}"
    if why is not None:
        return replace(comparison, not_compared=(why,))
    passing = [
        nodeid
        for nodeid in two.rows
        if nodeid in one.rows and one.outcome(nodeid) == two.outcome(nodeid) == OUTCOMES[0]
    ]
    past = [_Side(history, run, names) for run in usual]
    pace, totals = _pace(one, two, passing)
    return replace(
        comparison,
        pace=pace,
        total_before=totals[0],
        total_after=totals[1],
        times=_times(one, two, past, passing, pace or 1.0),
        counts=_counts(one, two, past, passing),
    )


def _tests(one: _Side, two: _Side) -> Comparison:
    """Compare which tests there are and how they ended."""
    common = [nodeid for nodeid in two.rows if nodeid in one.rows]
    return Comparison(
        run_name(one.run),
        run_name(two.run),
        appeared=tuple(nodeid for nodeid in two.rows if nodeid not in one.rows),
        vanished=tuple(nodeid for nodeid in one.rows if nodeid not in two.rows),
        outcomes=tuple(
            Outcome(nodeid, one.outcome(nodeid), two.outcome(nodeid))
            for nodeid in common
            if one.outcome(nodeid) != two.outcome(nodeid)
        ),
        common=len(common),
    )


def _usual(runs: Sequence[StoredRun], before: StoredRun, after: StoredRun) -> list[StoredRun]:
    """Return the last comparable runs up to `before`, and none that is after the change."""
    place = (before.facts.mode, before.facts.environment)
    alike = [
        run
        for run in runs
        if (run.facts.mode, run.facts.environment) == place
        and run.number <= before.number
        and not after.number <= run.number < before.number
    ]
    return [run for run in alike if run.number != after.number][-_MOST_RUNS:]


def _pairs(
    one: _Side, two: _Side, nodeids: Sequence[str], metric: str
) -> list[tuple[str, float, float]]:
    left, right = one.column(metric), two.column(metric)
    pairs = ((nodeid, left[one.rows[nodeid]], right[two.rows[nodeid]]) for nodeid in nodeids)
    return [pair for pair in pairs if not math.isnan(pair[1] + pair[2])]


def _pace(
    one: _Side, two: _Side, nodeids: Sequence[str]
) -> tuple[float | None, tuple[float, float]]:
    """Return the median ratio of the durations, None for few tests, and both sums."""
    pairs = _pairs(one, two, nodeids, _TIMES)
    ratios = [(b + _OFFSET) / (a + _OFFSET) for _, a, b in pairs if a >= _OFFSET]
    pace = median(ratios) if len(ratios) >= _LEAST_COMMON else None
    return pace, (math.fsum(a for _, a, _ in pairs), math.fsum(b for _, _, b in pairs))


def _past_of(past: Sequence[_Side], nodeids: set[str], metric: str) -> dict[str, list[float]]:
    """Return what tests had before, by node id."""
    out: dict[str, list[float]] = {nodeid: [] for nodeid in nodeids}
    for side in past:
        column = side.column(metric)
        for nodeid, values in out.items():
            row = side.rows.get(nodeid)
            if row is None or side.run.outcomes[row] != 0:
                continue
            if not math.isnan(column[row]):
                values.append(column[row])
    return out


def _times(
    one: _Side, two: _Side, past: Sequence[_Side], nodeids: Sequence[str], pace: float
) -> tuple[Shift, ...]:
    own = [
        name
        for name, (unit, kind) in two.run.metrics.items()
        if unit == "s" and kind != "level" and not name.startswith(("duration", "cpu"))
    ]
    shifts = []
    for metric in (_TIMES, *(name for name in own if name not in _NOT_COMPARED)):
        moved = {
            nodeid: (a, b)
            for nodeid, a, b in _pairs(one, two, nodeids, metric)
            if _is_far(a * pace, b)
        }
        known = _past_of(past, set(moved), metric)
        for nodeid, (a, b) in moved.items():
            values = known[nodeid]
            if len(values) < _LEAST_RUNS:
                continue
            low, high = min(values), max(values)
            if b > _BEYOND * high * max(1.0, pace) or _BEYOND * b < low * min(1.0, pace):
                shifts.append(Shift(nodeid, metric, "s", a, b, low, high, len(values)))
    shifts = _with_cpu(one, two, shifts)
    return tuple(sorted(shifts, key=lambda s: (-abs(s.after - s.before), s.metric, s.nodeid)))


def _with_cpu(one: _Side, two: _Side, shifts: Sequence[Shift]) -> list[Shift]:
    nodeids = [shift.nodeid for shift in shifts if shift.metric == _TIMES]
    known = {nodeid: (a, b) for nodeid, a, b in _pairs(one, two, nodeids, _CPU)}
    return [
        replace(shift, cpu_before=known[shift.nodeid][0], cpu_after=known[shift.nodeid][1])
        if shift.metric == _TIMES and shift.nodeid in known
        else shift
        for shift in shifts
    ]


def _is_far(before: float, after: float) -> bool:
    ratio = (after + _OFFSET) / (before + _OFFSET)
    return abs(after - before) >= _LEAST_SECONDS and not 1 / _LEAST_RATIO < ratio < _LEAST_RATIO


def _counts(
    one: _Side, two: _Side, past: Sequence[_Side], nodeids: Sequence[str]
) -> tuple[Shift, ...]:
    shifts = []
    for metric, (unit, kind) in two.run.metrics.items():
        if unit == "s" or kind == "level" or metric in _NOT_COMPARED:
            continue
        moved = {n: (a, b) for n, a, b in _pairs(one, two, nodeids, metric) if a != b}
        known = _past_of(past, set(moved), metric)
        for nodeid, (a, b) in moved.items():
            values = known[nodeid]
            if len(values) >= _LEAST_RUNS and min(values) == max(values):
                shifts.append(Shift(nodeid, metric, unit, a, b, a, a, len(values)))
    return tuple(shifts)


# ---------------------------------------------------------------------- the text


def comparison_text(comparison: Comparison, most: int) -> list[str]:
    """Say what differs, most lines of each sort as given."""
    medium = terminal()
    c = comparison
    lines = [f"{c.before} against", c.after, f"{count_of(c.common, 'test')} in both"]
    if c.pace is not None:
        lines.append(
            f"those that passed in both: {format_value(c.total_before, 's')} -> "
            f"{format_value(c.total_after, 's')}; the median test took {c.pace:.2f} times as long"
        )
    blocks = [
        ("only in the second", "test", c.appeared),
        ("only in the first", "test", c.vanished),
        ("ended otherwise", "test", [f"{o.nodeid}: {o.before} -> {o.after}" for o in c.outcomes]),
        (
            "longer or shorter than in any run before",
            "time",
            [_shift(shift) for shift in c.times],
        ),
        ("the same in all runs before", "value", [_count(shift) for shift in c.counts]),
    ]
    for title, noun, entries in blocks:
        if entries:
            lines += ["", f"{title}: {count_of(len(entries), noun)}"]
            lines += [f"  {entry}" for entry in entries[:most]]
            if len(entries) > most:
                lines.append(f"  and {len(entries) - most:,} more: --max, or --json for all")
    if not any(entries for _, _, entries in blocks):
        lines.append(
            "no difference beyond what is usual" if c.pace else "the same tests and outcomes"
        )
    lines += list(c.not_compared)
    return [line.text for text in lines for line in medium.lines(text, most=None, indent=4)]


def _shift(shift: Shift) -> str:
    before, after, low, high = (
        format_value(value, shift.unit)
        for value in (shift.before, shift.after, shift.lowest, shift.highest)
    )
    cpu = ""
    if shift.cpu_before is not None and shift.cpu_after is not None:
        cpu = f", cpu {format_value(shift.cpu_before, 's')} -> {format_value(shift.cpu_after, 's')}"
    return (
        f"{shift.nodeid}: {shift.metric} {before} -> {after} "
        f"(in {shift.runs} runs before {low} to {high}){cpu}"
    )


def _count(shift: Shift) -> str:
    before, after = format_value(shift.before, shift.unit), format_value(shift.after, shift.unit)
    return f"{shift.nodeid}: {shift.metric} {before} -> {after} ({shift.runs} runs had {before})"
