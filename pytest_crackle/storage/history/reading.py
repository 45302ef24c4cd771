"""Read a history: its runs, the past that a run is compared with, the series of one test."""

from __future__ import annotations

import math
import struct
from array import array
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from pytest_crackle.model.past import Past, PastRun
from pytest_crackle.model.record import OUTCOMES
from pytest_crackle.storage.history.opening import READ_ERRORS, DamagedError, explain
from pytest_crackle.storage.history.packing import WIDTHS, Packed, unpack_column, unpack_numbers
from pytest_crackle.storage.history.stored import decode_run
from pytest_crackle.storage.history.writing import testset_digest

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from pytest_crackle.storage.history.facts import RunFacts
    from pytest_crackle.storage.history.stored import StoredRun

__all__ = ["History", "Point", "in_memory", "no_past"]

_COLUMNS: Final = (
    "SELECT id, testset, facts, checksum, outcomes, attempts, workers, seqs, digest FROM runs"
)


@dataclass(frozen=True, slots=True)
class Point:
    """One test in one run.

    Attributes
    ----------
    run : StoredRun
    outcome : str
    values : dict of str to float
        By metric; those that it has.
    """

    run: StoredRun
    outcome: str
    values: dict[str, float]


class History:
    """A history that is open to be read.

    Parameters
    ----------
    path : Path
    connection : sqlite3.Connection
        From `opening.reading` of this path.

    Notes
    -----
    `past` reads in one transaction, its columns later each in one of its own: to hold one over the
    whole cooling would keep other processes from writing. A run that another process removes
    meanwhile reads as one without values. Whatever was read is checked against the sums in the
    file; what does not fit raises `DamagedError`, which `opening.reading` tells in one line.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self._connection = connection
        self._sets: dict[int, array[int]] = {}

    @property
    def size(self) -> int:
        """Bytes that the runs take."""
        pages, size = (
            self._connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "page_size")
        )
        return int(pages) * int(size)

    def runs(self, numbers: Iterable[int] | None = None) -> list[StoredRun]:
        """Return runs in the order of their numbers; all of them, oldest first, without numbers."""
        if not self._connection.execute("PRAGMA user_version").fetchone()[0]:
            return []  # an empty file
        if numbers is None:
            rows = self._connection.execute(f"{_COLUMNS} ORDER BY started, id").fetchall()
        else:
            rows = [
                row
                for number in numbers
                for row in self._connection.execute(f"{_COLUMNS} WHERE id = ?", (number,))
            ]
        return [self._run(row) for row in rows]

    def comparable(self, mode: str, environment: str, last: int) -> list[StoredRun]:
        """Return the last runs of a mode and an environment, oldest first."""
        if not self._connection.execute("PRAGMA user_version").fetchone()[0]:
            return []
        rows = self._connection.execute(
            "SELECT id FROM runs WHERE mode = ? AND environment = ?"
            " ORDER BY started DESC, id DESC LIMIT ?",
            (mode, environment, last),
        ).fetchall()
        return self.runs(row[0] for row in reversed(rows))

    def _run(self, row: tuple[object, ...]) -> StoredRun:
        number, testset = row[0], row[1]
        sums = self._connection.execute(
            "SELECT name, unit, kind, checksum FROM columns JOIN metrics ON metrics.id = metric"
            " WHERE run = ? ORDER BY name",
            (number,),
        ).fetchall()
        tests = self._connection.execute(
            "SELECT digest, length(tests) FROM testsets WHERE id = ?", (testset,)
        ).fetchone()
        return decode_run(row, sums, tests)

    def tests(self, run: StoredRun) -> array[int]:
        """Return the numbers of the tests of a run, in collection order."""
        known = self._sets.get(run.testset)
        if known is None:
            row = self._connection.execute(
                "SELECT tests FROM testsets WHERE id = ?", (run.testset,)
            ).fetchone()
            if row is None:
                raise DamagedError(f"the tests of run {run.number} are gone")
            known = self._sets[run.testset] = unpack_numbers(row[0])
        return known

    def nodeids(self, runs: Iterable[StoredRun]) -> dict[int, str]:
        """Return the node ids of all tests of some runs by number.

        Raises
        ------
        DamagedError
            If they are not those that were written.
        """
        sets = {run.testset: run for run in runs}
        if not sets:
            return {}  # an empty file has no tables
        names: dict[int, bytes] = dict(
            self._connection.execute("SELECT id, nodeid FROM tests").fetchall()
        )
        wanted: dict[int, None] = {}
        for testset, run in sets.items():
            tests = self.tests(run)
            digest = self._connection.execute(
                "SELECT digest FROM testsets WHERE id = ?", (testset,)
            ).fetchone()
            known = [names.get(test, b"") for test in tests]
            if digest is None or testset_digest(known) != digest[0]:
                raise DamagedError(f"the tests of run {run.number} are not those that were written")
            wanted.update(dict.fromkeys(tests))
        return {test: names[test].decode("utf-8", "surrogatepass") for test in sorted(wanted)}

    def column(self, run: StoredRun, metric: str) -> array[float]:
        """Return a metric of a run, shape (n_tests,), NaN where a test has no value."""
        unit, kind = run.metrics[metric]
        row = self._connection.execute(
            "SELECT checksum, precision, rows, data FROM columns WHERE run = ? AND metric ="
            " (SELECT id FROM metrics WHERE name = ? AND unit = ? AND kind = ?)",
            (run.number, metric, unit, kind),
        ).fetchone()
        if row is None:
            if self.runs([run.number]):
                raise DamagedError(f"{metric} of run {run.number} is gone")
            return array("d", [math.nan]) * run.n_tests
        packed = Packed(*row[1:])
        if packed.checksum != row[0]:
            raise DamagedError(f"{metric} of run {run.number} is not as it was written")
        return unpack_column(packed, run.n_tests)

    def past(self, this: RunFacts, *, last: int = 100) -> Past:
        """Return what a run is compared with.

        Parameters
        ----------
        this : RunFacts
            The run that is compared.
        last : int
            Most runs: the newest of the same mode and environment.

        Returns
        -------
        Past
            Its columns are read when they are asked for, while this history is open.
        """
        is_alone = not self._connection.in_transaction
        if is_alone:
            self._connection.execute("BEGIN")
        try:
            return self.past_of(this, self.comparable(this.mode, this.environment, last))
        finally:
            if is_alone:
                self._connection.execute("ROLLBACK")

    def past_of(self, this: RunFacts, runs: Sequence[StoredRun]) -> Past:
        """Return some runs as the past of a run, as `past` does."""
        names = self.nodeids(runs)
        numbers = {test: number for number, test in enumerate(names)}
        sets = {
            run.testset: array("I", [numbers[test] for test in self.tests(run)]) for run in runs
        }
        return Past(
            tuple(self._past_run(run, sets[run.testset]) for run in runs),
            {nodeid: numbers[test] for test, nodeid in names.items()},
            mode=this.mode,
            environment=this.environment,
            commit=this.commit,
            branch=this.branch,
            dirty=this.dirty,
            labels=this.labels,
        )

    def _past_run(self, run: StoredRun, tests: Sequence[int]) -> PastRun:
        facts = run.facts
        return PastRun(
            number=run.number,
            started=facts.started,
            mode=facts.mode,
            environment=facts.environment,
            tests=tests,
            outcomes=tuple(OUTCOMES[code] for code in run.outcomes),
            commit=facts.commit,
            branch=facts.branch,
            dirty=facts.dirty,
            labels=facts.labels,
            attempts=run.attempts,
            workers=run.workers,
            seqs=run.seqs,
            metrics=tuple(run.metrics),
            read=self._reader(run),
        )

    def _reader(self, run: StoredRun) -> Callable[[str], Sequence[float]]:
        def read(metric: str) -> Sequence[float]:
            try:
                return self.column(run, metric)
            except READ_ERRORS as error:  # the caller is far from whoever opened the file
                raise explain(self._path, error) from error

        return read

    def series(self, test: int, runs: Iterable[StoredRun]) -> list[Point]:
        """Return one test in those runs that have it.

        Notes
        -----
        Only the bytes of this one value are taken of each column, so its sum is not checked: this
        is for eyes, and takes milliseconds.
        """
        points = []
        for run in runs:
            try:
                row = self.tests(run).index(test)
            except ValueError:
                continue
            points.append(Point(run, OUTCOMES[run.outcomes[row]], self._values(run, row)))
        return points

    def _values(self, run: StoredRun, row: int) -> dict[str, float]:
        found = self._connection.execute(
            "SELECT name, precision, rows, CASE WHEN rows IS NOT NULL OR"
            " length(data) = CASE precision WHEN 'f' THEN 4 ELSE 8 END THEN data ELSE"
            " substr(data, 1 + ? * CASE precision WHEN 'f' THEN 4 ELSE 8 END,"
            " CASE precision WHEN 'f' THEN 4 ELSE 8 END) END"
            " FROM columns JOIN metrics ON metrics.id = metric WHERE run = ? ORDER BY name",
            (row, run.number),
        )
        values = {name: _value(row, *parts) for name, *parts in found}
        return {name: value for name, value in values.items() if not math.isnan(value)}


def no_past(this: RunFacts) -> Past:
    """Return the past of a run that is the first one."""
    return Past((), {}, mode=this.mode, environment=this.environment)


def in_memory(past: Past) -> Past:
    """Read all columns of a past, which can be used when the history is closed then."""
    runs = []
    for run in past.runs:
        columns = {metric: run.column(metric) for metric in run.metrics}
        runs.append(replace(run, read=columns.__getitem__))
    return replace(past, runs=tuple(runs))


def _value(row: int, precision: str, rows: bytes | None, data: bytes) -> float:
    """Return the value of one row, from a column or from its own bytes."""
    width = WIDTHS[precision]
    place = 0
    if rows is not None:
        try:
            place = unpack_numbers(rows).index(row)
        except ValueError:
            return math.nan
        if len(data) == width:
            place = 0
    return float(struct.unpack_from(f"<{precision}", data, place * width)[0])
