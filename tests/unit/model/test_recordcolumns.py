from __future__ import annotations

import json
import math
import tracemalloc

import pytest

from pytest_crackle.firing.readings import LEAST_RISE
from pytest_crackle.model.recordcolumns import RecordColumns, param_of
from pytest_crackle.model.table import BATCH, FixtureSetup, MetricTable, TableBuilder

N_TESTS = 2_000
MOST_BYTES = 400


def record(nodeid, **more):
    return {"nodeid": nodeid, "metrics": {}, **more}


def lines(n_tests):
    """Records as the default meters write them: 100 tests a file, 5 cases a function."""
    phases = {
        f"{name}{phase}": 0.00123
        for name in ("duration", "cpu")
        for phase in ("", ".setup", ".call", ".teardown")
    }
    for number in range(n_tests):
        module = f"tests/integration/orders/test_module_{number // 100}.py"
        function = f"{module}::TestOrders::test_refund_{number // 5 % 20}"
        data = {
            "nodeid": f"{function}[eur-{number % 5}]",
            "file": module,
            "module": module,
            "line": 10 + number // 5 % 20,
            "param": f"eur-{number % 5}",
            "function": function,
            "class": f"{module}::TestOrders",
            "fixtures": ["tmp_path_factory", "tmp_path", "database"],
            "markers": ["slow"],
            "index": number,
            "seq": number,
            "outcome": "passed",
            "attempt": 0,
            "worker": "gw1",
            "start": 1.7e9 + number,
            "setups": [["tmp_path", "function", 0.0004, 0.0003]],
            "units": {"rows": ["1", "count"]},
            "metrics": phases
            | {"delay": 0.0, "background": 0.01, "memory.rss": 1e8, "fds": 12.0, "threads": 1.0}
            | {"gc.collections": 0.0, "warnings": 0.0, "rows": float(number)},
        }
        yield json.dumps(data)


def bytes_per_test(n_tests):
    texts = list(lines(n_tests))
    nodeids = [json.loads(text)["nodeid"] for text in texts]  # pytest's reports keep them anyway
    builder = TableBuilder()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for text, nodeid in zip(texts, nodeids, strict=True):
            builder.add(json.loads(text) | {"nodeid": nodeid})  # fresh, as from another process
        assert len(builder) == n_tests  # none waits any more
        return (tracemalloc.get_traced_memory()[0] - before) / n_tests
    finally:
        tracemalloc.stop()


def test_a_test_of_another_process_with_16_metrics_keeps_at_most_400_bytes():
    assert bytes_per_test(N_TESTS) <= MOST_BYTES


def test_taking_in_what_waited_makes_no_step_in_the_memory_of_a_test():
    records = [json.loads(text) for text in lines(BATCH)]
    builder = TableBuilder()
    tracemalloc.start()
    try:
        for one in records:
            builder.add(one)
        kept, most = tracemalloc.get_traced_memory()
        assert most - kept <= LEAST_RISE
    finally:
        tracemalloc.stop()


def test_nothing_of_a_record_gets_lost_on_the_way_into_the_table():
    data = json.loads(next(lines(1)))
    table = MetricTable.from_records([json.loads(json.dumps(data))])
    assert table.metrics_of(0) == data["metrics"]
    assert table.nodeids == [data["nodeid"]]
    assert (table.files, table.modules) == ([data["file"]], [data["module"]])
    assert (table.classes, table.functions) == ([data["class"]], [data["function"]])
    assert (table.params, table.lines) == (["eur-0"], [10])
    assert (table.workers, table.outcomes, table.starts) == (["gw1"], ["passed"], [1.7e9])
    assert (table.fixtures, table.markers) == ([tuple(data["fixtures"])], [("slow",)])
    assert table.setups == {0: (FixtureSetup("tmp_path", "function", 0.0004, 0.0003),)}
    assert (table.info("rows").unit, table.info("rows").kind) == ("1", "count")
    assert table.retried == {}


def test_outcomes_of_earlier_attempts_are_kept_in_their_order_with_the_row():
    table = MetricTable.from_records(
        [
            record("m::b", index=1, outcome="failed", attempt=0),
            record("m::b", index=1, outcome="error", attempt=1),
            record("m::a", index=0, outcome="failed", attempt=0),
            record("m::b", index=1, outcome="passed", attempt=2),
        ]
    )
    assert table.nodeids == ["m::a", "m::b"]
    assert (table.outcomes, table.attempts) == (["failed", "passed"], [0, 2])
    assert table.retried == {1: ("failed", "error")}


def test_under_dist_each_a_worker_is_no_further_attempt_of_another():
    records = [
        record("m::a", worker="gw0", outcome="failed"),
        record("m::a", worker="gw1", outcome="passed"),
        record("m::a", worker="gw1", outcome="failed", attempt=1),
    ]
    table = MetricTable.from_records(records, per_worker=True)
    assert table.retried == {1: ("passed",)}


@pytest.mark.parametrize(
    "wrong",
    [
        {"metrics": {"x": "much"}},
        {"metrics": {"x": 1.0, "y": None}},
        {"seq": "3"},
        {"index": 1 << 63},
        {"start": "now"},
        {"setups": [["db", "function", "long", 0.0]]},
        {"units": {"x": ["B"]}},
        {"fixtures": 3},
    ],
)
def test_a_record_that_cannot_be_taken_in_leaves_the_others_as_they_are(wrong):
    builder = TableBuilder()
    builder.add(record("m::a", metrics={"x": 1.0, "y": 2.0}))
    builder.add(record("m::b", **wrong))
    builder.add(record("m::c", metrics={"x": 3.0, "y": 4.0}, seq=2))
    table = builder.table()
    assert list(builder.refused) == ["m::b"]
    assert table.nodeids == ["m::a", "m::c"]
    assert [table.metrics_of(row) for row in (0, 1)] == [{"x": 1.0, "y": 2.0}, {"x": 3.0, "y": 4.0}]
    assert table.seqs == [0, 2]
    assert table.setups == {}


def test_the_table_can_be_asked_for_in_between():
    builder = TableBuilder()
    builder.add(record("m::a", metrics={"x": 1.0}))
    assert builder.table().n_tests == len(builder) == 1
    builder.add(record("m::b", metrics={"x": 2.0, "y": 5.0}))
    table = builder.table()
    assert list(table.columns["x"]) == [1.0, 2.0]
    assert math.isnan(table.columns["y"][0])


def test_set_ups_of_a_replaced_attempt_are_left_out():
    setups = [["db", "function", 0.1, 0.1]]
    table = MetricTable.from_records(
        [record("m::a", setups=setups), record("m::a"), record("m::b", setups=setups * 2)]
    )
    assert table.setups == {1: (FixtureSetup("db", "function", 0.1, 0.1),) * 2}


def test_equal_texts_of_different_processes_are_one_object():
    columns = RecordColumns()
    for text in list(lines(2)):
        columns.extend([json.loads(text)])
    assert columns.functions[0] is columns.functions[1]
    assert columns.places[0] is columns.places[1]
    assert columns.tags[0] is columns.tags[1]
    assert [list(block.owners) for block in columns.blocks.values()] == [[0, 1]]


def test_a_function_that_is_the_node_id_is_kept_once():
    columns = RecordColumns()
    columns.extend([{"nodeid": "".join(["m", "::a"]), "function": "m::a", "metrics": {}}])
    assert columns.functions[0] is columns.nodeids[0]


@pytest.mark.parametrize(
    ("nodeid", "function", "param"),
    [
        ("m::t[1-a]", "m::t", "1-a"),
        ("m::t[[x]]", "m::t", "[x]"),
        ("m::t", "m::t", ""),
        ("m::t[", "m::t", ""),
        ("m::t[1]", "", ""),
        ("other[1]", "m::t", ""),
    ],
)
def test_parameters_are_told_from_the_node_id(nodeid, function, param):
    assert param_of(nodeid, function) == param


def test_a_parameter_that_the_node_id_does_not_tell_is_kept():
    table = MetricTable.from_records(
        [record("m::t[1]", function="m::t", param="one"), record("m::u[2]", function="m::u")]
    )
    assert table.params == ["one", "2"]
