"""Which changes and drifts explain one series, from the whole of it down to its parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.changepoints.drift import best_bend, form_of, line_slope
from pytest_crackle.cooling.changepoints.rank_scan import RankScan, log_max_p
from pytest_crackle.cooling.changepoints.segmentation import ChangeKind, ChangePoint, Drift

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_crackle.cooling.changepoints.autocorrelation import Noise
    from pytest_crackle.cooling.changepoints.drift import Form

__all__ = ["MAX_CHANGES", "Explainer", "Limits"]

MAX_CHANGES: Final = 50  # a series with more is not described by its changes
_MOVES: Final = 10  # of all changes between their neighbours; they settle in two or three


@dataclass(frozen=True, slots=True)
class Limits:
    """Hold what a change must reach.

    Attributes
    ----------
    log_alpha : float
        ln of the level of the tests.
    least_segment : int
        Fewest points of a level.
    min_delta : float
        Least effect, on the scale of Cliff's delta.
    ramps : bool
        False if lines are not considered.
    """

    log_alpha: float
    least_segment: int
    min_delta: float
    ramps: bool


class Explainer:
    """Describe a series by its changes and drifts, from the whole down to its parts.

    Parameters
    ----------
    series : Sequence[float], shape (n,)
        Finite numbers.
    ranks : Sequence[float], shape (n,)
        Their mid-ranks.
    limits : Limits
    noise : Noise
        How much neighbours are alike.
    """

    def __init__(
        self, series: Sequence[float], ranks: Sequence[float], limits: Limits, noise: Noise
    ) -> None:
        self.scan = RankScan(series, limits.least_segment, noise.inflation, ranks)
        self.limits = limits
        self.noise = noise

    def explain(self) -> tuple[tuple[ChangePoint, ...], tuple[Drift, ...]]:
        """Return all changes and drifts, ascending.

        A stretch without change of level has nothing to tell. Where its levels do not beat a line,
        a step or kink on top of the line splits it in two, and each half is explained anew.
        """
        changes: dict[int, ChangePoint] = {}
        drifts: list[Drift] = []
        todo = [(0, len(self.scan.values))]
        while todo and len(changes) < MAX_CHANGES:
            start, stop = todo.pop()
            levels = self._levels(start, stop)
            if not levels:
                continue
            form = self._form(start, levels, stop)
            if form != "step":
                bend = self._bend(start, stop)
                if bend is not None:
                    changes[bend.index] = bend
                    todo += [(start, bend.index), (bend.index, stop)]
                    continue
            kept = [] if form == "drift" else self._prune(start, levels, stop, lines=True)
            if kept:
                for change in self._told(start, kept, stop, form):
                    changes[change.index] = change
            else:
                drifts.append(Drift(start, stop, line_slope(self.scan.values[start:stop])))
        by_index = tuple(changes[index] for index in sorted(changes))
        return by_index, tuple(sorted(drifts, key=lambda drift: drift.start))

    def clear_levels(self) -> tuple[ChangePoint, ...]:
        """Return the changes of the whole series if levels fit it clearly better than a line."""
        stop = len(self.scan.values)
        levels = self._levels(0, stop)
        if not levels or self._form(0, levels, stop) != "step":
            return ()
        return tuple(self._told(0, self._prune(0, levels, stop, lines=True), stop, "step"))

    def _levels(self, start: int, stop: int) -> list[int]:
        """Split, recurse, then prune: the places where levels change."""
        found: list[int] = []
        todo = [(start, stop)]
        least = self.limits.least_segment
        while todo and len(found) < MAX_CHANGES:
            low, high = todo.pop()
            split = self.scan.best(low, high, seeded=True)
            inside = low + least <= split.index <= high - least
            if split.log_p <= self.limits.log_alpha and inside:
                found.append(split.index)
                todo += [(low, split.index), (split.index, high)]
        return self._prune(start, sorted(found), stop, lines=False)

    def _prune(self, start: int, changes: list[int], stop: int, *, lines: bool) -> list[int]:
        """Re-place every change between its neighbours, dropping the worst until all hold.

        Worst is the least significant one, then the one with the least effect, then (with `lines`)
        one where a line fits better than a step.
        """
        changes, moves = list(changes), 0
        limits = self.limits
        while changes:
            edges = [start, *changes, stop]
            spans = [(edges[i], edges[i + 2]) for i in range(len(changes))]
            splits = [self.scan.best(low, high, seeded=False) for low, high in spans]
            failed: list[tuple[int, float, int]] = []
            for i, split in enumerate(splits):
                if split.log_p > limits.log_alpha:
                    failed.append((2, split.log_p, i))
                elif split.effect < limits.min_delta:
                    failed.append((1, -split.effect, i))
            if not failed and lines and limits.ramps:
                failed = [
                    (0, 0.0, i)
                    for i, ((low, high), split) in enumerate(zip(spans, splits, strict=True))
                    if self._form(low, [split.index], high) == "drift"
                ]
            if failed:
                del changes[max(failed)[2]]
                continue
            placed = sorted({split.index for split in splits})
            if placed == changes or moves == _MOVES:
                return placed
            changes, moves = placed, moves + 1
        return []

    def _form(self, start: int, changes: Sequence[int], stop: int) -> Form:
        if not self.limits.ramps:
            return "step"
        inner = [change - start for change in changes]
        return form_of(self.scan.values[start:stop], inner, log_alpha=self.limits.log_alpha)

    def _bend(self, start: int, stop: int) -> ChangePoint | None:
        scan, limits = self.scan, self.limits
        bend = best_bend(scan.values[start:stop], limits.least_segment, scan.inflation)
        if bend.log_p > limits.log_alpha or bend.effect < limits.min_delta:
            return None
        sceptical = best_bend(
            scan.values[start:stop], limits.least_segment, self.noise.sceptical_inflation
        )
        trusted = sceptical.log_p <= limits.log_alpha
        return ChangePoint(start + bend.index, bend.kind, bend.log_p, bend.effect, trusted)

    def _told(self, start: int, changes: list[int], stop: int, form: Form) -> list[ChangePoint]:
        told: list[ChangePoint] = []
        edges = [start, *changes, stop]
        for i, index in enumerate(changes):
            low, high = edges[i], edges[i + 2]
            split = self.scan.best(low, high, seeded=False)
            is_step = form == "step" and self._form(low, [index], high) == "step"
            kind: ChangeKind = "step" if is_step else "unclear"
            z = split.z / self.noise.sceptical_inflation
            sceptical_log_p = log_max_p(z, high - low, self.limits.least_segment)
            trusted = sceptical_log_p <= self.limits.log_alpha
            told.append(ChangePoint(index, kind, split.log_p, split.effect, trusted))
        return told
