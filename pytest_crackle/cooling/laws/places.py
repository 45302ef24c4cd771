"""Where a metric was recorded: the sets of tests that share an attribute, and the functions."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from itertools import compress, groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_crackle.cooling.suite import Suite

__all__ = ["Place", "Places"]


@dataclass(frozen=True, slots=True)
class Place:
    """Tests that share an attribute and recorded a metric.

    Attributes
    ----------
    type, name : str
        As of `Attribute`.
    rows : tuple of int
        Increasing.
    n_functions : int
        Functions that they belong to.
    n_all : int
        Tests that share the attribute, whether they recorded the metric or not.
    """

    type: str
    name: str
    rows: tuple[int, ...]
    n_functions: int
    n_all: int

    @property
    def label(self) -> str:
        """Type and name for anchors: ``fixture warehouse``."""
        return f"{self.type} {self.name}"


class Places:
    """The places of each metric; found once for metrics that the same tests recorded.

    Parameters
    ----------
    suite : Suite
    least : int
        Fewest tests of a place.
    """

    def __init__(self, suite: Suite, least: int) -> None:
        self.suite = suite
        self.least = least
        self._shared: dict[tuple[int, ...], tuple[Place, ...]] = {}
        self._functions: dict[tuple[int, ...], tuple[Place, ...]] = {}

    @cached_property
    def _sizes(self) -> Counter[int]:
        return Counter(map(self.suite.function_codes.__getitem__, self.suite.rows))

    def shared(self, rows: tuple[int, ...]) -> tuple[Place, ...]:
        """Return the places that span three or more functions, fixtures first."""
        found = self._shared.get(rows)
        if found is None:
            found = self._shared[rows] = tuple(self._find_shared(rows))
        return found

    def functions(self, rows: tuple[int, ...]) -> tuple[Place, ...]:
        """Return the functions, by their first test."""
        found = self._functions.get(rows)
        if found is None:
            found = self._functions[rows] = tuple(self._find_functions(rows))
        return found

    def _find_shared(self, rows: tuple[int, ...]) -> Iterable[Place]:
        suite, codes = self.suite, self.suite.function_codes
        everywhere = rows is suite.rows
        has = [0] * suite.n_tests
        for row in rows:
            has[row] = 1
        for attribute in suite.attributes:
            if attribute.type == "function" or len(attribute.rows) < self.least:
                continue
            members = attribute.rows
            if not everywhere:
                members = tuple(compress(members, map(has.__getitem__, members)))
            if len(members) < self.least:
                continue
            n_functions = len(set(map(codes.__getitem__, members)))
            if n_functions >= 3:
                size = len(attribute.rows)
                yield Place(attribute.type, attribute.name, members, n_functions, size)

    def _find_functions(self, rows: tuple[int, ...]) -> Iterable[Place]:
        codes, names = self.suite.function_codes, self.suite.table.functions
        members: dict[int, list[int]] = {}
        for code, run in groupby(rows, codes.__getitem__):
            members.setdefault(code, []).extend(run)
        for code, some in members.items():
            if len(some) >= self.least:
                yield Place("function", names[some[0]], tuple(some), 1, self._sizes[code])
