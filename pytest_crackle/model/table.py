"""The table that the cooling reads: tests as rows, metrics as columns, NaN where missing."""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from pytest_crackle.model.metrics import BUILTIN, MetricInfo
from pytest_crackle.model.record import check_record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pytest_crackle.model.metrics import MetricKind
    from pytest_crackle.model.record import Record

__all__ = ["EndReading", "FixtureSetup", "MetricTable", "StateChange", "TableBuilder"]

NAN: Final = math.nan
_T = TypeVar("_T")


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
    """Tests in collection order by metrics; build it with `from_records` or a `TableBuilder`.

    Attributes
    ----------
    n_tests : int
    columns : dict of str to array of float, each of shape (n_tests,)
        NaN where a test has no value. Base units.
    infos : dict of str to MetricInfo
    nodeids, files, modules, functions, outcomes : list of str, shape (n_tests,)
        `functions` holds the node id without parameters.
    lines : list of int or None; classes, params, workers : list of str or None
    attempts, indexes, seqs : list of int
    starts : list of float
        Seconds since the epoch; NaN where unknown.
    fixtures, markers : list of tuple of str
    setups, states, opened, closed, module_growth, blocks, ignores, budgets : dict of row to value
        Sparse: only rows that have something to tell.
    ends : dict of worker to EndReading
        The last reading of each worker; key "" without workers.
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
        self.params: list[str | None] = []
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
        self.ends: dict[str, EndReading] = {}
        self.conflicts: tuple[str, ...] = ()

    @property
    def n_tests(self) -> int:
        """The number of rows."""
        return len(self.nodeids)

    def __len__(self) -> int:
        return len(self.nodeids)

    @classmethod
    def from_records(cls, records: Iterable[object], *, per_worker: bool = False) -> MetricTable:
        """Build a table from records as `check_record` describes them.

        Parameters
        ----------
        records : iterable of mapping
            In the order in which the tests ran, where they carry no `seq`.
        per_worker : bool
            Keep one row per worker for the same node id (``--dist each``); otherwise a later
            record of a node id is a further attempt and replaces the earlier one.

        Returns
        -------
        MetricTable

        Raises
        ------
        CrackleError
            If a record is not well formed; the message names the key.
        """
        builder = TableBuilder(per_worker=per_worker)
        for record in records:
            builder.add(check_record(record))
        return builder.table()

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
        for row, worker in enumerate(self.workers):
            orders.setdefault(worker or "", []).append(row)
        for rows in orders.values():
            rows.sort(key=lambda row: (self.seqs[row], row))
        return dict(sorted(orders.items()))


class TableBuilder:
    """Collect well-formed records as they arrive, in columns, and hand out the finished table.

    Parameters
    ----------
    per_worker : bool
        As in `MetricTable.from_records`.
    """

    def __init__(self, *, per_worker: bool = False) -> None:
        self.per_worker = per_worker
        self._table = MetricTable()
        self._rows: dict[object, int] = {}
        self._names: dict[object, object] = {}
        self._arrived: dict[str | None, int] = {}

    def __len__(self) -> int:
        return len(self._table.nodeids)

    def __contains__(self, nodeid: str) -> bool:
        return nodeid in self._rows

    def _same(self, value: _T) -> _T:
        return self._names.setdefault(value, value)  # type: ignore[return-value] # equal values

    def add(self, record: Record) -> None:
        """Take in one record; a later record of the same test replaces the earlier one."""
        table = self._table
        nodeid, worker = record["nodeid"], record.get("worker")
        key: object = (nodeid, worker) if self.per_worker else nodeid
        row = self._rows.setdefault(key, len(table.nodeids))
        seq = record.get("seq")
        if seq is None:
            seq = self._arrived.get(worker, 0)
            self._arrived[worker] = seq + 1
        if row == len(table.nodeids):
            attempt = record.get("attempt", 0)
            self._append_row(record)
        else:
            attempt = record.get("attempt") or table.attempts[row] + 1
            for column in table.columns.values():
                if row < len(column):
                    column[row] = NAN
            for sparse in _sparse(table):
                sparse.pop(row, None)
        table.attempts[row] = attempt
        table.outcomes[row] = self._same(record.get("outcome", "passed"))
        table.workers[row] = self._same(worker)
        table.seqs[row] = seq
        table.starts[row] = record.get("start", NAN)
        self._add_metrics(row, record)
        self._add_sparse(row, record)

    def _append_row(self, record: Record) -> None:
        table, same, nodeid = self._table, self._same, record["nodeid"]
        function = record.get("function") or nodeid.partition("[")[0]
        module = record.get("module") or nodeid.partition("::")[0]
        head, _, _ = function.rpartition("::")
        table.nodeids.append(nodeid)
        table.modules.append(same(module))
        table.functions.append(same(nodeid if function == nodeid else function))
        table.classes.append(
            same(record.get("class") or (head if head != module else None) or None)
        )
        table.files.append(same(record.get("file") or module))
        table.lines.append(record.get("line"))
        table.params.append(record.get("param"))
        table.indexes.append(record.get("index", len(table.nodeids) - 1))
        table.fixtures.append(same(tuple(record.get("fixtures", ()))))
        table.markers.append(same(tuple(record.get("markers", ()))))
        table.outcomes.append("")
        table.attempts.append(0)
        table.workers.append(None)
        table.seqs.append(0)
        table.starts.append(NAN)

    def _add_metrics(self, row: int, record: Record) -> None:
        columns = self._table.columns
        for name, value in record["metrics"].items():
            column = columns.get(name)
            if column is None:
                columns[name] = column = array("d")
            if (gap := row - len(column)) >= 0:
                if gap:
                    column.extend([NAN] * gap)
                column.append(value)
            else:
                column[row] = value
        for name, (unit, kind) in record.get("units", {}).items():
            self._declare(name, unit, kind)  # type: ignore[arg-type] # checked where it came in

    def _declare(self, name: str, unit: str, kind: MetricKind) -> None:
        infos = self._table.infos
        known = infos.setdefault(name, MetricInfo(name, unit, kind))
        if (known.unit, known.kind) != (unit, kind):
            sentence = f"{name} is recorded as {known.kind} in {known.unit} and as {kind} in {unit}"
            if sentence not in self._table.conflicts:
                self._table.conflicts += (sentence,)

    def _add_sparse(self, row: int, record: Record) -> None:
        table, same = self._table, self._same
        if setups := record.get("setups"):
            table.setups[row] = tuple(
                FixtureSetup(same(name), same(scope), wall, cpu)  # type: ignore[arg-type] # as checked
                for name, scope, wall, cpu in setups
            )
        if state := record.get("state"):
            table.states[row] = tuple(StateChange(*map(same, change)) for change in state)
        for key, sparse in (("opened", table.opened), ("closed", table.closed)):
            if identities := record.get(key):
                sparse[row] = {name: tuple(values) for name, values in identities.items()}  # type: ignore[attr-defined] # a dict of lists
        if modules := record.get("modules"):
            table.module_growth[row] = modules
        if blocks := record.get("blocks"):
            table.blocks[row] = blocks
        if ignore := record.get("ignore"):
            table.ignores[row] = same(tuple(ignore))
        if budgets := record.get("budgets"):
            table.budgets[row] = same(tuple(budgets))

    def count(self, nodeid: str, metric: str, amount: float) -> None:
        """Add to a metric of a test that has been taken in; do nothing if there is no such test."""
        row = self._rows.get(nodeid)
        column = self._table.columns.get(metric)
        if row is not None and column is not None and row < len(column):
            column[row] += amount

    def end(self, worker: str, reading: EndReading) -> None:
        """Take in the last reading of a worker ("" without workers)."""
        self._table.ends[worker] = reading

    def table(self) -> MetricTable:
        """Return the table, rows in collection order; the builder is spent."""
        table = self._table
        n = table.n_tests
        for column in table.columns.values():
            column.extend([NAN] * (n - len(column)))
        for name in table.columns:
            table.infos.setdefault(name, BUILTIN.get(name) or MetricInfo(name))
        order = sorted(
            range(n), key=lambda row: (table.indexes[row], table.workers[row] or "", row)
        )
        if any(row != place for place, row in enumerate(order)):
            _permute(table, order)
        return table


def _sparse(table: MetricTable) -> Iterator[dict[int, object]]:
    yield from (  # type: ignore[misc] # dicts of different values
        table.setups,
        table.states,
        table.opened,
        table.closed,
        table.module_growth,
        table.blocks,
        table.ignores,
        table.budgets,
    )


def _permute(table: MetricTable, order: list[int]) -> None:
    places = {row: place for place, row in enumerate(order)}
    for name, column in table.columns.items():
        table.columns[name] = array("d", [column[row] for row in order])
    for name, value in vars(table).items():
        if isinstance(value, list):
            setattr(table, name, [value[row] for row in order])
    for sparse in _sparse(table):
        moved = sorted((places[row], value) for row, value in sparse.items())
        sparse.clear()
        sparse.update(moved)
