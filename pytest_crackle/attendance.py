"""Who was there: which tests were collected, ran and left a record, and in which processes."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pytest_crackle.model.report import WorkerInfo

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Attendance"]


class Attendance:
    """What must agree at the end of a session, and the reasons why a run is not whole.

    Parameters
    ----------
    host, python : str
        Those of the controller, for workers that do not say.
    """

    def __init__(self, host: str, python: str) -> None:
        self._collected: set[str] | None = None
        self._items: Sequence[pytest.Item] = ()
        self.deselected = 0
        self.finished: set[str] = set()
        self.unrecorded: set[str] = set()
        self._host, self._python = host, python
        self._processes: dict[str, tuple[int | None, str | None]] = {}
        self._workers: dict[str, WorkerInfo] = {}

    def collect(self, nodeids: Iterable[str]) -> None:
        """Note tests that will run, in this process or in a worker."""
        self._collected = (self._collected or set()).union(nodeids)

    def expect(self, items: Sequence[pytest.Item]) -> None:
        """Note tests that will run in this process; they are named at the end."""
        self._items = [*self._items, *items] if self._items else items
        self._collected = self._collected or set()

    def collected(self) -> set[str] | None:
        """Return the node ids of all tests that were to run, None if nothing was collected."""
        if self._items:
            self.collect([item.nodeid for item in self._items])
            self._items = ()
        return self._collected

    def take(self, recorded: Iterable[str], refused: Iterable[str]) -> None:
        """Note at the end which tests have a record, and which had one that is none."""
        self.finished.update(recorded)
        self.unrecorded.update(refused)

    def note_worker(self, node: object, *, crashed: bool = False) -> str:
        """Note a worker of pytest-xdist; return its id."""
        info: dict[str, object] = getattr(node, "workerinfo", None) or {}
        gateway = getattr(node, "gateway", None)
        name = str(info.get("id") or getattr(gateway, "id", "worker"))
        version = info.get("version_info")
        parts = version[:3] if isinstance(version, list | tuple) else ()
        self._workers[name] = WorkerInfo(
            id=name,
            host=self._host,
            python=".".join(map(str, parts)) or self._python,
            crashed=crashed,
        )
        return name

    def note_process(self, worker: str, process: Sequence[object]) -> None:
        """Note what the first record of a worker says of it: process id and host."""
        pid, host = process
        self._processes[worker] = (
            pid if isinstance(pid, int) else None,
            host if isinstance(host, str) else None,
        )

    def workers(self, owners: Sequence[str | None]) -> tuple[WorkerInfo, ...]:
        """Return the workers by id; `owners` holds the worker of each test."""
        counts = Counter(owners)
        out = []
        for w in sorted(self._workers.values(), key=lambda w: w.id):
            pid, host = self._processes.get(w.id, (None, None))
            out.append(replace(w, pid=pid, host=host or w.host, tests=counts[w.id]))
        return tuple(out)

    @property
    def _crashed(self) -> list[str]:
        return sorted(worker.id for worker in self._workers.values() if worker.crashed)

    def incomplete_because(self, session: pytest.Session, exitstatus: int) -> str | None:
        """Say why not every collected test has a final report, or None."""
        if exitstatus == pytest.ExitCode.INTERRUPTED:
            return "the run was interrupted"
        if exitstatus in (pytest.ExitCode.INTERNAL_ERROR, pytest.ExitCode.USAGE_ERROR):
            return "the run ended in an error of pytest or its use"
        if self._crashed:
            return f"worker {', '.join(self._crashed)} died"
        collected = self.collected() or set()
        missing = len(collected - self.finished)
        if missing:
            stop = session.shouldfail or session.shouldstop
            why = f": {stop}" if isinstance(stop, str) else ""
            return f"{missing} of {len(collected)} collected tests did not finish{why}"
        return None

    def disagreements(self, session: pytest.Session, exitstatus: int) -> list[str]:
        """Return a sentence where what was collected, what ran and what was recorded differ."""
        out = []
        lost = sorted(self.unrecorded - self.finished)
        if lost:
            n_ran = len(self.finished) + len(lost)
            out.append(f"{len(lost)} of {n_ran} tests that ran left no record; first: {lost[0]}")
        ended = exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
        collected = self.collected()
        if collected is None or not ended or self._crashed:
            return out
        never = sorted(collected - self.unrecorded - self.finished)
        some_ran = self.finished or self.unrecorded  # else pytest says why not
        if never and some_ran and not (session.shouldfail or session.shouldstop):
            out.append(
                f"{len(never)} of {len(collected)} collected tests never ran, though nothing "
                f"stopped the session; first: {never[0]}"
            )
        return out

    def partial_because(self, config: pytest.Config) -> str | None:
        """Say why only a part of the suite was selected, or None."""
        option = config.option
        if getattr(option, "keyword", "") and self.deselected:
            return "-k selected a part of the tests"
        if getattr(option, "lf", False) and self.deselected:
            return "--lf selected the tests that failed last"
        if getattr(option, "stepwise", False):
            return "--stepwise runs a part of the tests"
        if any("::" in argument for argument in config.args):
            return "single tests were named on the command line"
        return None
