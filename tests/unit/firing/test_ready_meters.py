"""The opt-in meters by themselves; with real databases: tests/databases."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import threading
import tracemalloc
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from pytest_crackle.firing.meters.allocations import PeakMemory
from pytest_crackle.firing.meters.audit import AuditEvents
from pytest_crackle.firing.meters.foreign import check_meter
from pytest_crackle.firing.meters.logs import LogRecords
from pytest_crackle.firing.meters.ready import READY, ready_meters
from pytest_crackle.firing.meters.sql import Queries
from pytest_crackle.firing.readings import METERS
from pytest_crackle.model.metrics import BUILTIN


@pytest.fixture(scope="module")
def audit():
    """One for all tests: an audit hook stays."""
    return AuditEvents(["subprocesses", "opens", "sockets", "imports"])


def counted(meter, act) -> dict[str, float]:
    meter.start()
    try:
        act()
    finally:
        found = meter.stop()
    return {name: value for name, value in found.items() if value}


# ---------------------------------------------------------------------- audit events


def test_opened_files_are_counted_and_descriptors_are_not(audit, tmp_path):
    def act() -> None:
        (tmp_path / "a").write_text("x")
        descriptor = os.open(tmp_path / "a", os.O_RDONLY)
        with open(descriptor):  # noqa: PTH123 - the same file once more
            pass
        with pytest.raises(FileNotFoundError):
            (tmp_path / "none").read_text()

    assert counted(audit, act) == {"opens": 3.0}


def test_sockets_are_counted_in_all_threads(audit):
    def act() -> None:
        threads = [threading.Thread(target=lambda: socket.socket().close()) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert counted(audit, act)["sockets"] == 8.0


@pytest.mark.skipif("sys.platform == 'win32'", reason="POSIX ways of starting a process")
def test_each_process_is_counted_once(audit):
    def act() -> None:
        subprocess.run(["true"], check=True)
        # this way subprocess uses os.posix_spawn, which tells of itself as well
        with subprocess.Popen(["/bin/true"], close_fds=False):
            pass
        os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)
        os.system("true")

    assert counted(audit, act)["subprocesses"] == 4.0


def test_imports_that_load_a_module_are_counted(audit, tmp_path, monkeypatch):
    (tmp_path / "crackle_once.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)

    def act() -> None:
        import crackle_once  # type: ignore[import-not-found]
        import crackle_once as again  # noqa: F401

        del sys.modules[crackle_once.__name__]

    assert counted(audit, act)["imports"] == 1.0


def test_between_tests_nothing_is_counted(audit, tmp_path):
    audit.start()
    audit.stop()
    (tmp_path / "a").write_text("x")
    assert audit._seen["opens"] == []
    assert counted(audit, lambda: None) == {}


def test_only_what_was_asked_for_is_declared(tmp_path):
    meter = AuditEvents(["opens"])
    assert set(meter.metrics) == {"opens"}
    assert counted(meter, lambda: (tmp_path / "a").write_text("x")) == {"opens": 1.0}


# ---------------------------------------------------------------------- memory.peak


def test_the_peak_is_what_was_there_at_once_and_tracing_ends():
    def act() -> None:
        for _ in range(3):
            bytearray(1_000_000)

    found = counted(PeakMemory(), act)["memory.peak"]
    assert 1_000_000 <= found < 1_100_000
    assert not tracemalloc.is_tracing()


def test_tracing_that_runs_already_goes_on():
    tracemalloc.start(3)
    try:
        kept = bytearray(5_000_000)
        bytearray(9_000_000)
        found = counted(PeakMemory(), lambda: bytearray(1_000_000))["memory.peak"]
        assert 1_000_000 <= found < 1_100_000
        assert tracemalloc.is_tracing()
        assert tracemalloc.get_traceback_limit() == 3
        del kept
    finally:
        tracemalloc.stop()


def test_a_test_that_stops_tracing_has_no_peak():
    meter = PeakMemory()
    assert counted(meter, tracemalloc.stop) == {}
    assert counted(meter, lambda: bytearray(1_000_000))["memory.peak"] >= 1_000_000
    assert not tracemalloc.is_tracing()


# ---------------------------------------------------------------------- logs


def test_records_are_counted_by_level_and_handlers_are_left_alone(caplog):
    root = logging.getLogger()
    handlers, factory = list(root.handlers), logging.getLogRecordFactory()
    lonely = logging.getLogger("crackle.lonely")
    lonely.propagate = False

    def act() -> None:
        assert root.handlers == handlers
        lonely.warning("nobody sees %s", "it")
        lonely.log(35, "a level of one's own")
        lonely.error("x")
        lonely.critical("x")
        lonely.info("below the level: never made")
        logging.makeLogRecord({"msg": "without a level"})

    assert counted(LogRecords(), act) == {
        "logs.warning": 2.0,
        "logs.error": 1.0,
        "logs.critical": 1.0,
    }
    assert logging.getLogRecordFactory() is factory


def test_a_record_says_where_it_was_made(caplog):
    meter = LogRecords()
    meter.start()
    logging.getLogger("crackle.test").warning("here")
    meter.stop()
    (record,) = caplog.records
    assert (record.module, record.funcName) == (
        "test_ready_meters",
        "test_a_record_says_where_it_was_made",
    )


def test_a_factory_that_a_test_leaves_stays_and_is_counted_through(monkeypatch):
    meter = LogRecords()
    monkeypatch.setattr(logging, "_logRecordFactory", logging.getLogRecordFactory())
    logger = logging.getLogger("crackle.left")
    logger.propagate = False
    meter.start()
    inner = logging.getLogRecordFactory()

    def left(*args, **more):
        return inner(*args, **more)

    logging.setLogRecordFactory(left)
    levels = meter._levels
    meter.stop()
    assert logging.getLogRecordFactory() is left
    logger.error("between tests")
    assert levels == []
    for _ in range(2):
        assert counted(meter, lambda: logger.error("x")) == {"logs.error": 1.0}


# ---------------------------------------------------------------------- queries


def fake_sqlalchemy(monkeypatch) -> dict[str, list[Any]]:
    listeners: dict[str, list[Any]] = {}
    package, engine, event = (ModuleType(f"sqlalchemy{n}") for n in ("", ".engine", ".event"))
    engine.Engine = object  # type: ignore[attr-defined]
    event.listen = lambda _, name, call: listeners.setdefault(name, []).append(call)  # type: ignore[attr-defined]
    package.engine, package.event = engine, event  # type: ignore[attr-defined]
    for module in (package, engine, event):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return listeners


def test_queries_are_missing_where_no_library_is_there(monkeypatch):
    for name in ("sqlalchemy.engine", "django.db.backends"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    before = set(sys.modules)
    meter = Queries()
    meter.start()
    assert meter.stop() == {}
    assert not {name for name in set(sys.modules) - before if name.startswith(("sqlal", "django"))}


def test_queries_are_counted_and_timed_and_listened_to_once(monkeypatch):
    listeners = fake_sqlalchemy(monkeypatch)
    ticks = iter([1.0, 1.25, 2.0, 2.5, 7.0])
    meter = Queries()
    meter._clock = lambda: next(ticks)
    for expected in ({"db.queries": 2.0, "db.seconds": 0.75}, {"db.queries": 1.0, "db.seconds": 0}):
        meter.start()
        for _ in range(int(expected["db.queries"])):
            context = SimpleNamespace()
            arguments = (None, None, "select 1", (), context, False)
            listeners["before_cursor_execute"][0](*arguments)
            if expected["db.seconds"]:  # the last one fails
                listeners["after_cursor_execute"][0](*arguments)
        assert meter.stop() == expected
    assert [len(calls) for calls in listeners.values()] == [1, 1]
    listeners["before_cursor_execute"][0](None, None, "between tests", (), SimpleNamespace(), False)
    meter.start()
    assert meter.stop()["db.queries"] == 0


# ---------------------------------------------------------------------- what they cost


def python_calls(act) -> int:
    """Count the calls of Python functions below `act`, which takes no measure of its own."""
    calls = 0

    def profile(frame, event, argument) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(profile)
    try:
        act()
    finally:
        sys.setprofile(None)
    return calls - 1  # act itself


@pytest.mark.parametrize(
    ("name", "most"), [("opens", 3), ("memory.peak", 2), ("db", 2), ("logs", 8)]
)
def test_start_and_stop_make_few_calls(name, most, audit):
    (meter,) = [audit] if name == "opens" else ready_meters([name])
    meter.start()  # the first start installs
    meter.stop()

    def around() -> None:
        meter.start()
        meter.stop()

    assert 2 <= python_calls(around) <= most


def test_a_log_record_costs_one_more_call():
    logger = logging.getLogger("crackle.cost")
    logger.propagate = False
    logger.addHandler(logging.NullHandler())
    meter = LogRecords()

    def act() -> None:
        logger.error("x")

    act()
    bare = python_calls(act)
    meter.start()
    measured = python_calls(act)
    meter.stop()
    assert measured == bare + 1


# ---------------------------------------------------------------------- by name


def test_every_name_gives_its_metrics_and_is_no_default():
    assert not set(READY) & set(METERS)
    meters = {name: ready_meters([name])[0] for name in READY}
    for name in ("subprocesses", "opens", "sockets", "imports", "memory.peak"):
        assert set(meters[name].metrics) == {name}
        unit, kind = meters[name].metrics[name]
        assert (unit, kind) == (BUILTIN[name].unit, BUILTIN[name].kind)
    assert set(meters["db"].metrics) == {"db.queries", "db.seconds"}
    assert all(name.startswith("logs.") for name in meters["logs"].metrics)
    assert [meter.name for meter in ready_meters(READY)] == ["audit", "memory.peak", "db", "logs"]
    assert ready_meters(["duration", "steps"]) == []


class Good:
    name = "good"
    metrics = {"x": ("m", "level")}  # noqa: RUF012

    def start(self) -> None: ...

    def stop(self) -> dict[str, float]:
        return {}


def test_a_meter_of_a_third_party_is_taken_as_it_is():
    meter: object = Good()
    assert check_meter(meter) is meter


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"name": None}, "the name of a meter is 1 to 200"),
        ({"name": "+good"}, "the name of a meter is 1 to 200"),
        ({"name": "a,b"}, "the name of a meter is 1 to 200"),
        ({"metrics": None}, "metrics of the meter good must be a mapping"),
        ({"metrics": {"duration": ("s", "value")}}, "declares duration, a built-in metric"),
        ({"metrics": {"x": "m"}}, r"x of the meter good must be declared as \(unit, kind\)"),
        ({"metrics": {"x": ("", "value")}}, "the unit of x of the meter good is 1 to 40"),
        ({"metrics": {"x": ("s", "time")}}, "must be one of value, count, level, not 'time'"),
        ({"stop": None}, "the meter good has no method stop"),
    ],
)
def test_what_is_no_meter_is_refused_by_what_is_wrong(change, why):
    meter = Good()
    for name, value in change.items():
        setattr(meter, name, value)
    with pytest.raises(ValueError, match=why):
        check_meter(meter)
