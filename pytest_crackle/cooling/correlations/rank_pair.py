"""The rank correlation of two custom metrics within modules, and how much the tests tell."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from itertools import compress
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.numeric import mid_ranks
from pytest_crackle.cooling.ranking import Ranking
from pytest_crackle.cooling.replica import Members
from pytest_crackle.cooling.tails import log_normal_sf
from pytest_crackle.cooling.within import Groups, centred, cosine, design_effect, intraclass

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_crackle.cooling.detectors.base import Column
    from pytest_crackle.cooling.suite import Suite

__all__ = ["LEAST_EFFECTIVE", "LEAST_TESTS", "PairAgain", "RankPair", "Strength", "rank_pair"]

LEAST_TESTS: Final = 30
LEAST_PER_MODULE: Final = 3
LEAST_EFFECTIVE: Final = 15
# variance of Fisher's z of a rank correlation times (n - 3)
FIELLER: Final = 1.06
# the error divides by the effective number less 3
LEAST_FOR_ERROR: Final = 4
CLOSEST: Final = 0.9999
LOG_SURE: Final = -200.0
"""No session has so many hypotheses that a ln p below this would not count."""


@dataclass(frozen=True, slots=True)
class Strength:
    """How strongly two metrics go together.

    Attributes
    ----------
    rho_within, low, high : float
        Spearman's correlation with ranks centred in modules, and the 95 % bounds of its size.
    log_p : float
    """

    rho_within: float
    low: float
    high: float
    log_p: float


@dataclass(frozen=True, slots=True)
class RankPair:
    """How two metrics go together, and in which tests.

    Attributes
    ----------
    rows : tuple of int
        Tests in modules with three or more of them.
    x, y : tuple of float
        Mid-ranks, centred in modules.
    strength : Strength
    """

    rows: tuple[int, ...]
    x: tuple[float, ...]
    y: tuple[float, ...]
    strength: Strength


def rank_pair(
    suite: Suite, names: tuple[str, str], rows: Sequence[int], column: Column
) -> RankPair | None:
    """Correlate two metrics within modules.

    Parameters
    ----------
    suite : Suite
    names : (str, str)
    rows : sequence of int
        Tests that have both.
    column : Column

    Returns
    -------
    RankPair or None
        None with fewer than 30 tests in modules of three, 30 off the commonest value of both, or an
        effective number of 15.

    Notes
    -----
    Tests of one function are alike: the effective number is (n - modules) over the design effect of
    a correlation of two clustered series, with the product of their intraclass correlations.
    O(n log n).

    References
    ----------
    E. C. Fieller, H. O. Hartley, E. S. Pearson, "Tests for rank correlation coefficients. I",
    Biometrika 44 (1957) 470-481, doi:10.1093/biomet/44.3-4.470; R. Lehtonen, E. Pahkinen,
    "Practical Methods for Design and Analysis of Complex Surveys" (2004), chapter 2.
    """
    codes = suite.module_codes
    sizes = Counter(map(codes.__getitem__, rows))
    if any(size < LEAST_PER_MODULE for size in sizes.values()):
        rows = [row for row in rows if sizes[codes[row]] >= LEAST_PER_MODULE]
    x, y = (list(map(column(name).__getitem__, rows)) for name in names)
    if _n_telling(x, y) < LEAST_TESTS:
        return None
    modules = Groups(list(map(codes.__getitem__, rows)))
    functions = list(map(suite.function_codes.__getitem__, rows))
    inner_x, inner_y = centred(mid_ranks(x), modules), centred(mid_ranks(y), modules)
    strength = _strength(inner_x, inner_y, functions, len(modules.counts), LEAST_EFFECTIVE)
    if strength is None:
        return None
    return RankPair(tuple(rows), tuple(inner_x), tuple(inner_y), strength)


def _strength(
    x: Sequence[float],
    y: Sequence[float],
    functions: Sequence[int],
    n_modules: int,
    least_effective: float,
) -> Strength | None:
    """Correlate ranks that are centred in modules."""
    groups = Groups(functions)
    alike = intraclass(x, groups, n_modules) * intraclass(y, groups, n_modules)
    effective = (len(x) - n_modules) / design_effect(groups, alike)
    if effective < least_effective or effective <= LEAST_FOR_ERROR:
        return None
    return _strength_of(cosine(x, y), effective)


def _strength_of(within: float, effective: float) -> Strength:
    z = math.atanh(min(abs(within), CLOSEST))
    error = math.sqrt(FIELLER / (effective - 3))
    return Strength(
        rho_within=within,
        low=math.tanh(z - 1.96 * error),
        high=math.tanh(z + 1.96 * error),
        log_p=min(0.0, math.log(2) + log_normal_sf(z / error)),
    )


class PairAgain:
    """Correlate two metrics again in replicas of the session.

    Parameters
    ----------
    suite : Suite
    names : (str, str)
    rows : sequence of int
        Tests that have both.

    Notes
    -----
    What all replicas share is looked up once, at the first of them.
    """

    def __init__(self, suite: Suite, names: tuple[str, str], rows: Sequence[int]) -> None:
        self._suite = suite
        self._names = names
        self._members = Members(rows)
        self._modules: list[int] = []
        self._functions: list[int] = []
        self._most_in_function = 1
        self._rankings: list[Ranking] = []

    def _prepare(self) -> None:
        rows, suite = self._members.rows, self._suite
        self._modules = list(map(suite.module_codes.__getitem__, rows))
        self._functions = list(map(suite.function_codes.__getitem__, rows))
        self._most_in_function = max(Counter(self._functions).values(), default=1)
        for name in self._names:
            values = list(map(suite.column(name).__getitem__, rows))
            self._rankings.append(Ranking(values))

    def strength(
        self, column: Column, rows: Sequence[int], passes: Callable[[Strength], bool]
    ) -> Strength | None:
        """Return how strongly they go together in a replica; None where too few tests tell.

        Parameters
        ----------
        column : Column
        rows : sequence of int
            Those of the replica. Fewer tests are asked for, by the share that is left.
        passes : callable
            Whether a strength is enough; it must be so for every stronger one.

        Notes
        -----
        How much alike the tests of one function are is only looked at where it matters: if all
        tests of a function were as good as one and the pair still passes by far, that is told.
        """
        if not self._rankings:
            self._prepare()
        share = len(rows) / max(1, len(self._suite.rows))
        kept = self._members.marks(rows)
        if sum(kept) < max(1.0, share * LEAST_TESTS):
            return None
        modules = Groups(list(compress(self._modules, kept)))
        if min(modules.counts) < LEAST_PER_MODULE:
            sizes = Counter(compress(self._modules, kept))
            pairs = zip(kept, self._modules, strict=True)
            kept = [int(keep and sizes[module] >= LEAST_PER_MODULE) for keep, module in pairs]
            modules = Groups(list(compress(self._modules, kept)))
        values_x, ranks_x = self._ranks(0, column, kept)
        values_y, ranks_y = self._ranks(1, column, kept)
        if not self._tells(values_x, values_y, share * LEAST_TESTS):
            return None
        x, y = centred(ranks_x, modules), centred(ranks_y, modules)
        n_modules, least = len(modules.counts), share * LEAST_EFFECTIVE
        effective = (len(x) - n_modules) / self._most_in_function
        if effective >= least and effective > LEAST_FOR_ERROR:
            bound = _strength_of(cosine(x, y), effective)
            if bound.log_p <= LOG_SURE and passes(bound):
                return bound
        return _strength(x, y, list(compress(self._functions, kept)), n_modules, least)

    def _ranks(
        self, place: int, column: Column, kept: Sequence[int]
    ) -> tuple[Sequence[float], list[float]]:
        """Return the values of a metric, or numbers in their order, and their ranks."""
        name = self._names[place]
        source = column(name)
        if source is self._suite.column(name):  # as it was: seconds would be jittered
            codes = list(compress(self._rankings[place].codes, kept))
            return codes, self._rankings[place].ranks(codes)
        values = list(map(source.__getitem__, compress(self._members.rows, kept)))
        return values, mid_ranks(values)

    def _tells(self, x: Sequence[float], y: Sequence[float], least: float) -> bool:
        """Whether enough tests have neither commonest value.

        In a replica no value comes more often than it did among all tests; that mostly settles it.
        """
        most = sum(ranking.most for ranking in self._rankings)
        return len(x) - most >= least or _n_telling(x, y) >= least


def _n_telling(x: Sequence[float], y: Sequence[float]) -> int:
    """Tests in which neither metric has its commonest value."""
    if not x:
        return 0
    mode_x, mode_y = (Counter(values).most_common(1)[0][0] for values in (x, y))
    return sum(a != mode_x and b != mode_y for a, b in zip(x, y, strict=True))
