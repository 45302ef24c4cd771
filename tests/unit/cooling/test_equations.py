"""Equations between custom metrics: sums, ratios and lines."""

from __future__ import annotations

import itertools
import math
import random

import pytest

from pytest_crackle.cooling.laws.equation import Equation, chance_of
from pytest_crackle.cooling.laws.equations import find_equations
from pytest_crackle.cooling.laws.lines import middle_range, resistant_line
from tests.custom_tables import custom_suite

N = 100


def columns_of_sum(seed=1, breakers=()):
    rng = random.Random(seed)
    out = [float(rng.randrange(1, 500)) for _ in range(N)]
    rejected = [float(rng.randrange(0, 4)) for _ in range(N)]
    whole = [a + b for a, b in zip(out, rejected, strict=True)]
    for i in breakers:
        whole[i] += 10
    return {"rows_in": whole, "rows_out": out, "rejected": rejected}


def lognormal(seed, n=N):
    rng = random.Random(seed)
    return [rng.lognormvariate(3, 1) for _ in range(n)]


def only(columns, **more):
    (equation,) = find_equations(custom_suite(columns, **more)).found
    return equation


def test_sum():
    equation = only(columns_of_sum(breakers=[5, 50]))
    assert equation.form == "sum"
    assert equation.metrics[0] == "rows_in"
    assert set(equation.metrics[1:]) == {"rows_out", "rejected"}
    assert equation.breakers == (5, 50)
    assert equation.rows == tuple(range(N))
    assert equation.log_p < math.log(1e-9)


def test_pairs_of_a_sum_are_related():
    found = find_equations(custom_suite({**columns_of_sum(), "more": lognormal(2)}))
    names = ("rows_in", "rows_out", "rejected")
    assert found.related == set(map(frozenset, itertools.combinations(names, 2)))
    assert found.hypotheses == 6 + 12


def test_sum_of_floats():
    a, b = lognormal(1), lognormal(2)
    whole = [x + y for x, y in zip(a, b, strict=True)]
    assert only({"c": whole, "a": a, "b": b}).metrics[0] == "c"


@pytest.mark.parametrize("n_breakers", [11, 50])
def test_a_sum_with_many_breakers_is_none(n_breakers):
    columns = columns_of_sum(breakers=range(n_breakers))
    assert not any(e.form == "sum" for e in find_equations(custom_suite(columns)).found)


def test_a_sum_that_zeros_make_is_none():
    a = lognormal(1)
    zeros = [0.0] * 95 + [3.0, 4.0, 5.0, 6.0, 7.0]
    found = find_equations(custom_suite({"a": a, "b": [2 * x for x in a], "zero": zeros})).found
    assert not any(e.form == "sum" for e in found)


def test_independent_small_counts_make_no_sum():
    for seed in range(10):
        rng = random.Random(seed)
        columns = {name: [float(rng.randrange(1, 9)) for _ in range(300)] for name in "abcdef"}
        assert find_equations(custom_suite(columns)).found == ()


def test_sums_of_metrics_that_few_tests_record_are_found():
    """Most tests record other metrics together; the proposal must not hang on these."""
    some = columns_of_sum()
    wide = {f"m{k}": [*([None] * N), *lognormal(k, 900)] for k in range(6)}
    columns = {name: [*values, *([None] * 900)] for name, values in some.items()}
    assert only({**columns, **wide}).metrics[0] == "rows_in"


def test_ratio_with_a_breaker():
    x = [float(round(v)) + 1 for v in lognormal(1)]
    y = [8 * v for v in x]
    y[7] = 3.0
    equation = only({"x": x, "y": y})
    assert (equation.form, equation.metrics, equation.slope) == ("ratio", ("y", "x"), 8)
    assert equation.breakers == (7,)
    assert equation.is_exact


def test_both_zero_is_no_breaker_of_a_ratio():
    x = [v if i % 5 else 0.0 for i, v in enumerate(lognormal(1))]
    y = [3 * v for v in x]
    y[6] += 100
    assert only({"x": x, "y": y}).breakers == (6,)


def test_line():
    x = lognormal(1)
    y = [1000 - 2 * v for v in x]
    y[7] = 3.0
    equation = only({"x": x, "y": y})
    assert equation.form == "line"
    assert equation.slope == pytest.approx(-2)
    assert equation.intercept == pytest.approx(1000)
    assert equation.breakers == (7,)


def test_a_ratio_within_one_per_cent():
    rng = random.Random(5)
    x = lognormal(1)
    y = [3 * v * rng.uniform(0.995, 1.005) for v in x]
    y[7] *= 2
    equation = only({"x": x, "y": y})
    assert not equation.is_exact
    assert 7 in equation.breakers
    assert len(equation.breakers) <= 3


def test_noise_of_a_few_per_cent_is_no_equation():
    rng = random.Random(5)
    x = lognormal(1)
    y = [3 * v * rng.uniform(0.9, 1.1) for v in x]
    assert find_equations(custom_suite({"x": x, "y": y})).found == ()


def test_a_ratio_of_two_that_hardly_vary_is_none():
    rng = random.Random(5)
    columns = {name: [rng.uniform(100, 101) for _ in range(N)] for name in "xy"}
    assert find_equations(custom_suite(columns)).found == ()


def test_few_tests_or_values_make_no_equation():
    x = lognormal(1)
    short = {"x": x[:19], "y": [2 * v + 1 for v in x[:19]]}
    assert find_equations(custom_suite(short)).hypotheses == 0
    few = [float(i % 7) + 1 for i in range(N)]
    assert find_equations(custom_suite({"x": few, "y": [2 * v + 1 for v in few]})).found == ()
    apart = {"x": [*x[:50], *([None] * 50)], "y": [*([None] * 35), *x[35:]]}
    assert find_equations(custom_suite(apart)).found == ()


def test_cases_of_two_functions_need_many_tuples():
    x = [float(i % 10) for i in range(N)]
    y = [3.0 * v + 1 for v in x]
    y[3] = 99.0
    assert find_equations(custom_suite({"x": x, "y": y}, functions=2)).found == ()
    assert only({"x": x, "y": y}, functions=20).breakers == (3,)


def test_resistant_line_bears_outliers():
    rng = random.Random(1)
    x = [rng.random() for _ in range(200)]
    y = [3 * v + 1 for v in x]
    for i in range(0, 200, 6):
        y[i] = rng.uniform(-100, 100)
    line = resistant_line(x, y)
    assert line == pytest.approx((3, 1), rel=1e-6)


@pytest.mark.parametrize("slope", [1.002, -0.995])
def test_slopes_near_one_are_one(slope):
    x = lognormal(1)
    line = resistant_line(x, [slope * v for v in x])
    assert line is not None
    assert line[0] == math.copysign(1, slope)


@pytest.mark.parametrize(
    ("x", "y"),
    [
        ([1.0] * 20, [*map(float, range(20))]),
        ([*map(float, range(20))], [1.0] * 20),
        ([*([1.0] * 19), 2.0], [*map(float, range(20))]),
        ([*([0.0] * 10), *([5e-324] * 10)], [*([0.0] * 10), *([1e308] * 10)]),
    ],
)
def test_no_line(x, y):
    assert resistant_line(x, y) is None


def test_middle_range():
    assert middle_range([float(i) for i in range(11)]) == 8


def test_inverted():
    equation = Equation("line", ("y", "x"), (), (), 0.5, 10.0, 1e-6, 0.2, 0.1, -5.0)
    other = equation.inverted()
    assert (other.metrics, other.slope, other.intercept) == (("x", "y"), 2, -20)
    assert other.reach == pytest.approx(0.4)
    assert equation.holds((12.0, 4.1))
    assert other.holds((4.1, 12.0))
    assert not equation.holds((12.0, 5.0))


def test_chance_is_that_of_the_least_favourable_shuffle():
    tuples = [(x + 1.0, float(x), 1.0) for x in range(50)]
    assert chance_of(tuples, (1, 2), lambda v: v[0] == v[1] + v[2]) > 0.99
    assert chance_of(tuples, (1,), lambda v: v[0] == v[1] + v[2]) < 0.1


def test_two_sums_of_the_same_pair_are_one():
    x, y = lognormal(1), lognormal(2)
    t = [a + b for a, b in zip(x, y, strict=True)]
    u = [a + b for a, b in zip(t, x, strict=True)]
    found = find_equations(custom_suite({"t": t, "u": u, "x": x, "y": y})).found
    assert len([e for e in found if e.form == "sum"]) == 1


def test_a_sum_that_one_term_hardly_needs_is_none():
    """90 of 100 tests hold as zeros; too few different triples say anything."""
    columns = columns_of_sum()
    columns["rejected"] = [0.0] * 92 + [5.0, 6.0, 7.0, 8.0, 9.0, 3.0, 4.0, 2.0]
    columns["rows_in"] = [
        a + b for a, b in zip(columns["rows_out"], columns["rejected"], strict=True)
    ]
    assert not any(e.form == "sum" for e in find_equations(custom_suite(columns)).found)


def test_mostly_zero_metrics_have_no_ratio():
    rng = random.Random(1)
    x = [rng.lognormvariate(3, 1) if i % 5 < 2 else 0.0 for i in range(N)]
    y = [3 * v + rng.random() for v in x]
    assert [e.form for e in find_equations(custom_suite({"x": x, "y": y})).found] == ["line"]
    y = [v if not i % 3 else 0.0 for i, v in enumerate(lognormal(5))]
    assert find_equations(custom_suite({"x": lognormal(1), "y": y})).found == ()


def test_what_a_pilot_proposes_all_tests_may_refuse():
    rng = random.Random(1)
    n = 6400
    x = [rng.lognormvariate(3, 1) for _ in range(n)]
    y = [8 * v if i % 100 == 0 else rng.lognormvariate(5, 1) for i, v in enumerate(x)]
    assert find_equations(custom_suite({"x": x, "y": y})).found == ()
