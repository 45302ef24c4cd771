"""What shifts of costs say: fixtures, cases of one function, tests in random order."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.detectors.base import Finding
from pytest_crackle.cooling.shifts.telling import KIND, range_phrase, shift_evidence, times_phrase
from pytest_crackle.model.units import format_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_crackle.cooling.shifts.random_order import OrderShift
    from pytest_crackle.cooling.shifts.time_shifts import TimeShift
    from pytest_crackle.cooling.suite import Suite

__all__ = [
    "PaceHere",
    "case_clause",
    "cases_finding",
    "fixture_finding",
    "is_company",
    "order_finding",
]

NEAR: Final = 5
"""Tests between two shifts at the same place of the run."""


@dataclass(frozen=True, slots=True)
class PaceHere:
    """What is known of pace in the process of a shift."""

    is_measured: bool

    @property
    def clause(self) -> str:
        """What follows for cases that take longer while nothing else changes."""
        if not self.is_measured:
            return "pace was not measured here"
        return "pace is unchanged, so these cases are heavier or the state they share has grown"


def is_company(shift: TimeShift, other: TimeShift) -> bool:
    """Whether another shift lies at the same place, with at least half of the size."""
    return (
        shift.series.name != other.series.name
        and shift.series.worker == other.series.worker
        and abs(shift.place - other.place) <= NEAR
        and other.ratio > 1
        and shift.ratio > 1
        and 2 * math.log(other.ratio) >= math.log(shift.ratio)
    )


def _size(shift: TimeShift) -> str:
    levels = range_phrase(shift.before, shift.after, "s")
    return f"({levels}, {format_value(shift.extra, 's')} in all)"


def _times(shift: TimeShift) -> str:
    return times_phrase(shift.after / shift.before if shift.before > 0 else shift.ratio)


def case_clause(suite: Suite, shift: TimeShift) -> str:
    """Say what the cases of a function do: ``a.py::test_x: cases from [110] on take 4.6x as long``.

    It ends with the levels and the seconds, without a full stop.
    """
    function = shift.series.name
    case = suite.table.nodeids[shift.rows[0]].removeprefix(function)
    return f"{function}: cases from {case} on take {_times(shift)} as long {_size(shift)}"


def cases_finding(
    suite: Suite, shift: TimeShift, company: Sequence[str], pace: PaceHere
) -> Finding:
    """Tell that the cases of a function take longer from one on.

    Parameters
    ----------
    suite : Suite
    shift : TimeShift
    company : Sequence[str]
        What else shifts at the same place, as sentences; without any it is a notice only.
    pace : PaceHere

    Returns
    -------
    Finding
        Without company it is never gateable.
    """
    is_notice = not company and not shift.is_shuffled
    clause = case_clause(suite, shift)
    if shift.is_shuffled:
        summary = f"{clause}, though they ran in random order."
    elif company:
        summary = f"{clause}; others at the same place do so too."
    else:
        summary = f"{clause}; {pace.clause}."
    return Finding(
        kind=KIND,
        subkind="cases",
        summary=summary,
        metrics=("duration",),
        rows=tuple(sorted(shift.rows)),
        anchor=shift.series.name,
        log_p=min(0.0, shift.change.log_p),
        at=shift.rows[0],
        cost_seconds=shift.extra,
        evidence=shift_evidence(shift.series.seconds, shift.change.index, cost_seconds=shift.extra),
        confidence=0.5 if is_notice else 0.7,
        score=shift.extra,
        gateable=shift.change.gateable and not is_notice,
        notice=is_notice,
        details=tuple(company),
    )


def fixture_finding(suite: Suite, shift: TimeShift, n_series: int) -> Finding:
    """Tell that a fixture takes longer to set up from some test on."""
    test, name = suite.table.nodeids[shift.rows[0]], shift.series.name
    who = f"{name} takes" if "::" in name else f"Fixture {name} takes"
    how_long = f"{_times(shift)} as long{'' if '::' in name else ' to set up'}"
    return Finding(
        kind=KIND,
        subkind="fixture",
        summary=f"{who} {how_long} from {test} on {_size(shift)}.",
        metrics=("duration.setup",),
        rows=tuple(sorted(shift.rows)),
        anchor=f"fixture {shift.series.name}",
        log_p=min(0.0, shift.change.log_p + math.log(n_series)),
        at=shift.rows[0],
        cost_seconds=shift.extra,
        evidence=shift_evidence(shift.series.seconds, shift.change.index, cost_seconds=shift.extra),
        confidence=0.7,
        score=shift.extra,
        gateable=shift.change.gateable,
    )


def order_finding(
    suite: Suite, found: OrderShift, n_units: int, *, is_machine_busier: bool
) -> Finding:
    """Tell that tests in random order take longer from some test on, or longer and longer."""
    shift, table = found.shift, suite.table
    first = table.nodeids[shift.rows[0]]
    who = f"the tests of {shift.series.name}" if shift.series.name else "tests"
    levels = f"(median {range_phrase(shift.before, shift.after, 's')})"
    if found.kind == "step":
        what = f"From {first} on, {who} take {_times(shift)} as long {levels}"
    elif found.kind == "slope":
        what = f"From {first} on, {who} take longer and longer {levels}"
    else:
        what = f"{who[0].upper()}{who[1:]} take longer and longer {levels}"
    return Finding(
        kind=KIND,
        subkind=found.kind,
        summary=f"{what}, though they ran in random order.",
        metrics=("duration",),
        rows=tuple(sorted(shift.rows)),
        anchor=shift.series.name or "session",
        log_p=min(0.0, shift.change.log_p + math.log(n_units)),
        at=None if found.kind == "drift" else shift.rows[0],
        cost_seconds=shift.extra,
        evidence=shift_evidence(shift.series.seconds, shift.change.index, cost_seconds=shift.extra),
        confidence=0.6,
        score=shift.extra,
        gateable=shift.change.gateable and not is_machine_busier,
        details=("The machine was busier at the same place.",) if is_machine_busier else (),
    )
