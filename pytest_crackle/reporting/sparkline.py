"""A series as one line of little bars."""

from __future__ import annotations

import math
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["CELLS", "UNICODE_CHARACTERS", "sparkline"]

CELLS: Final = 20
_UNICODE: Final = "▁▂▃▄▅▆▇█"
_ASCII: Final = ".:-=+*#@"
_UNICODE_GAP: Final = "·"
_ASCII_GAP: Final = "_"
UNICODE_CHARACTERS: Final = _UNICODE + _UNICODE_GAP


def sparkline(values: Sequence[float], *, cells: int = CELLS, unicode: bool = True) -> str:
    """Draw a series.

    Parameters
    ----------
    values : Sequence[float], shape (n,)
        In order; NaN where missing.
    cells : int
        Most characters; fewer values take one each.
    unicode : bool
        Bars, or characters that every terminal has.

    Returns
    -------
    str
        The median of each cell (a mean would let one outlier draw a step) on the scale of the
        series; no blank in it, so it can stand in a table. Empty if there is no value.

    Notes
    -----
    O(n log n).

    Examples
    --------
    >>> sparkline([1, 1, 1, 5, 5, 9], unicode=False)
    '...++@'
    """
    n = len(values)
    count = min(cells, n)
    bounds = [n * cell // count for cell in range(count + 1)] if count else []
    levels = [_middle(values[start:stop]) for start, stop in pairwise(bounds)]
    known = [level for level in levels if not math.isnan(level)]
    if not known:
        return ""
    low, high = min(known), max(known)
    alphabet, gap = (_UNICODE, _UNICODE_GAP) if unicode else (_ASCII, _ASCII_GAP)
    return "".join(
        gap if math.isnan(level) else alphabet[_step(level, low, high, len(alphabet))]
        for level in levels
    )


def _middle(values: Sequence[float]) -> float:
    finite = [value for value in values if math.isfinite(value)]
    return median(finite) if finite else math.nan


def _step(level: float, low: float, high: float, steps: int) -> int:
    # halves: the range of 1e308 and -1e308 is no float
    span = high / 2 - low / 2
    share = (level / 2 - low / 2) / span if span > 0 else 0.0
    return min(steps - 1, int(share * steps))
