"""Machines of a table: their speeds, and times as one of them would take."""

from __future__ import annotations

import math
from typing import Any

import pytest

from pytest_crackle.cooling.machines import evened, machines_of, part_of
from pytest_crackle.cooling.suite import Suite
from pytest_crackle.model.table import EndReading, MetricTable, TableBuilder

PACE = 27e-6


def record(number: int, worker: str, **metrics: float) -> dict[str, Any]:
    return {"nodeid": f"a.py::test_{number}", "worker": worker, "metrics": metrics}


def table_of(*records: dict[str, Any], machines: dict[str, str] | None = None) -> MetricTable:
    table = MetricTable.from_records(records)
    table.machines = {"1:": "one", "2:": "two"} if machines is None else machines
    return table


def two_machines(
    ratio: float, times: dict[str, float] | None = None, *, readings: int = 6
) -> MetricTable:
    """Make a table of one test with these times on either machine, and others with `pace` alone."""
    records = [record(0, "1:", **(times or {})), record(1, "2:", **(times or {}))]
    for number in range(readings):
        records.append(record(10 + number, "1:", pace=PACE))
        records.append(record(30 + number, "2:", pace=PACE * ratio))
    return table_of(*records)


def even_value(table: MetricTable, name: str) -> float:
    return evened(table, machines_of(table)).columns[name][1]


def test_one_machine_is_none_to_tell_apart() -> None:
    table = two_machines(3.0)
    table.machines = {}
    assert machines_of(table) == ()
    table.machines = {"1:": "one", "2:": "one"}
    assert machines_of(table) == ()
    suite = Suite(table)
    assert suite.even is suite


def test_a_machine_without_tests_is_not_one() -> None:
    assert machines_of(table_of(record(0, "1:", pace=PACE))) == ()
    assert machines_of(MetricTable()) == ()


@pytest.mark.parametrize(
    ("ratio", "told"), [(1.0, 1.0), (1.09, 1.0), (1 / 1.09, 1.0), (1.2, 1.2), (0.4, 0.4), (3, 3)]
)
def test_the_ratio_is_that_of_the_usual_pace_if_it_is_more_than_a_tenth(
    ratio: float, told: float
) -> None:
    one, two = machines_of(two_machines(ratio))
    assert (one.ratio, one.readings) == (1.0, 6)
    assert two.ratio == pytest.approx(told)


def test_a_few_wild_readings_do_not_count() -> None:
    table = two_machines(2.0)
    column = table.columns["pace"]
    column[2], column[3], column[4] = 1.0, 1.0, math.inf  # two readings of one machine, one lost
    assert [machine.ratio for machine in machines_of(table)] == pytest.approx([1.0, 2.0], rel=1e-9)


def test_too_few_readings_say_nothing_and_another_machine_is_the_measure() -> None:
    table = two_machines(2.0)
    for row in range(2, table.n_tests, 2):
        table.columns["pace"][row] = math.nan
    one, two = machines_of(table)
    assert math.isnan(one.ratio)
    assert one.readings == 0
    assert two.ratio == 1.0
    assert set(Suite(table).even.rows) == set(two.rows)


def test_without_any_readings_no_test_counts() -> None:
    table = two_machines(2.0, readings=2)
    assert Suite(table).even.rows == ()


def test_a_worker_that_nobody_named_is_of_the_first_machine() -> None:
    table = two_machines(2.0)
    table.workers[2] = "gw9"
    assert 2 in machines_of(table)[0].rows


@pytest.mark.parametrize(
    ("times", "name", "after"),
    [
        # 0.3 s of CPU become 0.1, 0.1 s of waiting stay
        ({"duration": 0.4, "cpu": 0.3}, "duration", 0.2),
        ({"duration": 0.4, "cpu": 0.3}, "cpu", 0.1),
        ({"duration": 0.4, "cpu": 0.3, "parse": 0.2}, "duration", 0.2),
        # nobody measured the CPU part: all of it
        ({"duration": 0.3}, "duration", 0.1),
        # more CPU than wall time: threads
        ({"duration": 0.3, "cpu": 0.9}, "duration", 0.1),
        # a process that was waited for works as well
        ({"duration": 0.4, "cpu": 0.1, "cpu.children": 0.2}, "duration", 0.2),
        ({"duration": 0.4, "cpu": 0.1, "cpu.children": 0.6}, "cpu.children", 0.2),
        # phases by the CPU of the test, or by their own
        ({"duration.setup": 0.1, "duration.call": 0.3, "cpu": 0.3}, "duration.setup", 0.05),
        ({"duration.setup": 0.1, "duration.call": 0.3, "cpu": 0.3}, "duration.call", 0.15),
        (
            {"duration.setup": 0.1, "cpu.setup": 0.0, "duration.call": 0.3, "cpu.call": 0.3},
            "duration.setup",
            0.1,
        ),
        (
            {"duration.setup": 0.1, "cpu.setup": 0.0, "duration.call": 0.3, "cpu.call": 0.3},
            "duration.call",
            0.1,
        ),
        ({"duration": 0.4, "cpu": 0.3, "delay": 0.05}, "delay", 0.05),
        ({"duration": 0.0, "cpu": 0.0}, "duration", 0.0),
        ({"duration": 0.4, "cpu": 0.3, "rows": 7.0}, "rows", 7.0),
    ],
)
def test_only_the_cpu_part_is_divided(times: dict[str, float], name: str, after: float) -> None:
    table = two_machines(3.0, times)
    assert even_value(table, name) == pytest.approx(after)
    assert evened(table, machines_of(table)).columns[name][0] == times[name]
    assert table.columns[name][1] == times[name]


def test_processes_that_are_waited_for_are_cpu_time_of_the_idle_phase() -> None:
    times = {"duration.setup": 0.1, "cpu.setup": 0.1, "duration.call": 0.4, "cpu.call": 0.1}
    table = two_machines(3.0, {**times, "cpu.children": 0.2})
    assert even_value(table, "duration.setup") == pytest.approx(0.1 / 3)
    assert even_value(table, "duration.call") == pytest.approx(0.1 + 0.3 / 3)


def test_own_times_change_as_their_test_does() -> None:
    records = [
        {
            **record(i, f"{1 + i}:", duration=0.4, cpu=0.3, parse=0.2),
            "units": {"parse": ["s", "time"]},
        }
        for i in range(2)
    ]
    for i in range(5):
        records += [record(10 + i, "1:", pace=PACE), record(20 + i, "2:", pace=3 * PACE)]
    assert even_value(table_of(*records), "parse") == pytest.approx(0.1)


def test_set_ups_change_as_well() -> None:
    records = [
        {**record(i, f"{1 + i}:", duration=0.4), "setups": [["db", "module", 0.4, 0.3]]}
        for i in range(2)
    ]
    for i in range(5):
        records += [record(10 + i, "1:", pace=PACE), record(20 + i, "2:", pace=3 * PACE)]
    table = table_of(*records)
    even = evened(table, machines_of(table))
    assert (even.setups[0][0].wall, even.setups[0][0].cpu) == (0.4, 0.3)
    assert (even.setups[1][0].wall, even.setups[1][0].cpu) == pytest.approx((0.2, 0.1))
    assert table.setups[1][0].wall == 0.4


def test_part_of_keeps_rows_columns_sparse_facts_and_last_readings() -> None:
    builder = TableBuilder()
    for i in range(6):
        builder.add(
            {
                **record(i, f"{1 + i % 2}:", fds=float(i)),  # type: ignore[typeddict-item] # as checked
                "opened": {"fds": [f"{i}:file"]},
                "blocks": i + 1,
            }
        )
    builder.end("1:", EndReading({"fds": 1.0}, {}))
    builder.end("2:", EndReading({"fds": 2.0}, {}))
    table = builder.table()
    table.machines = {"1:": "one", "2:": "two"}
    part = part_of(table, (1, 3, 5))
    assert part.nodeids == ["a.py::test_1", "a.py::test_3", "a.py::test_5"]
    assert list(part.columns["fds"]) == [1.0, 3.0, 5.0]
    assert part.opened == {
        0: {"fds": ("1:file",)},
        1: {"fds": ("3:file",)},
        2: {"fds": ("5:file",)},
    }
    assert part.blocks == {0: 2, 1: 4, 2: 6}
    assert part.ends == {"2:": EndReading({"fds": 2.0}, {})}
    assert part.machines == {}
    assert part.run_orders() == {"2:": [0, 1, 2]}
    assert len(table) == 6
