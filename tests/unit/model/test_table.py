from __future__ import annotations

import math

import pytest

from pytest_crackle.model.errors import CrackleError
from pytest_crackle.model.table import EndReading, MetricTable, TableBuilder


def record(nodeid, **more):
    return {"nodeid": nodeid, "metrics": {}, **more}


def test_columns_have_holes_where_a_test_recorded_nothing():
    table = MetricTable.from_records(
        [
            record("m.py::a", metrics={"x": 1.0}),
            record("m.py::b", metrics={"y": 2.0}),
            record("m.py::c", metrics={"x": 3.0}),
        ]
    )
    assert list(table.columns["x"])[::2] == [1.0, 3.0]
    assert math.isnan(table.columns["x"][1])
    assert [math.isnan(v) for v in table.columns["y"]] == [True, False, True]
    assert table.metrics_of(1) == {"y": 2.0}


def test_names_are_told_from_the_node_id_where_the_record_has_none():
    table = MetricTable.from_records([record("d/m.py::TestA::test_x[a::b-1]")])
    assert table.modules == ["d/m.py"]
    assert table.classes == ["d/m.py::TestA"]
    assert table.functions == ["d/m.py::TestA::test_x"]


def test_rows_are_in_collection_order_and_each_worker_has_its_run_order():
    table = MetricTable.from_records(
        [
            record("m::c", index=2, seq=0, worker="gw0", state=[["gc", "on", "off"]]),
            record("m::a", index=0, seq=1, worker="gw0", metrics={"x": 1.0}),
            record("m::b", index=1, seq=0, worker="gw1"),
        ]
    )
    assert table.nodeids == ["m::a", "m::b", "m::c"]
    assert table.run_orders() == {"gw0": [2, 0], "gw1": [1]}
    assert list(table.states) == [2]
    assert table.columns["x"][0] == 1.0


def test_a_later_record_of_a_test_is_a_further_attempt_and_replaces_all_of_the_earlier_one():
    table = MetricTable.from_records(
        [
            record("m::a", outcome="failed", metrics={"x": 1.0, "y": 5.0}, modules=200),
            record("m::a", outcome="passed", metrics={"x": 2.0}),
        ]
    )
    assert table.n_tests == 1
    assert (table.outcomes, table.attempts) == (["passed"], [1])
    assert table.metrics_of(0) == {"x": 2.0}
    assert table.module_growth == {}


def test_under_dist_each_every_worker_has_its_own_entry():
    records = [record("m::a", worker="gw0"), record("m::a", worker="gw1")]
    assert MetricTable.from_records(records, per_worker=True).workers == ["gw0", "gw1"]
    assert MetricTable.from_records(records).workers == ["gw1"]


def test_a_conflict_of_units_is_told_once():
    records = [
        record(f"m::{i}", metrics={"x": 1.0}, units={"x": [unit, "value"]})
        for i, unit in enumerate(["B", "s", "s", "B"])
    ]
    table = MetricTable.from_records(records)
    assert table.conflicts == ("x is recorded as value in B and as value in s",)
    assert table.info("x").unit == "B"


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        pytest.param(["1", "count"], ["B", "value"], ("B", "value"), id="added up without a unit"),
        pytest.param(["rows", "count"], ["rows", "value"], ("rows", "value"), id="set and added"),
        pytest.param(["rows", "count"], ["B", "value"], None, id="two units"),
        pytest.param(["rows", "count"], ["1", "value"], None, id="a unit and none"),
        pytest.param(["1", "count"], ["1", "level"], None, id="two kinds"),
    ],
)
def test_some_tests_may_set_what_others_add_up(one, other, together):
    for pair in ((one, other), (other, one)):
        records = [
            record(f"m::{i}", metrics={"x": 1.0}, units={"x": units})
            for i, units in enumerate(pair)
        ]
        table = MetricTable.from_records(records)
        assert len(table.conflicts) == (together is None)
        if together:
            assert (table.info("x").unit, table.info("x").kind) == together


def test_workers_merged_in_any_order_give_one_table():
    records = [
        record(f"m::{i}", index=i, seq=i // 2, worker=f"gw{i % 2}", metrics={"x": float(i)})
        for i in range(10)
    ]
    one = MetricTable.from_records(records)
    other = MetricTable.from_records(records[1::2] + records[::2])
    assert one.nodeids == other.nodeids
    assert one.columns == other.columns
    assert one.run_orders() == other.run_orders()


def test_a_malformed_record_is_refused():
    with pytest.raises(CrackleError, match="nodeid is missing"):
        MetricTable.from_records([{"metrics": {}}])


def test_the_last_reading_of_a_worker_is_kept():
    builder = TableBuilder()
    builder.add(record("m::a"))
    builder.end("", EndReading({"fds": 3.0}, {"fds": ("7:socket",)}))
    assert builder.table().ends[""].metrics == {"fds": 3.0}


def test_an_empty_table_is_a_table():
    table = MetricTable.from_records([])
    assert (table.n_tests, table.run_orders(), list(table.column("x"))) == (0, {}, [])


def test_marks_of_a_test_go_with_its_row():
    table = MetricTable.from_records(
        [
            record("m::b", index=1, ignore=["memory.*"], budgets=["duration <= 5s"]),
            record("m::a", index=0),
            record("m::c", index=2, ignore=["memory.*"]),
            record("m::c", index=2),
        ]
    )
    assert table.nodeids == ["m::a", "m::b", "m::c"]
    assert table.ignores == {1: ("memory.*",)}
    assert table.budgets == {1: ("duration <= 5s",)}
