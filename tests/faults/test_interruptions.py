"""Whatever ends a session early: what had finished is there, and the run is said to be incomplete."""

# ruff: noqa: E501 - the suites stand in strings

from __future__ import annotations

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

pytestmark = pytest.mark.skipif(not hasattr(sys, "abiflags"), reason="the zygote forks")

SUITE = """
    import os, signal, sys, threading, time, pytest

    @pytest.mark.parametrize("i", range(5))
    def test_before(i, record_metric): record_metric("i", i)

    def test_it(record_metric, request):
        record_metric("it", 1)
        {}
        record_metric("after", 1)

    @pytest.mark.parametrize("i", range(5))
    def test_after(i, record_metric): record_metric("i", i)
"""
IT = "test_it.py::test_it"


def case(name, body, **given):
    return Case(name, SUITE.format(body), **given)


KILL = "os.kill(os.getpid(), signal.{})"
WAIT = "time.sleep(50)"
CASES = [
    # what ends it in order: a report is written
    case("x", "assert 0", args=("-x",), complete=False),
    case("maxfail", "assert 0", args=("--maxfail=1",), complete=False),
    case("pytest-exit", "pytest.exit('enough', returncode=7)", complete=False),
    case("shouldstop", "request.session.shouldstop = 'enough'", complete=False),
    case("shouldfail", "request.session.shouldfail = 'enough'", complete=False),
    case("ctrl-c", KILL.format("SIGINT") + "; " + WAIT, complete=False),
    case("keyboard-interrupt", "raise KeyboardInterrupt", complete=False),
    case("system-exit", "sys.exit(3)"),
    case(
        "exit-in-fixture",
        "request.getfixturevalue('exits')",
        complete=False,
        conftest="""
        import pytest
        @pytest.fixture
        def exits():
            yield
            pytest.exit("enough")
    """,
    ),
    case(
        "timeout-by-signal",
        """
        def ring(*_): raise TimeoutError("too long")
        signal.signal(signal.SIGALRM, ring)
        signal.setitimer(signal.ITIMER_REAL, .05)
        time.sleep(50)
    """.replace("\n        ", "\n        "),
    ),
    case("recursion", "(lambda f: f(f))(lambda f: f(f))"),
    # what gives nobody a chance: the journal has it
    case(
        "timeout-by-thread", f"threading.Timer(.05, os._exit, [1]).start(); {WAIT}", complete=None
    ),
    case("sigkill", KILL.format("SIGKILL"), complete=None),
    case("sigterm", KILL.format("SIGTERM") + "; " + WAIT, complete=None),
    case("os-exit", "os._exit(9)", complete=None),
    case("segfault", "import ctypes; ctypes.string_at(0)", complete=None, same_output=False),
    case("abort", "os.abort()", complete=None, same_output=False),
    # a fork whose child goes on as if it were the session
    case("fork-falls-through", "pid = os.fork(); pid and os.waitpid(pid, 0)", same_output=False),
    case(
        "fork-child-raises",
        """
        pid = os.fork()
        if pid == 0: raise SystemExit(5)
        os.waitpid(pid, 0)
    """.replace("\n        ", "\n        "),
        same_output=False,
    ),
    case("fork-child-left", "pid = os.fork(); pid or os._exit(0); os.waitpid(pid, 0)"),
    case(
        "fork-outlives",
        """
        import builtins
        r, builtins.to_child = os.pipe()
        if os.fork() == 0:
            builtins.to_child = None
            os.read(r, 1)
            record_metric("child", 1)
        """.replace("\n        ", "\n        "),
        # the child goes on when the report of the session is written
        conftest="""
            import builtins, os
            def pytest_unconfigure():
                if getattr(builtins, "to_child", None):
                    os.write(builtins.to_child, b"x")
                    os.wait()
        """,
        same_output=False,
    ),
    # sessions that are none
    Case("collection-error", "def test_a(): pass", files={"test_bad.py": "1 / 0"}, complete=False),
    Case(
        "collection-error-go-on",
        "def test_a(record_metric): record_metric('x', 1)",
        files={"test_bad.py": "1 / 0"},
        args=("--continue-on-collection-errors",),
    ),
    Case("syntax-error", "def test_a(: pass", complete=False),
    Case("no-tests", "x = 1"),
    Case("no-such-option", "def test_a(): pass", args=("--no-such-option",), complete=None),
    Case("no-such-file", "def test_a(): pass", args=("nothing_here.py",), complete=None),
    Case("no-such-nodeid", "def test_a(): pass", args=("test_it.py::test_b",), complete=None),
    Case("bad-mark-expression", "def test_a(): pass", args=("-m", "a b"), complete=None),
    Case("all-deselected", "def test_a(): pass", args=("-k", "nothing")),
    Case("all-skipped", "import pytest\npytest.skip('all', allow_module_level=True)"),
    Case("collect-only", "def test_a(): pass", args=("--collect-only",), complete=None),
    Case("setup-plan", "def test_a(): pass", args=("--setup-plan",), complete=None),
    Case("fixtures-per-test", "def test_a(): pass", args=("--fixtures-per-test",), complete=None),
    Case("markers", "def test_a(): pass", args=("--markers",), complete=None),
    # other plugins that raise
    case("sessionfinish-raises", "pass", conftest="def pytest_sessionfinish(): 1 / 0"),
    case(
        "sessionfinish-first-raises",
        "pass",
        conftest="""
        import pytest
        @pytest.hookimpl(tryfirst=True, wrapper=True)
        def pytest_sessionfinish():
            raise RuntimeError("mine")
            yield
    """,
        complete=True,
    ),
    case(
        "sessionfinish-exits",
        "pass",
        conftest="""
        import pytest
        def pytest_sessionfinish(): pytest.exit("no more", returncode=9)
    """,
    ),
    case("summary-raises", "pass", conftest="def pytest_terminal_summary(): 1 / 0"),
    case(
        "logreport-raises",
        "pass",
        conftest="""
        def pytest_runtest_logreport(report):
            if "test_after[2]" in report.nodeid and report.when == "call": 1 / 0
    """,
        complete=None,
    ),
    case(
        "makereport-raises",
        "pass",
        conftest="""
        import pytest
        @pytest.hookimpl(wrapper=True)
        def pytest_runtest_makereport(item):
            report = yield
            if "test_after[2]" in item.nodeid: 1 / 0
            return report
    """,
        complete=None,
    ),
    case("unconfigure-raises", "pass", conftest="def pytest_unconfigure(): 1 / 0"),
    case("sessionstart-raises", "pass", conftest="def pytest_sessionstart(): 1 / 0", complete=None),
    case(
        "configure-raises",
        "pass",
        conftest="""
        import pytest
        @pytest.hookimpl(trylast=True)
        def pytest_load_initial_conftests(): pass
        def pytest_collection_modifyitems(): 1 / 0
    """,
        complete=None,
    ),
]


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    return run_all(CASES, tmp_path_factory.mktemp("ends"))


@pytest.mark.parametrize("name", [case.name for case in CASES])
def test_nothing_else_changes(ran, name):
    check_undisturbed(ran[name])


@pytest.mark.parametrize("name", [case.name for case in CASES if case.complete is not None])
def test_what_finished_is_in_the_report(ran, name):
    twins = ran[name]
    check_ledger(twins)
    check_journal(twins)
    report = twins.on.report
    assert report["session"]["complete"] is twins.case.complete
    assert (report["session"]["incomplete_because"] is None) is twins.case.complete
    assert report["faults"] == []
    lines = twins.on.journal
    nodeids = [line["nodeid"] for line in lines if "nodeid" in line]
    assert len(nodeids) == len(set(nodeids))  # a child that a test forked wrote none of its own
    assert [line for line in lines if "end" in line] == lines[-1:]


KILLED = ["timeout-by-thread", "sigkill", "sigterm", "os-exit", "segfault", "abort"]


@pytest.mark.parametrize("name", KILLED)
def test_what_finished_before_a_kill_is_in_the_journal(ran, name, capsys):
    from pytest_crackle.cli import main

    twins = ran[name]
    check_journal(twins)
    assert len(twins.on.ledger.done) == 5
    assert not twins.on.has_report
    report = twins.on.folder / "cooled.json"
    assert main(["cool", str(twins.on.folder / "run.jsonl"), f"--json={report}"]) == 0
    assert "Traceback" not in capsys.readouterr().err
    cooled = twins.on
    report.rename(cooled.folder / "report.json")
    check_ledger(twins)
    assert cooled.report["session"]["complete"] is False
    TALLY.count("killed sessions cooled from their journal, marked incomplete")


@pytest.mark.parametrize(
    "name", [case.name for case in CASES if case.complete is None and case.name not in KILLED]
)
def test_where_pytest_itself_ended_in_an_error_nothing_is_told(ran, name):
    twins = ran[name]
    if "raises" in name and (twins.on.folder / "run.jsonl").exists():
        check_journal(twins)
    if twins.on.has_report:
        assert twins.on.report["session"]["complete"] is False
    assert not any("no patterns" in line for line in twins.on.own())
