"""From records to the rows of a table: the last record of each test, column by column."""

from __future__ import annotations

import math
from array import array
from typing import TYPE_CHECKING, Final

from pytest_crackle.model.metrics import MetricInfo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_crackle.model.metrics import MetricKind
    from pytest_crackle.model.recordcolumns import RecordColumns
    from pytest_crackle.model.table import MetricTable

__all__ = ["REPLACED", "add_columns", "add_facts", "declare", "latest_records", "permute"]

NAN: Final = math.nan
REPLACED: Final = -1
"""The row of a record that is of an earlier attempt."""


def latest_records(table: MetricTable, records: RecordColumns, *, per_worker: bool) -> list[int]:
    """Return by row the number of its last record; note the attempts before it in the table."""
    attempts, runs = records.numbers[1::5], records.runs
    keys: list[object] = [*records.nodeids]
    if per_worker:
        keys = [(nodeid, worker) for nodeid, (_, worker) in zip(keys, runs, strict=True)]
    if len(set(keys)) == len(keys):
        table.attempts = [given if given > 0 else 0 for given in attempts]
        return list(range(len(keys)))
    rows: dict[object, int] = {}
    latest: list[int] = []
    for number, (key, given) in enumerate(zip(keys, attempts, strict=True)):
        row = rows.setdefault(key, len(latest))
        if row == len(latest):
            latest.append(number)
            table.attempts.append(max(given, 0))
        else:
            outcome, _ = runs[latest[row]]
            table.retried[row] = (*table.retried.get(row, ()), outcome)
            latest[row] = number
            table.attempts[row] = given if given > 0 else table.attempts[row] + 1
    return latest


def add_facts(table: MetricTable, records: RecordColumns, latest: list[int]) -> None:
    """Fill the columns that say what each test is; one after the other, for speed."""
    nodeids = table.nodeids = [records.nodeids[number] for number in latest]
    runs = [records.runs[number] for number in latest]
    table.outcomes, table.workers = [run[0] for run in runs], [run[1] for run in runs]
    table.starts = [records.starts[number] for number in latest]
    tags = [records.tags[number] for number in latest]
    table.fixtures, table.markers = [tag[0] for tag in tags], [tag[1] for tag in tags]
    numbers = records.numbers
    table.seqs = _run_positions([numbers[5 * number] for number in latest], table.workers)
    lines = [numbers[5 * number + 3] for number in latest]
    table.lines = [line if line >= 0 else None for line in lines]
    indexes = [numbers[5 * number + 2] for number in latest]
    table.indexes = [index if index >= 0 else row for row, index in enumerate(indexes)]
    table.blocks = {
        row: blocks for row, number in enumerate(latest) if (blocks := numbers[5 * number + 4])
    }
    places = [records.places[number] for number in latest]
    modules = table.modules = [
        module or nodeid.partition("::")[0]
        for nodeid, (_, module, _) in zip(nodeids, places, strict=True)
    ]
    table.files = [place[0] or module for place, module in zip(places, modules, strict=True)]
    functions = table.functions = [
        records.functions[number] or nodeid.partition("[")[0]
        for nodeid, number in zip(nodeids, latest, strict=True)
    ]
    heads = {function: function.rpartition("::")[0] for function in set(functions)}
    table.classes = [
        place[2] or (heads[function] if heads[function] != module else None) or None
        for place, function, module in zip(places, functions, modules, strict=True)
    ]
    rows_of = dict(zip(latest, range(len(latest)), strict=True)) if records.params else {}
    table.told_params = {
        row: param
        for number, param in records.params.items()
        if (row := rows_of.get(number)) is not None
    }


def _run_positions(seqs: list[int], workers: list[str | None]) -> list[int]:
    """Return the positions in the run order; where they are not told, those of the arrival."""
    arrived: dict[str | None, int] = {}
    for row, worker in enumerate(workers):
        if seqs[row] < 0:
            seqs[row] = arrived.get(worker, 0)
            arrived[worker] = seqs[row] + 1
    return seqs


def add_columns(table: MetricTable, records: RecordColumns, rows: list[int]) -> None:
    """Fill the metrics, one column after the other: the memory of one is enough."""
    every = list(range(table.n_tests))
    for names, block in records.blocks.items():
        owners = [rows[number] for number in block.owners]
        is_whole = owners == every
        for position, name in enumerate(names):
            values = block.values[position :: len(names)]
            column = table.columns.get(name)
            if column is None:
                if is_whole:  # nothing to be sorted in: the usual case
                    table.columns[name] = values
                    continue
                column = table.columns[name] = array("d", [NAN]) * table.n_tests
            for row, value in zip(owners, values, strict=True):
                if row != REPLACED:
                    column[row] = value


def declare(table: MetricTable, name: str, unit: str, kind: MetricKind) -> None:
    """Take in what a test declared of a metric; note where two contradict each other."""
    info = MetricInfo(name, unit, kind)
    known = table.infos.setdefault(name, info)
    if agreed := known.agreed(info):
        table.infos[name] = agreed
    else:
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
        table.retried,
        table.told_params,
    )


def permute(table: MetricTable, order: list[int]) -> None:
    """Put the rows into another order."""
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
