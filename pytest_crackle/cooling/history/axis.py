"""Runs in words: when something began, and between which commits."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from pytest_crackle.model.pattern import RunValue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_crackle.cooling.history.comparable import Comparable
    from pytest_crackle.model.past import Past, PastRun

__all__ = ["CONFIRMED", "Axis"]

CONFIRMED: Final = 3
"""Runs in a row, this one included, that make a suspicion a fact (and a recovery one)."""
_SHORT: Final = 7


class Axis:
    """The compared runs by their place; the place after the last one is this run.

    Parameters
    ----------
    against : Comparable
    """

    def __init__(self, against: Comparable) -> None:
        self._runs = against.runs
        self._past = against.past

    def number(self, place: int) -> int:
        """Return the number of a past run."""
        return self._runs[place].number

    def runs_since(self, place: int) -> int:
        """Return how many runs there are from this place on, this run included."""
        return len(self._runs) + 1 - place

    def since(self, last_good: int, first_bad: int) -> str:
        """Say since when, with the range of commits in which it began.

        Examples: ``in this run (3f2a91c..8b7e001)``,
        ``since run 14 (2026-11-20, 3f2a91c..8b7e001)``,
        ``since run 14 (2026-11-20, on the same commit 3f2a91c as run 13)``.
        """
        facts = []
        if first_bad < len(self._runs):
            run = self._runs[first_bad]
            begun = f"since run {run.number}"
            facts.append(run.started[:10])
        else:
            begun = "in this run"
        facts.append(self._commits(last_good, first_bad))
        text = ", ".join(fact for fact in facts if fact)
        return f"{begun} ({text})" if text else begun

    def course(
        self, columns: Sequence[Sequence[float]], units: Sequence[int], first_bad: int
    ) -> tuple[RunValue, ...]:
        """Return the sum over some units in each run, this one last.

        Parameters
        ----------
        columns : sequence of sequence of float, shape (n_runs, n_units)
        units : sequence of int
        first_bad : int
            Place of the first run after the change.

        Returns
        -------
        tuple of RunValue
            Without runs in which one of the units has no value.
        """
        sums = [math.fsum(column[unit] for unit in units) for column in columns]
        numbers = [*(run.number for run in self._runs), None]
        return tuple(
            RunValue(number, value, place >= first_bad)
            for place, (number, value) in enumerate(zip(numbers, sums, strict=True))
            if math.isfinite(value)
        )

    def _commits(self, last_good: int, first_bad: int) -> str:
        good, bad = self._commit(last_good), self._commit(first_bad)
        if good is None or bad is None:
            return ""
        if good != bad:
            return f"{good[:_SHORT]}..{bad[:_SHORT]}"
        place = self._runs[last_good].number
        if self._dirty(last_good) or self._dirty(first_bad):
            return f"commit {bad[:_SHORT]} with changes"
        return f"on the same commit {bad[:_SHORT]} as run {place}"

    def _commit(self, place: int) -> str | None:
        return self._at(place).commit

    def _dirty(self, place: int) -> bool:
        return self._at(place).dirty

    def _at(self, place: int) -> PastRun | Past:
        return self._runs[place] if place < len(self._runs) else self._past
