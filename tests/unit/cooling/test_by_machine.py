"""Searches in tests of several machines."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pytest_crackle.cooling.by_machine import apart, at_one_speed, speed_note
from pytest_crackle.cooling.detectors.base import Detection, Finding
from pytest_crackle.cooling.profiles import Profile
from pytest_crackle.cooling.suite import Suite
from pytest_crackle.model.report import NotTested
from tests.unit.cooling.test_machines import two_machines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_crackle.cooling.detectors.base import Column
    from pytest_crackle.model.table import MetricTable

TIMES = {"duration": 0.4, "cpu": 0.3, "rows": 7.0}


class FirstTest:
    """Finds the first test of whatever it is given, and asks for it again."""

    name = "first"

    def __init__(self) -> None:
        self.alphas: list[float] = []

    def detect(self, suite: Suite, profile: Profile) -> Detection:
        self.alphas.append(profile.alpha)
        duration = suite.column("duration")

        def again(column: Column, rows: Sequence[int]) -> float:
            return -column("duration")[0] if 0 in rows else 0.0

        finding = Finding(
            kind="first",
            subkind="first",
            summary=f"{suite.table.nodeids[0]} takes {duration[0]:.3f} s.",
            metrics=("duration",),
            rows=(0,),
            anchor="first",
            log_p=-20.0,
            at=0,
            exceptions=(0,),
            recheck=again,
        )
        missing = NotTested("first", "*", "too few")
        return Detection((finding,), 1, (missing,), ("a note",))


def suite_of(ratio: float) -> Suite:
    return Suite(two_machines(ratio, TIMES))


def test_each_machine_is_looked_at_by_itself_and_named() -> None:
    suite, detector = suite_of(3.0), FirstTest()
    detection = apart(detector, suite, Profile.normal())
    assert detector.alphas == [Profile.normal().alpha / 2] * 2
    one, two = detection.findings
    assert one.summary == "On one: a.py::test_0 takes 0.400 s."
    assert two.summary == "On two: a.py::test_1 takes 0.400 s."
    assert (two.rows, two.at, two.exceptions) == ((1,), 1, (1,))
    assert detection.hypotheses == 2
    assert [one.reason for one in detection.not_tested] == ["one: too few", "two: too few"]
    assert detection.notes == ("On one: a note", "On two: a note")


def test_what_a_machine_shows_is_asked_again_of_its_own_tests() -> None:
    suite = suite_of(3.0)
    recheck = apart(FirstTest(), suite, Profile.normal()).findings[1].recheck
    assert recheck is not None
    assert recheck(suite.column, [0, 1]) == pytest.approx(-0.4)
    assert recheck(suite.column, [0]) == 0.0


def test_one_machine_is_looked_at_as_it_is() -> None:
    table = two_machines(3.0, TIMES)
    table.machines = {}
    suite, detector = Suite(table), FirstTest()
    assert apart(detector, suite, Profile.normal()).findings[0].summary.startswith("a.py::test_0")
    assert detector.alphas == [Profile.normal().alpha]
    assert speed_note(suite) == ()


def find_slow(suite: Suite) -> Detection:
    """Tell the seconds of the second test, and ask for them again."""

    def again(column: Column, rows: Sequence[int]) -> float:
        return -column("duration")[1] * len(rows) - column("rows")[1]

    duration = suite.column("duration")[1]
    common = {"kind": "x", "subkind": "x", "rows": (1,), "anchor": "x", "log_p": -20.0}
    slow = Finding(summary=f"{duration:.3f} s", metrics=("duration",), recheck=again, **common)  # type: ignore[arg-type] # a dict of several types
    other = Finding(summary="rows", metrics=("rows",), recheck=again, **common)  # type: ignore[arg-type] # as above
    return Detection((slow, other), 2, (), ("a note",))


def test_times_are_searched_at_one_speed_and_say_so() -> None:
    suite = suite_of(3.0)
    detection = at_one_speed("x", suite, find_slow)
    slow, other = detection.findings
    assert slow.summary == "0.200 s"
    assert slow.details == ("Seconds are at the speed of one.",)
    assert other.details == ()
    assert detection.notes == ("a note at the speed of one",)
    assert slow.recheck is not None
    assert slow.recheck(suite.column, [1]) == pytest.approx(-0.2 - 7.0)
    assert speed_note(suite) == (
        "seconds of groups, hot spots and drivers are at the speed of one, all others as measured: "
        "two takes 3.0x as long for the same work",
    )


def test_a_replica_is_made_even_value_by_value() -> None:
    suite = suite_of(3.0)
    seen: list[float] = []

    def find(even: Suite) -> Detection:
        def again(column: Column, rows: Sequence[int]) -> float:
            replica = column("duration")
            seen.extend([*replica[0:2], float(len(replica)), replica[2]])
            return 0.0

        return Detection((replace(find_slow(even).findings[0], recheck=again),))

    recheck = at_one_speed("x", suite, find).findings[0].recheck
    assert recheck is not None
    recheck(lambda name: [2 * value for value in suite.column(name)], [0, 1])
    assert seen[:3] == pytest.approx([0.8, 0.4, float(suite.n_tests)])
    assert math.isnan(seen[3])


def test_machines_of_one_speed_are_searched_as_they_are() -> None:
    detection = at_one_speed("x", suite_of(1.05), find_slow)
    assert detection.findings[0].summary == "0.400 s"
    assert detection.findings[0].details == ()


def without_pace(table: MetricTable) -> Suite:
    """Take the second machine's readings away."""
    for row in range(3, table.n_tests, 2):
        table.columns["pace"][row] = math.nan
    return Suite(table)


def test_a_machine_of_unknown_speed_is_left_out_and_that_is_said() -> None:
    suite = without_pace(two_machines(3.0, TIMES))
    detection = at_one_speed("x", suite, find_slow)
    assert [(one.detector, one.metric, one.reason) for one in detection.not_tested] == [
        (
            "x",
            "duration",
            "times of 7 tests on two are not compared with those of other machines: 0 readings of"
            " pace, needs 5",
        )
    ]
    assert detection.findings[0].details == ()  # of the machines that are left none is slower


def test_a_machine_of_unknown_speed_is_not_asked_again() -> None:
    suite = without_pace(two_machines(3.0, TIMES))
    seen: list[list[int]] = []

    def find(even: Suite) -> Detection:
        def again(column: Column, rows: Sequence[int]) -> float:
            seen.append(list(rows))
            return 0.0

        return Detection((replace(find_slow(even).findings[0], recheck=again),))

    recheck = at_one_speed("x", suite, find).findings[0].recheck
    assert recheck is not None
    recheck(suite.column, [0, 1, 2, 3])
    assert seen == [[0, 2]]


def test_what_is_not_about_time_is_searched_in_all_tests_anyway() -> None:
    suite = without_pace(two_machines(3.0, TIMES))
    detection = at_one_speed("x", suite, find_slow, anyway=True)
    assert detection.not_tested == ()
    assert detection.findings[0].summary == "0.400 s"
