"""The valley between two hills of one distribution, by counts in windows."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.numeric import quantile
from pytest_crackle.cooling.tails import log_binomial_tail

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["LOG_PLACES", "Valley", "deepest_valley", "is_log_scaled", "without_lattice"]

BINS: Final = 32
WIDTHS: Final = (2, 3, 5)
TAIL: Final = 0.02
LOG_PLACES: Final = math.log(len(WIDTHS) * BINS)
"""ln of the places and widths that a search looks at.

Uniform samples of 60, 150 and 600 need 2.6 at most (6,000 each, at p = .05, .01 and .003).
"""
WIDE: Final = 10.0
"""Positive values that span more than this, but for 2 % at either end, are compared by ratio."""


@dataclass(frozen=True, slots=True)
class Valley:
    """The valley at `cut`: `inside` values in its window, `hill` in the lower of the two hills."""

    log_p: float
    cut: float
    hill: int
    inside: int

    @property
    def depth(self) -> float:
        """Values in the valley for each on the lower hill: 0 is an empty valley."""
        return self.inside / self.hill

    def log_p_with(self, design_effect: float) -> float:
        """Return ln p with as many fewer values as tests of one function are alike, and all places.

        Under the null a value falls into the window or the hill with the same probability.
        """
        total, hill = (self.hill + self.inside) / design_effect, self.hill / design_effect
        if total < 1:
            return 0.0
        return min(0.0, log_binomial_tail(total, hill, 0.5) + LOG_PLACES)


def is_log_scaled(values: Sequence[float]) -> bool:
    """Whether values are to be compared by ratio."""
    ordered = sorted(values)
    if ordered[0] <= 0:
        return False
    return quantile(ordered, 1 - TAIL) >= WIDE * quantile(ordered, TAIL)


def without_lattice(values: Sequence[float]) -> list[float]:
    """Spread the ties of integers evenly over half a step either way: a lattice has no valleys."""
    if not all(map(float.is_integer, values)):
        return list(values)
    spread = {
        value: iter([value - 0.5 + (place + 0.5) / count for place in range(count)])
        for value, count in Counter(values).items()
    }
    return list(map(next, map(spread.__getitem__, values)))


def deepest_valley(values: Sequence[float]) -> Valley | None:
    """Find the window that holds fewest values against the best windows on both sides of it.

    Parameters
    ----------
    values : sequence of float
        Any finite numbers.

    Returns
    -------
    Valley or None
        None where no window lies between two that hold more.

    Notes
    -----
    32 bins between the 2 % and the 98 % quantile, windows of 2, 3 and 5 bins, hills that do not
    overlap the valley; by Chernoff's bound of a fair coin. O(n log n). An excess mass test on a
    grid, compare D. W. Mueller, G. Sawitzki, "Excess mass estimates and tests for multimodality",
    JASA 86 (1991) 738-746, doi:10.1080/01621459.1991.10475103; calibrated in detectors.md 3.
    """
    ordered = sorted(values)
    low, high = quantile(ordered, TAIL), quantile(ordered, 1 - TAIL)
    step = (high - low) / BINS
    if not 0 < step < math.inf:
        return None
    bins = [0] * BINS
    for value in ordered:
        place = (value - low) / step
        if 0 <= place < BINS:
            bins[int(place)] += 1
    best: Valley | None = None
    for width in WIDTHS:
        windows = [sum(bins[i : i + width]) for i in range(BINS - width + 1)]
        left = list(itertools.accumulate(windows, max))
        right = list(itertools.accumulate(reversed(windows), max))[::-1]
        for i in range(width, len(windows) - width):
            hill, inside = min(left[i - width], right[i + width]), windows[i]
            if hill <= inside:
                continue
            log_p = log_binomial_tail(hill + inside, hill, 0.5)
            if best is None or log_p < best.log_p:
                best = Valley(log_p, low + step * (i + width / 2), hill, inside)
    return best
