"""Which rises of a level that is known by number only can be trusted to last."""

from __future__ import annotations

import math
from dataclasses import replace
from heapq import heappop, heappush, heappushpop
from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_crackle.cooling.shifts.level_series import Path

__all__ = ["lasting_share", "longest_excursion", "running_high", "settled"]

_OFTEN: Final = 0.1
"""A height that one in ten earlier readings had is nothing new."""


def settled(path: Path) -> Path:
    """Return the path without rises that may just not have come back yet.

    Parameters
    ----------
    path : Path

    Returns
    -------
    Path
        With 0 in `kept` where the height is nothing new, or where it is younger than the longest
        time after which the level has come back to its floor.

    Notes
    -----
    Measured on a suite whose tests share connections: descriptors go up and down by one or two all
    the time, up for as many as 296 tests, so that a rise 40 tests before the end means nothing.
    Excursions over half of the session are somebody's for good, such as a session fixture's.
    O(n log n).
    """
    if not any(path.kept):
        return path
    n, longest = len(path), longest_excursion(path)
    highs = running_high(path.values)
    kept = list(path.kept)
    for i, size in enumerate(kept):
        if size > 0:
            is_old = n - i > longest
            is_new_height = (path.floor[i - 1] + path.floor[i]) / 2 > highs[i]
            kept[i] = size if is_old and is_new_height else 0.0
    return replace(path, kept=tuple(kept))


def longest_excursion(path: Path) -> int:
    """Return the most readings in a row above the floor, if not over half of the session."""
    longest = current = 0
    for value, low in zip(path.values, path.floor, strict=True):
        if value > low:
            current += 1
            continue
        if 2 * current <= len(path):
            longest = max(longest, current)
        current = 0
    return longest


def running_high(values: Sequence[float]) -> list[float]:
    """Return for each value the 90 % quantile of those before it; minus infinity for the first.

    Notes
    -----
    Two heaps, one with the highest tenth. O(n log n).

    Examples
    --------
    >>> running_high([1.0, 3.0, 2.0, 2.0])
    [-inf, 1.0, 3.0, 3.0]
    """
    low: list[float] = []  # negated, so that the largest is on top
    high: list[float] = []
    out = []
    for n, value in enumerate(values):
        out.append(-low[0] if low else -math.inf)
        heappush(high, -heappushpop(low, -value))
        while len(high) > int(_OFTEN * (n + 1)):
            heappush(low, -heappop(high))
    return out


def lasting_share(path: Path) -> float:
    """Return what lasts as a share of all that rose: near 0 for a gauge that goes up and down."""
    rises = math.fsum([max(0.0, b - a) for a, b in pairwise(path.values)])
    return math.fsum(path.kept) / rises if rises > 0 else 0.0
