"""Records as they arrive, in columns: what a controller keeps of each test until the end."""

from __future__ import annotations

import math
from array import array
from itertools import repeat, starmap
from operator import itemgetter
from struct import Struct
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_crackle.model.record import Record

__all__ = ["Block", "Place", "RecordColumns", "Run", "Tags", "param_of"]

Place = tuple[str, str, str | None]
"""File, module and class."""
Run = tuple[str, str | None]
"""Outcome and worker."""
Tags = tuple[tuple[str, ...], tuple[str, ...]]
"""Fixtures and markers."""

_TOLD: Final[Record] = {
    "nodeid": "",
    "function": "",
    "file": "",
    "module": "",
    "outcome": "passed",
    "worker": None,
    "seq": -1,
    "attempt": -1,
    "index": -1,
    "start": math.nan,
    "metrics": {},
}
_UNTOLD: Final[Record] = {
    "class": None,
    "line": -1,
    "blocks": 0,
    "fixtures": [],
    "markers": [],
    "param": "",
    "units": {},
    "setups": [],
}
"""What the recorder always tells and what it tells of some tests, with what stands for nothing.

Further keys of a record are rare.
"""

_FIVE: Final = Struct("5q").pack
_GET_TOLD: Final = tuple(map(itemgetter, _TOLD))
_USUAL: Final = frozenset({*_TOLD, *_UNTOLD})


class Block(NamedTuple):
    """The values of all records that have the same metrics in the same order.

    Attributes
    ----------
    owners : array of int, shape (n_records,)
        Which records.
    values : array of float, shape (n_records * n_metrics,)
        Record after record.
    """

    owners: array[int]
    values: array[float]


class RecordColumns:
    """Collect well-formed records compactly, in the order in which they arrive.

    Attributes
    ----------
    nodeids, functions : list of str, shape (n_records,)
    places, runs, tags : list of `Place`, `Run` and `Tags`, shape (n_records,)
        One object for equal values, whatever process they are of.
    blocks : dict of metric names to Block
    starts : array of float, shape (n_records,)
        Seconds since the epoch.
    numbers : array of int, shape (5 * n_records,)
        Of each record `seq`, `attempt`, `index`, `line` and `blocks`.
    params : dict of record number to str
        Those that the node id does not tell.
    setup_owners : array of int, shape (n_setups,)
        The record of each fixture set-up.
    setup_names : list of (name, scope), shape (n_setups,)
    setup_seconds : array of float, shape (2 * n_setups,)
        Wall and CPU seconds of each.
    units : dict of (metric, unit, kind) to None
        What tests declared, in the order in which they did.
    rare : dict of record number to Record
        Keys that few records have.

    Notes
    -----
    Many records at a time cost a third of the machine instructions of one after the other: a
    column is extended by what runs in C. Each keeps about 240 bytes beside the node id.
    """

    def __init__(self) -> None:
        self.nodeids: list[str] = []
        self.functions: list[str] = []
        self.places: list[Place] = []
        self.runs: list[Run] = []
        self.tags: list[Tags] = []
        self.blocks: dict[tuple[str, ...], Block] = {}
        self.starts = array("d")
        self.numbers = array("q")
        self.params: dict[int, str] = {}
        self.setup_owners = array("q")
        self.setup_names: list[tuple[str, str]] = []
        self.setup_seconds = array("d")
        self.units: dict[tuple[str, str, str], None] = {}
        self.rare: dict[int, Record] = {}
        self._known_functions: dict[str, str] = {}
        self._known_places: dict[Place, Place] = {}
        self._known_runs: dict[Run, Run] = {}
        self._known_tags: dict[Tags, Tags] = {}
        self._known_setups: dict[tuple[str, str], tuple[str, str]] = {}

    def __len__(self) -> int:
        return len(self.nodeids)

    def extend(self, records: Iterable[Record]) -> None:
        """Take in records; a later record of the same test replaces the earlier one.

        Parameters
        ----------
        records : iterable of Record
            As `check_record` returns them.

        Raises
        ------
        TypeError, ValueError, OverflowError, struct.error
            If a number is none or beyond 63 bits; then none of the records is taken in.
        """
        batch = list(records)
        try:
            self._extend(batch)
        except KeyError:  # a worker that died says little of its test
            self._extend([{**_TOLD, **record} for record in batch])

    def _extend(self, batch: list[Record]) -> None:
        """Take in records that have at least what the recorder always tells.

        What may fail comes first, or the columns would get out of step.
        """
        first = len(self.nodeids)
        told: list[list[Any]] = [list(map(get, batch)) for get in _GET_TOLD]
        untold: list[list[Any]] = [
            list(map(dict.get, batch, repeat(key), repeat(nothing)))  # type: ignore[arg-type] # a typed dict
            for key, nothing in _UNTOLD.items()
        ]
        nodeids, functions, files, modules, outcomes, workers, *numbers, starts, metrics = told
        classes, lines, memory, fixtures, markers, params, declared, setups = untold
        places: list[Place] = list(zip(files, modules, classes, strict=True))
        runs: list[Run] = list(zip(outcomes, workers, strict=True))
        tags: list[Tags] = list(zip(map(tuple, fixtures), map(tuple, markers), strict=True))
        packed = b"".join(map(_FIVE, *numbers, lines, memory))
        times, blocks = array("d", starts), _blocks(metrics, first)
        units, timed = _units(declared), _setups(setups, first)
        self.units.update(units)
        for number, what, seconds in timed:
            self.setup_owners.append(number)
            self.setup_names.append(self._known_setups.setdefault(what, what))
            self.setup_seconds.extend(seconds)
        for names, (owners, values) in blocks.items():
            block = self.blocks.get(names)
            if block is None:
                block = self.blocks[names] = Block(array("q"), array("d"))
            block.owners.extend(owners)
            block.values.frombytes(values)
        self.numbers.frombytes(packed)
        self.starts.extend(times)
        self.nodeids += nodeids
        self.tags += map(self._known_tags.setdefault, tags, tags)
        self.places += map(self._known_places.setdefault, places, places)
        self.runs += map(self._known_runs.setdefault, runs, runs)
        share = self._known_functions.setdefault
        self.functions += [
            nodeid if function == nodeid else share(function, function)
            for nodeid, function in zip(nodeids, functions, strict=True)
        ]
        self.params |= {
            number: param
            for number, (nodeid, function, param) in enumerate(
                zip(nodeids, functions, params, strict=True), first
            )
            if param and nodeid != f"{function}[{param}]"
        }
        if not all(map(_USUAL.issuperset, batch)):
            self.rare |= {
                number: {key: record[key] for key in record if key not in _USUAL}  # type: ignore[literal-required, misc] # the keys of a record
                for number, record in enumerate(batch, first)
                if not _USUAL.issuperset(record)
            }


def _blocks(
    metrics: list[dict[str, float]], first: int
) -> dict[tuple[str, ...], tuple[array[int], bytes]]:
    """Return the numbers and values of the records by the names of their metrics."""
    groups: dict[tuple[str, ...], tuple[list[int], list[dict[str, float]]]] = {}
    names = list(map(tuple, metrics))
    if names and names == names[:1] * len(names):  # in a whole batch, as a rule
        groups[names[0]] = list(range(first, first + len(names))), metrics
    else:
        for number, (those, values) in enumerate(zip(names, metrics, strict=True), first):
            owners, members = groups.setdefault(those, ([], []))
            owners.append(number)
            members.append(values)
    return {
        those: (
            array("q", owners),
            b"".join(starmap(Struct(f"{len(those)}d").pack, map(dict.values, members))),
        )
        for those, (owners, members) in groups.items()
    }


def _units(declared: list[dict[str, list[str]]]) -> dict[tuple[str, str, str], None]:
    return {
        (name, unit, kind): None
        for units in filter(None, declared)
        for name, (unit, kind) in units.items()
    }


def _setups(
    setups: list[list[list[str | float]]], first: int
) -> list[tuple[int, tuple[str, str], array[float]]]:
    return [
        (number, (str(name), str(scope)), array("d", (float(wall), float(cpu))))
        for number, timed in enumerate(setups, first)
        if timed
        for name, scope, wall, cpu in timed
    ]


def param_of(nodeid: str, function: str) -> str:
    """Return what the node id has in brackets behind the function; "" without brackets."""
    opening = f"{function}["
    cut = len(opening)
    return nodeid[cut:-1] if nodeid[:cut] == opening and nodeid[-1] == "]" else ""
