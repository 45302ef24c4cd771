"""A table does not depend on how many records were taken in at a time."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_crackle.model import table as module
from pytest_crackle.model.record import OUTCOMES
from pytest_crackle.model.table import MetricTable, TableBuilder

pytestmark = pytest.mark.property

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
NAMES = st.sampled_from(["rows", "cpu", "duration", "memory.rss"])
FUNCTIONS = st.sampled_from(["m.py::t", "m.py::C::t", "n.py::t"])


@st.composite
def records(draw):
    """Make one record: few node ids, so that tests are repeated, and any keys left out."""
    function = draw(FUNCTIONS)
    param = draw(st.sampled_from([None, "1", "a]"]))
    nodeid = function if param is None else f"{function}[{param}]"
    optional = {
        "function": st.just(function),
        "module": st.just(function.partition("::")[0]),
        "file": st.sampled_from(["m.py", "sub/m.py"]),
        "class": st.sampled_from(["m.py::C", None]),
        "param": st.sampled_from([param or "", "told"]),
        "line": st.integers(1, 9),
        "index": st.integers(0, 5),
        "seq": st.integers(0, 5),
        "attempt": st.integers(0, 3),
        "outcome": st.sampled_from(OUTCOMES),
        "worker": st.sampled_from([None, "gw0", "gw1"]),
        "start": FLOATS,
        "fixtures": st.lists(st.sampled_from(["db", "tmp_path"]), max_size=2),
        "markers": st.lists(st.just("slow"), max_size=1),
        "units": st.dictionaries(
            NAMES, st.sampled_from([["B", "level"], ["1", "count"]]), max_size=2
        ),
        "setups": st.lists(
            st.tuples(st.just("db"), st.just("session"), FLOATS, FLOATS).map(list), max_size=2
        ),
        "blocks": st.integers(0, 9),
        "state": st.just([["gc", "on", "off"]]),
        "opened": st.just({"fds": ["7:file"]}),
        "modules": st.integers(100, 200),
        "ignore": st.just(["memory.*"]),
    }
    keys = draw(st.sets(st.sampled_from(sorted(optional))))
    record = {key: draw(optional[key]) for key in sorted(keys)}
    return {**record, "nodeid": nodeid, "metrics": draw(st.dictionaries(NAMES, FLOATS))}


UNFIT = st.sampled_from(
    [{"metrics": {"rows": "many"}}, {"seq": "3"}, {"index": 1 << 63}, {"fixtures": 3}]
)


def table_of(some, *, batch, per_worker):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module, "BATCH", batch)
        builder = TableBuilder(per_worker=per_worker)
        for record in copy.deepcopy(some):
            builder.add(record)
        return builder.table(), builder.refused


def content(table):
    return {
        name: {key: repr(list(column)) for key, column in value.items()}
        if name == "columns"
        else repr(value)
        for name, value in vars(table).items()
    }


@given(st.lists(records(), max_size=12), st.sampled_from([2, 3, 5, 256]), st.booleans())
def test_a_batch_gives_the_table_of_one_after_the_other(some, batch, per_worker):
    single, _ = table_of(some, batch=1, per_worker=per_worker)
    batched, refused = table_of(some, batch=batch, per_worker=per_worker)
    assert content(batched) == content(single)
    assert refused == {}


@given(st.lists(records(), max_size=6), records(), UNFIT, st.integers(0, 6))
def test_a_record_that_cannot_be_taken_in_is_the_only_one_left_out(some, other, wrong, place):
    unfit = {**other, **wrong, "nodeid": "unfit"}
    mixed = [*some[:place], unfit, *some[place:]]
    table, refused = table_of(mixed, batch=256, per_worker=False)
    assert content(table) == content(table_of(some, batch=1, per_worker=False)[0])
    assert list(refused) == ["unfit"]


@given(st.lists(records(), min_size=1, max_size=12))
def test_each_test_has_the_values_of_its_last_record(some):
    table = MetricTable.from_records(copy.deepcopy(some))
    last = {record["nodeid"]: record for record in some}
    assert sorted(table.nodeids) == sorted(last)
    for row, nodeid in enumerate(table.nodeids):
        assert table.metrics_of(row) == last[nodeid]["metrics"]
        assert table.files[row] == last[nodeid].get("file", nodeid.partition("::")[0])
        assert table.outcomes[row] == last[nodeid].get("outcome", "passed")
        assert len(table.setups.get(row, ())) == len(last[nodeid].get("setups", ()))
