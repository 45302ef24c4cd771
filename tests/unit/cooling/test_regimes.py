"""Two levels of a custom metric inside the same modules, and what tells them apart."""

from __future__ import annotations

import math
import random

import pytest

from pytest_crackle.cooling.clusters.regimes import find_regimes
from pytest_crackle.cooling.clusters.side_names import log_p_of_name, name_side
from pytest_crackle.cooling.correlations.rank_pilot import RankPilot, whole_modules
from pytest_crackle.cooling.profiles import Profile
from tests.custom_tables import custom_suite

NORMAL = Profile.normal()
N = 150
COLD = frozenset(range(0, N, 5))


def two_levels(seed=1, *, low=(5, 9), high=(40, 60), n=N, cold=COLD):
    rng = random.Random(seed)
    return [float(rng.randint(*(high if i in cold else low))) for i in range(n)]


def only(suite, profile=NORMAL):
    (finding,) = find_regimes(suite, profile).findings
    return finding


def test_regime_with_a_name():
    finding = only(custom_suite({"queries": two_levels()}, modules=3, fixture=sorted(COLD)))
    assert finding.summary == (
        "queries has two levels in 3 modules: 5 to 9 in 120 tests,"
        " 40 to 59 in 30 tests with fixture api."
    )
    assert (finding.kind, finding.subkind) == ("clustering", "regime")
    assert finding.rows == tuple(sorted(COLD))
    assert finding.anchor == "fixture api"
    assert finding.metrics == ("queries",)
    evidence = finding.evidence
    assert (evidence["cluster_size"], evidence["others"], evidence["modules"]) == (30, 120, 3)
    assert evidence["having"] == 30
    assert evidence["lift"] == pytest.approx(evidence["median"] / evidence["other_median"])


def test_the_name_may_hold_for_most():
    used = sorted(COLD)[:24]
    finding = only(custom_suite({"queries": two_levels()}, modules=3, fixture=used))
    assert finding.summary.endswith(" 40 to 59 in 30 tests, 24 of them with fixture api.")
    assert finding.explained_by is not None
    assert finding.explained_by.recall == 0.8


def test_the_larger_side_may_be_the_named_one():
    warm = sorted(set(range(N)) - COLD)
    finding = only(custom_suite({"queries": two_levels()}, modules=3, fixture=warm))
    assert finding.rows == tuple(warm)
    assert "5 to 9 in 120 tests with fixture api, 40 to 59 in 30 tests." in finding.summary


def test_a_nominal_metric_names_a_side():
    versions = [2.0 if i in COLD else 1.0 for i in range(N)]
    suite = custom_suite({"queries": two_levels(), "api_version": versions}, modules=3)
    finding = only(suite)
    assert finding.summary.endswith(" 40 to 59 in 30 tests with api_version = 2.")
    assert finding.explained_by is not None
    assert finding.explained_by.type == "metric"


def test_regime_without_a_name():
    rng = random.Random(3)
    cold = frozenset(range(0, 600, 4))
    values = [rng.lognormvariate(5 if i in cold else 2, 0.3) for i in range(600)]
    finding = only(custom_suite({"queries": values}, modules=5))
    assert finding.explained_by is None
    assert finding.rows == tuple(sorted(cold))
    assert finding.anchor == "levels"
    assert finding.summary.startswith("queries has two levels in 5 modules: ")
    assert finding.summary.endswith(" in 150 tests.")


def test_cases_on_both_levels_are_no_regime_unless_named():
    rng = random.Random(3)
    values = [rng.lognormvariate(5 if (i // 6) % 4 == 0 else 2, 0.3) for i in range(600)]
    suite = custom_suite({"queries": values}, modules=5, functions=6)
    assert find_regimes(suite, NORMAL).findings == ()


def test_three_levels_are_not_two_unless_named():
    rng = random.Random(3)
    values = [rng.lognormvariate((2, 5, 8)[i % 3], 0.2) for i in range(600)]
    assert find_regimes(custom_suite({"queries": values}, modules=5), NORMAL).findings == ()


def test_levels_of_modules_are_no_regime():
    rng = random.Random(3)
    values = [rng.lognormvariate(2 if i < 300 else 5, 0.3) for i in range(600)]
    assert find_regimes(custom_suite({"queries": values}, modules=6), NORMAL).findings == ()
    assert find_regimes(custom_suite({"queries": values}, modules=1), NORMAL).findings == ()


def test_a_deep_valley_is_asked_for():
    rng = random.Random(3)
    values = [rng.gauss(50 if i in COLD else 40, 4) for i in range(N)]
    suite = custom_suite({"queries": values}, modules=3, fixture=sorted(COLD))
    assert find_regimes(suite, NORMAL).findings == ()


def test_a_level_of_few_functions_is_none():
    cases = [f"t{i % 3}.py::test_{0 if i in COLD else i}[{i}]" for i in range(N)]
    some = frozenset(i for i in COLD if i % 3 == 0)
    suite = custom_suite({"queries": two_levels(cold=some)}, nodeid=cases, fixture=sorted(some))
    assert find_regimes(suite, NORMAL).findings == ()


def test_metrics_with_the_same_levels_are_one():
    columns = {"queries": two_levels(1), "rows": two_levels(2, low=(100, 180), high=(900, 1900))}
    finding = only(custom_suite(columns, modules=3, fixture=sorted(COLD)))
    assert set(finding.metrics) == {"queries", "rows"}
    assert " (and with it " in finding.summary


def joint(factor=4.0, seed=1, *, log=True):
    """y follows x, on two lines: cold tests have more for the same x."""
    rng = random.Random(seed)
    x = [rng.lognormvariate(4, 1.2 if log else 0.2) for _ in range(300)]
    cold = frozenset(range(0, 300, 4))
    noise = [rng.lognormvariate(0, 0.15) for _ in range(300)]
    y = [3 * v * (factor if i in cold else 1) * noise[i] for i, v in enumerate(x)]
    if not log:
        y = [500 + 3 * v + (factor if i in cold else 0) + rng.gauss(0, 3) for i, v in enumerate(x)]
    return {"payload": x, "rows": y}, sorted(cold)


def test_two_lines_are_a_regime_of_both():
    columns, cold = joint()
    finding = only(custom_suite(columns, modules=3, fixture=cold))
    assert finding.metrics == ("rows", "payload")
    factor = finding.evidence["factor"]
    assert factor == pytest.approx(4, rel=0.2)
    assert finding.summary == (
        f"For the same payload, rows is about {factor:.3g} times as high in 75 tests with fixture"
        " api than in the 225 other tests of 3 modules."
    )
    assert finding.rows == tuple(cold)


def test_two_parallel_lines_are_told_by_their_distance():
    columns, cold = joint(60.0, log=False)
    finding = only(custom_suite(columns, modules=3, fixture=cold))
    assert finding.evidence["difference"] == pytest.approx(60, rel=0.1)
    assert " higher in 75 tests with fixture api than in the 225 other tests" in finding.summary


def test_large_suites_are_sampled_and_told_in_full():
    n = 9000
    cold = frozenset(range(0, n, 5))
    values = two_levels(low=(50, 90), high=(400, 600), n=n, cold=cold)
    finding = only(custom_suite({"queries": values}, modules=3, fixture=sorted(cold)))
    assert finding.rows == tuple(sorted(cold))


def test_recheck():
    suite = custom_suite({"queries": two_levels()}, modules=3, fixture=sorted(COLD))
    finding = only(suite)
    assert finding.recheck is not None
    assert finding.recheck(suite.column, suite.rows) <= finding.log_p
    most = [row for row in suite.rows if row % 7]
    assert finding.recheck(suite.column, most) < math.log(1e-6)
    assert finding.recheck(suite.column, ()) == 0

    def shuffled(name):
        return random.Random(1).sample(list(suite.column(name)), N)

    assert finding.recheck(shuffled, suite.rows) == 0

    def flat(name):
        return [float(i % 30) for i in range(N)]

    assert finding.recheck(flat, suite.rows) == 0


def test_recheck_without_a_name():
    rng = random.Random(3)
    cold = frozenset(range(0, 600, 4))
    values = [rng.lognormvariate(5 if i in cold else 2, 0.3) for i in range(600)]
    suite = custom_suite({"queries": values}, modules=5)
    finding = only(suite)
    assert finding.recheck is not None
    assert finding.recheck(suite.column, suite.rows) == pytest.approx(finding.log_p)


def test_modules_are_no_evidence_for_a_name():
    """A fixture that one module uses goes with a level that this module has more of: by modules."""
    suite = custom_suite({"m": [1.0] * 40}, modules=2, fixture=range(20))
    assert log_p_of_name(suite, range(15), range(15, 40), frozenset(range(20))) == 0
    inside = log_p_of_name(suite, range(0, 40, 2), range(1, 40, 2), frozenset(range(0, 40, 2)))
    assert inside < math.log(1e-7)


def test_cases_of_one_function_count_once():
    suite = custom_suite({"m": [1.0] * 40}, functions=4)
    side, others = range(0, 40, 4), [i for i in range(40) if i % 4]
    assert log_p_of_name(suite, side, others, frozenset(side)) > math.log(0.1)


def test_no_name_leaves_the_first_side():
    suite = custom_suite({"m": [1.0] * 40}, modules=2)
    named = name_side(suite, (0, 1, 2), tuple(range(3, 40)))
    assert (named.rows, named.explained, named.log_p, named.n_having) == ((0, 1, 2), None, 0, 0)


def test_many_nominal_values_name_nothing():
    codes = [float(i // 5 % 10) if i in COLD else 77.0 for i in range(N)]
    suite = custom_suite({"queries": two_levels(), "code": codes}, modules=3)
    named = name_side(suite, tuple(sorted(COLD)), tuple(sorted(set(range(N)) - COLD)))
    assert named.explained is None


def test_pilot_takes_whole_modules():
    suite = custom_suite({"m": [1.0] * 3000}, modules=500)
    some = whole_modules(suite, suite.rows, 600)
    sizes = [sum(suite.module_codes[row] == code for row in some) for code in range(500)]
    assert len(some) == 600
    assert set(sizes) == {0, 6}


def test_pilot_of_metrics_that_few_tests_record():
    rng = random.Random(1)
    n = 4000
    x = [rng.random() if i % 100 == 0 else None for i in range(n)]
    columns = {"x": x, "y": x, "few": [float(i) if i < 29 else None for i in range(n)]}
    suite = custom_suite({**columns, "flat": [float(i % 4) for i in range(n)]}, modules=400)
    pilot = RankPilot(suite)
    assert pilot.metrics == ("x",)  # y is its alias, the others have too few values
    assert pilot.n_pairs == 0
    assert pilot.pairs(0.5) == []


def test_few_values_make_no_unnamed_levels():
    rng = random.Random(3)
    cold = frozenset(range(0, 600, 4))
    values = [float(rng.randint(*((40, 46) if i in cold else (5, 11)))) for i in range(600)]
    assert find_regimes(custom_suite({"queries": values}, modules=5), NORMAL).findings == ()
    named = custom_suite({"queries": values}, modules=5, fixture=sorted(cold))
    assert only(named).rows == tuple(sorted(cold))


def test_levels_about_zero_have_no_ratio():
    rng = random.Random(3)
    values = [rng.gauss(80 if i in COLD else 0, 5) for i in range(N)]
    middle = sorted(values[i] for i in range(N) if i not in COLD)[60]
    values = [v - middle if i not in COLD else v for i, v in enumerate(values)]
    values.append(0.0)
    finding = only(custom_suite({"balance": values}, modules=3, fixture=sorted(COLD)))
    assert finding.evidence.get("lift", 100) > 50


def test_tests_of_a_told_law_are_left_out():
    """A law is no level: 7 in all 60 tests with the fixture leaves one level for the rest."""
    rng = random.Random(4)
    members = range(0, 240, 4)
    values = [7.0 if i in members else rng.lognormvariate(6, 0.3) for i in range(240)]
    suite = custom_suite({"rows": values}, modules=4, fixture=members)
    assert find_regimes(suite, Profile.fast()).findings == ()


@pytest.mark.parametrize(
    "values",
    [
        [float(i % 15) for i in range(39)],  # few tests
        [float(i % 12) if i % 2 else 3.0 for i in range(150)],  # one value too often
    ],
)
def test_no_series(values):
    assert find_regimes(custom_suite({"m": values}, modules=3), NORMAL).hypotheses == 0


def test_pairs_that_few_tests_share_make_no_series():
    columns, _ = joint()
    x = [v if i < 160 else None for i, v in enumerate(columns["payload"])]
    y = [v if i >= 125 else None for i, v in enumerate(columns["rows"])]
    assert find_regimes(custom_suite({"x": x, "y": y}, modules=3), NORMAL).hypotheses == 2


def test_a_side_needs_a_share_of_the_tests():
    few = frozenset(range(0, 600, 60))
    values = two_levels(n=600, cold=few, low=(5, 60), high=(900, 950))
    suite = custom_suite({"queries": values}, modules=3, fixture=sorted(few))
    assert find_regimes(suite, NORMAL).findings == ()


def test_an_attribute_of_nearly_everything_names_nothing():
    values = two_levels(cold=frozenset(range(0, N, 2)), low=(5, 30), high=(300, 900))
    most = [i for i in range(N) if i % 2 == 0 or i % 5 == 1]
    suite = custom_suite({"queries": values}, modules=3, fixture=most)
    evens, odds = tuple(range(0, N, 2)), tuple(range(1, N, 2))
    assert name_side(suite, evens, odds).explained is None


def test_the_better_of_two_names():
    cold = sorted(COLD)
    markers = [["cold"] if i in cold[:20] else [] for i in range(N)]
    suite = custom_suite({"m": [1.0] * N}, modules=3, fixture=cold, markers=markers)
    others = tuple(sorted(set(range(N)) - COLD))
    named = name_side(suite, tuple(cold), others)
    assert named.explained is not None
    assert named.explained.name == "api"


def test_a_module_of_one_function_is_no_stratum():
    suite = custom_suite({"m": [1.0] * 4}, modules=4)
    assert log_p_of_name(suite, (0, 1), (2, 3), frozenset((0, 1))) == 0


def test_pilot_of_tests_in_modules_of_their_own():
    rng = random.Random(1)
    n = 3000
    columns: dict[str, list[float | None]]
    columns = {name: [rng.random() for _ in range(n)] for name in "xy"}
    columns["rare"] = [rng.random() if i < 20 else None for i in range(n)]
    modules = [f"t{i}.py::test_a" for i in range(n)]
    assert RankPilot(custom_suite(columns, nodeid=modules)).metrics == ("x", "y")
