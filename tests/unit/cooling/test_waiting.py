"""What a test waited for a core is the machine's doing, and no part of its cost."""

from __future__ import annotations

import pytest

from pytest_crackle.cooling.waiting import (
    children_busy,
    on_a_core,
    phase_wait,
    unqueued_seconds,
)
from tests.time_tables import record, suite_of


@pytest.mark.parametrize(
    ("wall", "cpu", "left"),
    [
        pytest.param(1.0, 0.2, 0.2, id="a part that works has its share of the delay"),
        pytest.param(0.5, 0.0, 0.5, id="a part that waits has none"),
        pytest.param(0.3, 0.1, 0.1, id="no more than it was off the core"),
        pytest.param(0.3, 0.3, 0.3, id="all on the core"),
        pytest.param(0.3, float("nan"), 0.3, id="CPU time not known"),
        pytest.param(0.3, 0.4, 0.3, id="several threads"),
    ],
)
def test_a_part_of_a_test(wall, cpu, left):
    suite = suite_of([record("a.py::test", metrics={"cpu": 0.5, "delay": 2.0})])
    assert on_a_core(suite, 0, wall, cpu) == pytest.approx(left)


def test_without_the_delay_nothing_is_taken_off():
    suite = suite_of([record("a.py::test", call=1.0)])
    assert on_a_core(suite, 0, 1.0, 0.2) == 1.0
    assert unqueued_seconds(suite) == pytest.approx(suite.seconds)


def test_the_seconds_of_the_suite():
    busy = record("a.py::test_b", call=3.0, metrics={"cpu": 1.0, "delay": 1.5})
    idle = record("a.py::test_c", call=2.0, metrics={"cpu": 0.001, "delay": 0.0})
    suite = suite_of([busy, idle])
    assert unqueued_seconds(suite) == pytest.approx(suite.seconds - 1.5)


def started(**more):
    """A test that waits 5 s for a child with 50 ms of work."""
    metrics = {"cpu": 0.004, "cpu.call": 0.003, "cpu.children": 0.05, "delay": 0.05, **more}
    return record("a.py::test_of_a_program", call=5.0, metrics=metrics)


def working(slowdown):
    return [
        record(f"a.py::test_{i}", call=0.1 * slowdown, metrics={"cpu": 0.1, "delay": delay})
        for i, delay in enumerate([0.1 * (slowdown - 1)] * 20)
    ]


@pytest.mark.parametrize(("slowdown", "wait"), [(1, 0.98), (60, 0.35), (100, 0.0)])
def test_children_queue_as_the_tests_do(slowdown, wait):
    suite = suite_of([started(), *working(slowdown)])
    assert suite.wait[0] == pytest.approx(wait, abs=0.03)
    assert phase_wait(suite, "duration.call", 0) == pytest.approx(wait, abs=0.03)


def test_children_queue_for_nothing_where_the_delay_is_not_known():
    suite = suite_of([record("a.py::test", call=5.0, metrics={"cpu": 0.1, "cpu.children": 0.5})])
    assert children_busy(suite, 0) == 0.5


def test_threads_queue_as_the_tests_do():
    """The main thread, whose delay is known, only waits for ten others to be done."""
    metrics = {"cpu": 0.9, "cpu.call": 0.9, "delay": 0.01}
    threaded = record("a.py::test_of_threads", call=4.5, metrics=metrics)
    for slowdown, wait in ((1, 0.8), (8, 0.0)):
        suite = suite_of([threaded, *working(slowdown)])
        assert suite.wait[0] == pytest.approx(wait, abs=0.03)
        assert phase_wait(suite, "duration.call", 0) == pytest.approx(wait, abs=0.03)
