"""Queries of each test through SQLAlchemy and Django: how many, and how long they took.

Cost: some 5 us for each query; one through SQLAlchemy on SQLite in memory takes 25. Neither library
is imported: a test whose process has none of them at its start has no value.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Protocol

from pytest_crackle.firing.meters.clock import wall_clock

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


__all__ = ["Queries"]


class _Context(Protocol):
    _crackle_began: float


class _Connection(Protocol):
    execute_wrappers: list[Callable[..., object]]


class Queries:
    """Count statements in all threads while a test runs; many rows of one statement count once.

    `db.seconds` is the wall time that the database driver took to execute them, summed over
    threads, without fetching; that of a statement which failed is not in it under SQLAlchemy.
    What a session fixture asks, such as the making of a test database, counts for the test that
    sets it up.
    """

    name = "db"

    def __init__(self) -> None:
        self.metrics: Mapping[str, tuple[str, str]] = {
            "db.queries": ("1", "count"),
            "db.seconds": ("s", "value"),
        }
        self._clock = wall_clock()
        self._is_counting = False
        self._has_sqlalchemy = self._has_django = False
        self._queries: list[None] = []  # as in `audit`: appending is one step
        self._seconds: list[float] = []

    def start(self) -> None:
        """Listen to what the process has, and count from here on."""
        if not self._has_sqlalchemy and "sqlalchemy.engine" in sys.modules:
            self._listen_to_sqlalchemy()
        if "django.db.backends" in sys.modules:
            self._listen_to_django()
        self._queries.clear()
        self._seconds.clear()
        self._is_counting = self._has_sqlalchemy or self._has_django

    def stop(self) -> dict[str, float]:
        """Stop counting."""
        if not self._is_counting:
            return {}
        self._is_counting = False
        return {"db.queries": float(len(self._queries)), "db.seconds": sum(self._seconds)}

    def _listen_to_sqlalchemy(self) -> None:
        from sqlalchemy import event  # noqa: PLC0415 - the process has it
        from sqlalchemy.engine import Engine  # noqa: PLC0415 - as above

        event.listen(Engine, "before_cursor_execute", self._before)
        event.listen(Engine, "after_cursor_execute", self._after)
        self._has_sqlalchemy = True

    def _before(self, *arguments: object) -> None:
        if self._is_counting:
            self._queries.append(None)
            context: _Context = arguments[4]  # type: ignore[assignment] # as the event is documented
            context._crackle_began = self._clock()  # noqa: SLF001 - ours, on their object

    def _after(self, *arguments: object) -> None:
        began: float | None = getattr(arguments[4], "_crackle_began", None)
        if began is not None and self._is_counting:
            self._seconds.append(max(0.0, self._clock() - began))

    def _listen_to_django(self) -> None:
        from django.db import connections  # noqa: PLC0415 - the process has it
        from django.db.backends.signals import connection_created  # noqa: PLC0415 - as above

        if not self._has_django:
            connection_created.connect(self._connected, weak=False)
            self._has_django = True
        for connection in connections.all(initialized_only=True):
            self._wrap(connection)

    def _connected(self, *, connection: _Connection, **_: object) -> None:
        self._wrap(connection)

    def _wrap(self, connection: _Connection) -> None:
        if self._executed not in connection.execute_wrappers:
            connection.execute_wrappers.append(self._executed)

    def _executed(self, execute: Callable[..., object], *arguments: object) -> object:
        if not self._is_counting:
            return execute(*arguments)
        self._queries.append(None)
        began = self._clock()
        try:
            return execute(*arguments)
        finally:
            self._seconds.append(max(0.0, self._clock() - began))
