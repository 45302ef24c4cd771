"""How a series like a random walk is best described: by lines with breaks between them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final, Literal

from pytest_crackle.cooling.changepoints.drift import line_slope, scan_bends, stride_of
from pytest_crackle.cooling.changepoints.rank_scan import log_max_p, partial_z
from pytest_crackle.cooling.changepoints.segmentation import Drift

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Break", "BrokenLine", "broken_line"]

_LEAST_SHARE: Final = 0.02  # of the variation of the whole series; .01 to .05 score alike on TCPD
_INFLATION: Final = 2.0  # of z at rho = .6
_ROUNDS: Final = 100  # of moving breaks between their neighbours; they settle in two or three
_MOST_BREAKS: Final = 50


@dataclass(frozen=True, slots=True)
class Break:
    """Hold one break of a broken line.

    Attributes
    ----------
    index : int
        First point after the jump ("step") or kink ("slope").
    kind : {"step", "slope"}
    log_p : float
        ln of the p-value that it would have if rho were .6.
    explained : float
        Share of what the line leaves that it explains, 0..1.
    """

    index: int
    kind: Literal["step", "slope"]
    log_p: float
    explained: float


@dataclass(frozen=True, slots=True)
class BrokenLine:
    """Hold the breaks of a series and the lines between them, both ascending."""

    breaks: tuple[Break, ...]
    lines: tuple[Drift, ...]


def broken_line(
    values: Sequence[float], least_segment: int, *, least_share: float, log_alpha: float
) -> BrokenLine:
    """Describe a series by straight lines.

    Parameters
    ----------
    values : Sequence[float], shape (n,)
        Finite, of magnitude below 1e290, not all equal.
    least_segment : int
        Fewest points between breaks.
    least_share : float
        A break must explain so much of what a line through its stretch leaves; a line is told if it
        explains so much of the variation of its stretch.
    log_alpha : float
        A break must be significant at this level if rho were .6, which matters below 60 points.

    Returns
    -------
    BrokenLine

    Notes
    -----
    No honest test is possible: in a random walk the best break explains half of what the line
    leaves as often as not (simulated), and nothing short of .88 is rare (1 %). So this tells what a
    person would see, and is never more than a description. The condition on rho = .6 only sees to
    it that a short stretch of milder noise is not described at all.

    Least squares on the values themselves: where neighbours are alike there are no single outliers
    to fear, and ranks would bend the lines. A break also has to explain 2 % of the variation of the
    whole series, else a smooth curve is split for ever. Found by halving, then each is placed anew
    between its neighbours until none moves. O(n log n) for a bounded number of breaks.
    """
    describer = _Describer(values, least_segment, least_share, log_alpha)
    breaks = describer.settle(describer.split())
    edges = [0, *(found.index for found in breaks), len(values)]
    lines = [
        Drift(start, stop, line_slope(values[start:stop]))
        for start, stop in pairwise(edges)
        if describer.is_line(start, stop)
    ]
    return BrokenLine(tuple(breaks), tuple(lines))


class _Describer:
    def __init__(
        self, values: Sequence[float], least_segment: int, least_share: float, log_alpha: float
    ) -> None:
        low = min(values)
        width = max(values) - low
        self.values = [(value - low) / width for value in values]
        self.least_segment = least_segment
        self.least_share = least_share
        self.log_alpha = log_alpha
        mean = sum(self.values) / len(values)
        self.variation = sum([(value - mean) ** 2 for value in self.values])

    def best_break(self, start: int, stop: int) -> Break | None:
        stride = stride_of(stop - start)
        scores = self.values[start:stop:stride]
        found = scan_bends(scores, self.least_segment)
        if found.explained < self.least_share:
            return None
        if found.gain * stride < _LEAST_SHARE * self.variation:
            return None
        z = partial_z(found.explained, len(scores) - 3) / _INFLATION
        log_p = math.log(2) + log_max_p(z, len(scores), self.least_segment)
        if log_p > self.log_alpha:
            return None
        return Break(start + found.index * stride, found.kind, log_p, found.explained)

    def is_line(self, start: int, stop: int) -> bool:
        found = scan_bends(self.values[start : stop : stride_of(stop - start)], self.least_segment)
        return found.line_share >= self.least_share

    def split(self) -> list[int]:
        found: list[int] = []
        todo = [(0, len(self.values))]
        while todo and len(found) < _MOST_BREAKS:
            start, stop = todo.pop()
            best = self.best_break(start, stop)
            if best is not None:
                found.append(best.index)
                todo += [(start, best.index), (best.index, stop)]
        return sorted(found)

    def settle(self, indices: list[int]) -> list[Break]:
        """Place every break anew between its neighbours; drop those that do not hold there."""
        breaks: list[Break] = []
        seen: set[tuple[int, ...]] = set()
        while tuple(indices) not in seen and len(seen) < _ROUNDS:
            seen.add(tuple(indices))
            edges = [0, *indices, len(self.values)]
            found = [self.best_break(edges[i], edges[i + 2]) for i in range(len(indices))]
            by_index = {best.index: best for best in found if best is not None}
            breaks = [by_index[index] for index in sorted(by_index)]
            if None in found:
                del indices[found.index(None)]
            else:
                indices = sorted(by_index)
        return breaks
