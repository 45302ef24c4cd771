"""What a run does to all its tests alike, and the values of the tests without it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.numeric import median_of

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Levelled", "decade_of", "level_runs", "seconds"]

MILLISECOND: Final = 1e-3
"""Added to all seconds before the logarithm: below it pytest itself is what was measured."""
_LOG_MILLISECOND: Final = math.log(MILLISECOND)
_LOG_TEN: Final = math.log(10)
_LEAST_OF_A_DECADE: Final = 20
_LEAST_MODULES: Final = 3
_MOST_OF_A_MODULE: Final = 20
"""Tests of one module that count for the run: a large module that changed is no slow machine."""


@dataclass(frozen=True, slots=True)
class Levelled:
    """Logarithms of one cost by run, with what all tests of a run share taken off.

    Attributes
    ----------
    logs : list of list of float, shape (n_runs, n_units)
        ln(x + 1 ms) less the shift of the run in the decade of the unit; NaN where missing.
    typical : list of float, shape (n_units,)
        Median over the runs.
    overall : list of float, shape (n_runs,)
        Median shift of each run over the units that follow the machine.
    """

    logs: list[list[float]]
    typical: list[float]
    overall: list[float]


def seconds(level: float) -> float:
    """Return the seconds of a levelled logarithm."""
    return max(0.0, math.exp(level) - MILLISECOND)


def level_runs(
    columns: Sequence[Sequence[float]], modules: Sequence[int], steady: Sequence[bool]
) -> Levelled:
    """Take off what all tests of a run share.

    Parameters
    ----------
    columns : sequence of sequence of float, shape (n_runs, n_units)
        Seconds; NaN where missing.
    modules : sequence of int, shape (n_units,)
    steady : sequence of bool, shape (n_units,)
        Units that wait and do not follow the machine: nothing is taken off theirs, and the shift of
        the run is not taken from them.

    Returns
    -------
    Levelled

    Notes
    -----
    A median polish of two rounds (units, then runs). The shift of a run is the median residual by
    decade of duration, over at most 20 tests a module; a decade with fewer than 20 tests or 3
    modules gets the median of all. O(n_runs x n_units log).

    References
    ----------
    J. W. Tukey, "Exploratory Data Analysis", Addison-Wesley 1977, chapter 10 (median polish).
    """
    ln = math.log
    logs = [[ln(x + MILLISECOND) if x >= 0 else math.nan for x in column] for column in columns]
    typical = _typical(logs)
    levelled = _without_runs(logs, typical, modules, steady)
    typical = _typical(levelled)
    levelled = _without_runs(logs, typical, modules, steady)
    typical = _typical(levelled)
    bins = _bins(typical, modules, steady)
    overall = [_median_residual(column, typical, bins[-1]) for column in logs]
    return Levelled(levelled, typical, overall)


def _without_runs(
    logs: Sequence[Sequence[float]],
    typical: Sequence[float],
    modules: Sequence[int],
    steady: Sequence[bool],
) -> list[list[float]]:
    bins = _bins(typical, modules, steady)
    out = []
    for column in logs:
        off = _shifts(column, typical, bins, steady)
        out.append([value - shift for value, shift in zip(column, off, strict=True)])
    return out


def _typical(logs: Sequence[Sequence[float]]) -> list[float]:
    out = []
    for values in zip(*logs, strict=True):
        ordered = sorted([value for value in values if value == value])  # noqa: PLR0124 - NaN
        n = len(ordered)
        out.append((ordered[(n - 1) // 2] + ordered[n // 2]) / 2 if n else math.nan)
    return out


def _bins(
    typical: Sequence[float], modules: Sequence[int], steady: Sequence[bool]
) -> dict[int, list[int]]:
    """Units that speak for each decade; all that speak under the key -1."""
    bins: dict[int, list[int]] = {}
    taken: dict[tuple[int, int], int] = {}
    for unit, level in enumerate(typical):
        if level != level or steady[unit]:  # noqa: PLR0124 - NaN
            continue
        for key in (decade_of(level), -1):
            count = taken.get((key, modules[unit]), 0)
            if count < _MOST_OF_A_MODULE:
                taken[key, modules[unit]] = count + 1
                bins.setdefault(key, []).append(unit)
    bins.setdefault(-1, [])
    enough = {
        key: units
        for key, units in bins.items()
        if len(units) >= _LEAST_OF_A_DECADE
        and len({modules[unit] for unit in units}) >= _LEAST_MODULES
    }
    return {**enough, -1: bins[-1]}


def decade_of(level: float) -> int:
    """Return the decade of a levelled logarithm: 0 up to 9 ms, 1 up to 99 ms and so on."""
    return max(0, int((level - _LOG_MILLISECOND) / _LOG_TEN))


def _shifts(
    column: Sequence[float],
    typical: Sequence[float],
    bins: dict[int, list[int]],
    steady: Sequence[bool],
) -> list[float]:
    by_decade = {key: _median_residual(column, typical, units) for key, units in bins.items()}
    overall = by_decade[-1]
    return [
        0.0 if waits or level != level else by_decade.get(decade_of(level), overall)  # noqa: PLR0124
        for level, waits in zip(typical, steady, strict=True)
    ]


def _median_residual(
    column: Sequence[float], typical: Sequence[float], units: Sequence[int]
) -> float:
    residuals = [column[unit] - typical[unit] for unit in units]
    finite = [residual for residual in residuals if math.isfinite(residual)]
    return median_of(finite) if finite else 0.0
