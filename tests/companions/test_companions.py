"""Beside other plugins, alone and with workers: nothing lost, nothing disturbed.

Run by the tox env ``companions``, which installs them; each is skipped where it is not there.
"""

# ruff: noqa: E501 - the suites stand in strings

from __future__ import annotations

import importlib.metadata
from typing import Any

import pytest

from tests.faults.sessions import (
    ON,
    Case,
    check_journal,
    check_ledger,
    check_undisturbed,
    run_all,
)

pytestmark = pytest.mark.companions

SUITE = """
    import pytest
    {top}
    @pytest.mark.parametrize("i", range(6))
    def test_plain(i, record_metric): record_metric("i", i)

    def test_printed(record_metric): print("printed"); record_metric("x", 1)
    {more}
"""
OFF = ("-p", "no:randomly", "-p", "no:rerunfailures")
"""Plugins that change what runs stay out of the cases of the others."""


def companion(
    distribution,
    more="",
    *,
    top="",
    args=(),
    files=None,
    workers=True,
    same=False,
    plugins=OFF,
    conftest="",
    name="",
    complete=True,
):
    tests = SUITE.format(top=top, more=more.strip().replace("\n", "\n    "))
    base: dict[str, Any] = {
        "conftest": conftest,
        "files": files or {},
        "same_output": same,
        "plugins": plugins,
        "timeout": 900,  # a guard against what hangs: a full machine takes minutes
        "complete": complete,
    }
    name = name or distribution
    cases = [Case(name, tests, args=tuple(args), **base)]
    if workers:
        cases.append(Case(f"{name}-n2", tests, args=("-n2", *args), **base))
    return name, (distribution, cases)


COMPANIONS: dict[str, tuple[str, list[Case]]] = dict(
    [
        companion("pytest-xdist", same=True),
        companion(
            "pytest-rerunfailures",
            """
N = []
def test_flaky(record_metric):
    N.append(1); record_metric("n", len(N)); assert len(N) > 2
""",
            args=("--reruns=3",),
            plugins=("-p", "no:randomly"),
        ),
        companion(
            "pytest-randomly",
            args=("-p", "randomly", "-p", "no:rerunfailures", "--randomly-seed=3"),
            plugins=(),
        ),
        companion("pytest-random-order", args=("--random-order", "--random-order-seed=3")),
        companion(
            "pytest-timeout",
            """
@pytest.mark.timeout(.2)
def test_slow(record_metric):
    import time
    record_metric("before", 1)
    time.sleep(20)
""",
        ),
        companion(
            "pytest-timeout",
            """
@pytest.mark.timeout(.2, method="thread")
def test_slow(record_metric):
    import time
    record_metric("before", 1)
    time.sleep(20)
""",
            name="pytest-timeout-thread",
            complete=None,
        ),
        companion(
            "pytest-asyncio",
            """
@pytest.mark.asyncio
async def test_async(record_metric):
    import asyncio
    await asyncio.sleep(0); record_metric("a", 1)
""",
            args=("-p", "asyncio", "-W", "ignore"),
        ),
        companion(
            "anyio",
            """
@pytest.mark.anyio
async def test_async(record_metric): record_metric("a", 1)
@pytest.fixture
def anyio_backend(): return "asyncio"
""",
        ),
        companion(
            "pytest-trio",
            """
@pytest.mark.trio
async def test_async(record_metric):
    import trio
    await trio.sleep(0); record_metric("a", 1)
""",
        ),
        companion("pytest-cov", args=("--cov=.", "--cov-report=xml")),
        companion("pytest-html", args=("--html=page.html",)),
        companion("pytest-json-report", args=("--json-report",)),
        companion("pytest-reportlog", args=("--report-log=log.jsonl",)),
        companion("pytest-sugar", args=("-p", "sugar")),
        companion(
            "pytest-subtests",
            """
def test_sub(subtests, record_metric):
    for i in range(3):
        with subtests.test(i=i):
            record_metric.add("n")
            assert i != 1
""",
        ),
        companion(
            "pytest-bdd",
            """
from pytest_bdd import scenarios, given, then
scenarios("a.feature")
@given("a thing")
def thing(): pass
@then("it is recorded")
def then_(record_metric): record_metric("bdd", 1)
""",
            files={
                "a.feature": "Feature: f\n  Scenario: s\n    Given a thing\n    Then it is recorded\n"
            },
        ),
        companion(
            "freezegun",
            """
from freezegun import freeze_time
@freeze_time("1955-11-12")
def test_frozen(record_metric): record_metric("x", 1)
def test_left_frozen(record_metric): freeze_time("2030-01-01").start(); record_metric("x", 1)
def test_then(record_metric): record_metric("x", 1)
""",
        ),
        companion(
            "freezegun",
            name="freezegun-from-the-start",
            conftest="""
from freezegun import freeze_time
freeze_time("1955-11-12").start()
""",
        ),
        companion(
            "pytest-freezer",
            """
def test_frozen(freezer, record_metric): freezer.move_to("1999-01-01"); record_metric("x", 1)
""",
        ),
        companion(
            "time-machine",
            """
import time_machine
@time_machine.travel(0)
def test_travelled(record_metric): record_metric("x", 1)
def test_left(record_metric): time_machine.travel(0, tick=False).start(); record_metric("x", 1)
def test_then(record_metric): record_metric("x", 1)
""",
        ),
        companion(
            "gevent",
            """
def test_greenlets(record_metric):
    import gevent
    jobs = [gevent.spawn(record_metric.add, "n", 1) for _ in range(5)]
    gevent.joinall(jobs)
""",
        ),
        companion(
            "gevent",
            """
def test_threads(record_metric):
    import threading
    jobs = [threading.Thread(target=record_metric.add, args=("n", 1)) for _ in range(5)]
    for job in jobs: job.start()
    for job in jobs: job.join()
""",
            name="gevent-patched",
            workers=False,  # execnet of the workers has its own threads before
            conftest="""
from gevent import monkey
monkey.patch_all()
""",
        ),
        companion(
            "hypothesis",
            """
from hypothesis import given, settings, strategies as st
@settings(max_examples=5, database=None, derandomize=True)
@given(st.integers())
def test_given(x): pass
""",
            args=("-p", "hypothesispytest"),
        ),
        companion(
            "pytest-mock",
            """
def test_mocked(mocker, record_metric):
    mocker.patch("os.open", side_effect=OSError); mocker.patch("time.perf_counter", return_value=0)
    record_metric("x", 1)
""",
        ),
        companion(
            "pyfakefs",
            """
def test_fake(fs, record_metric):
    fs.create_file("/x"); record_metric("x", 1)
""",
        ),
        companion(
            "pytest-order",
            "@pytest.mark.order(1)\ndef test_first(record_metric): record_metric('x', 1)",
        ),
        companion("pytest-repeat", args=("--count=3",)),
        companion("pytest-split", args=("--splits=1", "--group=1")),
        companion(
            "pytest-benchmark", "def test_bench(benchmark): benchmark.pedantic(int, rounds=2)"
        ),
        companion(
            "pytest-check",
            "def test_check(record_metric):\n    import pytest_check as check\n    check.equal(1, 2)\n    record_metric('x', 1)",
        ),
        companion("pytest-instafail", "def test_bad(): assert 0", args=("--instafail",)),
        companion("pytest-env"),
        companion("pytest-metadata"),
        companion(
            "pytest-socket",
            "def test_closed(socket_disabled, record_metric): record_metric('x', 1)",
        ),
        companion(
            "pytest-dependency",
            "@pytest.mark.dependency()\ndef test_dep(record_metric): record_metric('x', 1)",
        ),
        companion("pytest-flakefinder", args=("--flake-finder", "--flake-runs=2")),
        companion("syrupy"),
        companion("pytest-datadir"),
        companion("pytest-httpserver"),
        companion("pytest-clarity", "def test_bad(): assert 1 == 2"),
    ]
)


def is_there(distribution: str) -> bool:
    try:
        importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


NAMES = [case.name for _, cases in COMPANIONS.values() for case in cases]
ENDED = ("pytest-timeout-thread", "pytest-timeout-thread-n2")
"""Where `os._exit` ends the session, or a worker."""


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    wanted = [case for name, cases in COMPANIONS.values() if is_there(name) for case in cases]
    return run_all(wanted, tmp_path_factory.mktemp("companions"))


def twins_of(ran, name):
    if name not in ran:
        pytest.skip(f"what {name} is about is not installed")
    return ran[name]


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ENDED])
def test_beside_it_nothing_is_lost_or_disturbed(ran, name):
    twins = twins_of(ran, name)
    on, off = twins.on, twins.off
    assert on.status == off.status, on.stdout[-3000:] + on.stderr[-2000:]
    if not name.startswith(("pytest-sugar", "pytest-randomly", "pytest-random-order")):
        check_undisturbed(twins)
    check_ledger(twins)
    assert on.report["faults"] == []
    assert "INTERNALERROR" not in on.stdout
    assert all(0 <= test["metrics"].get("duration", 0) < 900 for test in on.report["tests"])
    assert len(on.report["tests"]) >= 7
    assert ON[0] == "--crackle"


def test_a_timeout_by_thread_loses_nothing_that_had_finished(ran):
    """The method ends the process; what had finished is in the journal."""
    twins = twins_of(ran, "pytest-timeout-thread")
    check_undisturbed(twins)
    check_journal(twins)
    assert len(twins.on.ledger.done) == 7
    assert not twins.on.has_report


def test_a_timeout_by_thread_in_a_worker_is_a_crash(ran):
    twins = twins_of(ran, "pytest-timeout-thread-n2")
    check_undisturbed(twins)
    check_ledger(twins, crashed=["test_it.py::test_slow"])
    assert twins.on.report["session"]["complete"] is False


@pytest.mark.parametrize("name", ["pytest-rerunfailures", "pytest-rerunfailures-n2"])
def test_a_rerun_test_is_one_entry_with_its_attempt(ran, name):
    tests = twins_of(ran, name).on.report["tests"]
    (flaky,) = [test for test in tests if test["nodeid"].endswith("test_flaky")]
    assert (flaky["attempt"], flaky["outcome"], flaky["metrics"]["n"]) == (2, "passed", 3.0)


@pytest.mark.parametrize("name", ["pytest-randomly", "pytest-random-order"])
def test_the_order_that_ran_is_the_one_that_is_told(ran, name):
    """The journal has the shuffled order, and each test the place that it was collected at."""
    session = twins_of(ran, name).on
    records = [line for line in session.journal if "nodeid" in line]
    ran_as = [record["nodeid"] for record in sorted(records, key=lambda r: r["seq"])]
    assert ran_as == [nodeid for nodeid, _ in session.ledger.done]
    collected = [record["nodeid"] for record in sorted(records, key=lambda r: r["index"])]
    plain = [f"test_it.py::test_plain[{i}]" for i in range(6)]
    assert collected == [*plain, "test_it.py::test_printed"]
    assert ran_as != collected


@pytest.mark.parametrize("name", ["pytest-subtests", "pytest-subtests-n2"])
def test_a_test_with_a_failed_subtest_is_one_that_failed(ran, name):
    tests = twins_of(ran, name).on.report["tests"]
    (one,) = [test for test in tests if test["nodeid"].endswith("test_sub")]
    assert (one["outcome"], one["attempt"], one["metrics"]["n"]) == ("failed", 0, 3.0)
