"""The wait for a core: asked of the system only where there can have been any."""

from __future__ import annotations

import math

import pytest

from pytest_crackle.firing.meters import process
from pytest_crackle.firing.meters.process import SLACK, delay_growth


class System:
    """A main thread that ran and waited as the test says."""

    def __init__(self):
        self.ran = self.waited = 0.0
        self.asked = 0
        self.is_failing = False

    def read(self):
        self.asked += 1
        if self.is_failing:
            raise OSError("too many open files")
        return self.waited


@pytest.fixture
def system(monkeypatch):
    system = System()
    monkeypatch.setattr(process, "_proc_file", lambda path, scale: system)
    monkeypatch.setattr(process, "thread_clock", lambda: lambda: system.ran)
    return system


def meter():
    grown = delay_growth()
    assert grown is not None
    return grown


def test_a_thread_that_ran_all_the_time_did_not_wait(system):
    grown = meter()
    assert math.isnan(grown(0.0))
    for second in range(1, 10):
        system.ran = second - 0.9 * SLACK
        assert grown(float(second)) == 0.0
    assert system.asked == 1


def test_a_thread_that_did_not_run_may_have_waited(system):
    grown = meter()
    grown(0.0)
    system.ran, system.waited = 0.6, 0.3
    assert grown(1.0) == 0.3
    system.ran = 1.0  # it slept
    assert grown(2.0) == 0.0
    assert system.asked == 3


def test_little_waits_are_told_once_they_add_up_and_none_is_lost(system):
    grown = meter()
    grown(0.0)
    told = 0.0
    for number in range(1, 101):
        system.waited = number * 1e-4
        system.ran = number * 0.01 - system.waited
        told += grown(number * 0.01)
    assert told == pytest.approx(0.01, abs=SLACK)
    assert system.asked < 30


def test_after_a_reading_that_failed_the_next_one_is_not_known(system):
    grown = meter()
    grown(0.0)
    system.is_failing = True
    with pytest.raises(OSError, match="too many"):
        grown(1.0)
    system.is_failing = False
    assert math.isnan(grown(2.0))
    system.waited = 0.5
    assert grown(3.0) == 0.5


def test_this_system_tells_both_or_nothing():
    grown = delay_growth()
    if grown is None:
        pytest.skip("no /proc/self/schedstat here")
    assert math.isnan(grown(0.0))
    assert grown(1e6) >= 0.0
