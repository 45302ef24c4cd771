from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import pytest

from pytest_crackle.model.errors import CrackleError
from pytest_crackle.model.table import MetricTable


class NotAvailable:
    """As pandas.NA: it will not say whether it differs from itself."""

    def __ne__(self, other):
        return self

    def __bool__(self):
        raise TypeError("boolean value of NA is ambiguous")

    __hash__ = None  # type: ignore[assignment]


class TestRecords:
    def test_the_scripts_own_records_are_not_changed(self):
        record = {"nodeid": "a", "module": None, "metrics": {"x": 1}}
        MetricTable.from_records([record])
        assert record == {"nodeid": "a", "module": None, "metrics": {"x": 1}}
        assert type(record["metrics"]["x"]) is int  # type: ignore[index]

    @pytest.mark.parametrize("value", [np.int64(2), np.float32(2), np.float64(2), Decimal(2)])
    def test_any_real_number_will_do(self, value):
        table = MetricTable.from_records([{"nodeid": "a", "metrics": {"x": value}}])
        assert list(table.column("x")) == [2.0]

    @pytest.mark.parametrize(
        ("record", "told"),
        [
            (["b", 1], "record 1 must be a mapping, not list"),
            ({"metrics": {}}, "record 1: nodeid is missing"),
            ({"nodeid": "b"}, "record 1 ('b'): metrics must be an object, not NoneType"),
            ({"nodeid": "b", "metrics": {"x": "1"}}, "record 1 ('b'): metric 'x' must be a number"),
            (
                {"nodeid": "b", "metrics": {"x": None}},
                "metric 'x' is None: leave out what is missing",
            ),
            ({"nodeid": "b", "metrics": {"x": math.nan}}, "'x' is nan: leave out what is missing"),
            (
                {"nodeid": "b", "metrics": {"x": math.inf}},
                "record 1 ('b'): metric 'x' must be finite",
            ),
            (
                {"nodeid": "b", "metrics": {"x": 1j}},
                "record 1 ('b'): metric 'x': the value must be",
            ),
            ({"nodeid": "b", "metrics": {"x": NotAvailable()}}, "leave out what is missing"),
        ],
    )
    def test_a_message_names_the_record(self, record, told):
        with pytest.raises(CrackleError) as error:
            MetricTable.from_records([{"nodeid": "a", "metrics": {}}, record])
        assert told in str(error.value)


class TestColumns:
    def test_rows_units_and_markers(self):
        table = MetricTable.from_columns(
            {"rows": [3, 4], "disk": iter([1.5, 2.5])},
            nodeids=["jobs::a", "jobs::b"],
            units={"disk": ("B", "level")},
            markers=[["runner-1"], ("runner-2", "slow")],
        )
        assert table.nodeids == ["jobs::a", "jobs::b"]
        assert table.modules == ["jobs", "jobs"]
        assert table.markers == [("runner-1",), ("runner-2", "slow")]
        assert list(table.column("disk")) == [1.5, 2.5]
        assert (table.info("disk").unit, table.info("disk").kind) == ("B", "level")
        assert not table.conflicts

    def test_holes_are_missing_and_rows_have_names(self):
        holes = [None, math.nan, np.float32("nan"), NotAvailable(), np.int64(7)]
        table = MetricTable.from_columns({"x": holes, "y": range(5)})
        assert [value for value in table.column("x") if value == value] == [7.0]
        assert table.nodeids == [f"row-{row}" for row in range(5)]
        assert table.modules == ["rows"] * 5

    def test_no_columns_are_no_rows(self):
        assert MetricTable.from_columns({}).n_tests == 0

    @pytest.mark.parametrize(
        ("given", "told"),
        [
            ({"columns": {"x": [1, 2], "y": [1]}}, "one length, not column 'x' 2, column 'y' 1"),
            ({"columns": {"x": [1, 2]}, "nodeids": ["a"]}, "nodeids 1"),
            ({"columns": {"x": [1, 2]}, "markers": [["a"]]}, "markers 1"),
            ({"columns": {"x": [1, 2]}, "nodeids": ["a", "a"]}, "'a' stands twice"),
            ({"columns": {"x": [1]}, "units": {"y": ("B", "value")}}, "there is no column 'y'"),
            (
                {"columns": {"x": ["one"]}},
                "record 0 ('row-0'): metric 'x' must be a number",
            ),
            ({"columns": {"x": [1]}, "nodeids": [7]}, "nodeid must be a string, not int"),
        ],
    )
    def test_what_does_not_fit_is_refused(self, given, told):
        with pytest.raises(CrackleError) as error:
            MetricTable.from_columns(**given)
        assert told in str(error.value)


def test_a_table_says_what_it_holds():
    table = MetricTable.from_columns({"x": [1, 2], "y": [3, 4]})
    assert repr(table) == "<MetricTable of 2 tests and 2 metrics>"
