"""`record_metric`, fixture and function: checks a value and stores it with the running test."""

from __future__ import annotations

import math
import threading
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

from pytest_crackle.firing.meters.clock import wall_clock
from pytest_crackle.model.errors import CrackleError
from pytest_crackle.model.metrics import KINDS, check_metric_name, real_number

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from pytest_crackle.model.metrics import MetricKind

__all__ = [
    "Firing",
    "RecordMetric",
    "Slot",
    "bound_record_metric",
    "hide_outer_session",
    "record_metric",
]

UNIT_LENGTH: Final = 40


class Slot:
    """What one attempt of one test records; closed when the test is over.

    `Firing.begin` fills it: an ``__init__`` would be one more call for every test.

    Attributes
    ----------
    test : object
        The item, or its node id: asked for only where something is to be told.
    metrics : dict of str to float
    units : dict of str to [unit, kind]
    closed : bool
    outlived : bool
        Whether pytest may hand the fixture bound to it to later tests.
    lock : threading.Lock
    """

    __slots__ = ("closed", "lock", "metrics", "outlived", "test", "units")

    test: object
    metrics: dict[str, float]
    units: dict[str, list[str]]
    closed: bool
    outlived: bool
    lock: threading.Lock

    def store(self, name: str, value: float, declared: list[str] | None, *, add: bool) -> None:
        """Set or add a checked value; refuse it once the test is over."""
        with self.lock:
            if self.closed:
                nodeid = getattr(self.test, "nodeid", self.test)
                raise RuntimeError(f"record_metric({name!a}): {nodeid} is over")
            if add:
                value += self.metrics.get(name, 0.0)
                if not math.isfinite(value):
                    raise CrackleError(f"record_metric.add({name!a}): the sum is not finite")
            self.metrics[name] = value
            if declared is not None:
                self.units[name] = declared
            elif add:
                self.units.setdefault(name, ["1", "count"])


class Firing:
    """The state of one firing session in this process: is it on, and which test is running.

    Sessions nest (a test may run pytest within pytest); each pushes itself on `_sessions` for the
    time between configure and unconfigure.
    """

    def __init__(self) -> None:
        self.slot: Slot | None = None
        self.stale_threads: set[int] = set()
        self._lock = threading.Lock()

    def begin(self, test: object) -> Slot:
        """Open the slot of a test and make it the running one."""
        self.slot = slot = Slot()
        slot.test, slot.closed, slot.outlived, slot.lock = test, False, False, self._lock
        slot.metrics, slot.units = {}, {}
        _running.set(slot)
        return slot

    def finish(self) -> Slot | None:
        """Close the running slot and return it; it takes no further values."""
        slot, self.slot = self.slot, None
        if slot is not None:
            with slot.lock:
                slot.closed = True
        return slot

    def push(self) -> None:
        """Begin the session: from here on a call outside a test is an error."""
        _sessions.append(self)

    def pop(self) -> None:
        """End the session."""
        self.finish()
        if self in _sessions:
            del _sessions[_sessions.index(self) :]
        outer = _sessions[-1] if _sessions else None
        _running.set(outer.slot if outer is not None else None)


class NoFiring(Firing):
    """A session without crackle within one that has it: its values belong to nobody."""


_running: ContextVar[Slot | None] = ContextVar("crackle_running_test", default=None)
_sessions: list[Firing] = []  # a stack for nested sessions; empty whenever none is configured


def _current_slot(name: str) -> Slot | None:
    """Return the slot of the calling code's test, None when crackle is off."""
    if not _sessions or isinstance(_sessions[-1], NoFiring):
        return None
    session = _sessions[-1]
    slot = _running.get()
    if slot is not None and not (slot.closed and session.slot is None):
        return slot  # that of an earlier test, in a context copied from it, refuses the value
    # A new thread starts with an empty context: take the running test, unless the thread is one
    # that an earlier test left behind.
    if threading.get_ident() in session.stale_threads or session.slot is None:
        raise RuntimeError(f"record_metric({name!a}) was called outside a test")
    return session.slot


def _check_declared(
    name: str, unit: str | None, kind: MetricKind | None, usual: MetricKind
) -> list[str]:
    if unit is not None and (type(unit) is not str or not 1 <= len(unit) <= UNIT_LENGTH):
        raise CrackleError(f"record_metric({name!a}): unit must be 1 to {UNIT_LENGTH} characters")
    if kind is not None and (kind not in KINDS or kind == "time"):
        allowed = ", ".join(repr(k) for k in KINDS if k != "time")
        raise CrackleError(f"record_metric({name!a}): kind must be one of {allowed}, not {kind!a}")
    return [unit or "1", kind or usual]


class RecordMetric:
    """Record values with the running test; the fixture is bound to its test."""

    def __init__(self, slot: Slot | None = None) -> None:
        self._slot = slot
        self._clock = wall_clock()

    def _store(
        self,
        name: str,
        value: object,
        unit: str | None,
        kind: MetricKind | None,
        *,
        add: bool,
    ) -> None:
        name = check_metric_name(name)
        number = real_number("record_metric({!a})", name, value)
        declared = None
        if unit is not None or kind is not None:
            usual: MetricKind = "count" if add and unit != "s" else "value"
            declared = _check_declared(name, unit, kind, usual)
        slot = self._slot_for(name)
        if slot is not None:
            slot.store(name, number, declared, add=add)

    def _slot_for(self, name: str) -> Slot | None:
        slot = self._slot
        return _current_slot(name) if slot is None or slot.outlived else slot

    def __call__(
        self, name: str, value: float, *, unit: str | None = None, kind: MetricKind | None = None
    ) -> None:
        """Record a value of the running test; the last one wins.

        Parameters
        ----------
        name : str
            1 to 200 printable characters; dotted lower case by convention (``"db.queries"``).
        value : float
            Any finite real number.
        unit : str, optional
            ``"s"``, ``"B"``, ``"1"`` or free text.
        kind : {"value", "count", "level"}, optional
            A level is a gauge read after the test, whose changes persist.

        Raises
        ------
        TypeError
            If the value is no real number (bool, str, complex and None are not).
        ValueError
            If the value is not finite, or name, unit or kind are not allowed.
        RuntimeError
            If no test is running (only with ``--crackle``; without it nothing is stored).

        Examples
        --------
        >>> def test_import(record_metric):
        ...     record_metric("rows", 10_000)
        ...     record_metric("payload", 3.2e6, unit="B")
        """
        self._store(name, value, unit, kind, add=False)

    def add(
        self,
        name: str,
        value: float = 1,
        *,
        unit: str | None = None,
        kind: MetricKind | None = None,
    ) -> None:
        """Add to a value of the running test, from 0; parameters and errors as for a call.

        What adds up is a count, unless `kind` says otherwise or the unit is ``"s"``.

        Examples
        --------
        >>> def on_query(statement):
        ...     record_metric.add("db.queries")
        """
        self._store(name, value, unit, kind, add=True)

    @contextmanager
    def timer(self, name: str) -> Iterator[None]:
        """Add the wall seconds that the block takes to a metric of the running test.

        Examples
        --------
        >>> def test_parse(record_metric):
        ...     with record_metric.timer("parse"):
        ...         ...
        """
        name = check_metric_name(name)
        slot = self._slot_for(name)
        start = self._clock()
        try:
            yield
        finally:
            elapsed = max(0.0, self._clock() - start)
            if slot is not None:
                slot.store(name, elapsed, ["s", "value"], add=True)


record_metric: Final = RecordMetric()
"""Usable in any helper without asking for the fixture: knows the running test."""


def bound_record_metric() -> RecordMetric:
    """Return what the fixture gives: `record_metric` bound to the running test."""
    return RecordMetric(_current_slot("record_metric"))


def hide_outer_session(config: pytest.Config) -> None:
    """Keep the values of a session without crackle from a session with it that it runs in."""
    if _sessions:
        inner = NoFiring()
        inner.push()
        config.add_cleanup(inner.pop)
