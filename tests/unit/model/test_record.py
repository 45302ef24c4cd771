from __future__ import annotations

import json

import pytest

from pytest_crackle.model.errors import CrackleError
from pytest_crackle.model.record import check_record

GOOD = {
    "nodeid": "tests/test_a.py::test_x[1]",
    "file": "tests/test_a.py",
    "line": 10,
    "index": 3,
    "seq": 3,
    "outcome": "passed",
    "attempt": 0,
    "worker": "gw0",
    "start": 1.5,
    "metrics": {"duration": 0.01, "rows": 10000},
    "units": {"rows": ["1", "count"]},
    "fixtures": ["warehouse"],
    "markers": ["slow"],
    "ignore": ["memory.*"],
    "budgets": ["duration <= 5s"],
    "setups": [["warehouse", "function", 0.1, 0.05]],
    "state": [["gc", "on", "off"]],
    "opened": {"fds": ["7:socket"]},
    "closed": {},
}


def test_a_good_record_is_kept_and_its_numbers_become_floats():
    record = check_record(json.loads(json.dumps(GOOD)))
    assert record["metrics"] == {"duration": 0.01, "rows": 10000.0}
    assert all(type(value) is float for value in record["metrics"].values())


def test_only_nodeid_and_metrics_are_required():
    assert check_record({"nodeid": "a", "metrics": {}}) == {"nodeid": "a", "metrics": {}}


def test_unknown_keys_are_ignored():
    assert check_record({"nodeid": "a", "metrics": {}, "new": [1]})["nodeid"] == "a"


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("ignore", "memory.*", "ignore must be a list of strings"),
        ("budgets", [5], "an entry of budgets must be a string"),
        ("nodeid", None, "nodeid is missing"),
        ("nodeid", 3, "nodeid must be a string"),
        ("metrics", None, "metrics must be an object"),
        ("metrics", [1], "metrics must be an object, not list"),
        ("metrics", {"rows": True}, "metric 'rows' must be a number, not bool"),
        ("metrics", {"rows": "3"}, "metric 'rows' must be a number, not str"),
        ("metrics", {"rows": 10**400}, "metric 'rows' must be finite"),
        ("metrics", {"": 1}, "1 to 200 characters"),
        ("metrics", {"a\x1b": 1}, "printable"),
        ("line", "10", "line must be an integer"),
        ("line", True, "line must be an integer"),
        ("worker", 1, "worker must be a string or null"),
        ("outcome", "fine", "outcome must be one of passed"),
        ("start", float("nan"), "start must be finite"),
        ("fixtures", "warehouse", "fixtures must be a list of strings"),
        ("fixtures", [1], "an entry of fixtures must be a string"),
        ("units", {"rows": ["1"]}, "units.'rows' must be [unit, kind]"),
        ("units", {"rows": ["1", "odd"]}, "kind one of"),
        ("setups", [["w", "function", 1.0]], "an entry of setups"),
        ("setups", [["w", 1, 1.0, 1.0]], "setups must be a string"),
        ("state", [["gc", "on"]], "an entry of state must be"),
        ("opened", [], "opened must be an object"),
        ("opened", {"fds": [7]}, "opened.fds must be a string"),
    ],
)
def test_what_is_wrong_is_named(key, value, said):
    with pytest.raises(CrackleError) as caught:
        check_record({**json.loads(json.dumps(GOOD)), key: value})
    assert said in str(caught.value)


@pytest.mark.parametrize("data", [None, [], "x", 3])
def test_no_object_is_refused(data):
    with pytest.raises(CrackleError, match="a test must be an object"):
        check_record(data)
