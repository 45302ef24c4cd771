"""The table that the cooling reads: tests as rows, metrics as columns, NaN where missing."""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from pytest_crackle.model.metrics import BUILTIN, MetricInfo
from pytest_crackle.model.record import check_record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from pytest_crackle.model.metrics import MetricKind
    from pytest_crackle.model.record import Record

__all__ = ["EndReading", "FixtureSetup", "MetricTable", "StateChange", "TableBuilder"]

NAN: Final = math.nan


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


_BLANK: Final[Record] = {
    "nodeid": "",
    "worker": None,
    "seq": -1,
    "attempt": -1,
    "outcome": "passed",
    "start": NAN,
    "file": "",
    "line": -1,
    "module": "",
    "class": None,
    "function": "",
    "param": "",
    "index": -1,
    "fixtures": [],
    "markers": [],
    "metrics": {},
}
"""What a record says where it says nothing; its further keys are sparse."""


class _Fact(NamedTuple):
    """What is kept of one record beside its metrics."""

    nodeid: str
    worker: str | None
    seq: int
    attempt: int
    outcome: str
    start: float
    file: str
    line: int
    module: str
    class_: str | None
    function: str
    param: str
    place: int
    fixtures: tuple[str, ...]
    markers: tuple[str, ...]


class TableBuilder:
    """Collect well-formed records as they arrive, compactly, and hand out the finished table.

    Parameters
    ----------
    per_worker : bool
        As in `MetricTable.from_records`.

    Notes
    -----
    Taking in a record is on the path of every test: it makes some twenty calls and keeps about
    300 bytes. The values of records with the same metrics in the same order lie in one array.
    """

    def __init__(self, *, per_worker: bool = False) -> None:
        self.per_worker = per_worker
        self._facts: list[_Fact] = []
        self._shapes: dict[tuple[str, ...], tuple[array[float], list[int]]] = {}
        self._extras: dict[int, Record] = {}
        self._strings: dict[str, str] = {}
        self._tuples: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._ends: dict[str, EndReading] = {}

    def __len__(self) -> int:
        return len(self._facts)

    def add(self, record: Record) -> None:
        """Take in one record; a later record of the same test replaces the earlier one."""
        full: Record = {**_BLANK, **record}
        number = len(self._facts)
        metrics = full["metrics"]
        shape = tuple(metrics)
        held = self._shapes.get(shape)
        if held is None:
            held = self._shapes[shape] = (array("d"), [])
        held[0].extend(metrics.values())
        held[1].append(number)
        # one object for equal values, whatever process they are of
        same, together = self._strings.setdefault, self._tuples.setdefault
        worker, outcome, file = full["worker"], full["outcome"], full["file"]
        module, class_, function = full["module"], full["class"], full["function"]
        fixtures, markers = tuple(full["fixtures"]), tuple(full["markers"])
        self._facts.append(
            _Fact(
                full["nodeid"],
                worker and same(worker, worker),
                full["seq"],
                full["attempt"],
                same(outcome, outcome),
                full["start"],
                same(file, file),
                full["line"],
                same(module, module),
                class_ and same(class_, class_),
                same(function, function),
                full["param"],
                full["index"],
                together(fixtures, fixtures),
                together(markers, markers),
            )
        )
        if len(full) > len(_BLANK):
            self._extras[number] = {key: full[key] for key in full if key not in _BLANK}  # type: ignore[literal-required, assignment] # the keys of a record

    def end(self, worker: str, reading: EndReading) -> None:
        """Take in the last reading of a worker ("" without workers)."""
        self._ends[worker] = reading

    def table(self) -> MetricTable:
        """Return the table, rows in collection order."""
        table = MetricTable()
        rows: dict[object, int] = {}
        latest: list[int] = []  # by row: the number of its last record
        attempts: list[int] = []
        for number, fact in enumerate(self._facts):
            key = (fact.nodeid, fact.worker) if self.per_worker else fact.nodeid
            row = rows.setdefault(key, len(latest))
            given = fact.attempt
            if row == len(latest):
                latest.append(number)
                attempts.append(max(given, 0))
            else:
                latest[row] = number
                attempts[row] = given if given > 0 else attempts[row] + 1
        _add_facts(table, [self._facts[number] for number in latest], attempts)
        places = {number: row for row, number in enumerate(latest)}
        _add_columns(table, self._shapes, places)
        for number, record in self._extras.items():
            if (place := places.get(number)) is not None:
                _add_sparse(table, place, record, self._strings.setdefault)
        for name in table.columns:
            table.infos.setdefault(name, BUILTIN.get(name) or MetricInfo(name))
        table.ends = dict(self._ends)
        order = sorted(
            range(table.n_tests),
            key=lambda row: (table.indexes[row], table.workers[row] or "", row),
        )
        if any(row != place for place, row in enumerate(order)):
            _permute(table, order)
        return table


def _add_facts(table: MetricTable, facts: list[_Fact], attempts: list[int]) -> None:
    """Fill the columns that say what each test is."""
    arrived: dict[str | None, int] = {}
    for row, fact in enumerate(facts):
        nodeid, seq = fact.nodeid, fact.seq
        if seq < 0:
            seq = arrived.get(fact.worker, 0)
            arrived[fact.worker] = seq + 1
        module = fact.module or nodeid.partition("::")[0]
        function = fact.function or nodeid.partition("[")[0]
        head = function.rpartition("::")[0]
        table.nodeids.append(nodeid)
        table.workers.append(fact.worker)
        table.seqs.append(seq)
        table.outcomes.append(fact.outcome)
        table.starts.append(fact.start)
        table.files.append(fact.file or module)
        table.lines.append(fact.line if fact.line >= 0 else None)
        table.modules.append(module)
        table.functions.append(nodeid if function == nodeid else function)
        table.classes.append(fact.class_ or (head if head != module else None) or None)
        table.params.append(fact.param or None)
        table.indexes.append(fact.place if fact.place >= 0 else row)
        table.fixtures.append(fact.fixtures)
        table.markers.append(fact.markers)
    table.attempts = attempts


def _add_columns(
    table: MetricTable,
    shapes: dict[tuple[str, ...], tuple[array[float], list[int]]],
    places: dict[int, int],
) -> None:
    for shape, (flat, numbers) in shapes.items():
        rows = [places.get(number) for number in numbers]
        for position, name in enumerate(shape):
            column = table.columns.get(name)
            if column is None:
                column = table.columns[name] = array("d", [NAN]) * table.n_tests
            for row, value in zip(rows, flat[position :: len(shape)], strict=True):
                if row is not None:
                    column[row] = value


def _add_sparse(
    table: MetricTable, row: int, record: Record, same: Callable[[str, str], str]
) -> None:
    """Take over what only some tests have to tell."""
    for name, (unit, kind) in record.get("units", {}).items():
        _declare(table, name, unit, kind)  # type: ignore[arg-type] # checked where it came in
    if setups := record.get("setups"):
        table.setups[row] = tuple(
            FixtureSetup(same(name, name), same(scope, scope), wall, cpu)  # type: ignore[arg-type] # as checked
            for name, scope, wall, cpu in setups
        )
    if state := record.get("state"):
        table.states[row] = tuple(StateChange(*change) for change in state)
    for key, sparse in (("opened", table.opened), ("closed", table.closed)):
        if identities := record.get(key):
            sparse[row] = {name: tuple(values) for name, values in identities.items()}  # type: ignore[attr-defined] # a dict of lists
    if modules := record.get("modules"):
        table.module_growth[row] = modules
    if blocks := record.get("blocks"):
        table.blocks[row] = blocks
    if ignore := record.get("ignore"):
        table.ignores[row] = tuple(ignore)
    if budgets := record.get("budgets"):
        table.budgets[row] = tuple(budgets)


def _declare(table: MetricTable, name: str, unit: str, kind: MetricKind) -> None:
    known = table.infos.setdefault(name, MetricInfo(name, unit, kind))
    if (known.unit, known.kind) != (unit, kind):
        sentence = f"{name} is recorded as {known.kind} in {known.unit} and as {kind} in {unit}"
        if sentence not in table.conflicts:
            table.conflicts += (sentence,)


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
