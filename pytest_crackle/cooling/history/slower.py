"""Which tests and which whole modules cost more than in past runs, and since which run."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.changepoints.rankseg import pooled_rho
from pytest_crackle.cooling.history.comparable import LEAST_RUNS
from pytest_crackle.cooling.history.newest import MOST_HELD, WINDOW, NewestShifts
from pytest_crackle.cooling.history.run_level import decade_of, seconds
from pytest_crackle.cooling.multiplicity import benjamini_hochberg
from pytest_crackle.cooling.numeric import median_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_crackle.cooling.history.newest import Newest
    from pytest_crackle.cooling.history.run_level import Levelled
    from pytest_crackle.cooling.profiles import Profile

__all__ = ["Slower", "Slowing", "rho_along"]

LEAST_OF_A_MODULE: Final = 3
_BEYOND_MODULE: Final = math.log(1.5)
"""A test in a slow module is told by itself if it is slower still by this ratio."""
_SAMPLED: Final = 400


@dataclass(frozen=True, slots=True)
class Slowing:
    """A test or a module that costs more than it did.

    Attributes
    ----------
    module : int or None
        Code of the module if it is all of it.
    units : tuple of int
        The tests.
    shift : Newest
        Since when, and by how much (the median test, for a module).
    before, after : tuple of float, shape (len(units),)
        Seconds of each test, as on a run like most.
    """

    module: int | None
    units: tuple[int, ...]
    shift: Newest
    before: tuple[float, ...]
    after: tuple[float, ...]

    @property
    def extra(self) -> float:
        """Seconds that it costs more in each run."""
        return math.fsum(self.after) - math.fsum(self.before)


def rho_along(series: Sequence[Sequence[float]]) -> float:
    """Return the autocorrelation along the runs that is usual for these series, at least 0."""
    step = max(1, len(series) // _SAMPLED)
    return pooled_rho(series[unit] for unit in range(0, len(series), step)) or 0.0


class Slower:
    """The newest shifts of tests and modules, chosen under one false discovery rate.

    Parameters
    ----------
    levelled : Levelled
        Costs of the tests, this run last.
    modules : sequence of int, shape (n_units,)
    profile : Profile

    Attributes
    ----------
    hypotheses : int
        Tests and modules with three past values and one of this run.

    Notes
    -----
    Weighted p-values: p of a module is divided by N / (2 modules), that of a test by N / (2 tests),
    N of both together, so that a hundred tests beside a module do not hide it.

    References
    ----------
    C. R. Genovese, K. Roeder, L. Wasserman, "False discovery control with p-value weighting",
    Biometrika 93 (2006) 509-524, doi:10.1093/biomet/93.3.509.
    """

    def __init__(self, levelled: Levelled, modules: Sequence[int], profile: Profile) -> None:
        self._levelled = levelled
        self._profile = profile
        self._least = math.log(profile.min_shift)
        newest = levelled.logs[-WINDOW - MOST_HELD - 1 :]
        self._skipped = len(levelled.logs) - len(newest)
        self.series: list[tuple[float, ...]] = list(zip(*newest, strict=True))
        self._members: dict[int, list[int]] = {}
        for unit, module in enumerate(modules):
            self._members.setdefault(module, []).append(unit)
        self._codes = [
            code for code, units in self._members.items() if len(units) >= LEAST_OF_A_MODULE
        ]
        self.rho = rho_along(self.series)
        decades = [decade_of(level) if level == level else 0 for level in levelled.typical]  # noqa: PLR0124
        self.tests = NewestShifts(self.series, decades, rho=self.rho, least=self._least)
        whole = [self._module_series(code) for code in self._codes]
        self._whole = NewestShifts(whole, [0] * len(whole), rho=rho_along(whole), least=self._least)
        n_whole, n_tests = sum(map(_is_tested, whole)), sum(map(_is_tested, self.series))
        self.hypotheses = n_whole + n_tests
        # half of the errors for the few modules, half for the many tests
        self._log_weights = {
            True: math.log(self.hypotheses / (2 * n_whole)) if n_whole else 0.0,
            False: math.log(self.hypotheses / (2 * n_tests)) if n_whole else 0.0,
        }

    def _module_series(self, code: int) -> list[float]:
        typical = self._levelled.typical
        units = self._members[code]
        out = []
        for place in range(len(self.series[0])):
            values = [self.series[unit][place] - typical[unit] for unit in units]
            finite = [value for value in values if value == value]  # noqa: PLR0124 - NaN
            enough = len(finite) >= LEAST_OF_A_MODULE
            out.append(median_of(finite) if enough else math.nan)
        return out

    def find(self) -> list[Slowing]:
        """Return what is slower: whole modules, then tests that are so by themselves."""
        whole = [(code, self._whole.find(place)) for place, code in enumerate(self._codes)]
        tests = [(None, self.tests.find(unit)) for unit in range(len(self.series))]
        found: list[tuple[int | None, Newest]] = [
            (code, self._weighted(shift, is_module=code is not None))
            for code, shift in [*whole, *tests]
            if shift is not None
        ]
        log_qs = benjamini_hochberg([shift.log_p for _, shift in found], self.hypotheses)
        kept = [
            self._slowing(*one)
            for one, log_q in zip(found, log_qs, strict=True)
            if log_q <= math.log(self._profile.q)
        ]
        held = {
            unit: one.shift.shift for one in kept if one.module is not None for unit in one.units
        }
        return [one for one in kept if one.module is not None or self._is_own(one, held)]

    def _weighted(self, shift: Newest, *, is_module: bool) -> Newest:
        return replace(shift, log_p=min(0.0, shift.log_p - self._log_weights[is_module]))

    def _is_own(self, one: Slowing, of_modules: dict[int, float]) -> bool:
        """Whether a test is slower by more than its module is."""
        (unit,) = one.units
        beyond = max(self._least, _BEYOND_MODULE)
        return unit not in of_modules or one.shift.shift > of_modules[unit] + beyond

    def _slowing(self, code: int | None, shift: Newest) -> Slowing:
        typical = self._levelled.typical
        if code is None:
            units: tuple[int, ...] = (shift.unit,)
            before, after = [shift.before], [shift.after]
        else:
            measured = [u for u in self._members[code] if _is_tested(self.series[u])]
            units = tuple(measured)
            before = [typical[unit] + shift.before for unit in units]
            after = [typical[unit] + shift.after for unit in units]
        return Slowing(
            code,
            units,
            replace(
                shift, run=shift.run + self._skipped, last_good=shift.last_good + self._skipped
            ),
            tuple(map(seconds, before)),
            tuple(map(seconds, after)),
        )


def _is_tested(values: Sequence[float]) -> bool:
    """Whether a series has a value of this run and three of the past."""
    past = sum(value == value for value in values[:-1])  # noqa: PLR0124 - NaN
    return past >= LEAST_RUNS and values[-1] == values[-1]
