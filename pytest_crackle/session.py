"""The controller: cools once what arrived, gates, hands the report to writers."""

from __future__ import annotations

import os
import platform
import socket
import sys
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

import pytest_crackle
from pytest_crackle.attendance import Attendance
from pytest_crackle.collector import resting_collector
from pytest_crackle.environment import environment_key
from pytest_crackle.firing.meters.clock import epoch_clock, wall_clock
from pytest_crackle.firing.transport import END_KEY, has_workers, runs_tests_itself
from pytest_crackle.model.report import SessionInfo
from pytest_crackle.outputs import FORMS, github_writer, load_writer, tell_github, write_outputs
from pytest_crackle.pipeline import plan as make_plan
from pytest_crackle.pipeline import run as run_pipeline
from pytest_crackle.receiving import Receiver
from pytest_crackle.reporting.escape import printable
from pytest_crackle.terminal import write_report

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from pytest_crackle.checkout import Checkout
    from pytest_crackle.extensions import Extensions
    from pytest_crackle.firing.recorder import Recorder
    from pytest_crackle.model.report import Report
    from pytest_crackle.model.table import MetricTable
    from pytest_crackle.remembering import Memory
    from pytest_crackle.settings import Settings

__all__ = ["Controller"]


class Controller:
    """The plugin that sees the session from the first test to the report.

    Parameters
    ----------
    config : pytest.Config
    settings : Settings
    extensions : Extensions

    Raises
    ------
    CrackleError
        If a rule, a detector's name or the baseline cannot be used.
    """

    def __init__(self, config: pytest.Config, settings: Settings, extensions: Extensions) -> None:
        self.config = config
        self.settings = settings
        self.extensions = extensions
        self.plan = make_plan(
            cooling=settings.cooling,
            detectors=settings.detectors,
            classic_metrics=settings.classic_metrics,
            fail_on=settings.fail_on,
            budgets=settings.budgets,
            baseline=settings.baseline,
            dry_run=settings.dry_run,
            accept=settings.accept,
            reason=settings.reason,
            extensions=extensions,
        )
        for form in settings.outputs.keys() & set(FORMS):
            load_writer(form)
        self._github = github_writer(self.settings.ci)
        self.recorder: Recorder | None = None
        self.report: Report | None = None
        self.faults: list[str] = []
        self.messages: list[str] = []
        self.ci_lines: list[str] = []
        self._getpid, self._pid = os.getpid, os.getpid()
        self._wall, self._epoch = wall_clock(), epoch_clock()
        self._started_wall, self._started = self._wall(), self._epoch()
        self._code = self._checkout()
        self._facts = self._session_facts()
        self._attendance = Attendance(str(self._facts["host"]), str(self._facts["python"]))
        pytest_crackle.__version__  # noqa: B018 - read while it can be
        self._receiver = Receiver(
            settings,
            self._attendance,
            derive=extensions.derives(),
            per_worker=self._dist == "each",
            fault=self._fault,
            messages=self.messages,
        )
        self._is_run = False
        self._memory = self._open_memory()

    # ------------------------------------------------------------------ gathering

    def _open_memory(self) -> Memory | None:
        path = self.settings.history
        if path is None:
            return None
        try:
            from pytest_crackle.remembering import Memory  # noqa: PLC0415 - SQLite, where it is wanted
        except ImportError as error:
            self.messages.append(f"--crackle-history: this Python has no SQLite: {error}")
            return None
        return Memory(path, self.settings.root)

    def _session_facts(self) -> dict[str, object]:
        return {
            "started": _iso(self._started),
            "python": platform.python_version(),
            "pytest": pytest.__version__,
            "platform": sys.platform,
            "host": socket.gethostname(),
            "dist": self._dist,
            "environment": environment_key(),
            **self._code.facts(),
        }

    def _checkout(self) -> Checkout:
        """Return the version of the code as the session begins, if a file is to say it."""
        from pytest_crackle.checkout import Checkout, checkout_of  # noqa: PLC0415 - asks git

        settings = self.settings
        wanted = settings.history or {"records", "json"} & settings.outputs.keys()
        return checkout_of(settings.root) if wanted else Checkout()

    @property
    def _dist(self) -> str:
        return str(self.config.getoption("dist", "no") or "no")

    def _fault(self, where: str, error: BaseException) -> None:
        line = f"{where}: {type(error).__name__}: {error}"[:300]
        if line not in self.faults and len(self.faults) < 20:
            self.faults.append(line)

    @property
    def _is_ours(self) -> bool:
        """Whether this is the process that was configured, and not a child that a test forked."""
        return self._getpid() == self._pid

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection(self) -> Generator[None, object, object]:
        """Begin the run; with ``--fixtures``, ``--markers`` and the like there is none."""
        try:
            self._is_run = True
            self._receiver.open_journal(self._facts)
        except Exception as problem:  # noqa: BLE001 - a fault of ours must not change the session
            self._fault("journal", problem)
        return (yield)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note what will run, where this process collects itself."""
        try:
            if session.items or not has_workers(self.config):
                self._attendance.expect(session.items)
        except Exception as problem:  # noqa: BLE001 - as above
            self._fault("collection", problem)

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """Count what was left out."""
        self._attendance.deselected += len(items)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: object, ids: Sequence[str]) -> None:
        """Note what a worker will run."""
        try:
            self._attendance.collect(ids)
            self._attendance.note_worker(node)
        except Exception as problem:  # noqa: BLE001 - as above
            self._fault("worker", problem)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: object, error: object) -> None:
        """Take the last reading of a worker, or note that it died."""
        try:
            output: dict[str, object] | None = getattr(node, "workeroutput", None)
            name = self._attendance.note_worker(node, crashed=output is None or bool(error))
            if output is not None:
                self._receiver.take_end(name, output.pop(END_KEY, None), self.faults)
        except Exception as problem:  # noqa: BLE001 - as above
            self._fault("worker", problem)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self) -> None:
        """Decide how records arrive: straight from the recorder, or on the reports of tests."""
        try:
            if self.recorder is not None and runs_tests_itself(self.config):
                self.recorder.deliver = self._receiver.receive
            else:
                self.config.pluginmanager.register(self._receiver, "crackle-receiver")
        except Exception as problem:  # noqa: BLE001 - as above
            self._fault("records", problem)

    # ------------------------------------------------------------------ cooling

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(
        self, session: pytest.Session, exitstatus: int
    ) -> Generator[None, object, object]:
        """Cool, gate and write, before any other plugin's finish can fail."""
        if self._is_ours and self._is_run:
            try:
                with resting_collector():
                    self._finish(session, int(exitstatus))
            except Exception as error:  # noqa: BLE001 - as above
                self._fail_closed(session, error)
        return (yield)

    def _fail_closed(self, session: pytest.Session, error: Exception) -> None:
        """Say that there is no report; a gate that cannot be evaluated fails."""
        text = f"no report: {type(error).__name__}: {error}"[:300]
        if self.plan.has_gate and not self.settings.dry_run:
            if session.exitstatus == 0:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED
            text = f"FAIL gate: {text}: exit status {int(session.exitstatus)}"
        self.messages.append(text)

    def _finish(self, session: pytest.Session, exitstatus: int) -> None:
        recorder = self.recorder
        if recorder is not None and not has_workers(self.config):
            self._receiver.take_end("", recorder.end(), self.faults)
        table, refused = self._receiver.table(), self._receiver.refused
        self.faults += [f"record: {nodeid}: {why}" for nodeid, why in refused.items()]
        info = self._session_info(session, exitstatus, table)
        self.faults += self._attendance.disagreements(session, exitstatus)
        self.extensions.note_late_ones()
        ending: dict[str, object] = {"exitstatus": exitstatus, "complete": info.complete}
        if info.partial_because is not None:
            ending["partial_because"] = info.partial_because
        if info.machines():
            ending["hosts"] = {worker.id: worker.host for worker in info.workers}
        self._receiver.close_journal(ending)
        if exitstatus in (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.INTERNAL_ERROR):
            return
        self.report = report = self._cool(table, info)
        if report.gate.fails_session and session.exitstatus == 0:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        self.messages += write_outputs(report, self.settings.outputs, self.settings.root)
        if self._github is not None:
            self.ci_lines, problems = tell_github(self._github, report, self.settings.root)
            self.messages += problems
        self.messages += self.extensions.report(report)
        if self._memory is not None and (line := self._memory.remember(table)):
            self.messages.append(line)

    def _cool(self, table: MetricTable, info: SessionInfo) -> Report:
        memory = self._memory
        with nullcontext() if memory is None else memory.recalling(info, table) as past:
            return run_pipeline(
                table,
                info,
                self.plan,
                notes=() if memory is None else memory.notes,
                faults=self.faults,
                extensions=self.extensions,
                clock=self._wall,
                today=datetime.fromtimestamp(self._epoch(), tz=UTC).date(),
                past=past,
                past_problem=None if memory is None else memory.problem,
            )

    def _session_info(
        self, session: pytest.Session, exitstatus: int, table: MetricTable
    ) -> SessionInfo:
        because = self._attendance.incomplete_because(session, exitstatus)
        collected = self._attendance.collected()
        return SessionInfo(
            started=_iso(self._started),
            duration=max(0.0, self._wall() - self._started_wall),
            exitstatus=exitstatus,
            complete=because is None,
            incomplete_because=because,
            partial_because=self._attendance.partial_because(self.config),
            python=str(self._facts["python"]),
            pytest=pytest.__version__,
            platform=sys.platform,
            dist=self._dist,
            collected=None if collected is None else len(collected),
            environment=str(self._facts["environment"]),
            commit=self._code.commit,
            branch=self._code.branch,
            dirty=self._code.dirty,
            workers=self._attendance.workers(table.workers),
        )

    # ------------------------------------------------------------------ telling

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the report as the last section."""
        try:
            for line in self.ci_lines:
                terminalreporter.ensure_newline()
                terminalreporter.write_line(line)
            with resting_collector():
                write_report(
                    terminalreporter,
                    self.report,
                    messages=self.messages,
                    max_patterns=self.settings.max_patterns,
                )
        except Exception as error:  # noqa: BLE001 - as above
            text = printable(f"crackle: {type(error).__name__}: {error}"[:300])
            terminalreporter.write_line(text.encode("ascii", "backslashreplace").decode())


def _iso(epoch: float) -> str:
    return datetime.fromtimestamp(epoch, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
