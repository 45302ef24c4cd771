"""The meters that are read between tests, and what changed since they were read last."""

from __future__ import annotations

import gc
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from pytest_crackle.firing.identities import NOT_KNOWN, Descriptors, Threads
from pytest_crackle.firing.meters.clock import wall_clock
from pytest_crackle.firing.meters.interpreter import (
    STATE_READINGS,
    collections_growth,
    describe_state,
    state_reader,
    warnings_log_reader,
)
from pytest_crackle.firing.meters.pace import INTERVAL, Thermometer
from pytest_crackle.firing.meters.process import children_cpu_growth, delay_growth, rss_file
from pytest_crackle.model.metrics import KEPT_BY_PYTEST

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_crackle.model.record import Record

__all__ = ["METERS", "Readings"]

METERS: Final = (
    "duration",
    "cpu",
    "cpu.children",
    "delay",
    "background",
    "memory.rss",
    "fds",
    "threads",
    "gc.collections",
    "warnings",
    "pace",
    "state",
)
"""Names for ``--crackle-meters``; all are on by default. Durations are always measured."""

GRACE: Final = 0.2
"""Seconds that threads are given to end before they count as left behind."""

MANY_MODULES: Final = 100
"""Growth of ``sys.modules`` that explains what a test leaves in memory."""


LEAST_RISE: Final = 32 * 1024.0
LEAST_GROWTH: Final = 8 * 1024.0**2
"""Bytes of one test, and of all such tests: half of the least that is ever told as a leak."""

USUAL_RISE: Final = 768.0
"""Bytes a test by which lists and sets of pytest's and ours grow in such steps. Measured: 590."""


class Readings:
    """All meters but the phase clocks.

    A meter that fails is missing from that record, never 0.

    Parameters
    ----------
    wanted : frozenset of str
        Names from `METERS`.
    """

    def __init__(self, wanted: frozenset[str]) -> None:
        self._wanted = wanted
        self._wall = wall_clock()
        self._alive = threading.enumerate
        growths: dict[str, Callable[[float], float] | None] = {
            "cpu.children": children_cpu_growth(),
            "delay": delay_growth(),
            "gc.collections": collections_growth(),
        }
        self._growths = [
            (name, grown) for name, grown in growths.items() if grown and name in wanted
        ]
        self._rss = rss_file() if "memory.rss" in wanted else None
        self._resident = self._resident_at_first = self._risen = 0.0
        self._has_stayed = False
        self._find_log = warnings_log_reader() if "warnings" in wanted else None
        self._log: list[object] | None = None
        self._logged = 0
        self._modules = 0
        self._thermometer = Thermometer() if {"pace", "background"} & wanted else None
        self._state = state_reader() if "state" in wanted else None
        self._last_state: tuple[object, ...] = ()
        self._designed: dict[int, object] = {}
        self._collect = gc.collect
        self._descriptors: Descriptors | None = None
        self._listing_due = 0.0
        self._threads: Threads | None = None
        self._there_at_first: list[threading.Thread] = []
        self.thread_idents: set[int] = set()

    def base_line(self) -> None:
        """Take the levels before the first test: what collection left is nobody's doing."""
        if "fds" in self._wanted:
            with suppress(OSError):
                self._descriptors = Descriptors()
        if "threads" in self._wanted:
            self._threads, self._there_at_first = Threads(), self._alive()
            self.thread_idents = self._threads.idents
        self._read_growths({}, self._wall())
        self._modules = len(sys.modules)
        if self._state is not None:
            self._last_state = self._state()
        if self._rss is not None:
            with suppress(OSError, ValueError):
                self._resident = self._resident_at_first = self._rss.read()

    def allow_state(self) -> None:
        """Take the state that a fixture wider than a function has set as intended.

        What it undoes at its end, tests later, is then a return and no change either.
        """
        if self._state is None or not self._last_state:
            return
        now = self._state()
        for place, (before, after) in enumerate(zip(self._last_state, now, strict=True)):
            if before is not after and before != after:
                self._designed[place] = before
        self._last_state = now

    def read(self, metrics: dict[str, float], record: Record, now: float) -> None:
        """Read every meter after a test; add values to `metrics` and facts to `record`.

        `now` is the wall clock, read a moment ago.
        """
        self._read_growths(metrics, now)
        if self._find_log is not None and (log := self._find_log()) is not None:
            before = self._logged if log is self._log else 0  # the same list: another attempt
            self._log, self._logged = log, len(log)
            came = self._logged - before
            metrics["warnings"] = float(came) if came > 0 else 0.0
        whole = now >= self._listing_due
        if whole:
            self._listing_due = now + INTERVAL
        self._read_levels(metrics, record, whole=whole)
        if self._state is not None:
            state = self._state()
            if state != self._last_state:
                self._note_state(state, record)
        modules = len(sys.modules)
        if modules - self._modules >= MANY_MODULES:
            record["modules"] = modules - self._modules
        self._modules = modules
        thermometer = self._thermometer
        if thermometer is not None and now >= thermometer.due:
            self._take_probe(thermometer, metrics, record)

    def _read_growths(self, metrics: dict[str, float], now: float) -> None:
        for name, grown in self._growths:
            try:
                growth = grown(now)
            except (OSError, ValueError):
                continue
            if growth >= 0.0:  # neither the first reading, which is NaN, nor a number that fell
                metrics[name] = growth

    def _read_levels(self, metrics: dict[str, float], record: Record, *, whole: bool) -> None:
        free = NOT_KNOWN
        if self._rss is not None:
            try:
                metrics["memory.rss"] = resident = self._rss.read()
                free = self._rss.descriptor
            except (OSError, ValueError):
                free = NOT_KNOWN
            else:
                rise = resident - self._resident
                self._resident = resident
                if rise >= LEAST_RISE:
                    self._risen += rise
        if self._descriptors is not None:
            try:
                changes = self._descriptors.changes(free, whole=whole)
            except OSError:
                pass
            else:
                metrics["fds"] = self._descriptors.level
                if changes is not None:
                    self._note(record, "fds", *changes)
        if self._threads is not None:
            changes = self._threads.changes()
            metrics["threads"] = self._threads.level
            if changes is not None:
                self.thread_idents = self._threads.idents
                self._note(record, "threads", *changes)

    def _note(self, record: Record, name: str, came: list[str], went: list[str]) -> None:
        if came:
            record.setdefault("opened", {})[name] = came
            self._has_stayed = True
        if went:
            record.setdefault("closed", {})[name] = went

    def _note_state(self, state: tuple[object, ...], record: Record) -> None:
        changes = []
        for place, (before, after) in enumerate(zip(self._last_state, state, strict=False)):
            if before is after or before == after:
                continue
            if place in self._designed and self._designed[place] == after:
                del self._designed[place]
                continue
            name = STATE_READINGS[place]
            changes.append([name, describe_state(name, before), describe_state(name, after)])
        if changes and self._last_state:
            record["state"] = changes
        self._last_state = state

    def _take_probe(
        self, thermometer: Thermometer, metrics: dict[str, float], record: Record
    ) -> None:
        probe = thermometer.probe()
        if "pace" in self._wanted:
            metrics["pace"] = probe.pace
        if probe.background is not None and "background" in self._wanted:
            metrics["background"] = probe.background
        if probe.blocks is not None:
            record["blocks"] = probe.blocks

    def last_reading(self, n_tests: int) -> dict[str, object]:
        """Read the levels at the end of the session; threads of tests are given a grace to end.

        What is only held by cycles of objects is not left for good: they are collected first. Not
        where nothing has grown that they could hold: the collector looks at every object, also
        the thousands that pytest keeps of each test.
        """
        grown = self._resident - self._resident_at_first - KEPT_BY_PYTEST * n_tests
        risen = self._risen - USUAL_RISE * n_tests
        if self._has_stayed or max(risen, grown) >= LEAST_GROWTH:
            self._collect()
        if self._threads is not None:
            deadline = self._wall() + GRACE
            known = self._threads.idents
            for thread in self._alive():
                if thread.ident in known and thread not in self._there_at_first:
                    thread.join(max(0.0, deadline - self._wall()))
        metrics: dict[str, float] = {}
        record: Record = {}
        self._read_levels(metrics, record, whole=True)
        return {"metrics": metrics, "closed": record.get("closed", {})}
