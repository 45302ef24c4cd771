"""Which tests and which whole modules cost more than in past runs, and since which run."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.changepoints.rankseg import pooled_rho
from pytest_crackle.cooling.history.axis import CONFIRMED
from pytest_crackle.cooling.history.comparable import LEAST_RUNS
from pytest_crackle.cooling.history.newest import WINDOW, NewestShifts
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
_MODULE_HELD: Final = 30
"""Runs that a slow module is told: its tests one by one may never show it."""
_BEYOND_MODULE: Final = math.log(1.5)
"""A test in a slow module is told by itself if it is slower still by this ratio."""
_LOG_KNOWN: Final = math.log(5)
"""What counts for what was confirmed in one of the two runs before: it is no news, and p about the
limit would come and go (a weighted p-value; so few have it that the others lose nothing)."""
_SAMPLED: Final = 400


_Key = tuple[int | None, int]
"""Code of a module and its place among the modules, or None and the place of a test."""


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
    peak : float
        The most of `extra` as of this run and of the two before, where it was confirmed by then.
    """

    module: int | None
    units: tuple[int, ...]
    shift: Newest
    before: tuple[float, ...]
    after: tuple[float, ...]
    peak: float

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
    A module is judged by the median residual of its tests along the runs and, where that says more,
    by the p-value that half of its tests do not exceed, times 2: k p_(r) / r is a p-value whatever
    the k tests have to do with each other (Rueger). Twice the smaller one of the two.

    Weighted p-values: p of a module is divided by N / (2 modules), that of a test by N / (2 tests),
    N of both together, so that a hundred tests beside a module do not hide it.

    References
    ----------
    C. R. Genovese, K. Roeder, L. Wasserman, "False discovery control with p-value weighting",
    Biometrika 93 (2006) 509-524, doi:10.1093/biomet/93.3.509.

    V. Vovk, R. Wang, "Combining p-values via averaging", Biometrika 107 (2020) 791-808 (Rueger's
    rule of 1978 among others), doi:10.1093/biomet/asaa027.
    """

    def __init__(self, levelled: Levelled, modules: Sequence[int], profile: Profile) -> None:
        self._levelled = levelled
        self._profile = profile
        self._least = math.log(profile.min_shift)
        newest = levelled.logs[-WINDOW - _MODULE_HELD - 1 :]
        self._skipped = len(levelled.logs) - len(newest)
        self.series: list[tuple[float, ...]] = list(zip(*newest, strict=True))
        self._members: dict[int, list[int]] = {}
        for unit, module in enumerate(modules):
            self._members.setdefault(module, []).append(unit)
        self._codes = [
            code for code, units in self._members.items() if len(units) >= LEAST_OF_A_MODULE
        ]
        self._decades = [decade_of(level) if level == level else 0 for level in levelled.typical]  # noqa: PLR0124
        whole = self._of_modules = [self._module_series(code) for code in self._codes]
        self.tests, self._whole = self._judges(0)
        n_whole, n_tests = sum(map(_is_tested, whole)), sum(map(_is_tested, self.series))
        self.hypotheses = n_whole + n_tests
        # half of the errors for the few modules, half for the many tests
        self._log_weights = {
            True: math.log(self.hypotheses / (2 * n_whole)) if n_whole else 0.0,
            False: math.log(self.hypotheses / (2 * n_tests)) if n_whole else 0.0,
        }

    def _judges(self, back: int) -> tuple[NewestShifts, NewestShifts]:
        """Return what judges tests and modules as of so many runs ago, by what was past then."""
        tests, whole = (
            [row[: len(row) - back] for row in s] for s in (self.series, self._of_modules)
        )
        return (
            NewestShifts(tests, self._decades, least=self._least),
            NewestShifts(whole, [0] * len(whole), least=self._least, most_held=_MODULE_HELD),
        )

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
        now = self._candidates(self.tests, self._whole)
        earlier = [self._candidates(*self._judges(back)) for back in range(1, CONFIRMED)]
        was = [
            {key: one for key, one in self._chosen(then).items() if one.held >= CONFIRMED}
            for then in earlier
        ]
        told = {key for then in was for key in then}
        chosen = self._chosen(
            {key: _known(shift) if key in told else shift for key, shift in now.items()}
        )
        for back, then in enumerate(was, 1):
            for key, shift in then.items():
                if key not in chosen and math.isfinite(self._series_of(key)[-1]):
                    chosen[key] = self._as_of_now(key, shift, back)
        kept = [self._slowing(key, shift, earlier) for key, shift in chosen.items()]
        held = {
            unit: one.shift.shift for one in kept if one.module is not None for unit in one.units
        }
        return [one for one in kept if one.module is not None or self._is_own(one, held)]

    def _candidates(self, tests: NewestShifts, modules: NewestShifts) -> dict[_Key, Newest]:
        """Return modules and tests that are higher."""
        alone = [tests.find(unit) for unit in range(len(self.series))]
        found: dict[_Key, Newest] = {}
        for place, code in enumerate(self._codes):
            shift = self._with_its_tests(code, modules.find(place), alone)
            if shift is not None:
                found[code, place] = self._weighted(shift, is_module=True)
        for unit, shift in enumerate(alone):
            if shift is not None:
                found[None, unit] = self._weighted(shift, is_module=False)
        return found

    def _series_of(self, key: _Key) -> Sequence[float]:
        module, place = key
        return (self.series if module is None else self._of_modules)[place]

    def _chosen(self, candidates: dict[_Key, Newest]) -> dict[_Key, Newest]:
        """Return those that the false discovery rate lets through."""
        log_qs = benjamini_hochberg([shift.log_p for shift in candidates.values()], self.hypotheses)
        log_q = math.log(self._profile.q)
        return {
            key: shift
            for (key, shift), value in zip(candidates.items(), log_qs, strict=True)
            if value <= log_q
        }

    def _as_of_now(self, key: _Key, was: Newest, back: int) -> Newest:
        """Return what was confirmed so many runs ago: it has not been back for three runs yet.

        A run in a storm ends nothing: what comes and goes is believed by nobody.
        """
        values = self._series_of(key)[-back:]
        is_high = [value > was.before + was.shift / 2 for value in values if value == value]  # noqa: PLR0124
        if is_high[-1]:
            return replace(was, held=was.held + sum(is_high))
        return replace(was, back=len(is_high))

    def _with_its_tests(
        self, code: int, shift: Newest | None, alone: Sequence[Newest | None]
    ) -> Newest | None:
        """Let half of the tests of a module speak for it, where they say more than their median."""
        singles = [alone[unit] for unit in self._tested(code)]
        if shift is None or not singles:
            return None
        log_ps = sorted(single.log_p if single else 0.0 for single in singles)
        half = (len(log_ps) + 1) // 2
        of_tests = math.log(len(log_ps) / half) + log_ps[half - 1]
        return replace(shift, log_p=min(0.0, math.log(2) + min(shift.log_p, of_tests)))

    def _weighted(self, shift: Newest, *, is_module: bool) -> Newest:
        return replace(shift, log_p=min(0.0, shift.log_p - self._log_weights[is_module]))

    def _is_own(self, one: Slowing, of_modules: dict[int, float]) -> bool:
        """Whether a test is slower by more than its module is."""
        (unit,) = one.units
        beyond = max(self._least, _BEYOND_MODULE)
        return unit not in of_modules or one.shift.shift > of_modules[unit] + beyond

    def _slowing(self, key: _Key, shift: Newest, earlier: Sequence[dict[_Key, Newest]]) -> Slowing:
        module, _ = key
        units = (shift.unit,) if module is None else tuple(self._tested(module))
        before, after = self._levels(key, shift, units)
        were = [then[key] for then in earlier if key in then and then[key].held >= CONFIRMED]
        levels = [(before, after), *(self._levels(key, was, units) for was in were)]
        return Slowing(
            module,
            units,
            replace(
                shift, run=shift.run + self._skipped, last_good=shift.last_good + self._skipped
            ),
            before,
            after,
            max(math.fsum(high) - math.fsum(low) for low, high in levels),
        )

    def _levels(
        self, key: _Key, shift: Newest, units: Sequence[int]
    ) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return the seconds of the tests before and since a shift."""
        if key[0] is None:
            return (seconds(shift.before),), (seconds(shift.after),)
        typical = [self._levelled.typical[unit] for unit in units]
        return (
            tuple(seconds(level + shift.before) for level in typical),
            tuple(seconds(level + shift.after) for level in typical),
        )

    def _tested(self, code: int) -> list[int]:
        return [unit for unit in self._members[code] if _is_tested(self.series[unit])]


def _known(shift: Newest) -> Newest:
    return replace(shift, log_p=shift.log_p - _LOG_KNOWN)


def _is_tested(values: Sequence[float]) -> bool:
    """Whether a series has a value of this run and three of the past."""
    past = sum(value == value for value in values[:-1])  # noqa: PLR0124 - NaN
    return past >= LEAST_RUNS and values[-1] == values[-1]
