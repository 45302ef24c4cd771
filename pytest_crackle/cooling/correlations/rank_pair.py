"""The rank correlation of two custom metrics within modules, and how much the tests tell."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.numeric import log_normal_sf, mid_ranks, pearson
from pytest_crackle.cooling.within import Groups, centred, cosine, design_effect, intraclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_crackle.cooling.detectors.base import Column
    from pytest_crackle.cooling.suite import Suite

__all__ = ["LEAST_EFFECTIVE", "LEAST_TESTS", "RankPair", "rank_pair"]

LEAST_TESTS: Final = 30
LEAST_PER_MODULE: Final = 3
LEAST_EFFECTIVE: Final = 15
# variance of Fisher's z of a rank correlation times (n - 3)
FIELLER: Final = 1.06
CLOSEST: Final = 0.9999


@dataclass(frozen=True, slots=True)
class RankPair:
    """How two metrics go together.

    Attributes
    ----------
    rows : tuple of int
        Tests in modules with three or more of them.
    x, y : tuple of float
        Mid-ranks, centred in modules.
    rho : float
        Spearman's correlation over all of them.
    rho_within, low : float
        The same with ranks centred in modules, and the lower 95 % bound of its size.
    high : float
    log_p : float
    """

    rows: tuple[int, ...]
    x: tuple[float, ...]
    y: tuple[float, ...]
    rho: float
    rho_within: float
    low: float
    high: float
    log_p: float


def rank_pair(
    suite: Suite,
    names: tuple[str, str],
    rows: Sequence[int],
    column: Column,
    share: float = 1.0,
) -> RankPair | None:
    """Correlate two metrics within modules.

    Parameters
    ----------
    suite : Suite
    names : (str, str)
    rows : sequence of int
        Tests that have both.
    column : Column
    share : float
        Of the suite's tests that are there, in a replica: fewer tests are asked for.

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
    if _n_telling(x, y) < share * LEAST_TESTS:
        return None
    modules = Groups(list(map(codes.__getitem__, rows)))
    functions = Groups(list(map(suite.function_codes.__getitem__, rows)))
    n_modules = len(modules.counts)
    ranks_x, ranks_y = mid_ranks(x), mid_ranks(y)
    inner_x, inner_y = centred(ranks_x, modules), centred(ranks_y, modules)
    alike = intraclass(inner_x, functions, n_modules) * intraclass(inner_y, functions, n_modules)
    effective = (len(rows) - n_modules) / design_effect(functions, alike)
    if effective < share * LEAST_EFFECTIVE or effective <= 4:
        return None
    within = cosine(inner_x, inner_y)
    z = math.atanh(min(abs(within), CLOSEST))
    error = math.sqrt(FIELLER / (effective - 3))
    return RankPair(
        rows=tuple(rows),
        x=tuple(inner_x),
        y=tuple(inner_y),
        rho=pearson(ranks_x, ranks_y),
        rho_within=within,
        low=math.tanh(z - 1.96 * error),
        high=math.tanh(z + 1.96 * error),
        log_p=min(0.0, math.log(2) + log_normal_sf(z / error)),
    )


def _n_telling(x: Sequence[float], y: Sequence[float]) -> int:
    """Tests in which neither metric has its commonest value."""
    if not x:
        return 0
    mode_x, mode_y = (Counter(values).most_common(1)[0][0] for values in (x, y))
    return sum(a != mode_x and b != mode_y for a, b in zip(x, y, strict=True))
