from __future__ import annotations

import json
import math
from dataclasses import replace
from importlib.resources import files
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from pytest_crackle.model.errors import CrackleError
from pytest_crackle.model.pattern import Pattern, RunValue
from pytest_crackle.model.report import Gate, MetricSummary, SessionInfo, WorkerInfo
from pytest_crackle.reporting.jsonreport import dumps, from_json, to_json
from tests.sample_report import breaching, quiet_report, sample_report, small_report, table_with


def schema_of(name):
    schema = json.loads((files("pytest_crackle") / "schemas" / f"{name}-1.json").read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def strict(text):
    def refuse(name):
        raise AssertionError(name)

    return json.loads(text, parse_constant=refuse)


def each_report():
    """A report of ``--dist each`` with every optional part in use."""
    table = table_with([{"nodeid": "a.py::b", "metrics": {"x": 1.0}}])
    (pattern,) = sample_report().patterns[:1]
    over_runs = (RunValue(7, 1.5, is_after=False), RunValue(None, 3.0, is_after=True))
    report = small_report(["a.py::b"], (replace(pattern, over_runs=over_runs),))
    workers = (WorkerInfo("gw0", 4711, "ci-1", "3.11.7", 7, crashed=True), WorkerInfo("gw1"))
    session = SessionInfo(
        complete=False,
        incomplete_because="x",
        dist="each",
        environment="CPython 3.11, x",
        commit="c0ffee",
        branch="b",
        dirty=True,
        workers=workers,
    )
    gate = Gate(verdict="inconclusive", reason="r", worse=("A",), expired=("B",), notes=("C",))
    return replace(report, table=table, session=session, gate=gate, faults=("f",), removable=("g",))


REPORTS = {
    "sample": sample_report,
    "quiet": lambda: quiet_report(50),
    "empty": lambda: small_report([]),
    "each": each_report,
    "breaching": lambda: breaching(quiet_report(20), 12),
}


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_follows_the_schema_and_reads_back(name):
    report = REPORTS[name]()
    text = dumps(report)
    assert text.isascii()
    data = strict(text)
    schema_of("report").validate(data)
    again = from_json(data)
    assert dumps(again) == text
    assert again.patterns == report.patterns
    assert (again.session, again.cooling, again.gate) == (
        report.session,
        report.cooling,
        report.gate,
    )
    assert again.metrics == report.metrics
    assert again.table.nodeids == report.table.nodeids


def test_tests_and_patterns_stand_on_lines_of_their_own():
    lines = dumps(sample_report()).split("\n")
    assert sum(line.startswith('  {"nodeid": ') for line in lines) == 2000
    assert sum(line.startswith('  {"id": "CR-') for line in lines) == 6


def test_the_fields_of_the_contract_are_there():
    data: dict[str, Any] = to_json(sample_report())
    assert list(data)[:8] == [
        "schema",
        "tool",
        "session",
        "cooling",
        "metrics",
        "tests",
        "patterns",
        "gate",
    ]
    assert data["schema"] == "pytest-crackle/report/1"
    assert data["tool"] == {"name": "pytest-crackle", "version": "0.1.0"}
    first = data["patterns"][0]
    assert first["at"] == "tests/api/test_orders.py::test_refund"
    assert first["location"] == {"file": "tests/api/test_orders.py", "line": 170}
    assert first["test_count"] == len(first["tests"]) == 1
    assert first["evidence"]["kept"] == 312.0 * 2**20
    assert data["tests"][440]["metrics"]["fds"] == 12.0


def test_what_is_not_finite_is_null_or_left_out():
    bad = Pattern(
        kind="x",
        subkind="y",
        summary="z",
        metrics=(),
        tests=(),
        confidence=math.nan,
        q_value=math.inf,
        cost_seconds=math.nan,
        evidence={"good": 1.0, "bad": math.nan, "worse": -math.inf},
    )
    metric = MetricSummary("x", "s", "time", 2, math.inf, math.nan)
    report = small_report(["a.py::b"], [bad], metrics=(metric,))
    data = strict(dumps(report))
    schema_of("report").validate(data)
    pattern = data["patterns"][0]
    assert pattern["evidence"] == {"good": 1.0}
    assert (pattern["q_value"], pattern["cost_seconds"]) == (None, None)
    assert data["metrics"]["x"]["total"] is None


def test_a_fact_and_an_underflow_are_told_apart():
    facts, _, _, _, underflow, _ = strict(dumps(sample_report()))["patterns"]
    assert facts["log_p_value"] is None
    assert (underflow["p_value"], underflow["log_p_value"]) == (0.0, -800.0)


def test_names_survive_whatever_they_hold():
    nodeid = 't.py::x[\ud800 \x1b \u202e é \\ " ]'
    report = small_report([nodeid])
    assert from_json(strict(dumps(report))).table.nodeids == [nodeid]


def test_a_report_without_optional_keys_is_read():
    report = from_json({"schema": "pytest-crackle/report/1.4", "new": [1], "tests": None})
    assert report.table.n_tests == 0
    assert report.session.complete


WRONG: list[tuple[Any, str]] = [
    ([], "a report must be an object, not a list"),
    ({}, "schema: None is not pytest-crackle/report/1"),
    ({"schema": "other"}, "schema: 'other' is not pytest-crackle/report/1"),
    ({"schema": "pytest-crackle/report/2"}, "was written by another version; this one reads 1"),
    ({"schema": 1}, "schema must be a string, not a number"),
    ({"tests": {}}, "tests must be a list, not an object"),
    ({"tests": [1]}, "tests[0]: a test must be an object, not int"),
    ({"tests": [{"nodeid": "a", "metrics": {"x": True}}]}, "tests[0]: metric 'x' must be a number"),
    ({"session": []}, "session must be an object, not a list"),
    ({"session": {"duration": "1"}}, "session.duration must be a number, not a string"),
    ({"session": {"duration": 10**400}}, "session.duration must be finite"),
    ({"session": {"complete": 1}}, "session.complete must be true or false, not a number"),
    ({"session": {"exitstatus": 1.5}}, "session.exitstatus must be a whole number"),
    ({"session": {"exitstatus": True}}, "session.exitstatus must be a whole number"),
    ({"session": {"workers": [{}]}}, "session.workers[0].id is missing"),
    ({"session": {"workers": [7]}}, "session.workers[0] must be an object, not a number"),
    ({"cooling": {"notes": [1]}}, "cooling.notes[0] must be a string, not a number"),
    (
        {"metrics": {"x": {"kind": "odd"}}},
        "metrics.x.kind must be one of time, value, count, level",
    ),
    ({"patterns": [{"id": "A"}]}, "patterns[0].kind is missing"),
    ({"gate": {"verdict": "maybe"}}, "gate.verdict must be one of none, pass, fail, inconclusive"),
    ({"gate": {"breaches": [{"budget": "a"}]}}, "gate.breaches[0].subject is missing"),
]


@pytest.mark.parametrize(("data", "message"), WRONG)
def test_a_wrong_key_is_named(data, message):
    if isinstance(data, dict) and data and "schema" not in data:
        data = {"schema": "pytest-crackle/report/1", **data}
    with pytest.raises(CrackleError) as caught:
        from_json(data)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("level", "loud"),
        ("evidence", {"x": "1"}),
        ("evidence", [1]),
        ("location", {"line": 3}),
        ("explained_by", {"type": "fixture"}),
        ("tests", [None]),
        ("confidence", "high"),
        ("accepted", "no"),
    ],
)
def test_a_wrong_key_of_a_pattern_is_named(key, value):
    data: dict[str, Any] = to_json(small_report([], sample_report().patterns[:1]))
    data["patterns"][0][key] = value
    with pytest.raises(CrackleError, match=rf"patterns\[0\]\.{key}"):
        from_json(data)


def test_records_follow_their_schema():
    validator = schema_of("records")
    good: tuple[dict[str, Any], ...] = (
        {"schema": "pytest-crackle/records/1", "session": {"python": "3.11"}},
        {"nodeid": "a.py::b", "metrics": {}},
        {
            "nodeid": "a.py::b",
            "metrics": {"x": 1.0},
            "class": None,
            "line": 3,
            "units": {"x": ["s", "time"]},
            "setups": [["db", "module", 0.1, 0.05]],
            "state": [["gc", "True", "False"]],
            "opened": {"fds": ["7:socket"]},
            "ignore": ["memory.*"],
        },
        {"end": {"exitstatus": 0, "complete": True, "workers": {"": {"metrics": {"fds": 7.0}}}}},
    )
    for line in good:
        validator.validate(line)
    bad: tuple[dict[str, Any], ...] = (
        {"metrics": {}},
        {"nodeid": "", "metrics": {}},
        {"nodeid": "a", "metrics": {"x": "1"}},
    )
    assert not any(map(validator.is_valid, bad))
