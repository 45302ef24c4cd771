"""Whether every collected test ran is told by names, not by numbers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pytest_crackle.attendance import Attendance

SESSION: Any = SimpleNamespace(shouldfail=False, shouldstop=False)


def item(nodeid) -> Any:
    return SimpleNamespace(nodeid=nodeid)


def attendance(expected, recorded):
    there = Attendance("host", "3.11")
    there.expect([item(nodeid) for nodeid in expected])
    there.take(recorded, ())
    return there


def test_whoever_was_expected_and_ran_makes_a_run_whole():
    there = attendance(["a", "b"], ["b", "a"])
    assert there.collected() == {"a", "b"}
    assert there.incomplete_because(SESSION, pytest.ExitCode.OK) is None
    assert there.disagreements(SESSION, pytest.ExitCode.OK) == []


def test_as_many_others_do_not_stand_in_for_the_expected():
    there = attendance(["a", "b"], ["b", "c"])
    assert there.collected() == {"a", "b"}
    because = there.incomplete_because(SESSION, pytest.ExitCode.OK)
    assert because == "1 of 2 collected tests did not finish"
    (told,) = there.disagreements(SESSION, pytest.ExitCode.OK)
    assert told.endswith("never ran, though nothing stopped the session; first: a")


def test_a_test_that_was_expected_twice_counts_once():
    there = attendance(["a", "b"], ["a", "b", "c", "d"])
    there.expect([item("a"), item("b")])
    assert there.collected() == {"a", "b"}
    assert there.incomplete_because(SESSION, pytest.ExitCode.OK) is None


def test_where_no_test_ran_it_is_for_pytest_to_say_why():
    there = attendance(["a", "b"], [])
    assert there.disagreements(SESSION, pytest.ExitCode.TESTS_FAILED) == []
    because = there.incomplete_because(SESSION, pytest.ExitCode.TESTS_FAILED)
    assert because == "2 of 2 collected tests did not finish"
