"""Open a history: to read or to write, with every error as one plain line."""

from __future__ import annotations

import os
import sqlite3
import stat
import struct
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Final

from pytest_crackle.model.errors import CrackleError
from pytest_crackle.storage.history.schema import check_schema

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = [
    "PATIENCE",
    "READ_ERRORS",
    "DamagedError",
    "exists",
    "explain",
    "open_to_read",
    "reading",
    "writing",
]

PATIENCE: Final = 20.0
"""Seconds to wait for another process that writes; its transaction takes well under one."""
_HEADER: Final = b"SQLite format 3\0"
# Primary codes of https://sqlite.org/rescode.html; the module of PyPy has no names for them.
_CORRUPT: Final = 11
_REASONS: Final = {
    3: "no permission",
    5: "locked by another process for {patience:.0f} s",
    6: "locked by another process for {patience:.0f} s",
    8: "read-only, itself or its folder",
    10: "cannot be read or written (disk I/O error)",
    13: "no space left",
    14: "cannot be opened",
    26: "not a SQLite file",
}
_LONGEST: Final = 200
"""Characters of an error of SQLite's, which may hold what it could not read."""
READ_ERRORS: Final = (
    sqlite3.Error,
    ValueError,
    TypeError,
    LookupError,
    OverflowError,
    struct.error,
)
"""What reading a file that is not as it was written may raise."""


class DamagedError(ValueError):
    """What is in the file does not fit together."""


def exists(path: Path) -> bool:
    """Tell whether there is anything under this name."""
    return os.path.lexists(path)


def _check_file(path: Path) -> None:
    """Refuse what is certainly no history, without opening a pipe or a device.

    Raises
    ------
    CrackleError
        ``FILE: reason``.
    """
    header = b""
    try:
        is_file = stat.S_ISREG(os.stat(path).st_mode)  # noqa: PTH116 - as `exists`
        if is_file:
            with open(path, "rb") as file:  # noqa: PTH123 - as above
                header = file.read(len(_HEADER))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise CrackleError(f"{path}: {reason or error}") from error
    if not is_file:
        raise CrackleError(f"{path}: not a regular file")
    if header and header != _HEADER:
        raise CrackleError(f"{path}: not a SQLite file")


def explain(path: Path, error: Exception, patience: float = PATIENCE) -> CrackleError:
    """Say in one line, with the file, what went wrong."""
    if isinstance(error, CrackleError):
        text = str(error)
        return error if text.startswith(f"{path}:") else CrackleError(f"{path}: {text}")
    if isinstance(error, OSError):
        return CrackleError(f"{path}: {error.strerror or error}")
    text = " ".join(str(error).split())[:_LONGEST]
    if isinstance(error, DamagedError):
        return CrackleError(f"{path}: damaged: {text}")
    if not isinstance(error, sqlite3.Error):
        return CrackleError(f"{path}: damaged: {type(error).__name__}: {text}")
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # PyPy has none
    if code == _CORRUPT or text.startswith("Could not decode"):
        return CrackleError(f"{path}: damaged: {text}")
    if code in _REASONS:
        return CrackleError(f"{path}: {_REASONS[code].format(patience=patience)}")
    return CrackleError(f"{path}: {text}")


def _connect(path: Path, mode: str, patience: float) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=patience, isolation_level=None
    )
    try:
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA cell_size_check = ON")
        check_schema(connection)
        _check_pages(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _check_pages(connection: sqlite3.Connection) -> None:
    """Know that the file is whole before anything is taken from it: 33 ms for 100 MB (measured)."""
    found = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != ("ok",):
        raise DamagedError("it does not pass PRAGMA quick_check")


def _connect_for_reading(path: Path, patience: float) -> sqlite3.Connection:
    try:
        return _connect(path, "ro", patience)
    except sqlite3.OperationalError:
        # A writer was killed within its transaction: whoever may write rolls it back.
        if not exists(path.with_name(f"{path.name}-journal")):
            raise
        _connect(path, "rw", patience).close()
        return _connect(path, "ro", patience)


def open_to_read(path: Path, *, patience: float = PATIENCE) -> sqlite3.Connection:
    """Open a history so that nothing in the file changes; the caller closes it.

    Raises
    ------
    CrackleError
        ``FILE: reason``.
    """
    try:
        _check_file(path)
        return _connect_for_reading(path, patience)
    except READ_ERRORS as error:
        raise explain(path, error, patience) from error


@contextmanager
def reading(path: Path, *, patience: float = PATIENCE) -> Iterator[sqlite3.Connection]:
    """Open a history to read, in one transaction: no other process changes what is read.

    Raises
    ------
    CrackleError
        ``FILE: reason``, also for what fails within the block.
    """
    with closing(open_to_read(path, patience=patience)) as connection:
        try:
            connection.execute("BEGIN")
            yield connection
        except READ_ERRORS as error:
            raise explain(path, error, patience) from error


@contextmanager
def writing(path: Path, *, patience: float = PATIENCE) -> Iterator[sqlite3.Connection]:
    """Open a history to write, outside of a transaction; file and folder are made if missing.

    Raises
    ------
    CrackleError
        ``FILE: reason``, also for what fails within the block; what was not committed is undone.
    """
    if exists(path):
        _check_file(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(_connect(path, "rwc", patience)) as connection:
            yield connection
    except (OSError, *READ_ERRORS) as error:
        raise explain(path, error, patience) from error
