"""The shared arithmetic against scipy (1.11 and later) and against its own definitions."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from scipy import stats

from pytest_crackle.cooling.numeric import (
    block_slope,
    cliff_delta,
    mad_of,
    median_of,
    mid_ranks,
    pearson,
    quantile,
    spearman,
    theil_sen,
)
from pytest_crackle.cooling.tails import (
    log_binomial_tail,
    log_hypergeometric_tail,
    log_normal_sf,
    log_poisson_sf,
    log_rank_sum_p,
)


def tied_sample(seed: int, n: int = 60) -> list[float]:
    rng = random.Random(seed)
    return [float(rng.randint(-5, 5)) if rng.random() < 0.5 else rng.gauss(0, 3) for _ in range(n)]


@pytest.mark.parametrize("seed", range(5))
def test_mid_ranks_are_those_of_scipy(seed):
    values = tied_sample(seed)
    assert mid_ranks(values) == list(stats.rankdata(values))


def test_mid_ranks_of_odd_input():
    assert mid_ranks([]) == []
    assert mid_ranks([math.inf, -math.inf, 0.0, -0.0]) == [4.0, 1.0, 2.5, 2.5]
    assert mid_ranks([True, False, 0.5]) == [3.0, 1.0, 2.0]


@pytest.mark.parametrize("n", [1, 2, 3, 10, 11])
def test_median_and_mad_are_those_of_numpy(n):
    values = tied_sample(n, n)
    assert median_of(values) == np.median(values)
    assert mad_of(values) == pytest.approx(stats.median_abs_deviation(values))


def test_median_does_not_overflow():
    assert median_of([1.7e308, 1.7e308]) == 1.7e308
    assert median_of([5e-324, 5e-324]) == 5e-324


def test_median_of_nothing_is_refused():
    with pytest.raises(ValueError, match="median of no values"):
        median_of([])


def test_quantile_is_the_lower_order_statistic():
    values = [1.0, 2.0, 3.0, 4.0]
    assert [quantile(values, q) for q in (0, 0.3, 0.34, 0.99, 1)] == [1.0, 1.0, 2.0, 3.0, 4.0]


@pytest.mark.parametrize("q", [-0.1, 1.1, math.nan])
def test_quantile_outside_is_refused(q):
    with pytest.raises(ValueError, match="not between 0 and 1"):
        quantile([1.0], q)


def test_quantile_of_nothing_is_refused():
    with pytest.raises(ValueError, match="quantile of no values"):
        quantile([], 0.5)


def test_cliff_delta_counts_pairs():
    before, after = tied_sample(1, 17), tied_sample(2, 23)
    pairs = [(b < a) - (b > a) for b in before for a in after]
    assert cliff_delta(before, after) == pytest.approx(sum(pairs) / len(pairs))
    assert cliff_delta([1.0, 2.0], [3.0]) == 1.0
    assert cliff_delta([], [1.0]) == cliff_delta([1.0], []) == 0.0


def test_theil_sen_is_that_of_scipy():
    x, y = tied_sample(3, 40), tied_sample(4, 40)
    assert theil_sen(x, y) == pytest.approx(stats.theilslopes(y, x).slope)
    assert theil_sen([1.0, 1.0], [2.0, 3.0]) == 0.0


def test_block_slope_finds_a_line_among_outliers():
    values = [0.5 * i for i in range(200)]
    for i in range(0, 200, 7):
        values[i] = 1e9
    assert block_slope(values) == pytest.approx(0.5, rel=0.02)
    assert block_slope([3.0, 1.0, 2.0]) == 0.0


@pytest.mark.parametrize("z", [-40, -8, -1, 0, 0.3, 5, 29.99, 30.01, 37, 38, 60, 1e4])
def test_log_normal_sf_is_that_of_scipy(z):
    assert log_normal_sf(z) == pytest.approx(stats.norm.logsf(z), rel=1e-9, abs=1e-300)


def test_log_normal_sf_of_infinity():
    assert log_normal_sf(math.inf) == -math.inf
    assert log_normal_sf(-math.inf) == 0.0


@pytest.mark.parametrize("lam", [1e-3, 0.5, 3, 50, 1000, 1e5])
@pytest.mark.parametrize("share", [0.5, 0.97, 1.0, 1.02, 1.5, 3])
def test_log_poisson_sf_is_that_of_scipy(lam, share):
    k = max(1, round(lam * share))
    expected = stats.poisson.logsf(k - 1, lam)
    if math.isfinite(expected):
        assert log_poisson_sf(lam, k) == pytest.approx(expected, rel=1e-7, abs=1e-15)


def test_log_poisson_sf_does_not_underflow():
    # the first term dominates: k ln lam - lam - ln k!
    first = 1000 * math.log(0.01) - 0.01 - math.lgamma(1001)
    assert log_poisson_sf(0.01, 1000) == pytest.approx(first, rel=1e-6)
    assert stats.poisson.logsf(999, 0.01) == -math.inf


def test_log_poisson_sf_at_the_borders():
    assert log_poisson_sf(3.0, 0) == 0.0
    assert log_poisson_sf(0.0, 0) == 0.0
    assert log_poisson_sf(0.0, 1) == -math.inf
    assert log_poisson_sf(math.inf, 10) == 0.0


@pytest.mark.parametrize(("n", "k", "p"), [(20, 15, 0.5), (100, 12, 0.05), (400, 390, 0.9)])
def test_log_binomial_tail_bounds_the_tail(n, k, p):
    exact = stats.binom.logsf(k - 1, n, p)
    assert exact <= log_binomial_tail(n, k, p) <= exact + math.log(n)


def test_log_binomial_tail_at_the_borders():
    assert log_binomial_tail(10, 5, 0.5) == 0.0
    assert log_binomial_tail(10, 0, 0.0) == 0.0
    assert log_binomial_tail(0, 0, 0.5) == 0.0
    assert log_binomial_tail(10, 1, 0.0) == -math.inf
    assert log_binomial_tail(10, 10, 1.0) == 0.0
    assert log_binomial_tail(10, 12, 0.5) == log_binomial_tail(10, 10, 0.5)
    assert log_binomial_tail(1e6, 1e6, 1e-300) == pytest.approx(-1e6 * 300 * math.log(10))


@pytest.mark.parametrize("hits", range(13))
def test_log_hypergeometric_tail_is_that_of_scipy(hits):
    n, marked, drawn = 40, 12, 15
    law = stats.hypergeom(n, marked, drawn)
    upper = hits * n >= marked * drawn
    expected = law.logsf(hits - 1) if upper else law.logcdf(hits)
    assert log_hypergeometric_tail(n, marked, drawn, hits) == pytest.approx(expected)


def test_log_hypergeometric_tail_does_not_underflow():
    assert log_hypergeometric_tail(100_000, 4000, 4000, 4000) < -10_000


@pytest.mark.parametrize("seed", range(3))
def test_log_rank_sum_p_is_that_of_scipy(seed):
    rng = random.Random(seed)
    inside, outside = [rng.gauss(1, 1) for _ in range(30)], [rng.gauss(0, 1) for _ in range(50)]
    rank_sum = sum(mid_ranks([*inside, *outside])[:30])
    expected = stats.mannwhitneyu(
        inside, outside, alternative="greater", method="asymptotic", use_continuity=False
    ).pvalue
    assert log_rank_sum_p(30, rank_sum, 80) == pytest.approx(math.log(expected))


def test_log_rank_sum_p_of_nothing_or_all():
    assert log_rank_sum_p(0, 0.0, 5) == 0.0
    assert log_rank_sum_p(5, 15.0, 5) == 0.0


@pytest.mark.parametrize("seed", range(3))
def test_correlations_are_those_of_scipy(seed):
    x = tied_sample(seed)
    y = [a + b for a, b in zip(x, tied_sample(seed + 10), strict=True)]
    assert pearson(x, y) == pytest.approx(stats.pearsonr(x, y).statistic)
    assert spearman(x, y) == pytest.approx(stats.spearmanr(x, y).statistic)


@pytest.mark.parametrize("power", [-1060, -600, 600, 1020])
def test_pearson_bears_any_unit(power):
    x, y = tied_sample(1), tied_sample(2)
    scaled = [math.ldexp(value, power) for value in x]
    assert pearson(scaled, y) == pytest.approx(pearson(x, y), rel=1e-3)
    assert pearson(y, scaled) == pytest.approx(pearson(y, x), rel=1e-3)


def test_pearson_without_spread_is_zero():
    assert pearson([1.0, 1.0, 1.0], [1.0, 2.0, 3.0]) == 0.0
    assert pearson([0.1] * 7, [0.1] * 7) == 0.0
    assert pearson([], []) == pearson([1.0], [2.0]) == 0.0


def test_pearson_of_unequal_lengths_is_refused():
    with pytest.raises(ValueError, match="2 values against 1"):
        pearson([1.0, 2.0], [1.0])
