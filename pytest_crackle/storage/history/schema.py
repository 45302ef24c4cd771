"""The tables of a history, and how a file of an older version gets them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Final

from pytest_crackle.model.errors import CrackleError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["APPLICATION", "MIGRATIONS", "check_schema", "migrate", "version_of"]

APPLICATION: Final = 0x43524B4C
""""CRKL" in the header of the file (PRAGMA application_id): it is ours."""

MIGRATIONS: Final[tuple[tuple[str, ...], ...]] = (
    # 0 (an empty file) -> 1
    (
        # node ids are bytes: TEXT has no lone surrogates, and pytest has node ids with them
        "CREATE TABLE tests (id INTEGER PRIMARY KEY, nodeid BLOB NOT NULL UNIQUE)",
        # the tests of a run in collection order: most runs of a suite share one row
        "CREATE TABLE testsets (id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE,"
        " tests BLOB NOT NULL)",
        # AUTOINCREMENT: people name runs by number, so no number is given twice
        "CREATE TABLE runs (id INTEGER PRIMARY KEY AUTOINCREMENT, digest BLOB NOT NULL UNIQUE,"
        " facts TEXT NOT NULL, checksum INTEGER NOT NULL, started TEXT NOT NULL,"
        " mode TEXT NOT NULL, environment TEXT NOT NULL, testset INTEGER NOT NULL,"
        " outcomes BLOB NOT NULL, attempts TEXT NOT NULL, workers BLOB NOT NULL,"
        " seqs BLOB NOT NULL)",
        "CREATE TABLE metrics (id INTEGER PRIMARY KEY, name TEXT NOT NULL, unit TEXT NOT NULL,"
        " kind TEXT NOT NULL, UNIQUE (name, unit, kind))",
        "CREATE TABLE columns (run INTEGER NOT NULL, metric INTEGER NOT NULL,"
        " checksum INTEGER NOT NULL, precision TEXT NOT NULL, rows BLOB, data BLOB NOT NULL,"
        " PRIMARY KEY (run, metric))",
    ),
)
"""What to run to get from each version to the next; the last version is their number."""

_OBJECTS: Final = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name"


def version_of(connection: sqlite3.Connection) -> int:
    """Return the version of the tables; 0 for an empty file."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrate(
    connection: sqlite3.Connection, migrations: Sequence[Sequence[str]] = MIGRATIONS
) -> None:
    """Bring the tables to the newest version, within the transaction that the caller has begun."""
    version = version_of(connection)
    for statements in migrations[version:]:
        for statement in statements:
            connection.execute(statement)
    if version < len(migrations):
        # a PRAGMA takes no parameters; these are our own integers
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {len(migrations)}")


def check_schema(
    connection: sqlite3.Connection, migrations: Sequence[Sequence[str]] = MIGRATIONS
) -> None:
    """Check that a file is a history that this version can use.

    Raises
    ------
    CrackleError
        If it is another program's, written by a newer version, or holds anything but our tables:
        the file may come from anybody, and a view or a trigger would run with our statements.
    """
    version = version_of(connection)
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    found = connection.execute(_OBJECTS).fetchall()
    if not found and version == 0 and application == 0:
        return
    if application != APPLICATION:
        raise CrackleError("a SQLite file, but no history of pytest-crackle")
    if version > len(migrations):
        raise CrackleError(
            f"written by a newer pytest-crackle (version {version} of the file; this one reads "
            f"up to {len(migrations)})"
        )
    with closing(sqlite3.connect(":memory:")) as expected:
        migrate(expected, migrations[:version])
        if found != expected.execute(_OBJECTS).fetchall():
            raise CrackleError("its tables are not those of a history of pytest-crackle")
