"""The valley between two hills of one distribution."""

from __future__ import annotations

import math
import random

import pytest

from pytest_crackle.cooling.clusters.valley import deepest_valley, is_log_scaled, without_lattice


def normal(n, mean, sd, seed):
    rng = random.Random(seed)
    return [rng.gauss(mean, sd) for _ in range(n)]


def test_two_hills():
    valley = deepest_valley(normal(100, 0, 1, 1) + normal(50, 10, 1, 2))
    assert valley is not None
    assert 2.5 < valley.cut < 8
    assert valley.depth == 0
    assert valley.log_p_with(1.0) < math.log(1e-5)


def test_alike_tests_count_less():
    valley = deepest_valley(normal(100, 0, 1, 1) + normal(50, 10, 1, 2))
    assert valley is not None
    assert valley.log_p < valley.log_p_with(1.0) < valley.log_p_with(2.0) <= 0
    assert valley.log_p_with(1000.0) == 0


def test_one_hill_is_never_significant():
    found = [deepest_valley(normal(200, 0, 1, seed)) for seed in range(60)]
    assert min(valley.log_p_with(1.0) for valley in found if valley) > math.log(0.01)


@pytest.mark.parametrize(
    "values",
    [[1.0] * 50, [1.0, 2.0], [5e-324] * 30 + [1e-323] * 30, [-1e308] * 30 + [1e308] * 30],
)
def test_no_range_to_search(values):
    assert deepest_valley(values) is None


def test_affine_maps_move_the_cut_along():
    values = normal(100, 0, 1, 1) + normal(50, 10, 1, 2)
    one, other = deepest_valley(values), deepest_valley([100 + 8 * x for x in values])
    assert one is not None
    assert other is not None
    assert other.cut == pytest.approx(100 + 8 * one.cut)
    assert (other.hill, other.inside) == (one.hill, one.inside)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1.0, 2.0, 100.0, 200.0], True),
        ([1.0, 2.0, 3.0, 4.0], False),
        ([0.0, 1.0, 100.0, 200.0], False),
        ([1.0] * 99 + [1000.0], False),  # one test is no range
    ],
)
def test_log_scale(values, expected):
    assert is_log_scaled(values) is expected


def test_ties_of_integers_are_spread():
    assert without_lattice([2.0, 2.0, 5.0]) == [1.75, 2.25, 5.0]
    assert without_lattice([2.0, 2.5]) == [2.0, 2.5]


def test_a_lattice_of_integers_has_no_valley():
    rng = random.Random(3)
    values = without_lattice([float(rng.randrange(10)) for _ in range(400)])
    valley = deepest_valley(values)
    assert valley is None or valley.log_p_with(1.0) > math.log(0.05)
