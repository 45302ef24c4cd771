"""The carrier of a record: small, of built-in types, through execnet and through a fork's pipe."""

from __future__ import annotations

import importlib.metadata
import json
import sys

import pytest

from tests.faults.sessions import (
    TALLY,
    Case,
    check_journal,
    check_ledger,
    check_undisturbed,
    run_all,
)

execnet = pytest.importorskip("execnet")
forks = pytest.mark.skipif(not hasattr(sys, "abiflags"), reason="the zygote forks")

SUITE = """
    import pytest

    @pytest.fixture
    def thing(): return 1

    @pytest.mark.parametrize("i", range(40))
    def test_plain(i): pass

    @pytest.mark.parametrize("i", range(40))
    def test_with_values(i, thing, record_metric):
        record_metric("rows", i)
        record_metric.add("db.queries", 3)

    def test_fails(record_metric):
        record_metric("x", 1)
        assert 0
"""
WITNESS = """
    import json, pytest

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_report_to_serializable(config, report):
        data = yield
        if data and report.when == "teardown":
            record = data.get("_crackle_record")
            bare = {key: value for key, value in data.items() if key != "_crackle_record"}
            import execnet
            sizes = [len(execnet.dumps(part)) for part in (record, bare)]
            with open("sizes.jsonl", "a") as file:
                file.write(json.dumps([*sizes, record]) + chr(10))
        return data
"""
MOST_BYTES = 1100
"""Of a record with two values and a fixture, as execnet sends it; measured: some 900."""


@pytest.fixture(scope="module")
def sent(tmp_path_factory):
    pytest.importorskip("xdist")
    cases = [Case("sizes", SUITE, WITNESS, args=("-n2",), alone=True)]
    return run_all(cases, tmp_path_factory.mktemp("carrier"))["sizes"]


def only_builtin(value):
    if type(value) is dict:
        return all(type(key) is str and only_builtin(some) for key, some in value.items())
    if type(value) is list:
        return all(map(only_builtin, value))
    return value is None or type(value) in (str, int, float, bool)


@forks
def test_what_a_record_adds_to_a_report_is_small_and_of_built_in_types(sent):
    check_ledger(sent)
    lines = (sent.on.folder / "sizes.jsonl").read_text("ascii").splitlines()
    rows = [json.loads(line) for line in lines]
    assert len(rows) == 81
    records = sorted(size for size, *_ in rows)
    assert records[-1] <= MOST_BYTES
    assert all(only_builtin(record) for *_, record in rows)
    firsts = [record for *_, record in rows if "process" in record]
    assert len(firsts) == 2  # who they are is said once by each worker
    median = records[len(records) // 2]
    TALLY.count("bytes a record adds to the wire, median", median)
    TALLY.count("bytes that the report of a teardown has without it, median", rows[40][1])


# ---------------------------------------------------------------------- forked

FORKED = """
    import os, pytest

    @pytest.mark.parametrize("i", range(8))
    def test_x(i, record_metric):
        record_metric("i", i)
        record_metric("pid", os.getpid())

    def test_fails(record_metric):
        record_metric("x", 1)
        assert 0
"""


def is_forked_usable():
    """pytest-forked 1.7 marshals reports, which those of pytest 9 are not made for."""
    try:
        importlib.metadata.version("pytest-forked")
    except importlib.metadata.PackageNotFoundError:
        return False
    return pytest.version_tuple < (9,)


@forks
@pytest.mark.skipif(not is_forked_usable(), reason="needs pytest-forked and pytest 8")
def test_records_come_out_of_the_forks_that_ran_the_tests(tmp_path):
    cases = [
        Case("alone", FORKED, args=("--forked",), env={"PROBE_FORKS": "1"}),
        Case("workers", FORKED, args=("--forked", "-n2"), env={"PROBE_FORKS": "1"}),
    ]
    for name, twins in run_all(cases, tmp_path).items():
        check_undisturbed(twins)
        check_ledger(twins)
        check_journal(twins)
        report = twins.on.report
        pids = [test["metrics"].get("pid") for test in report["tests"]]
        assert len(set(pids)) == 9, name  # a process each
        assert report["session"]["complete"] is True
        assert report["faults"] == []
        assert not any("Traceback" in line for line in twins.on.own())
    TALLY.count("sessions with a fork for each test", 2)
