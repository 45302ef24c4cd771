"""What all shifts along the run order share: their evidence, their places and ranges in words."""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.numeric import cliff_delta, median_of
from pytest_crackle.model.pattern import PatternKind
from pytest_crackle.model.units import count_of, format_value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_crackle.model.table import MetricTable

__all__ = ["KIND", "onset_phrase", "range_phrase", "shift_evidence", "times_phrase", "wide_phrase"]

KIND: Final = PatternKind.PHASE_TRANSITION
_MOST_FIXTURES: Final = 3


def shift_evidence(values: Sequence[float], index: int, **more: float) -> Mapping[str, float]:
    """Return the numbers that describe a shift of a series at an index.

    Parameters
    ----------
    values : Sequence[float], shape (n,)
        Finite, base units, in run order.
    index : int
        First value after the shift, 1..n-1.
    **more : float
        Further numbers by name; those that are not finite are left out.

    Returns
    -------
    mapping of str to float
        `shift` is the change of the median as a share of the median before.
    """
    half = len(values) // 2
    before, after = values[:index], values[index:]
    numbers = {"change_index": float(index), **more}
    if before and after and half:
        low, high = median_of(before), median_of(after)
        numbers |= {
            "first_half_avg": _mean(values[:half]),
            "second_half_avg": _mean(values[half:]),
            "before_median": low,
            "after_median": high,
            "shift_magnitude": abs(high - low),
            "cliff_delta": cliff_delta(before, after),
        }
        if low:
            numbers["shift"] = (high - low) / abs(low)
    finite = {name: number for name, number in numbers.items() if math.isfinite(number)}
    return MappingProxyType(dict(sorted(finite.items())))


def _mean(values: Sequence[float]) -> float:
    return sum([value / len(values) for value in values])


def range_phrase(before: float, after: float, unit: str) -> str:
    """Write two values with one unit: ``118 -> 198 MiB``, ``900 KiB -> 1.20 MiB``."""
    low, high = format_value(before, unit), format_value(after, unit)
    number, _, scale = low.partition(" ")
    return f"{number if scale and high.endswith(f' {scale}') else low} -> {high}"


def times_phrase(ratio: float) -> str:
    """Write a ratio: ``3.7x``, ``0.41x``, ``12x``."""
    if ratio >= 9.95:
        return f"{ratio:,.0f}x"
    return f"{ratio:.1f}x" if ratio >= 0.995 else f"{ratio:.2g}x"


def onset_phrase(table: MetricTable, rows: Sequence[int], first: int, last: int) -> str:
    """Say where something begins, as well as it is known.

    Parameters
    ----------
    table : MetricTable
    rows : Sequence[int]
        In run order.
    first, last : int
        Places in `rows`: it began after the test before `first` and no later than the end of
        `last`.

    Returns
    -------
    str
        ``from A on``, or ``from a test between A and B on (7 tests)`` where several may be the one.
    """
    if first >= last:
        return f"from {table.nodeids[rows[first]]} on"
    start, stop = table.nodeids[rows[first]], table.nodeids[rows[last]]
    return f"from a test between {start} and {stop} on ({count_of(last - first + 1, 'test')})"


def wide_phrase(table: MetricTable, row: int) -> str | None:
    """Name the fixtures wider than a function that a test set up, as they may be the holder."""
    wide = [setup for setup in table.setups.get(row, ()) if setup.scope != "function"]
    if not wide:
        return None
    names = [
        setup.name if "::" in setup.name else f"{setup.scope} fixture {setup.name}"
        for setup in wide[:_MOST_FIXTURES]
    ]
    if more := len(wide) - len(names):
        names.append(f"{more} more")
    return f"{table.nodeids[row]} sets up {', '.join(names)}"
