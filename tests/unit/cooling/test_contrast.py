"""A set of tests against all others: distances and rank sums against brute force and scipy."""

from __future__ import annotations

import itertools
import math
import random

import pytest
import scipy.stats

from pytest_crackle.cooling.clusters.contrast import log_p_above, log_scale, mean_distance

RNG = random.Random(11)
VALUES = [RNG.lognormvariate(-4, 1) for _ in range(40)]


def test_the_mean_distance_is_that_of_all_pairs():
    pairs = list(itertools.combinations([math.log(v) for v in VALUES], 2))
    brute = sum(abs(a - b) for a, b in pairs) / len(pairs)
    assert mean_distance(VALUES, 1.0) == pytest.approx(brute)
    assert mean_distance(VALUES, 2.0) == pytest.approx(brute / 2)


@pytest.mark.parametrize("values", [[], [3.0], [2.0, 2.0, 2.0], [0.0, 1e-9]])
def test_nothing_is_far_from_itself(values):
    assert mean_distance(values, 1.0) == 0


def test_the_scale_is_the_normalised_mad_of_logarithms():
    oracle = scipy.stats.median_abs_deviation([math.log(v) for v in VALUES], scale="normal")
    assert log_scale(VALUES) == pytest.approx(oracle, rel=1e-4)


def test_the_scale_is_never_zero():
    assert log_scale([]) == log_scale([1.0] * 9) == 1.0


def test_the_p_value_is_mann_whitney():
    inside, outside = VALUES[:10], VALUES[10:]
    oracle = scipy.stats.mannwhitneyu(
        inside, outside, alternative="greater", method="asymptotic", use_continuity=False
    )
    assert log_p_above(inside, sorted(outside), 30) == pytest.approx(math.log(oracle.pvalue))


def test_twice_the_others_tell_more():
    inside, outside = [5.0] * 8, sorted(VALUES)
    assert log_p_above(inside, outside, 80) < log_p_above(inside, outside, 40) < -5


@pytest.mark.parametrize(("inside", "outside"), [([], [1.0]), ([1.0], [])])
def test_without_one_side_there_is_nothing_to_tell(inside, outside):
    assert log_p_above(inside, outside, len(outside)) == 0
