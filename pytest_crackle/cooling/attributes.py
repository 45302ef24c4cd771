"""What sets of tests have in common: fixtures, functions, classes, modules, markers, folders."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final

from pytest_crackle.model.pattern import Explanation

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pytest_crackle.model.table import MetricTable

__all__ = ["TYPES", "Attribute", "attributes_of", "explain"]

TYPES: Final = ("fixture", "function", "class", "module", "marker", "directory")
"""Of attributes with the same tests the first of these types names them all."""

COMMON: Final = 0.9
"""An attribute of more than this share of the tests tells nothing."""

_DULL: Final = frozenset(
    {
        *("request", "pytestconfig", "monkeypatch", "recwarn", "doctest_namespace", "subtests"),
        *("capfd", "capfdbinary", "caplog", "capsys", "capsysbinary", "capteesys"),
        *("tmp_path", "tmp_path_factory", "tmpdir", "tmpdir_factory"),
        *("record_property", "record_testsuite_property", "record_xml_attribute", "record_metric"),
    }
)
"""Fixtures of pytest's and ours that say how a test looks at what it does, not what that is."""

_SLOW: Final = re.compile(
    r"(?:^|_)(?:x?slow|veryslow|slower|slowest|slowtest|long|longrun|longrunning|heavy|expensive"
    r"|timeout|benchmark|perf|performance|stress)(?:_|$)",
    re.IGNORECASE,
)
"""Markers that say of a test that it takes long: whoever set them knows."""

_Traits = tuple[str | None, str, tuple[str, ...], tuple[str, ...]]
"""Class, module, fixtures and markers of a test."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """Something that two or more tests share, and their rows in increasing order."""

    type: str
    name: str
    rows: tuple[int, ...]

    @property
    def label(self) -> str:
        """Type and name for people and for anchors: ``fixture warehouse``."""
        return f"{self.type} {self.name}"

    @property
    def rank(self) -> int:
        """Place of the type in the order of preference."""
        return TYPES.index(self.type)

    @property
    def says_slow(self) -> bool:
        """Whether it is a marker that says so itself: that its tests cost much is no news."""
        return self.type == "marker" and _SLOW.search(self.name) is not None


def attributes_of(table: MetricTable, rows: Sequence[int]) -> tuple[Attribute, ...]:
    """Find all attributes that two or more of the rows share.

    Parameters
    ----------
    table : MetricTable
    rows : sequence of int
        Rows that count, increasing.

    Returns
    -------
    tuple of Attribute
        Without those of more than 90 % of the rows; one for each set of rows, the first by `TYPES`
        and name. Sorted by type and name.

    Notes
    -----
    O(rows x attributes per row).
    """
    members: dict[tuple[str, str], list[int]] = {}
    alike: dict[_Traits, list[list[int]]] = {}
    columns = (table.classes, table.modules, table.fixtures, table.markers)
    traits = zip(*(map(column.__getitem__, rows) for column in columns), strict=True)
    stop = 0
    for own, run in groupby(traits):  # neighbours mostly share them all
        lists = alike.get(own)
        if lists is None:
            lists = alike[own] = [members.setdefault(key, []) for key in _keys_of(own)]
        start, stop = stop, stop + len(list(run))
        for some in lists:
            some.extend(rows[start:stop])
    if len(set(table.functions)) < table.n_tests:
        for function, cases in groupby(rows, table.functions.__getitem__):
            members.setdefault(("function", function), []).extend(cases)
    most = COMMON * len(rows)
    by_rows: dict[tuple[int, ...], tuple[str, str]] = {}
    shared = [key for key, found in members.items() if 2 <= len(found) <= most]
    for key in sorted(shared, key=lambda key: (TYPES.index(key[0]), key[1])):
        by_rows.setdefault(tuple(members[key]), key)
    return tuple(Attribute(type_, name, found) for found, (type_, name) in by_rows.items())


def _keys_of(traits: _Traits) -> set[tuple[str, str]]:
    class_, module, fixtures, markers = traits
    keys = {("fixture", name) for name in fixtures if name not in _DULL}
    keys.update(("marker", name) for name in markers)
    keys.add(("module", module))
    if class_:
        keys.add(("class", class_))
    if "/" in module:
        keys.add(("directory", module.rpartition("/")[0]))
    return keys


def explain(
    members: Iterable[int], attributes: Iterable[Attribute], n_tests: int
) -> Explanation | None:
    """Find the attribute that best names a set of tests.

    Parameters
    ----------
    members : iterable of int
        Rows of the set.
    attributes : iterable of Attribute
    n_tests : int
        All rows that count.

    Returns
    -------
    Explanation or None
        The attribute of highest F1 (to two digits, then by type) that holds at least half of the
        set; None if there is none. `precision` is the share of the attribute's tests that are in
        the set, `recall` the share of the set that has the attribute.
    """
    wanted = set(members)
    best: tuple[float, int] | None = None
    answer: Explanation | None = None
    for attribute in attributes:
        hits = len(wanted.intersection(attribute.rows))
        if 2 * hits < len(wanted) or not hits:
            continue
        precision, recall = hits / len(attribute.rows), hits / len(wanted)
        score = (round(2 * precision * recall / (precision + recall), 2), -attribute.rank)
        if best is None or score > best:
            best = score
            lift = recall / (len(attribute.rows) / n_tests)
            answer = Explanation(attribute.type, attribute.name, precision, recall, lift)
    return answer
