"""What a test waited for a core is the machine's doing, and no part of its cost."""

from __future__ import annotations

import pytest

from pytest_crackle.cooling.waiting import on_a_core, unqueued_seconds
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
