"""Add a run to a history, and remove old ones: one short transaction each."""

from __future__ import annotations

import hashlib
import json
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pytest_crackle.model.errors import CrackleError
from pytest_crackle.model.record import OUTCOMES
from pytest_crackle.storage.history.opening import PATIENCE, writing
from pytest_crackle.storage.history.packing import pack_column, pack_numbers, unpack_numbers
from pytest_crackle.storage.history.schema import check_schema, migrate

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence
    from pathlib import Path

    from pytest_crackle.model.table import MetricTable
    from pytest_crackle.storage.history.facts import RunFacts
    from pytest_crackle.storage.history.packing import Packed

__all__ = ["MOST_BYTES", "Added", "add_run", "digest_of", "encode", "prune_runs", "testset_digest"]

MOST_BYTES: Final = 400 << 20
"""10,000 tests x 10 metrics x 200 runs take a fifth of it."""
_CODES: Final = {outcome: code for code, outcome in enumerate(OUTCOMES)}
_MOST_NUMBER: Final = (1 << 32) - 1


@dataclass(frozen=True, slots=True)
class Added:
    """What came of adding a run.

    Attributes
    ----------
    number : int or None
        Of the new run; None if the very same run is in the history already.
    removed : int
        Oldest runs that had to go for the size of the file.
    """

    number: int | None
    removed: int = 0


@dataclass(frozen=True, slots=True)
class _Metric:
    name: str
    unit: str
    kind: str
    packed: Packed


@dataclass(frozen=True, slots=True)
class _Run:
    """A run packed, so that the transaction has little to do."""

    facts: RunFacts
    nodeids: Sequence[str]
    testset: bytes
    outcomes: bytes
    attempts: str
    workers: bytes
    seqs: bytes
    metrics: tuple[_Metric, ...]

    @property
    def digest(self) -> bytes:
        sums = [(m.name, m.unit, m.kind, m.packed.checksum) for m in self.metrics]
        parts = (self.testset, self.outcomes, self.workers, self.seqs)
        return digest_of(self.facts, parts, self.attempts, sums)


def encode(nodeid: str) -> bytes:
    """Return a node id as it is stored; lone surrogates included."""
    return nodeid.encode("utf-8", "surrogatepass")


def testset_digest(nodeids: Sequence[bytes]) -> bytes:
    """Return the digest of encoded node ids in their order."""
    lengths = pack_numbers([len(nodeid) for nodeid in nodeids])
    return hashlib.sha256(lengths + b"".join(nodeids)).digest()


def digest_of(
    facts: RunFacts,
    parts: Sequence[bytes],
    attempts: str,
    sums: Sequence[tuple[str, str, str, int]],
) -> bytes:
    """Return the digest of when and where a run was and of all that it measured.

    It tells damage, and the same run again, whatever else is said of it (commit, labels).
    """
    hashed = [hashlib.sha256(part).hexdigest() for part in parts]
    place = (facts.started, facts.mode, facts.environment)
    text = json.dumps([place, hashed, attempts, sorted(sums)])
    return hashlib.sha256(text.encode("ascii")).digest()


def _pack(facts: RunFacts, table: MetricTable) -> _Run:
    names = sorted(
        {worker for worker in table.workers if worker is not None},
        key=lambda name: (len(name), name),
    )
    numbers = {name: number for number, name in enumerate(names)}
    workers = [0 if worker is None else numbers[worker] for worker in table.workers]
    seqs = [0] * table.n_tests
    for rows in table.run_orders().values():
        for seq, row in enumerate(rows):
            seqs[row] = seq
    attempts = {row: [_CODES[one] for one in some] for row, some in table.retried.items()}
    metrics = []
    for name, column in table.columns.items():
        info = table.info(name)
        packed = pack_column(column, measured=info.unit == "s")
        if packed is not None:
            metrics.append(_Metric(name, info.unit, info.kind, packed))
    return _Run(
        facts,
        table.nodeids,
        testset_digest([encode(nodeid) for nodeid in table.nodeids]),
        bytes([_CODES[outcome] for outcome in table.outcomes]),
        json.dumps(attempts) if attempts else "",
        pack_numbers(workers) if any(workers) else b"",
        b"" if seqs == list(range(len(seqs))) else pack_numbers(seqs),
        tuple(metrics),
    )


def add_run(
    path: Path,
    facts: RunFacts,
    table: MetricTable,
    *,
    most_bytes: int = MOST_BYTES,
    patience: float = PATIENCE,
) -> Added:
    """Add one run.

    Parameters
    ----------
    path : Path
        Made if it is missing, with its folder.
    facts : RunFacts
    table : MetricTable
        One row a test.
    most_bytes : int
        What the runs may take together; the oldest go first, the new one stays.
    patience : float
        Seconds to wait for other writers.

    Returns
    -------
    Added

    Raises
    ------
    CrackleError
        ``FILE: reason``; the file is as it was.
    """
    run = _pack(facts, table)
    with writing(path, patience=patience) as connection:
        connection.execute("BEGIN IMMEDIATE")
        check_schema(connection)  # another process may have made or migrated it meanwhile
        migrate(connection)
        number = _insert(connection, run)
        removed = 0 if number is None else _shrink(connection, number, most_bytes)
        connection.execute("COMMIT")
    return Added(number, removed)


def _insert(connection: sqlite3.Connection, run: _Run) -> int | None:
    digest = run.digest
    if connection.execute("SELECT 1 FROM runs WHERE digest = ?", (digest,)).fetchone():
        return None
    facts = run.facts.dumps()
    number = connection.execute(
        "INSERT INTO runs (digest, facts, checksum, started, mode, environment, testset, outcomes,"
        " attempts, workers, seqs) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            digest,
            facts,
            zlib.crc32(facts.encode("ascii")),
            run.facts.started,
            run.facts.mode,
            run.facts.environment,
            _testset(connection, run),
            run.outcomes,
            run.attempts,
            run.workers,
            run.seqs,
        ),
    ).lastrowid
    for metric in run.metrics:
        key = (metric.name, metric.unit, metric.kind)
        connection.execute("INSERT OR IGNORE INTO metrics (name, unit, kind) VALUES (?, ?, ?)", key)
        packed = metric.packed
        connection.execute(
            "INSERT INTO columns (run, metric, checksum, precision, rows, data) VALUES (?,"
            " (SELECT id FROM metrics WHERE name = ? AND unit = ? AND kind = ?), ?, ?, ?, ?)",
            (number, *key, packed.checksum, packed.precision, packed.rows, packed.data),
        )
    return number


def _testset(connection: sqlite3.Connection, run: _Run) -> int:
    """Return the number of the run's set of tests, which is stored if it is new."""
    found = connection.execute(
        "SELECT id FROM testsets WHERE digest = ?", (run.testset,)
    ).fetchone()
    if found:
        return int(found[0])
    names = [encode(nodeid) for nodeid in run.nodeids]
    connection.executemany(
        "INSERT OR IGNORE INTO tests (nodeid) VALUES (?)", [(name,) for name in names]
    )
    ids = [
        connection.execute("SELECT id FROM tests WHERE nodeid = ?", (name,)).fetchone()[0]
        for name in names
    ]
    if max(ids, default=0) > _MOST_NUMBER:
        raise CrackleError("more than 2^32 tests were seen; begin a new history")
    added = connection.execute(
        "INSERT INTO testsets (digest, tests) VALUES (?, ?)", (run.testset, pack_numbers(ids))
    )
    return int(added.lastrowid or 0)


def _used(connection: sqlite3.Connection) -> int:
    pages, free, size = (
        int(connection.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * size


def _shrink(connection: sqlite3.Connection, newest: int, most_bytes: int) -> int:
    """Remove the oldest runs but the newest until the rest fits; return how many."""
    removed = 0
    while _used(connection) > most_bytes:
        oldest = connection.execute(
            "SELECT id FROM runs WHERE id != ? ORDER BY started, id LIMIT 1", (newest,)
        ).fetchone()
        if oldest is None:
            break
        _remove(connection, oldest)
        removed += 1
        if removed == 1:
            _remove_orphans(connection)  # node ids that change with each run may be most of it
    if removed:
        _remove_orphans(connection)
    return removed


def _remove(connection: sqlite3.Connection, numbers: Sequence[int]) -> None:
    for number in numbers:
        connection.execute("DELETE FROM columns WHERE run = ?", (number,))
        connection.execute("DELETE FROM runs WHERE id = ?", (number,))


def _remove_orphans(connection: sqlite3.Connection) -> None:
    """Remove sets of tests, tests and metrics that no run has any more."""
    connection.execute("DELETE FROM testsets WHERE id NOT IN (SELECT testset FROM runs)")
    connection.execute("DELETE FROM metrics WHERE id NOT IN (SELECT metric FROM columns)")
    wanted: set[int] = set()
    for (tests,) in connection.execute("SELECT tests FROM testsets"):
        wanted.update(unpack_numbers(tests))
    known = [number for (number,) in connection.execute("SELECT id FROM tests")]
    connection.executemany(
        "DELETE FROM tests WHERE id = ?", [(one,) for one in known if one not in wanted]
    )


def prune_runs(path: Path, numbers: Sequence[int], *, patience: float = PATIENCE) -> None:
    """Remove runs for good and give their space back to the system.

    Parameters
    ----------
    path : Path
    numbers : sequence of int
        Those that are not there any more are passed over.
    patience : float
        Seconds to wait for other writers.

    Raises
    ------
    CrackleError
        ``FILE: reason``; the file is as it was.
    """
    with writing(path, patience=patience) as connection:
        connection.execute("BEGIN IMMEDIATE")
        migrate(connection)
        _remove(connection, numbers)
        _remove_orphans(connection)
        connection.execute("COMMIT")
        connection.execute("VACUUM")
