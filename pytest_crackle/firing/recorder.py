"""Measure each test: stamps at the phase boundaries, meters after the test, one record a test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from pytest_crackle.firing.extras import Extras
from pytest_crackle.firing.items import Describer, is_direct_parameter
from pytest_crackle.firing.meters.clock import cpu_clock, epoch_clock, wall_clock
from pytest_crackle.firing.readings import Readings
from pytest_crackle.firing.recording import Firing
from pytest_crackle.firing.transport import END_KEY, PROCESS_KEY, attach, process
from pytest_crackle.model.metrics import PHASES

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence

    from pytest_crackle.firing.meters.base import Meter
    from pytest_crackle.model.record import Record

__all__ = ["Recorder"]

_WALL: Final = {phase: f"duration.{phase}" for phase in PHASES}
_CPU: Final = {phase: f"cpu.{phase}" for phase in PHASES}
_CPUS: Final = frozenset(_CPU.values())
_TIMES: Final = tuple(zip(_CPU.values(), _WALL.values(), strict=True))


class Recorder:
    """The plugin that runs beside the tests, in each process that runs any.

    A fault of ours never reaches the test: every hook body is guarded, and the first fault of a
    kind is kept in `faults`.

    Parameters
    ----------
    meters : iterable of str
        Names from `readings.METERS`.
    worker : str or None
        The id of this xdist worker.
    junit : bool
        Show the metrics in JUnit XML, as properties of each test.
    extra : sequence of Meter
        Opt-in meters and those of others.

    Attributes
    ----------
    deliver : callable
        Takes the report of a teardown and the record that belongs to it, None if it was lost:
        puts it on the report, unless the controller in this process takes it at once.
    """

    def __init__(
        self,
        meters: Iterable[str],
        worker: str | None,
        *,
        junit: bool = False,
        extra: Sequence[Meter] = (),
    ) -> None:
        wanted = frozenset(meters)
        self.firing = Firing()
        self.faults: list[str] = []
        self.worker = worker
        self._process = None if worker is None else process()
        self._junit = junit
        self.readings = Readings(wanted)
        self._extras = Extras(extra, self.fault) if extra else None
        self.deliver: Callable[[pytest.TestReport, Record | None], None] = attach
        self._wall, self._cpu = wall_clock(), cpu_clock()
        self._has_cpu = "cpu" in wanted
        self._epoch_at_zero = epoch_clock()() - self._wall()
        self._describer = Describer()
        self._indexes: dict[int, int] = {}
        self._direct: object = None
        self._seq = 0
        self._item: pytest.Item | None = None  # the test that runs
        self._last: pytest.Item | None = None
        self._attempt = 0
        self._setups: list[list[str | float]] = []
        self._inner_wall = self._inner_cpu = 0.0
        self._outcome = "passed"
        self._metrics: dict[str, float] = {}
        self._begun = self._ended = self._phase_wall = self._phase_cpu = 0.0

    def fault(self, where: str, error: BaseException) -> None:
        """Note a fault of ours, once for each place."""
        line = f"{where}: {type(error).__name__}: {error}"
        if len(self.faults) < 20 and not any(f.startswith(f"{where}:") for f in self.faults):
            self.faults.append(line[:300])

    # ------------------------------------------------------------------ the session

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(
        self, items: list[pytest.Item]
    ) -> Generator[None, object, object]:
        """Note the collection order before any plugin shuffles it."""
        try:
            # By identity, and no entry in each item's stash: an item that is gone from the
            # session leaves a number that nobody asks for.
            self._indexes = dict(zip(map(id, items), range(len(items)), strict=True))
        except Exception as error:  # noqa: BLE001 - a fault of ours must not change the session
            self.fault("collection", error)
        return (yield)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self) -> None:
        """Take the base line of all levels: what collection left is nobody's doing."""
        try:
            self.readings.base_line()
        except Exception as error:  # noqa: BLE001 - as above
            self.fault("base line", error)

    def end(self) -> dict[str, object]:
        """Read the levels a last time; built-in types, for the worker's output."""
        try:
            if self._extras is not None:
                self._extras.stop({}, {})  # that a test which was interrupted left running
            reading = self.readings.last_reading(self._seq)
        except Exception as error:  # noqa: BLE001 - as above
            self.fault("end reading", error)
            reading = {}
        return {**reading, "faults": self.faults}

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Send the last reading of a worker to the controller."""
        output = getattr(session.config, "workeroutput", None)
        if output is not None:
            output[END_KEY] = self.end()

    # ------------------------------------------------------------------ the phases

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Begin a test."""
        try:
            self._attempt = self._attempt + 1 if item is self._last else 0
            self._last = item
            self._metrics, self._outcome = {}, "passed"
            if self._setups:
                self._setups = []
            self.firing.begin(item)
            if self._extras is not None:
                self._extras.start()
            self._item = item
            self._begun = self._phase_wall = self._wall()
            self._phase_cpu = self._cpu()
        except Exception as error:  # noqa: BLE001 - as above
            self.fault("setup", error)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_call(self) -> None:
        """Stamp the beginning of the call, or of the teardown."""
        try:
            self._phase_wall = self._wall()
            self._phase_cpu = self._cpu()
        except Exception as error:  # noqa: BLE001 - as above
            self.fault("phase", error)

    pytest_runtest_teardown = pytest_runtest_call

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[object]
    ) -> Generator[None, object, object]:
        """Time one fixture set-up, without the ones that it asks for on the way."""
        begun = None
        try:
            if fixturedef.func is self._direct:
                pass  # no fixture, and known: most set-ups of parametrized tests are of this kind
            elif is_direct_parameter(fixturedef):
                self._direct = fixturedef.func
            else:
                begun = (self._wall(), self._cpu(), self._inner_wall, self._inner_cpu)
                self._inner_wall = self._inner_cpu = 0.0
        except Exception as error:  # noqa: BLE001 - as above
            self.fault("fixture", error)
        try:
            return (yield)
        finally:
            if begun is not None:
                self._end_fixture(fixturedef, *begun)

    def _end_fixture(
        self,
        fixturedef: pytest.FixtureDef[object],
        wall: float,
        cpu: float,
        outer_wall: float,
        outer_cpu: float,
    ) -> None:
        try:
            cpu = self._cpu() - cpu if self._has_cpu else 0.0
            wall = self._wall() - wall
            own = [max(0.0, wall - self._inner_wall), max(0.0, cpu - self._inner_cpu)]
            self._inner_wall, self._inner_cpu = outer_wall + wall, outer_cpu + cpu
            scope = fixturedef.scope
            self._setups.append([fixturedef.argname, scope, *own])
            if scope != "function":
                self.readings.allow_state()
        except Exception as error:  # noqa: BLE001 - as above
            self.fault("fixture", error)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Stamp the end of a phase; after the teardown read the meters and hand over the record."""
        when = call.when
        try:
            if item is self._item:
                # A report of a subtest comes in the middle of the call; the last one counts.
                cpu, self._ended = self._cpu(), self._wall()
                self._metrics[_CPU[when]] = cpu - self._phase_cpu
                self._metrics[_WALL[when]] = self._ended - self._phase_wall
        except Exception as error:  # noqa: BLE001 - as above
            self.fault("phase", error)
        report = yield
        try:
            if item is self._item:
                outcome: str = report.outcome
                if outcome != "passed" or self._outcome != outcome or "wasxfail" in report.__dict__:
                    self._note_outcome(report, call)
                if when == "teardown":
                    self._item = None
                    record = self._finish(item)
                    if self._junit:
                        report.user_properties += _properties(record)
                    self.deliver(report, record)
        except Exception as error:  # noqa: BLE001 - as above
            self.fault("record", error)
            if when == "teardown":
                self.deliver(report, None)
        return report

    def _note_outcome(self, report: pytest.TestReport, call: pytest.CallInfo[None]) -> None:
        expected_failure = hasattr(report, "wasxfail")
        if report.when == "call":
            if self._outcome == "failed":
                return  # by a subtest: the report of the whole test says "passed" here
            if report.outcome == "skipped":
                self._outcome = "xfailed" if expected_failure else "skipped"
            else:
                self._outcome = "xpassed" if expected_failure else report.outcome
        elif report.outcome == "failed":
            self._outcome = "failed" if self._outcome == "failed" else "error"
            error, slot = call.excinfo, self.firing.slot
            if error is not None and not isinstance(error.value, Exception) and slot is not None:
                # SystemExit in a teardown: pytest then ends no further fixture of this test, and
                # hands the ones that it has to the tests that follow
                slot.outlived = report.when == "teardown"
        elif report.outcome == "skipped":
            self._outcome = "xfailed" if expected_failure else "skipped"

    # ------------------------------------------------------------------ the record

    def _finish(self, item: pytest.Item) -> Record:
        slot = self.firing.finish()
        metrics = self._with_totals()
        seq = self._seq
        facts: Record = {
            "nodeid": item.nodeid,
            "index": self._indexes.get(id(item), seq),
            "seq": seq,
            "outcome": self._outcome,
            "attempt": self._attempt,
            "worker": self.worker,
            "start": self._epoch_at_zero + self._begun,
            "metrics": metrics,
        }
        try:
            record = self._describer.describe(item, facts)
        except Exception as error:  # noqa: BLE001 - what the test recorded is kept
            self.fault("description", error)
            record = facts
        if seq == 0 and self._process is not None:
            record[PROCESS_KEY] = self._process
        units: dict[str, list[str]] = {}
        try:
            if self._extras is not None:
                self._extras.stop(metrics, units)
            self.readings.read(metrics, record, self._ended)
        except Exception as error:  # noqa: BLE001 - meters that fail are missing
            self.fault("meters", error)
        if slot is not None and slot.metrics:
            metrics.update(slot.metrics)
            units.update(slot.units)
        if units:
            record["units"] = units
        if self._setups:
            record["setups"] = self._setups
        self.firing.stale_threads = self.readings.thread_idents
        self._seq = seq + 1
        return record

    def _with_totals(self) -> dict[str, float]:
        """Return the times of the phases and their sums."""
        metrics = self._metrics
        cpu = wall = 0.0
        for spent, took in _TIMES:
            if took in metrics:
                cpu += metrics[spent]
                wall += metrics[took]
        metrics["duration"] = wall
        if self._has_cpu:
            metrics["cpu"] = cpu
            return metrics
        return {name: value for name, value in metrics.items() if name not in _CPUS}


def _properties(record: Record) -> list[tuple[str, object]]:
    return [(f"crackle.{name}", value) for name, value in sorted(record["metrics"].items())]
