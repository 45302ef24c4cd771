"""Past runs aligned by test number."""

from __future__ import annotations

import math
from array import array

from pytest_crackle.model.past import Past, PastRun


def run(number, tests, values, outcomes=None):
    column = array("d", values)
    return PastRun(
        number,
        "2026-01-01T00:00:00Z",
        "no",
        "ci",
        tests,
        outcomes or ["passed"] * len(tests),
        metrics=("duration",),
        read={"duration": column}.__getitem__,
    )


def same(column, expected):
    return [None if math.isnan(value) else value for value in column] == expected


def test_columns_go_by_test_number():
    past = Past((run(1, [2, 0], [5.0, 7.0]), run(2, [1], [3.0])), {"a": 0, "b": 1, "c": 2})
    first, second = past.aligned("duration")
    assert same(first, [7.0, None, 5.0])
    assert same(second, [None, 3.0, None])


def test_only_some_outcomes():
    past = Past((run(1, [0, 1], [5.0, 7.0], ["failed", "passed"]),), {"a": 0, "b": 1})
    (column,) = past.aligned("duration", outcome="passed")
    assert same(column, [None, 7.0])


def test_only_some_runs_and_unknown_metrics():
    runs = (run(1, [0], [5.0]), run(2, [0], [6.0]))
    past = Past(runs, {"a": 0})
    assert [list(column) for column in past.aligned("duration", runs[1:])] == [[6.0]]
    assert same(past.aligned("cpu")[0], [None])
    assert same(runs[0].column("cpu"), [None])


def test_an_empty_past():
    assert Past((), {}).aligned("duration") == []
