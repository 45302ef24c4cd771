"""Records as they arrive, in columns: what a controller keeps of each test until the end."""

from __future__ import annotations

import math
from array import array
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from pytest_crackle.model.record import Record

__all__ = ["Block", "Place", "RecordColumns", "Run", "Tags", "param_of"]

Place = tuple[str, str, str | None]
"""File, module and class."""
Run = tuple[str, str | None]
"""Outcome and worker."""
Tags = tuple[tuple[str, ...], tuple[str, ...]]
"""Fixtures and markers."""

_BLANK: Final[Record] = {
    "nodeid": "",
    "worker": None,
    "seq": -1,
    "attempt": -1,
    "outcome": "passed",
    "start": math.nan,
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
    "units": {},
    "setups": [],
    "blocks": 0,
}
"""What a record says where it says nothing; its further keys are rare."""


class Block(NamedTuple):
    """The values of all records that have the same metrics in the same order.

    Attributes
    ----------
    names : tuple of str
        The metrics.
    values : array of float, shape (n_records * n_metrics,)
        Record after record.
    """

    names: tuple[str, ...]
    values: array[float]


class RecordColumns:
    """Collect well-formed records compactly, in the order in which they arrive.

    Attributes
    ----------
    nodeids, functions : list of str, shape (n_records,)
    places, runs, tags, blocks : list of `Place`, `Run`, `Tags` and `Block`, shape (n_records,)
        One object for equal values, whatever process they are of.
    starts : array of float, shape (n_records,)
        Seconds since the epoch.
    numbers : array of int, shape (5 * n_records,)
        Of each record `seq`, `attempt`, `line`, `index` and `blocks`.
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
    Taking in a record is on the path of every test: it makes some 25 calls, of built-in functions
    but for one a fixture or parameter, and keeps about 240 bytes beside the node id.
    """

    def __init__(self) -> None:
        self.nodeids: list[str] = []
        self.functions: list[str] = []
        self.places: list[Place] = []
        self.runs: list[Run] = []
        self.tags: list[Tags] = []
        self.blocks: list[Block] = []
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
        self._known_blocks: dict[tuple[str, ...], Block] = {}
        self._known_setups: dict[tuple[str, str], tuple[str, str]] = {}

    def __len__(self) -> int:
        return len(self.nodeids)

    def add(self, record: Record) -> None:
        """Take in one record; a later record of the same test replaces the earlier one.

        Parameters
        ----------
        record : Record
            As `check_record` returns it.

        Raises
        ------
        TypeError, ValueError, OverflowError
            If a number is none or beyond 63 bits; such a record is left out whole.
        """
        full: Record = {**_BLANK, **record}
        number, nodeid = len(self.nodeids), full["nodeid"]
        # what may fail comes first, or the columns would get out of step
        values = array("d", full["metrics"].values())
        numbers = array(
            "q", (full["seq"], full["attempt"], full["line"], full["index"], full["blocks"])
        )
        start, tags = float(full["start"]), (tuple(full["fixtures"]), tuple(full["markers"]))
        for name, (unit, kind) in full["units"].items():
            self.units[name, unit, kind] = None
        if full["setups"]:
            self._add_setups(number, full["setups"])
        self.starts.append(start)
        self.numbers.extend(numbers)
        names = tuple(full["metrics"])
        block = self._known_blocks.get(names)
        if block is None:
            block = self._known_blocks[names] = Block(names, array("d"))
        block.values.extend(values)
        self.blocks.append(block)
        file, module, function = full["file"], full["module"], full["function"]
        place = (file, file if module == file else module, full["class"])
        run = (full["outcome"], full["worker"])
        self.places.append(self._known_places.setdefault(place, place))
        self.runs.append(self._known_runs.setdefault(run, run))
        self.tags.append(self._known_tags.setdefault(tags, tags))
        if function == nodeid:
            function = nodeid
        elif function:
            function = self._known_functions.setdefault(function, function)
        self.functions.append(function)
        if full["param"] and full["param"] != param_of(nodeid, function):
            self.params[number] = full["param"]
        if len(full) > len(_BLANK):
            self.rare[number] = {key: full[key] for key in full if key not in _BLANK}  # type: ignore[literal-required, assignment] # the keys of a record
        self.nodeids.append(nodeid)

    def _add_setups(self, number: int, setups: list[list[str | float]]) -> None:
        for name, scope, wall, cpu in setups:
            what = (str(name), str(scope))
            self.setup_seconds.extend(array("d", (wall, cpu)))  # type: ignore[arg-type] # as checked
            self.setup_owners.append(number)
            self.setup_names.append(self._known_setups.setdefault(what, what))


def param_of(nodeid: str, function: str) -> str:
    """Return what the node id has in brackets behind the function; "" without brackets."""
    if not nodeid.startswith(f"{function}[") or not nodeid.endswith("]"):
        return ""
    return nodeid[len(function) + 1 : -1]
