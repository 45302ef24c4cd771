"""The ledger: what an independent witness saw is in the report, with and without workers."""

# ruff: noqa: E501 - the suites stand in strings

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET

import pytest

from tests.faults.sessions import (
    ON,
    TALLY,
    TIMED_OUT,
    Case,
    check_journal,
    check_ledger,
    check_undisturbed,
    run_all,
)

pytest.importorskip("xdist")
pytestmark = pytest.mark.skipif(not hasattr(sys, "abiflags"), reason="the zygote forks")

VALUES = '''
    """
    >>> import pytest_crackle
    >>> pytest_crackle.record_metric("doctest", 5)
    """
    import decimal, fractions, threading, unittest
    import pytest
    from pytest_crackle import record_metric as record

    GOOD = [0, 1, -3, 2.5, -0.0, 1e308, 5e-324, 2**60, fractions.Fraction(1, 3), decimal.Decimal("0.1")]
    BAD = [None, True, "1", float("nan"), float("inf"), 1j, b"1", [1], 10**400, decimal.Decimal("NaN")]

    @pytest.mark.parametrize("value", GOOD, ids=map(str, range(len(GOOD))))
    def test_good(value, record_metric):
        record_metric("value", value)

    @pytest.mark.parametrize("value", BAD, ids=map(str, range(len(BAD))))
    def test_bad(value, record_metric):
        record_metric("before", 1)
        with pytest.raises((TypeError, ValueError)):
            record_metric("value", value)
        record_metric("after", 2)

    @pytest.mark.parametrize("name", ["", "x" * 201, "a\\nb", "\\ud800", "\\x1b[31m", None, 5, b"x"])
    def test_bad_name(name, record_metric):
        with pytest.raises((TypeError, ValueError)):
            record_metric(name, 1)
        record_metric("x" * 200, 1)

    def test_last_wins_and_add(record_metric):
        record_metric("x", 1)
        record_metric("x", 2)
        for _ in range(100):
            record_metric.add("sum", .5)
            record.add("n")

    def test_many(record_metric):
        for i in range(500):
            record_metric(f"name {i}", i)

    def test_threads():
        threads = [threading.Thread(target=lambda: [record.add("n") for _ in range(200)]) for _ in range(4)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()

    @pytest.fixture
    def around(record_metric):
        record_metric("setup", 1)
        yield
        record_metric("teardown", 3)

    def test_phases(around, capsys): record("call", 2); print("printed")
    def test_fails(around): record("call", 2); print("said before"); assert 0
    def test_skips(around): record("call", 2); pytest.skip("why")

    @pytest.fixture
    def broken(record_metric):
        record_metric("setup", 1)
        1 / 0
    def test_setup_error(broken): pass

    @pytest.fixture
    def breaks():
        yield
        record("teardown", 1)
        1 / 0
    def test_teardown_error(breaks): record("call", 1)

    @pytest.mark.xfail
    def test_xfail(): record("call", 1); assert 0
    @pytest.mark.skip(reason="never")
    def test_never(): pass

    class TestUnit(unittest.TestCase):
        def setUp(self): record("setup", 1)
        def test_u(self):
            for i in range(3):
                with self.subTest(i=i):
                    record.add("sub", i)
'''
NAMES = """
    import pytest
    from pytest_crackle import record_metric as record

    @pytest.mark.parametrize("name", ["\\u65e5\\u672c", "e\\u0301", "a|b", "</script>", "%0A::error::", "x" * 3000],
                             ids=lambda v: v)
    def test_named(name, record_metric): record_metric(name[:200], 1)

    @pytest.mark.xdist_group("one")
    @pytest.mark.parametrize("i", range(6))
    def test_group(i, record_metric): record_metric("i", i)

    class TestScope:
        @pytest.mark.parametrize("i", range(4))
        def test_in_class(self, i): record("i", i)
"""
OTHERS = """
    import pytest
    class Line(pytest.Item):
        def runtest(self):
            from pytest_crackle import record_metric
            record_metric("line", 1)
        def reportinfo(self): return self.path, None, self.name
    class Lines(pytest.File):
        def collect(self):
            for name in self.path.read_text().split():
                yield Line.from_parent(self, name=name)
    def pytest_collect_file(file_path, parent):
        if file_path.suffix == ".txt":
            return Lines.from_parent(parent, path=file_path)
"""
DISTS = ("no", "load", "loadscope", "loadfile", "loadgroup", "worksteal", "each")


def ledger_case(dist):
    args = ["-rA", "--doctest-modules", "--junitxml=junit.xml", "-W", "ignore"]
    if dist == "each":
        args += ["--dist=each", "--tx=2*popen"]
    elif dist != "no":
        args += ["-n2", f"--dist={dist}"]
    return Case(
        dist,
        VALUES,
        OTHERS,
        tuple(args),
        files={"test_names.py": NAMES, "lines.txt": "alpha beta gamma"},
        timeout=300,
    )


@pytest.fixture(scope="module")
def ledgers(tmp_path_factory):
    return run_all([ledger_case(dist) for dist in DISTS], tmp_path_factory.mktemp("ledger"))


@pytest.mark.parametrize("dist", DISTS)
def test_every_record_is_there_once_and_nothing_else_changed(ledgers, dist):
    twins = ledgers[dist]
    check_ledger(twins, each=dist == "each")
    check_undisturbed(twins)
    report = twins.on.report
    assert report["session"]["complete"] is True
    assert report["faults"] == []
    assert len(twins.on.ledger.done) == (59 if dist != "each" else 118)
    if dist != "each":
        check_journal(twins)


@pytest.mark.parametrize("dist", DISTS)
def test_junit_xml_is_the_same(ledgers, dist):
    def rows(session):
        root = ET.parse(session.folder / "junit.xml")
        return sorted(
            (
                case.get("classname"),
                case.get("name"),
                sorted((c.tag, c.get("message")) for c in case),
            )
            for case in root.iter("testcase")
        )

    assert rows(ledgers[dist].on) == rows(ledgers[dist].off)


# ---------------------------------------------------------------------- dying workers

DYING = """
    import os, signal, time, pytest

    @pytest.mark.parametrize("i", range(10))
    def test_x(i, record_metric):
        record_metric("i", i)
        if i == 6 and HOW:
            HOW

    class TestOther:
        @pytest.mark.parametrize("i", range(6))
        def test_y(self, i, record_metric): record_metric("i", i)
"""
WAYS = {"exit": "os._exit(3)", "sigkill": "os.kill(os.getpid(), signal.SIGKILL)"}


@pytest.fixture(scope="module")
def dying(tmp_path_factory):
    cases = [
        Case(
            f"{dist}-{way}",
            DYING.replace("and HOW", "").replace("HOW", WAYS[way]),
            args=("-n2", f"--dist={dist}"),
            alone=True,
            # with the others pytest-xdist may run the crashing test again in worker after worker
            timeout=30 if dist == "loadgroup" else 300,
        )
        for dist, way in (
            ("load", "sigkill"),
            ("loadscope", "exit"),
            ("loadfile", "sigkill"),
            ("loadgroup", "exit"),
            ("worksteal", "sigkill"),
        )
    ]
    return run_all(cases, tmp_path_factory.mktemp("dying"))


@pytest.mark.parametrize(
    "name",
    ["load-sigkill", "loadscope-exit", "loadfile-sigkill", "loadgroup-exit", "worksteal-sigkill"],
)
def test_a_dying_worker_loses_no_finished_test(dying, name):
    twins = dying[name]
    if twins.on.status == TIMED_OUT and name.startswith("loadgroup"):
        # pytest-xdist (#1323): with --dist=loadgroup it waits for ever after a crash, without
        # crackle just so; what had run is in the journal when somebody ends the session
        check_journal(twins, crashed=["test_it.py::test_x[6]"])
        TALLY.count("session hung by xdist after a crash (loadgroup), journal whole")
        return
    check_undisturbed(twins)
    assert twins.on.status == 1
    crashed = "test_it.py::test_x[6]"
    check_ledger(twins, crashed=[crashed])
    report = twins.on.report
    by_id = {test["nodeid"]: test for test in report["tests"]}
    assert by_id[crashed]["outcome"] == "failed"
    assert report["session"]["complete"] is False
    assert report["session"]["collected"] == 16


# ---------------------------------------------------------------------- reruns

RERUN = """
    import pytest
    N = []

    @pytest.mark.parametrize("i", range(6))
    def test_flaky(i, record_metric):
        N.append(i)
        record_metric(f"attempt {N.count(i)}", i)
        assert N.count(i) > i % 3
"""


@pytest.fixture(scope="module")
def reruns(tmp_path_factory):
    pytest.importorskip("pytest_rerunfailures")
    cases = [
        Case("alone", RERUN, args=("--reruns=4", "-rA"), plugins=()),
        Case("workers", RERUN, args=("--reruns=4", "-n2"), plugins=()),
    ]
    return run_all(cases, tmp_path_factory.mktemp("reruns"))


@pytest.mark.parametrize("name", ["alone", "workers"])
def test_reruns_are_one_entry_with_the_values_of_the_last_attempt(reruns, name):
    check_ledger(reruns[name])
    check_undisturbed(reruns[name])
    for test in reruns[name].on.report["tests"]:
        i = int(test["nodeid"][-2])
        assert (test["attempt"], test["outcome"]) == (i % 3, "passed")
        assert f"attempt {i % 3 + 1}" in test["metrics"]
    TALLY.count("reruns seen as one entry", 6)


def test_the_ledger_would_notice_a_lost_record(ledgers, monkeypatch):
    twins = ledgers["no"]
    report = twins.on.report
    report["tests"].pop()
    monkeypatch.setattr(type(twins.on), "report", property(lambda _: report))
    lost, expected, found = list(TALLY.lost), TALLY.expected, TALLY.found
    with pytest.raises(AssertionError):
        check_ledger(twins)
    TALLY.lost[:], TALLY.expected, TALLY.found = lost, expected, found
    assert ON[0] == "--crackle"
