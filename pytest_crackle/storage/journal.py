"""The journal: a JSON line for each finished test, written as it happens; survives a kill."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

__all__ = ["RECORDS_SCHEMA", "Journal", "append_text"]

RECORDS_SCHEMA: Final = "pytest-crackle/records/1"


def _appender(path: str) -> tuple[Callable[[], None], Callable[[bytes], None]]:
    """Return (begin an empty file, append to it) with own references: a test may patch os."""
    os_open, os_write, os_close = os.open, os.write, os.close
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
    flags |= getattr(os, "O_CLOEXEC", 0)

    def begin() -> None:
        os_close(os_open(path, flags | os.O_TRUNC, 0o666))

    def append(data: bytes) -> None:
        # Opened for each line: a test may close every descriptor that it does not know.
        descriptor = os_open(path, flags, 0o666)
        try:
            while data:
                data = data[os_write(descriptor, data) :]
        finally:
            os_close(descriptor)

    return begin, append


def append_text(path: str, text: str) -> None:
    """Append to a file that is not ours alone, such as a step summary; raise OSError."""
    _appender(path)[1](text.encode("utf-8", "backslashreplace"))


def _encoder() -> Callable[[Mapping[str, object]], bytes]:
    encode = json.JSONEncoder(allow_nan=False, separators=(",", ":"), check_circular=False).encode
    return lambda data: encode(data).encode("ascii") + b"\n"


class Journal:
    """Write one records file.

    Parameters
    ----------
    path : Path
        Absolute. Its folder is made if it is missing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._begin, self._append = _appender(str(path))
        self._encode = _encoder()
        self._ends: dict[str, object] = {}
        self._getpid, self._pid = os.getpid, os.getpid()

    def begin(self, session: Mapping[str, object]) -> None:
        """Begin the file with its header.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._begin()
        self._append(self._encode({"schema": RECORDS_SCHEMA, "session": dict(session)}))

    def write(self, record: Mapping[str, object]) -> str | None:
        """Write one line; return what went wrong, or None. A forked child writes nothing."""
        if self._getpid() != self._pid:
            return None
        try:
            self._append(self._encode(record))
        except (OSError, ValueError) as error:
            return f"{self.path}: {error}"
        return None

    def note_end(self, worker: str, reading: Mapping[str, object]) -> None:
        """Keep the last reading of a worker ("" without workers) for the last line."""
        self._ends[worker] = dict(reading)

    def finish(self, facts: Mapping[str, object]) -> str | None:
        """Write the last line, which says that the session ended in order."""
        return self.write({"end": {**facts, "workers": self._ends}})
