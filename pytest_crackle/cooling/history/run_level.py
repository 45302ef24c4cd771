"""What a run does to all its tests alike, and the values of the tests without it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.history.storms import strength_of
from pytest_crackle.cooling.numeric import median_of

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Levelled", "decade_of", "level_runs", "seconds"]

MILLISECOND: Final = 1e-3
"""Added to all seconds before the logarithm: below it pytest itself is what was measured."""
_LOG_MILLISECOND: Final = math.log(MILLISECOND)
_LOG_TEN: Final = math.log(10)
_ALL: Final = -1
"""Stands for all decades together."""
_ROUNDS: Final = 4
_LEAST_CHANGE: Final = 0.05
_MOST_FELT: Final = 1.2
"""A storm that slows the tests slows a fixed piece of work about as much."""
_LEAST_SHARE: Final = 0.5
"""Tests of 1 ms and more say how fast a run is: of shorter ones pytest itself is most."""
_LEAST_OF_A_DECADE: Final = 20
_LEAST_MODULES: Final = 5
_MODULES_AT_ALL: Final = 3
_LEAST_OF_A_MODULE: Final = 3
_MOST_OF_A_MODULE: Final = 20
"""Tests of one module that count for the run: a large module that changed is no slow machine."""


@dataclass(frozen=True, slots=True)
class Levelled:
    """Logarithms of one cost by run, with what all tests of a run share taken off.

    Attributes
    ----------
    logs : list of list of float, shape (n_runs, n_units)
        ln(x + 1 ms) less what the run does to the unit; NaN where missing.
    typical : list of float, shape (n_units,)
        Median over the runs.
    overall : list of float, shape (n_runs,)
        ln of the factor of each run for all that follows the machine.
    """

    logs: list[list[float]]
    typical: list[float]
    overall: list[float]


def seconds(level: float) -> float:
    """Return the seconds of a levelled logarithm."""
    return max(0.0, math.exp(level) - MILLISECOND)


def level_runs(
    columns: Sequence[Sequence[float]],
    modules: Sequence[int],
    steady: Sequence[bool],
    storms: Sequence[Sequence[float]] | None = None,
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
    storms : sequence of sequence of float, shape (n_runs, n_units), optional
        ln of what the machine did to each unit beside what it did to the run (see `storms`); taken
        off first, as far as the past shows that the tests feel it.

    Returns
    -------
    Levelled

    Notes
    -----
    A median polish of two rounds (units, then runs). The factor of a run is the median over the
    modules of the median residual of at most 20 of their tests, by decade of duration: a module
    that changed is one voice among the others, however large it is. A decade with fewer than 20
    tests or 5 modules of three tests gets the factor of all decades together; where fewer than 3
    modules have three tests, each test is a voice. Only the share x / (x + 1 ms) of a unit follows
    the machine, so a factor is read from residuals over that share, and so much of it is taken off.
    O(n_runs x n_units log).

    References
    ----------
    J. W. Tukey, "Exploratory Data Analysis", Addison-Wesley 1977, chapter 10 (median polish).
    """
    ln = math.log
    logs = [[ln(x + MILLISECOND) if x >= 0 else math.nan for x in column] for column in columns]
    levelled = _polished(logs, modules, steady)
    if storms is None:
        return levelled
    felt = 0.0
    for _ in range(_ROUNDS):
        shares = _shares(levelled.typical, steady)
        more = strength_of(levelled, shares, storms)
        felt = min(_MOST_FELT, max(0.0, felt + more))
        calm = [
            [y - felt * share * s for y, share, s in zip(column, shares, storm, strict=True)]
            for column, storm in zip(logs, storms, strict=True)
        ]
        levelled = _polished(calm, modules, steady)
        if abs(more) < _LEAST_CHANGE:
            break
    return levelled


def _polished(
    logs: Sequence[Sequence[float]], modules: Sequence[int], steady: Sequence[bool]
) -> Levelled:
    typical = _typical(logs)
    typical = _typical(_without_runs(logs, typical, modules, steady))
    levelled = _without_runs(logs, typical, modules, steady)
    typical = _typical(levelled)
    shares = _shares(typical, steady)
    voices = _voices(typical, shares, modules)
    overall = [_factor(column, typical, shares, voices[_ALL]) for column in logs]
    return Levelled(levelled, typical, overall)


def _without_runs(
    logs: Sequence[Sequence[float]],
    typical: Sequence[float],
    modules: Sequence[int],
    steady: Sequence[bool],
) -> list[list[float]]:
    shares = _shares(typical, steady)
    voices = _voices(typical, shares, modules)
    decades = [decade_of(level) if level == level else _ALL for level in typical]  # noqa: PLR0124
    keys = [decade if decade in voices else _ALL for decade in decades]
    out = []
    for column in logs:
        factors = {key: _factor(column, typical, shares, some) for key, some in voices.items()}
        out.append(
            [
                value - share * factors[key]
                for value, share, key in zip(column, shares, keys, strict=True)
            ]
        )
    return out


def _typical(logs: Sequence[Sequence[float]]) -> list[float]:
    out = []
    for values in zip(*logs, strict=True):
        ordered = sorted([value for value in values if value == value])  # noqa: PLR0124 - NaN
        n = len(ordered)
        out.append((ordered[(n - 1) // 2] + ordered[n // 2]) / 2 if n else math.nan)
    return out


def _shares(typical: Sequence[float], steady: Sequence[bool]) -> list[float]:
    """Return how much of each unit follows the machine: the part that is not the 1 ms added."""
    return [
        0.0 if waits or level != level else -math.expm1(_LOG_MILLISECOND - level)  # noqa: PLR0124
        for level, waits in zip(typical, steady, strict=True)
    ]


def _voices(
    typical: Sequence[float], shares: Sequence[float], modules: Sequence[int]
) -> dict[int, list[list[int]]]:
    """Return the units that speak for each decade, by module; all decades under the key -1."""
    by_decade: dict[int, dict[int, list[int]]] = {_ALL: {}}
    for unit, share in enumerate(shares):
        if share < _LEAST_SHARE:
            continue
        for key in (decade_of(typical[unit]), _ALL):
            units = by_decade.setdefault(key, {}).setdefault(modules[unit], [])
            if len(units) < _MOST_OF_A_MODULE:
                units.append(unit)
    voices = {}
    for key, groups in by_decade.items():
        large = [units for units in groups.values() if len(units) >= _LEAST_OF_A_MODULE]
        if key == _ALL:
            singles = [[unit] for units in groups.values() for unit in units]
            voices[key] = large if len(large) >= _MODULES_AT_ALL else singles
        elif len(large) >= _LEAST_MODULES and sum(map(len, large)) >= _LEAST_OF_A_DECADE:
            voices[key] = large
    return voices


def decade_of(level: float) -> int:
    """Return the decade of a levelled logarithm: 0 up to 9 ms, 1 up to 99 ms and so on."""
    return max(0, int((level - _LOG_MILLISECOND) / _LOG_TEN))


def _factor(
    column: Sequence[float],
    typical: Sequence[float],
    shares: Sequence[float],
    voices: Sequence[Sequence[int]],
) -> float:
    """Return ln of what a run multiplies the units by: the median voice; 0 without any."""
    said = []
    for units in voices:
        residuals = [(column[unit] - typical[unit]) / shares[unit] for unit in units]
        finite = [residual for residual in residuals if residual == residual]  # noqa: PLR0124 - NaN
        if finite:
            said.append(median_of(finite))
    return median_of(said) if said else 0.0
