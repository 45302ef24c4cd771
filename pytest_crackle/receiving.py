"""How records arrive at the controller: straight from the recorder, or on the reports of tests."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import pytest

from pytest_crackle.firing.transport import PROCESS_KEY, detach
from pytest_crackle.model.errors import CrackleError
from pytest_crackle.model.metrics import check_metric_name
from pytest_crackle.model.record import finite_number
from pytest_crackle.model.table import EndReading, TableBuilder
from pytest_crackle.storage.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_crackle.attendance import Attendance
    from pytest_crackle.model.record import Record
    from pytest_crackle.model.table import MetricTable
    from pytest_crackle.settings import Settings

__all__ = ["Receiver"]

CRASH: Final = "???"
"""`when` of the report that pytest-xdist makes up for the test of a dead worker."""


class Receiver:
    """Take in the record of every test: into the table, and into the journal if there is one.

    As a plugin it takes the records off the reports. That is needed where another process runs
    the tests (a worker, a forked child), and spared elsewhere: a hook that is called for each
    phase of each test.

    Parameters
    ----------
    settings : Settings
    attendance : Attendance
    derive : callable or None
        Adds metrics to a record.
    per_worker : bool
        As of `TableBuilder`.
    fault : callable
        Takes the place and the exception of a fault of ours.
    messages : list of str
        Gets a line for the user where the journal cannot be written.
    """

    def __init__(
        self,
        settings: Settings,
        attendance: Attendance,
        *,
        derive: Callable[[Record], None] | None,
        per_worker: bool,
        fault: Callable[[str, BaseException], None],
        messages: list[str],
    ) -> None:
        self._attendance = attendance
        self._derive = derive
        self._fault = fault
        self._messages = messages
        self._has_properties = settings.properties
        self._builder = TableBuilder(per_worker=per_worker)
        self._journal_path = settings.outputs.get("records")
        self._journal: Journal | None = None
        self._getpid, self._pid = os.getpid, os.getpid()
        self._is_plain = not (derive or settings.properties or self._journal_path)

    def open_journal(self, facts: Mapping[str, object]) -> None:
        """Begin the journal, if one is wanted, with what is known of the session."""
        if self._journal_path is None:
            return
        journal = Journal(self._journal_path)
        try:
            journal.begin(facts)
        except OSError as error:
            self._messages.append(f"--crackle-records: {error}")
        else:
            self._journal = journal

    def close_journal(self, ending: Mapping[str, object]) -> None:
        """Write its last line: the session ended in order."""
        if self._journal is not None:
            self._note_problem(self._journal.finish(ending))

    def _note_problem(self, problem: str | None) -> None:
        if problem is not None:
            self._messages.append(f"--crackle-records: {problem}")
            self._journal = None

    # ------------------------------------------------------------------ one test

    def receive(self, report: pytest.TestReport, record: Record | None) -> None:
        """Take in the record that belongs to the report of a teardown; None: there is none."""
        try:
            if record is None:
                self._attendance.unrecorded.add(report.nodeid)
            elif self._is_plain:
                self._builder.add(record)
            else:
                self._take(record, report)
        except Exception as problem:  # noqa: BLE001 - a fault of ours must not change the session
            self._fault("record", problem)
            self._attendance.unrecorded.add(report.nodeid)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the record off a report."""
        when: str | None = report.when
        if when == "teardown":
            record = detach(report)
            try:
                if record is not None and record.get("worker") is not None:
                    self._take_over(record, report.nodeid)
            except Exception as problem:  # noqa: BLE001 - as above
                self._fault("worker", problem)
            self.receive(report, record)
        elif when == CRASH:
            self.receive(report, _of_a_crash(report))

    def _take_over(self, record: Record, nodeid: str) -> None:
        if record["nodeid"] == nodeid:
            record["nodeid"] = nodeid  # the text that pytest keeps: one of another process
        process = record.pop(PROCESS_KEY, None)
        if process:
            self._attendance.note_process(str(record["worker"]), process)

    def _take(self, record: Record, report: pytest.TestReport) -> None:
        if self._has_properties:
            _add_properties(record, report)
        if self._derive is not None:
            self._derive(record)
        self._builder.add(record)
        if self._journal is not None and self._getpid() == self._pid:
            self._note_problem(self._journal.write(record))

    # ------------------------------------------------------------------ the end

    def take_end(self, worker: str, end: object, faults: list[str]) -> None:
        """Take in what a worker read last ("" without workers), and what failed there."""
        if not isinstance(end, dict):
            return
        metrics, closed = end.get("metrics", {}), end.get("closed", {})
        faults.extend(fault for fault in end.get("faults", ()) if fault not in faults)
        if metrics:
            self._builder.end(
                worker, EndReading(metrics, {name: tuple(ids) for name, ids in closed.items()})
            )
            if self._journal is not None:
                self._journal.note_end(worker, {"metrics": metrics, "closed": closed})

    def table(self) -> MetricTable:
        """Return what arrived, and tell the attendance."""
        table, refused = self._builder.table(), self._builder.refused
        self._attendance.take(table.nodeids, refused)
        return table

    @property
    def refused(self) -> Mapping[str, str]:
        """The reason of each record that could not be taken in, by node id."""
        return self._builder.refused


def _of_a_crash(report: pytest.TestReport) -> Record:
    """Return the record of the test that killed its worker: failed, without measurements."""
    gateway = getattr(getattr(report, "node", None), "gateway", None)
    return {
        "nodeid": report.nodeid,
        "outcome": "failed",
        "worker": getattr(gateway, "id", None),
        "metrics": {},
    }


def _add_properties(record: Record, report: pytest.TestReport) -> None:
    """Take in numeric values of pytest's own ``record_property``; recorded metrics win."""
    for name, value in report.user_properties:
        if isinstance(value, int | float) and not isinstance(value, bool):
            try:
                record["metrics"].setdefault(check_metric_name(name), finite_number(name, value))
            except (CrackleError, TypeError):
                continue  # a property of pytest's may be called and hold what it likes
