"""Log records of each test by level. Cost: one more Python call for each record, 3 us a test."""

from __future__ import annotations

import logging
from bisect import bisect_right
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


__all__ = ["LogRecords"]

_NAMES: Final = ("logs.debug", "logs.info", "logs.warning", "logs.error", "logs.critical")
_LEAST: Final = (logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL)


class LogRecords:
    """Count the records that loggers make in all threads while a test runs.

    A level of one's own counts as the standard one below it. What a logger's level keeps from
    being made is not counted; what no handler shows is. The factory of log records is wrapped, and
    no handler added: handlers, levels and ``caplog`` are as they would be.
    """

    name = "logs"

    def __init__(self) -> None:
        self.metrics: Mapping[str, tuple[str, str]] = dict.fromkeys(_NAMES, ("1", "count"))
        self._levels: list[object] | None = None
        self._outer: Callable[..., logging.LogRecord] = logging.LogRecord
        self._counting: Callable[..., logging.LogRecord] | None = None

    def start(self) -> None:
        """Wrap the factory of log records."""
        self._outer = outer = logging.getLogRecordFactory()
        levels: list[object] = []

        def count_and_make(
            name: str, level: object, *args: object, **more: object
        ) -> logging.LogRecord:
            if self._levels is levels:
                levels.append(level)
            return outer(name, level, *args, **more)

        self._levels = levels
        self._counting = count_and_make
        logging.setLogRecordFactory(count_and_make)

    def stop(self) -> dict[str, float]:
        """Give the factory back, unless the test has left one of its own."""
        levels, self._levels = self._levels or [], None
        if logging.getLogRecordFactory() is self._counting:
            logging.setLogRecordFactory(self._outer)
        counts = [0] * len(_NAMES)
        for level in levels:
            if type(level) is int:  # logging.makeLogRecord makes one without a level
                counts[bisect_right(_LEAST, level)] += 1
        return {name: float(count) for name, count in zip(_NAMES, counts, strict=True)}
