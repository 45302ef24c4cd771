"""Searches in tests of several machines: each machine by itself, or all at the speed of one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, overload

from pytest_crackle.cooling.detectors.base import Detection, joined
from pytest_crackle.cooling.machines import LEAST_READINGS, Machine, is_time, part_of
from pytest_crackle.cooling.shifts.telling import times_phrase
from pytest_crackle.cooling.suite import Suite
from pytest_crackle.model.report import NotTested
from pytest_crackle.model.units import count_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_crackle.cooling.detectors.base import Column, Detector, Finding, Recheck
    from pytest_crackle.cooling.profiles import Profile

__all__ = ["apart", "at_one_speed", "speed_note"]


def apart(detector: Detector, suite: Suite, profile: Profile) -> Detection:
    """Let a detector look at the tests of each machine by themselves.

    Parameters
    ----------
    detector : Detector
    suite : Suite
        With one machine it is looked at as it is.
    profile : Profile
        `alpha` is shared by the machines.

    Returns
    -------
    Detection
        What is found is told with the machine's name: levels, pace and the order of the tests are
        those of a process and its machine.
    """
    if not suite.machines:
        return detector.detect(suite, profile)
    shared = replace(profile, alpha=profile.alpha / len(suite.machines))
    parts = []
    for machine in suite.machines:
        part = Suite(part_of(suite.table, machine.rows), suite.past)
        parts.append(_of_machine(detector.detect(part, shared), machine))
    return joined(*parts)


def _of_machine(detection: Detection, machine: Machine) -> Detection:
    where = f"On {machine.name}"
    return Detection(
        tuple(_moved(finding, machine) for finding in detection.findings),
        detection.hypotheses,
        tuple(
            NotTested(one.detector, one.metric, f"{machine.name}: {one.reason}")
            for one in detection.not_tested
        ),
        tuple(f"{where}: {note}" for note in detection.notes),
    )


def _moved(finding: Finding, machine: Machine) -> Finding:
    """Return a finding in a machine's tests as one in all tests."""
    rows = machine.rows
    return replace(
        finding,
        summary=f"On {machine.name}: {finding.summary}",
        rows=tuple(rows[row] for row in finding.rows),
        exceptions=tuple(rows[row] for row in finding.exceptions),
        at=None if finding.at is None else rows[finding.at],
        recheck=None if finding.recheck is None else _moved_recheck(finding.recheck, rows),
    )


def _moved_recheck(recheck: Recheck, own: Sequence[int]) -> Recheck:
    places = {row: place for place, row in enumerate(own)}

    def again(column: Column, rows: Sequence[int]) -> float:
        def part(name: str) -> Sequence[float]:
            source = column(name)
            return [source[row] for row in own]

        return recheck(part, [places[row] for row in rows if row in places])

    return again


def at_one_speed(
    name: str, suite: Suite, find: Callable[[Suite], Detection], *, anyway: bool = False
) -> Detection:
    """Search in the times of all machines as one of them would take.

    Parameters
    ----------
    name : str
        Of the detector, for what is not tested.
    suite : Suite
        With machines of one speed it is searched as it is.
    find : callable
        The search.
    anyway : bool
        Search in the tests of a machine of unknown speed as well, all times then as measured;
        otherwise they are left out.

    Returns
    -------
    Detection
        Findings about time say in their details at whose speed; machines of unknown speed are not
        tested.
    """
    even = suite.even
    if even is suite:
        return find(suite)
    unknown = [machine for machine in suite.machines if math.isnan(machine.ratio)]
    if unknown and anyway:
        return find(suite)
    found = find(even)
    reference = next((m.name for m in suite.machines if m.ratio == 1), "")
    differ = any(m.ratio != 1 for m in suite.machines if m not in unknown)
    detail = f"Seconds are at the speed of {reference}."
    return Detection(
        tuple(_evened(f, suite, even, detail if differ else "") for f in found.findings),
        found.hypotheses,
        (*found.not_tested, *(_left_out(name, machine) for machine in unknown)),
        tuple(f"{note} at the speed of {reference}" if differ else note for note in found.notes),
    )


def speed_note(suite: Suite) -> tuple[str, ...]:
    """Say which machines are faster and slower, if any are."""
    slow = [machine for machine in suite.machines if machine.ratio > 0 and machine.ratio != 1]
    if not slow:
        return ()
    reference = next(machine.name for machine in suite.machines if machine.ratio == 1)
    each = [f"{machine.name} takes {times_phrase(machine.ratio)}" for machine in slow]
    return (
        f"seconds of groups, hot spots and drivers are at the speed of {reference}, all others as"
        f" measured: {' and '.join(each)} as long for the same work",
    )


def _left_out(name: str, machine: Machine) -> NotTested:
    return NotTested(
        name,
        "duration",
        f"times of {count_of(len(machine.rows), 'test')} on {machine.name} are not compared with"
        f" those of other machines: {count_of(machine.readings, 'reading')} of pace, needs"
        f" {LEAST_READINGS}",
    )


def _evened(finding: Finding, suite: Suite, even: Suite, detail: str) -> Finding:
    if not any(is_time(suite.table, metric) for metric in finding.metrics):
        return finding
    recheck = finding.recheck
    return replace(
        finding,
        details=(*finding.details, detail) if detail else finding.details,
        recheck=None if recheck is None else _even_recheck(recheck, suite, even),
    )


def _even_recheck(recheck: Recheck, suite: Suite, even: Suite) -> Recheck:
    counted = None if len(even.rows) == len(suite.rows) else frozenset(even.rows)

    def again(column: Column, rows: Sequence[int]) -> float:
        def at_speed(name: str) -> Sequence[float]:
            if even.table.columns.get(name) is suite.table.columns.get(name):
                return column(name)
            return _Scaled(column(name), suite.column(name), even.column(name))

        kept = rows if counted is None else [row for row in rows if row in counted]
        return recheck(at_speed, kept)

    return again


class _Scaled(Sequence[float]):
    """A replica of measured times, at the speed of one machine; made value by value when read."""

    __slots__ = ("_after", "_before", "_source")

    def __init__(
        self, source: Sequence[float], before: Sequence[float], after: Sequence[float]
    ) -> None:
        self._source = source
        self._before = before
        self._after = after

    def __len__(self) -> int:
        return len(self._source)

    @overload
    def __getitem__(self, row: int) -> float: ...
    @overload
    def __getitem__(self, row: slice) -> list[float]: ...
    def __getitem__(self, row: int | slice) -> float | list[float]:
        if isinstance(row, slice):
            return [self[i] for i in range(*row.indices(len(self)))]
        before = self._before[row]
        value = self._source[row]
        return value * self._after[row] / before if before > 0 else value
