"""Pairs of custom metrics, in ranks within modules; shapes at fast."""

from __future__ import annotations

import math
import random

import pytest
import scipy.stats

from pytest_crackle.cooling.correlations.pairs import find_pairs
from pytest_crackle.cooling.correlations.rank_pair import PairAgain, rank_pair
from pytest_crackle.cooling.correlations.shapes import find_shapes
from pytest_crackle.cooling.detectors.conservation import Conservation
from pytest_crackle.cooling.detectors.correlation import Correlation
from pytest_crackle.cooling.profiles import Profile
from tests.custom_tables import custom_suite
from tests.unit.cooling.test_equations import columns_of_sum
from tests.unit.cooling.test_regimes import COLD, N, two_levels

NORMAL, FAST = Profile.normal(), Profile.fast()


def followed(n=200, slope=1.0, noise=0.4, seed=1):
    rng = random.Random(seed)
    x = [rng.gauss(0, 1) for _ in range(n)]
    return x, [slope * v + rng.gauss(0, noise) for v in x]


def only(suite, profile=NORMAL):
    (finding,) = find_pairs(suite, profile).findings
    return finding


def test_pair_that_rises():
    x, y = followed()
    finding = only(custom_suite({"payload": x, "rows": y}, modules=4))
    rho = finding.evidence["correlation"]
    assert rho == pytest.approx(scipy.stats.spearmanr(x, y).statistic)
    assert finding.summary == f"payload and rows rise together over 200 tests (rho {rho:.2f})."
    assert (finding.kind, finding.subkind, finding.anchor) == ("correlation", "pair", "rises")
    assert finding.evidence["pearson"] == pytest.approx(scipy.stats.pearsonr(x, y).statistic)
    assert finding.evidence["ci_low"] < abs(finding.evidence["correlation_within"])
    assert finding.rows == tuple(range(200))


def test_pair_that_falls():
    x, y = followed(slope=-1)
    finding = only(custom_suite({"payload": x, "rows": y}, modules=4))
    rho = finding.evidence["correlation"]
    assert finding.summary == f"rows falls as payload rises over 200 tests (rho {rho:.2f})."
    assert finding.anchor == "falls"


def test_modules_that_differ_make_no_pair():
    rng = random.Random(2)
    centres = [20.0 * (i * 8 // 200) for i in range(200)]
    columns = {name: [c + rng.gauss(0, 1) for c in centres] for name in ("x", "y")}
    assert find_pairs(custom_suite(columns, modules=8), FAST).findings == ()


def test_another_sign_between_modules_is_said():
    x, y = followed()
    x = [v + 20 * (i * 4 // 200) for i, v in enumerate(x)]
    y = [v - 20 * (i * 4 // 200) for i, v in enumerate(y)]
    finding = only(custom_suite({"x": x, "y": y}, modules=4))
    within, rho = finding.evidence["correlation_within"], finding.evidence["correlation"]
    assert within > 0.8
    assert rho < -0.8
    assert finding.summary == (
        f"x and y rise together within modules over 200 tests (rho {within:.2f}),"
        f" but not between them (all tests: rho {rho:.2f})."
    )


def test_a_weaker_correlation_over_all_is_said():
    rng = random.Random(3)
    x, y = followed()
    shifts = [rng.gauss(0, 3) for _ in range(8)]
    y = [v + shifts[i * 8 // 200] for i, v in enumerate(y)]
    finding = only(custom_suite({"x": x, "y": y}, modules=8))
    assert "within modules over 200 tests (rho " in finding.summary
    assert "(all tests: rho " in finding.summary
    assert "but not" not in finding.summary


def test_cases_of_few_functions_count_little():
    rng = random.Random(4)
    levels = [rng.gauss(0, 1) for _ in range(12)]
    x = [levels[i % 12] + rng.gauss(0, 0.05) for i in range(240)]
    y = [levels[i % 12] + rng.gauss(0, 0.05) for i in range(240)]
    suite = custom_suite({"x": x, "y": y}, functions=12)
    assert find_pairs(suite, FAST).findings == ()
    assert rank_pair(suite, ("x", "y"), suite.rows, suite.column) is None


def test_p_value_is_that_of_independent_tests():
    x, y = followed(60, slope=0.5, noise=1)
    suite = custom_suite({"x": x, "y": y})
    found = rank_pair(suite, ("x", "y"), suite.rows, suite.column)
    assert found is not None
    expected = math.log(scipy.stats.spearmanr(x, y).pvalue)
    assert found.strength.log_p == pytest.approx(expected, rel=0.15)


@pytest.mark.parametrize("integers", [False, True])
def test_in_a_replica_it_is_the_correlation_of_the_tests_that_are_left(integers):
    x, y = followed(400, slope=1, noise=0.3)
    if integers:
        x, y = ([float(round(8 * v)) for v in values] for values in (x, y))
    suite = custom_suite({"x": x, "y": y}, functions=40)
    again = PairAgain(suite, ("x", "y"), suite.rows)
    rng = random.Random(5)
    for share in (0.2, 0.5, 0.8):
        rows = [row for row in suite.rows if rng.random() < share]
        exact = again.strength(suite.column, rows, lambda _: False)
        once = rank_pair(suite, ("x", "y"), rows, suite.column)
        assert once is not None
        assert exact == once.strength
        bound = again.strength(suite.column, rows, lambda _: True)
        assert bound is not None
        assert exact is not None
        assert bound.rho_within == exact.rho_within
        assert bound.log_p >= exact.log_p
        assert bound.low <= exact.low


def test_in_a_replica_seconds_are_read_as_they_are_there():
    x, y = followed(100, slope=1, noise=0.3)
    suite = custom_suite({"x": x, "y": y})
    again = PairAgain(suite, ("x", "y"), suite.rows)
    columns = {"x": x, "y": [-v for v in y]}
    found = again.strength(columns.__getitem__, suite.rows, lambda _: False)
    assert found is not None
    assert found.rho_within < -0.8


def test_commonest_values_tell_nothing():
    x = [float(i) if i < 29 else 0.0 for i in range(200)]
    suite = custom_suite({"x": x, "y": [v + i % 2 for i, v in enumerate(x)]})
    assert rank_pair(suite, ("x", "y"), suite.rows, suite.column) is None
    assert rank_pair(suite, ("x", "y"), (), suite.column) is None


def test_the_weakest_edge_of_a_triangle_is_dropped():
    rng = random.Random(5)
    a = [rng.gauss(0, 1) for _ in range(300)]
    b = [v + rng.gauss(0, 0.5) for v in a]
    c = [v + rng.gauss(0, 0.5) for v in b]
    found = find_pairs(custom_suite({"a": a, "b": b, "c": c}, modules=3), NORMAL).findings
    assert {finding.metrics for finding in found} == {("a", "b"), ("b", "c")}


def test_a_triangle_of_real_pairs_stays():
    rng = random.Random(5)
    z = [rng.gauss(0, 1) for _ in range(300)]
    columns = {name: [v + rng.gauss(0, 0.4) for v in z] for name in "abc"}
    found = find_pairs(custom_suite(columns, modules=3), NORMAL).findings
    assert len(found) == 3


def test_pairs_of_an_equation_are_not_told():
    assert find_pairs(custom_suite(columns_of_sum(breakers=[3])), FAST).findings == ()


def test_pairs_of_times_are_not_told():
    x, y = followed()
    x, y = [math.exp(v) for v in x], [math.exp(v) for v in y]
    units = {"parse": ["s", "value"], "render": ["s", "value"]}
    assert find_pairs(custom_suite({"parse": x, "render": y}, units=units), FAST).findings == ()
    one = {"parse": ["s", "value"]}
    assert only(custom_suite({"parse": x, "render": y}, units=one)).subkind == "pair"


def test_a_pair_that_only_changes_levels_is_the_regime():
    columns = {"queries": two_levels(1), "rows": two_levels(2, low=(100, 180), high=(900, 1900))}
    suite = custom_suite(columns, modules=3, fixture=sorted(COLD))
    assert find_pairs(suite, FAST).findings == ()


def test_a_pair_that_follows_inside_the_levels_is_told_beside_the_regime():
    rng = random.Random(1)
    x = [rng.uniform(5, 9) * (8 if i in COLD else 1) for i in range(N)]
    y = [v * rng.uniform(90, 110) for v in x]
    suite = custom_suite({"queries": x, "rows": y}, modules=3, fixture=sorted(COLD))
    assert only(suite).metrics == ("queries", "rows")


def test_large_suites_are_sampled():
    x, y = followed(12_000)
    finding = only(custom_suite({"x": x, "y": y}, modules=10))
    assert finding.evidence["tests"] == 5000


def test_recheck_of_a_pair():
    x, y = followed()
    suite = custom_suite({"x": x, "y": y}, modules=4)
    finding = only(suite)
    assert finding.recheck is not None
    assert finding.recheck(suite.column, suite.rows) == pytest.approx(finding.log_p)
    assert finding.log_p < finding.recheck(suite.column, suite.rows[:150]) < math.log(1e-6)
    assert finding.recheck(suite.column, ()) == 0

    def turned(name):
        column = suite.column(name)
        return [-v for v in column] if name == "x" else column

    def mixed(name):
        column = list(suite.column(name))
        return random.Random(1).sample(column, len(column)) if name == "x" else column

    assert finding.recheck(turned, suite.rows) == 0
    assert finding.recheck(mixed, suite.rows) == 0
    assert finding.recheck(suite.column, suite.rows[::60]) == 0


def arch(n=120, seed=1):
    rng = random.Random(seed)
    x = [rng.uniform(-1, 1) for _ in range(n)]
    return x, [v * v + rng.gauss(0, 0.02) for v in x]


def test_shape():
    x, y = arch()
    suite = custom_suite({"angle": x, "height": y})
    (finding,) = find_pairs(suite, FAST).findings
    xi = finding.evidence["correlation"]
    assert finding.summary == (
        "height follows angle over 120 tests, one of each function, but neither rises nor falls"
        f" with it throughout (xi {xi:.2f})."
    )
    expected = scipy.stats.chatterjeexi(x, y)
    assert xi == pytest.approx(expected.statistic)
    z = xi * math.sqrt(120 / 0.4)
    assert finding.log_p == pytest.approx(scipy.stats.norm.logsf(z))
    assert not finding.gateable
    assert find_pairs(suite, NORMAL).findings == ()
    assert finding.recheck is not None
    assert finding.recheck(suite.column, suite.rows) == pytest.approx(finding.log_p)
    assert finding.recheck(suite.column, ()) == 0
    assert finding.recheck(lambda name: [float(i * 37 % 120) for i in range(120)], suite.rows) <= 0


def test_shape_needs_functions_and_values():
    x, y = arch()
    assert find_shapes(custom_suite({"x": x[:39], "y": y[:39]}), frozenset()) == ((), 0)
    tied = [round(v * 2) / 2 for v in x]
    assert find_shapes(custom_suite({"x": tied, "y": y}), frozenset())[0] == ()
    apart = {"x": [*x[:60], *([None] * 60)], "y": [*([None] * 60), *y[60:]]}
    assert find_shapes(custom_suite(apart), frozenset()) == ((), 0)


def test_shape_recheck_of_noise_is_nothing():
    x, y = arch()
    suite = custom_suite({"x": x, "y": y})
    (finding,), _ = find_shapes(suite, frozenset())
    rng = random.Random(7)
    noise = {name: [rng.random() for _ in x] for name in ("x", "y")}
    assert finding.recheck is not None
    assert finding.recheck(noise.__getitem__, suite.rows) == 0


def test_a_pair_is_no_shape():
    x, y = followed()
    assert [f.subkind for f in find_pairs(custom_suite({"x": x, "y": y}), FAST).findings] == [
        "pair"
    ]


def test_detectors_put_their_parts_together():
    x, y = followed()
    suite = custom_suite({"x": x, "y": y, "subprocesses": [float(i % 5) for i in range(200)]})
    correlation = Correlation().detect(suite, NORMAL)
    assert [finding.subkind for finding in correlation.findings] == ["pair"]
    assert Correlation.name == "correlation"
    conservation = Conservation().detect(custom_suite(columns_of_sum(breakers=[3])), NORMAL)
    assert [finding.subkind for finding in conservation.findings] == ["relation"]
    assert Conservation.name == "conservation"


def test_a_regime_of_other_metrics_keeps_no_pair():
    x, y = followed(N)
    columns = {"x": x, "y": y, "queries": two_levels()}
    finding = only(custom_suite(columns, modules=3, fixture=sorted(COLD)))
    assert finding.metrics == ("x", "y")


def test_recheck_needs_enough_of_the_pair():
    x, y = followed(60)
    columns = {"x": [*x, *([None] * 60)], "y": [*y, *([None] * 60)]}
    suite = custom_suite(columns, modules=2)
    finding = only(suite)
    assert finding.recheck is not None
    assert finding.recheck(suite.column, suite.rows[50:]) == 0


def test_counts_are_no_shape():
    x, y = arch()
    counts = [float(i * 37 % 10) for i in range(120)]
    found, _ = find_shapes(custom_suite({"a": counts, "x": x, "y": y}), frozenset())
    assert [finding.metrics for finding in found] == [("x", "y")]
