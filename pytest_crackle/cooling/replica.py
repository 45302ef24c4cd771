"""The rows of one replica of a session, and which of a finding's tests are among them."""

from __future__ import annotations

from itertools import compress
from operator import itemgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Members", "ReplicaRows"]


class ReplicaRows(list[int]):
    """Sorted rows that know of each row of the table whether it is one of them.

    Parameters
    ----------
    rows : iterable of int
        Sorted.
    marks : bytes, shape (n_tests,)
        1 for these rows, 0 for the others.
    """

    def __init__(self, rows: Iterable[int], marks: bytes | bytearray) -> None:
        super().__init__(rows)
        self.marks = marks

    def including(self, always: Sequence[int]) -> ReplicaRows:
        """Return these rows with a few more; themselves if they are there."""
        missing = {row for row in always if not self.marks[row]}
        if not missing:
            return self
        marks = bytearray(self.marks)
        for row in missing:
            marks[row] = 1
        return ReplicaRows(sorted([*self, *missing]), marks)


class Members:
    """The tests of a finding, to be looked up in many replicas.

    Parameters
    ----------
    rows : iterable of int

    Attributes
    ----------
    rows : tuple of int
        Sorted, each once.
    """

    def __init__(self, rows: Iterable[int]) -> None:
        self.rows = tuple(sorted(set(rows)))
        # an item getter of one item would return it bare
        self._marks_of = itemgetter(*self.rows) if len(self.rows) > 1 else None

    def marks(self, rows: Sequence[int]) -> Sequence[int]:
        """Tell of each member, by 1 or 0, whether it is among the rows, which are sorted.

        Notes
        -----
        One call for the rows of a replica; O(members + rows) for any others.
        """
        if self._marks_of is not None and isinstance(rows, ReplicaRows):
            marks: Sequence[int] = self._marks_of(rows.marks)
            return marks
        return list(map(int, map(set(rows).__contains__, self.rows)))

    def among(self, rows: Sequence[int]) -> list[int]:
        """Return the members that are among the rows, sorted."""
        return list(compress(self.rows, self.marks(rows)))
