"""Centred ranks, and how much alike the tests of one function are."""

from __future__ import annotations

import random

import pytest

from pytest_crackle.cooling.within import (
    Groups,
    centred,
    cosine,
    design_effect,
    intraclass,
    spread_over,
)


def test_centred():
    assert centred([1.0, 3.0, 10.0], "aab") == [-1.0, 1.0, 0.0]


def test_cosine():
    assert cosine([1.0, -1.0], [2.0, -2.0]) == pytest.approx(1)
    assert cosine([1.0, -1.0], [-2.0, 2.0]) == pytest.approx(-1)
    assert cosine([0.0, 0.0], [2.0, -2.0]) == 0


def test_spread_over():
    assert spread_over([1, 2, 3], 5) == [1, 2, 3]
    assert spread_over(range(10), 3) == [0, 3, 6]


def test_intraclass_of_functions_that_are_constant_is_one():
    values = centred([float(i // 5) for i in range(50)], [0] * 50)
    assert intraclass(values, [i // 5 for i in range(50)], 1) == pytest.approx(1)


def test_intraclass_of_independent_tests_is_small():
    rng = random.Random(1)
    values = centred([rng.random() for _ in range(2000)], [0] * 2000)
    assert intraclass(values, [i // 5 for i in range(2000)], 1) < 0.05


@pytest.mark.parametrize(
    ("functions", "n_modules", "expected"),
    [
        ("abcd", 1, 0.0),  # one test each: nothing to be alike
        ("aabb", 2, 0.0),  # functions are modules: centring took what they share
        ("aab", 2, 1.0),  # too few to tell: careful
        ("aabc", 1, 1.0),
    ],
)
def test_intraclass_at_its_limits(functions, n_modules, expected):
    values = [1.0, 1.0, -1.0, -1.0][: len(functions)]
    assert intraclass(values, functions, n_modules) == pytest.approx(expected, abs=1e-9)


def test_intraclass_of_a_constant_is_one():
    assert intraclass([0.0] * 6, "aabbcc", 1) == 1


def test_design_effect():
    assert design_effect("abc", 1.0) == 1
    assert design_effect("aaaabbbb", 0.5) == pytest.approx(2.5)


@pytest.mark.parametrize("names", ["aabbbc", "abcabc", "a", ""])
def test_sums_of_groups_that_stand_together_or_not(names):
    values = [float(1 << place) for place in range(len(names))]
    groups = Groups(names)
    expected = dict.fromkeys(names, 0.0)
    for name, value in zip(names, values, strict=True):
        expected[name] += value
    assert groups.sums(values) == list(expected.values())
    assert groups.contiguous == (names != "abcabc")
