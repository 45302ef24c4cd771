"""Every part of ours made to raise: exit status, reports and output of others stay as they are."""

from __future__ import annotations

import inspect
import sys
from operator import attrgetter

import pytest

from pytest_crackle import outputs, pipeline, terminal
from pytest_crackle.attendance import Attendance
from pytest_crackle.extensions import Extensions
from pytest_crackle.firing import recorder, transport
from pytest_crackle.firing.readings import Readings
from pytest_crackle.receiving import Receiver
from pytest_crackle.session import Controller
from pytest_crackle.storage.journal import Journal
from tests.faults.sessions import TALLY, Case, check_undisturbed, custom, run_all

pytestmark = pytest.mark.skipif(not hasattr(sys, "abiflags"), reason="the zygote forks")

SUITE = """
    import pytest

    @pytest.fixture(scope="module")
    def wide(): return 1

    @pytest.mark.parametrize("i", range(3))
    def test_a(i, wide, record_metric): record_metric("i", i)

    def test_fails(): assert 0

    @pytest.mark.skip
    def test_skipped(): pass
"""
BREAK = """
    def _broken(*args, **keys):
        raise {error}("injected")

    def pytest_sessionstart():  # the witness has configured itself in this file
        import importlib
        target = importlib.import_module("{module}")
        for name in {path}:
            last, target = target, getattr(target, name)
        setattr(last, name, _broken)
"""


def _functions(owner):
    """Return the names of the functions that a class or module defines and that are no hooks."""
    names = []
    for name, value in vars(owner).items():
        if isinstance(value, property | staticmethod) or name.startswith(("__", "pytest_")):
            continue
        is_own = getattr(value, "__module__", "") == getattr(owner, "__name__", owner.__module__)
        if inspect.isfunction(value) and (inspect.isclass(owner) or is_own):
            names.append(name)
    return names


def targets():
    """Every function of ours that a hook of ours calls, by module and path."""
    found: list[tuple[str, tuple[str, ...]]] = []
    for cls in (recorder.Recorder, Controller, Receiver, Readings, Journal, Attendance, Extensions):
        found += [(cls.__module__, (cls.__name__, name)) for name in _functions(cls)]
    for module in (recorder, sys.modules[Controller.__module__], pipeline, outputs, terminal):
        for name, value in vars(module).items():
            is_ours = getattr(value, "__module__", "").startswith("pytest_crackle")
            if inspect.isfunction(value) and is_ours and name not in ("start", "printable"):
                found.append((module.__name__, (name,)))
    found += [("pytest_crackle.pipeline", (name,)) for name in ("replace", "Report")]
    found += [
        ("pytest_crackle.model.table", ("TableBuilder", "add")),
        ("pytest_crackle.model.table", ("TableBuilder", "table")),
        ("pytest_crackle.firing.meters.pace", ("Thermometer", "probe")),
        ("pytest_crackle.firing.identities", ("Threads", "changes")),
        ("pytest_crackle.firing.identities", ("Descriptors", "changes")),
    ]
    for module_name, path in found:
        attrgetter(".".join(path))(sys.modules[module_name])  # it is there
    # the guards themselves are no target; a record_metric that raises is the test's own
    guards = ("fault", "_fault", "_fail_closed", "_stamp", "_end_fixture", "receive")
    return sorted({target for target in found if target[1][-1] not in guards})


TARGETS = targets()


def case(module, path, error="RuntimeError", prefix="", **given):
    conftest = BREAK.format(module=module, path=repr(path), error=error)
    name = f"{prefix}{module.rpartition('.')[2]}-{'.'.join(path)}-{error}"
    return Case(name, SUITE, conftest, **{"alone": True, **given})


PLAIN = [case(*target) for target in TARGETS]
OTHER_ERRORS = [
    case("pytest_crackle.session", ("run_pipeline",), error)
    for error in ("RecursionError", "MemoryError", "UnicodeError", "AssertionError", "KeyError")
]
GATED = [
    case(target[0], target[1], prefix="gate-", on=("--crackle", "--crackle-fail-on=any"))
    for target in (
        ("pytest_crackle.session", ("run_pipeline",)),
        ("pytest_crackle.pipeline", ("cool",)),
        ("pytest_crackle.pipeline", ("judge",)),
        ("pytest_crackle.session", ("Controller", "_session_info")),
        ("pytest_crackle.model.table", ("TableBuilder", "table")),
    )
]
GREEN = "def test_a(): pass\ndef test_b(): pass"
GATED = [Case(c.name, GREEN, c.conftest, on=c.on, alone=True, complete=c.complete) for c in GATED]
UNGATED = [
    Case(c.name.replace("gate-", "green-"), GREEN, c.conftest, on=("--crackle",)) for c in GATED
]
# what runs at start is broken from the module of the plugin, before it configures
STARTS = [
    Case(
        f"start-{name}-{'gate' if gate else 'plain'}",
        GREEN,
        files={
            "breaks_start.py": f"""
                from pytest_crackle import session, starting
                def broken(*args, **keys):
                    raise RuntimeError("injected")
                {name} = broken
            """
        },
        args=("-p", "breaks_start"),
        on=("--crackle", "--crackle-fail-on=any")
        if gate
        else ("--crackle", "--crackle-json=report.json"),
        alone=gate,
    )
    for name in (
        "starting.settings_of",
        "starting.Controller",
        "starting.Recorder",
        "session.make_plan",
        "session.Controller._session_facts",
    )
    for gate in (False, True)
]


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    whole = Case("whole", SUITE)
    ran = run_all(
        [whole, *PLAIN, *OTHER_ERRORS, *GATED, *UNGATED, *STARTS], tmp_path_factory.mktemp("ours")
    )
    for case in (*PLAIN, *OTHER_ERRORS):  # all of them have the same twin
        ran[case.name].off = ran["whole"].off
    return ran


def check_told(twins):
    lines = [line for line in twins.on.own() if "crackle" in line or "injected" in line]
    assert not any("Traceback" in line for line in lines)
    return any("injected" in line for line in lines)


@pytest.mark.parametrize("name", [case.name for case in [*PLAIN, *OTHER_ERRORS]])
def test_a_part_that_raises_changes_nothing(ran, name):
    twins = ran[name]
    check_undisturbed(twins)
    assert "INTERNALERROR" not in twins.on.stdout
    is_told = check_told(twins)
    if twins.on.has_report:
        report = twins.on.report
        is_told = is_told or bool(report["faults"])
        recorded = {t["nodeid"]: custom(t["metrics"]) for t in report["tests"]}
        seen = {node: values for (node, _), values in twins.on.ledger.done.items()}
        missing = [node for node in seen if recorded.get(node) != seen[node]]
        assert not missing or report["faults"], (missing, report["faults"])
    TALLY.count("parts of ours made to raise")
    TALLY.count("of them told in a line or in the JSON's faults", int(is_told))


@pytest.mark.parametrize("name", [case.name for case in GATED])
def test_a_gate_that_cannot_be_evaluated_fails(ran, name):
    twins = ran[name]
    assert twins.on.status == 1, twins.on.stdout
    assert "2 passed" in twins.on.stdout
    assert any("injected" in line for line in twins.on.own())
    assert "Traceback" not in twins.on.stdout


@pytest.mark.parametrize("name", [case.name for case in UNGATED])
def test_without_a_gate_a_green_session_stays_green(ran, name):
    twins = ran[name]
    check_undisturbed(twins)
    assert twins.on.status == 0
    assert any("injected" in line for line in twins.on.own())


@pytest.mark.parametrize("name", [case.name for case in STARTS if not case.alone])
def test_a_start_that_fails_is_one_line(ran, name):
    twins = ran[name]
    check_undisturbed(twins)
    assert twins.on.status == 0
    (line,) = [line for line in twins.on.own() if "injected" in line]
    assert line == "crackle could not start: RuntimeError: injected"


@pytest.mark.parametrize("name", [case.name for case in STARTS if case.alone])
def test_a_start_that_fails_is_a_usage_error_with_a_gate(ran, name):
    twins = ran[name]
    assert twins.on.status == pytest.ExitCode.USAGE_ERROR
    assert "ERROR: crackle could not start: RuntimeError: injected" in twins.on.stderr
    assert "Traceback" not in twins.on.stdout + twins.on.stderr


# ---------------------------------------------------------------------- session truth

NO_CARRIER = """
    import pytest

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol():  # another's protocol: records travel on the reports
        return None

    class Thief:
        @pytest.hookimpl(wrapper=True, tryfirst=True)
        def pytest_runtest_makereport(self, item):
            report = yield
            if "test_a[1]" in item.nodeid:
                vars(report).pop("_crackle_record", None)
            return report

    def pytest_sessionstart(session):
        session.config.pluginmanager.register(Thief())
"""
NEVER_RAN = """
    import pytest

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(item):
        return True if "test_a[1]" in item.nodeid else None
"""


def test_a_record_that_got_lost_is_told(tmp_path):
    cases = [Case("lost", SUITE, NO_CARRIER), Case("never", SUITE, NEVER_RAN)]
    ran = run_all(cases, tmp_path)
    for name, said in (
        ("lost", "1 of 5 tests that ran left no record; first: test_it.py::test_a[1]"),
        (
            "never",
            "1 of 5 collected tests never ran, though nothing stopped the session; "
            "first: test_it.py::test_a[1]",
        ),
    ):
        twins = ran[name]
        check_undisturbed(twins)
        assert twins.on.report["faults"] == [said]
        assert said[:40] in " ".join(twins.on.own())
        assert twins.on.report["session"]["complete"] is False
    assert transport.CARRIER == "_crackle_record"
