"""Hot spots: few tests, much of the time, one name."""

from __future__ import annotations

import math

import pytest
import scipy.stats

from pytest_crackle.cooling.clusters.hotspots import find_hot
from pytest_crackle.cooling.profiles import Profile
from tests.time_tables import background, record, suite_of

NORMAL = Profile.normal()


def heavy(n, first=0.05, growth=1.3, **more):
    """Tests of very unequal cost, so that they are no group."""
    return [
        record(f"tests/test_h{i % 5}.py::test_{i}", call=first * growth ** (i % 12), **more)
        for i in range(n)
    ]


def test_a_marker_that_takes_most_of_the_time():
    suite = suite_of(background(400) + heavy(40, markers=["hypothesis"]))
    (finding,) = find_hot(suite, NORMAL).findings
    assert finding.rows == tuple(range(400, 440))
    assert finding.anchor == "marker hypothesis"
    assert finding.summary == (
        "40 tests (9.1 %) with marker hypothesis take 87 % of the CPU time (11.5 s)."
    )
    evidence = finding.evidence
    assert evidence["share"] / evidence["tests_share"] == pytest.approx(evidence["lift"])
    assert evidence["cost_seconds"] == finding.cost_seconds
    assert all(math.isfinite(value) for value in evidence.values())


@pytest.mark.parametrize("name", ["slow", "xslow", "fail_slow", "long", "benchmark", "perf_test"])
def test_a_marker_that_says_slow_itself_is_no_news(name):
    assert not find_hot(suite_of(background(400) + heavy(40, markers=[name])), NORMAL).findings


@pytest.mark.parametrize("name", ["slowapi", "belongs", "hypothesis"])
def test_a_marker_that_only_sounds_like_it_is(name):
    assert find_hot(suite_of(background(400) + heavy(40, markers=[name])), NORMAL).findings


def test_the_p_value_is_the_one_sided_rank_sum():
    suite = suite_of(background(100, seed=5) + heavy(12, markers=["hypothesis"]))
    (finding,) = find_hot(suite, NORMAL).findings
    inside = [suite.steady[row] for row in finding.rows]
    outside = [suite.steady[row] for row in suite.rows if row not in finding.rows]
    oracle = scipy.stats.mannwhitneyu(
        inside, outside, alternative="greater", method="asymptotic", use_continuity=False
    )
    # scipy takes ties into the variance; the twelve costs are all different
    assert finding.log_p == pytest.approx(math.log(oracle.pvalue), rel=1e-9)


def test_waiting_counts_as_time():
    records = background(400) + heavy(40, markers=["net"])
    for rec in records[400:]:
        rec["metrics"]["cpu"] = 0.002
    (finding,) = find_hot(suite_of(records), NORMAL).findings
    assert " of the time (" in finding.summary


def test_a_loaded_machine_is_not_time():
    """Wall time alone, without CPU and without true waiting, is no cost of the test."""
    records = background(400) + heavy(40, markers=["net"])
    for rec in records[:400]:
        rec["metrics"]["cpu"] *= 40
        rec["metrics"]["duration.call"] *= 40
    for rec in records[400:]:
        rec["metrics"]["cpu"] = rec["metrics"]["duration.call"] * 0.1
        rec["metrics"]["duration.call"] *= 0.3
    assert find_hot(suite_of(records), NORMAL).findings == ()


def test_one_slow_test_is_no_hot_spot():
    records = background(400) + heavy(40, first=0.001, markers=["slow"])
    records[-1]["metrics"]["duration.call"] = records[-1]["metrics"]["cpu"] = 30.0
    assert find_hot(suite_of(records), NORMAL).findings == ()


def test_the_fewest_tests_that_hold_the_cost_name_it():
    """The directory has the same cost in three times the tests."""
    records = background(400) + heavy(40, markers=["hypothesis"]) + background(80, seed=2)
    for rec in records[400:]:
        rec["nodeid"] = rec["nodeid"].replace("tests/", "tests/props/")
    (finding,) = find_hot(suite_of(records), NORMAL).findings
    assert finding.anchor == "marker hypothesis"


def test_nothing_costs_nothing():
    assert find_hot(suite_of([]), NORMAL).findings == ()
    assert find_hot(suite_of(background(20)), NORMAL).findings == ()


def test_the_recheck_wants_the_same_limits():
    suite = suite_of(background(400) + heavy(40, markers=["hypothesis"]))
    (finding,) = find_hot(suite, NORMAL).findings
    recheck = finding.recheck
    assert recheck is not None
    assert recheck(suite.column, suite.rows) == pytest.approx(finding.log_p, rel=1e-6)
    assert recheck(suite.column, suite.rows[::2]) < -10
    assert recheck(suite.column, suite.rows[:402]) == 0
    assert recheck(lambda name: [v / 50 for v in suite.column(name)], suite.rows) == 0


def test_a_cost_of_waiting_is_said_to_be_so():
    slow = heavy(40, markers=["network"])
    for rec in slow:
        rec["metrics"]["cpu"] = 0.001
    (finding,) = find_hot(suite_of(background(400) + slow), NORMAL).findings
    assert finding.summary == (
        "40 tests (9.1 %) with marker network take 87 % of the time (11.3 s, 99.6 % waiting)."
    )
    assert finding.evidence["wait"] == pytest.approx(0.996, abs=0.001)


@pytest.mark.parametrize(("dear", "found"), [(2, 0), (3, 1)])
def test_two_slow_tests_are_not_what_their_class_has_in_common(dear, found):
    """48 tests of a class, of which some wait for an entry of a cache to expire after 2 s."""
    name = "tests/test_client.py::TestClient"
    calls = [(2.0, 1.99) if i < dear else (0.01, 0.0) for i in range(48)]
    clients = [
        record(f"{name}::test_{i}", call=call, wait=wait) | {"class": name}
        for i, (call, wait) in enumerate(calls)
    ]
    assert len(find_hot(suite_of(background(400) + clients), NORMAL).findings) == found
