"""The table that the cooling reads: tests as rows, metrics as columns, NaN where missing."""

from __future__ import annotations

import math
import struct
from array import array
from dataclasses import dataclass
from operator import lt
from typing import TYPE_CHECKING, Final

from pytest_crackle.model.given import given_columns, given_record
from pytest_crackle.model.metrics import BUILTIN, MetricInfo
from pytest_crackle.model.recordcolumns import RecordColumns, param_of
from pytest_crackle.model.rows import (
    REPLACED,
    add_columns,
    add_facts,
    declare,
    latest_records,
    permute,
)
from pytest_crackle.model.setupnames import as_written
from pytest_crackle.model.units import count_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_crackle.model.record import Record

__all__ = ["EndReading", "FixtureSetup", "MetricTable", "StateChange", "TableBuilder"]

NAN: Final = math.nan
BATCH: Final = 64
"""So many records wait to be taken in together: 150 kB, and no step in the memory of a test."""
_UNFIT: Final = (TypeError, ValueError, OverflowError, struct.error)


@dataclass(frozen=True, slots=True)
class FixtureSetup:
    """One fixture set-up done by a test: name, scope, wall and CPU seconds without nested ones."""

    name: str
    scope: str
    wall: float
    cpu: float


@dataclass(frozen=True, slots=True)
class StateChange:
    """Interpreter state that a test changed and left changed."""

    reading: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class EndReading:
    """What one worker read at the end of its session, after a short grace for threads."""

    metrics: Mapping[str, float]
    closed: Mapping[str, tuple[str, ...]]


class MetricTable:
    """Tests in collection order by metrics; build it with `from_records` or `from_columns`.

    Attributes
    ----------
    n_tests : int
    columns : dict of str to array of float, each of shape (n_tests,)
        NaN where a test has no value. Base units.
    infos : dict of str to MetricInfo
    nodeids, files, modules, outcomes, functions : list of str, shape (n_tests,)
        `functions` holds the node id without parameters.
    lines : list of int or None
    classes, params, workers : list of str or None
    attempts, indexes, seqs : list of int
    starts : list of float
        Seconds since the epoch; NaN where unknown.
    fixtures, markers : list of tuple of str
    setups, states, opened, closed, module_growth, blocks, ignores, budgets : dict of row to value
        Sparse: only rows that have something to tell.
    told_params : dict of row to str
        Sparse: parameters that the node id does not tell.
    retried : dict of row to tuple of str
        Sparse: the outcomes of the earlier attempts of a test that ran more than once, in their
        order; that of the last attempt is in `outcomes`.
    ends : dict of worker to EndReading
        The last reading of each worker; key "" without workers.
    machines : dict of worker to str
        The machine that each worker ran on; {} if all ran on one. Times of different machines
        compare only by way of `pace`.
    conflicts : tuple of str
        Sentences about metrics that tests declared with different units or kinds.
    """

    def __init__(self) -> None:
        self.columns: dict[str, array[float]] = {}
        self.infos: dict[str, MetricInfo] = {}
        self.nodeids: list[str] = []
        self.files: list[str] = []
        self.lines: list[int | None] = []
        self.modules: list[str] = []
        self.classes: list[str | None] = []
        self.functions: list[str] = []
        self.told_params: dict[int, str] = {}
        self.outcomes: list[str] = []
        self.attempts: list[int] = []
        self.workers: list[str | None] = []
        self.indexes: list[int] = []
        self.seqs: list[int] = []
        self.starts: list[float] = []
        self.fixtures: list[tuple[str, ...]] = []
        self.markers: list[tuple[str, ...]] = []
        self.setups: dict[int, tuple[FixtureSetup, ...]] = {}
        self.states: dict[int, tuple[StateChange, ...]] = {}
        self.opened: dict[int, dict[str, tuple[str, ...]]] = {}
        self.closed: dict[int, dict[str, tuple[str, ...]]] = {}
        self.module_growth: dict[int, int] = {}
        self.blocks: dict[int, int] = {}
        self.ignores: dict[int, tuple[str, ...]] = {}
        self.budgets: dict[int, tuple[str, ...]] = {}
        self.retried: dict[int, tuple[str, ...]] = {}
        self.ends: dict[str, EndReading] = {}
        self.machines: dict[str, str] = {}
        self.conflicts: tuple[str, ...] = ()

    @property
    def n_tests(self) -> int:
        """The number of rows."""
        return len(self.nodeids)

    @property
    def params(self) -> list[str | None]:
        """The parameters of each test, as its node id or its record tells them."""
        told = self.told_params
        names = enumerate(zip(self.nodeids, self.functions, strict=True))
        return [told.get(row) or param_of(nodeid, name) or None for row, (nodeid, name) in names]

    def __len__(self) -> int:
        return len(self.nodeids)

    def __repr__(self) -> str:
        metrics = count_of(len(self.columns), "metric")
        return f"<MetricTable of {count_of(self.n_tests, 'test')} and {metrics}>"

    @classmethod
    def from_records(cls, records: Iterable[object], *, per_worker: bool = False) -> MetricTable:
        """Build a table from records: mappings with `nodeid`, `metrics`, and what else is known.

        Parameters
        ----------
        records : iterable of mapping
            In the order in which the tests ran, where they carry no `seq`. They are not changed.
            All keys: ``pytest-crackle schema records``. A metric that is missing is left out.
        per_worker : bool
            Keep one row per worker for the same node id (``--dist each``); otherwise a later
            record of a node id is a further attempt and replaces the earlier one.

        Returns
        -------
        MetricTable

        Raises
        ------
        CrackleError
            If a record is not well formed; the message names the record and the key.

        Examples
        --------
        >>> MetricTable.from_records([{"nodeid": "a", "metrics": {"rows": 3}}])
        <MetricTable of 1 test and 1 metric>
        """
        builder = TableBuilder(per_worker=per_worker)
        for number, record in enumerate(records):
            builder.add(given_record(number, record))
        return builder.table()

    @classmethod
    def from_columns(
        cls,
        columns: Mapping[str, Iterable[object]],
        *,
        nodeids: Iterable[str] | None = None,
        units: Mapping[str, tuple[str, str]] | None = None,
        markers: Iterable[Iterable[str]] | None = None,
    ) -> MetricTable:
        """Build a table from columns of numbers, as they stand in a CSV file or a data frame.

        Parameters
        ----------
        columns : mapping of str to iterable of numbers, each of shape (n_rows,)
            In the order in which the rows came about. A hole is None or NaN.
        nodeids : iterable of str, shape (n_rows,), optional
            Names of the rows, all different; what stands before ``::`` is the group that a row is
            compared in, if it stands there. "row-0" and so on if not given.
        units : mapping of str to (unit, kind), optional
            Of columns that are not plain values: ``{"disk": ("B", "level")}``.
        markers : iterable of iterable of str, shape (n_rows, any), optional
            Words that rows have in common and that may explain a pattern.

        Returns
        -------
        MetricTable

        Raises
        ------
        CrackleError
            If the columns are not of one length, a value is no number, or an id stands twice.

        Examples
        --------
        >>> MetricTable.from_columns({"rows": [3, 4, None], "seconds": [0.1, 0.2, 0.3]})
        <MetricTable of 3 tests and 2 metrics>
        """
        return cls.from_records(given_columns(columns, nodeids, units or {}, markers))

    def column(self, name: str) -> array[float]:
        """Return the column of a metric; all NaN if no test recorded it."""
        column = self.columns.get(name)
        return array("d", [NAN]) * self.n_tests if column is None else column

    def info(self, name: str) -> MetricInfo:
        """Return what is known about a metric."""
        return self.infos.get(name) or BUILTIN.get(name) or MetricInfo(name)

    def metrics_of(self, row: int) -> dict[str, float]:
        """Return the values that one test has."""
        pairs = ((name, column[row]) for name, column in self.columns.items())
        return {name: value for name, value in pairs if value == value}  # noqa: PLR0124 - NaN

    def run_orders(self) -> dict[str, list[int]]:
        """Return the rows of each worker in its run order; key "" without workers."""
        orders: dict[str, list[int]] = {}
        if len(set(self.workers)) == 1:
            orders[self.workers[0] or ""] = list(range(self.n_tests))
        else:
            for row, worker in enumerate(self.workers):
                orders.setdefault(worker or "", []).append(row)
        for rows in orders.values():
            rows.sort(key=self.seqs.__getitem__)  # rows of one place stay as they are, increasing
        return dict(sorted(orders.items()))


class TableBuilder:
    """Collect well-formed records as they arrive, compactly, and hand out the finished table.

    Parameters
    ----------
    per_worker : bool
        As in `MetricTable.from_records`.

    Attributes
    ----------
    refused : dict of node id to str
        The reason of each record that could not be taken in.
    """

    def __init__(self, *, per_worker: bool = False) -> None:
        self.per_worker = per_worker
        self.refused: dict[str, str] = {}
        self._columns = RecordColumns()
        self._waiting: list[Record] = []
        self._ends: dict[str, EndReading] = {}

    def __len__(self) -> int:
        return len(self._taken_in())

    def add(self, record: Record) -> None:
        """Take in one record; a later record of the same test replaces the earlier one.

        Parameters
        ----------
        record : Record
            As `check_record` returns it. It is kept for a while: nobody may change it any more.
        """
        waiting = self._waiting
        waiting.append(record)
        if len(waiting) == BATCH:
            self._taken_in()

    def end(self, worker: str, reading: EndReading) -> None:
        """Take in the last reading of a worker ("" without workers)."""
        self._ends[worker] = reading

    def _taken_in(self) -> RecordColumns:
        """Return the columns, with the records that wait taken in."""
        records, self._waiting = self._waiting, []
        try:
            self._columns.extend(records)
        except _UNFIT:
            for record in records:
                try:
                    self._columns.extend((record,))
                except _UNFIT as error:
                    self.refused[record["nodeid"]] = f"{type(error).__name__}: {error}"
        return self._columns

    def table(self) -> MetricTable:
        """Return the table, rows in collection order."""
        table, records = MetricTable(), self._taken_in()
        latest = latest_records(table, records, per_worker=self.per_worker)
        rows = [REPLACED] * len(records)
        for row, number in enumerate(latest):
            rows[number] = row
        add_facts(table, records, latest)
        add_columns(table, records, rows)
        _add_setups(table, records, rows)
        for number, record in records.rare.items():
            if (row := rows[number]) != REPLACED:
                _add_rare(table, row, record)
        for name, unit, kind in records.units:
            declare(table, name, unit, kind)  # type: ignore[arg-type] # checked where it came in
        for name in table.columns:
            table.infos.setdefault(name, BUILTIN.get(name) or MetricInfo(name))
        table.ends = dict(self._ends)
        if not all(map(lt, table.indexes, table.indexes[1:])):
            order = sorted(
                range(table.n_tests),
                key=lambda row: (table.indexes[row], table.workers[row] or "", row),
            )
            if order != list(range(table.n_tests)):
                permute(table, order)
        return table


def _add_setups(table: MetricTable, records: RecordColumns, rows: list[int]) -> None:
    seconds = iter(records.setup_seconds)
    names = zip(records.setup_owners, records.setup_names, seconds, seconds, strict=True)
    setups: dict[int, list[FixtureSetup]] = {}
    for number, (name, scope), wall, cpu in names:
        if (row := rows[number]) != REPLACED:
            known = as_written(name, table.modules[row])
            setups.setdefault(row, []).append(FixtureSetup(known, scope, wall, cpu))
    table.setups.update((row, tuple(some)) for row, some in setups.items())


def _add_rare(table: MetricTable, row: int, record: Record) -> None:
    """Take over what only some tests have to tell."""
    if state := record.get("state"):
        table.states[row] = tuple(StateChange(*change) for change in state)
    for key, sparse in (("opened", table.opened), ("closed", table.closed)):
        if identities := record.get(key):
            sparse[row] = {name: tuple(values) for name, values in identities.items()}  # type: ignore[attr-defined] # a dict of lists
    if modules := record.get("modules"):
        table.module_growth[row] = modules
    if ignore := record.get("ignore"):
        table.ignores[row] = tuple(ignore)
    if budgets := record.get("budgets"):
        table.budgets[row] = tuple(budgets)
