"""Drivers: a metric that the tests' time follows, and what it costs a unit."""

from __future__ import annotations

import math
import random

import pytest
import scipy.stats

from pytest_crackle.cooling.correlations.driver_fit import fit_of, mode_of, sample_of
from pytest_crackle.cooling.correlations.drivers import find_drivers
from pytest_crackle.cooling.profiles import Profile
from tests.time_tables import background, suite_of

NORMAL = Profile.normal()


def driven(n=300, users=200, each=0.004, seed=1, cpu=True, name="db.queries", scale=1.0):
    """Tests of which `users` take `each` seconds a query."""
    rng = random.Random(seed)
    records = background(n, seed)
    for rec in rng.sample(records, users):
        queries = 1 + int(rng.expovariate(1 / 8))
        seconds = each * queries * rng.lognormvariate(0, 0.1)
        metrics = rec["metrics"]
        metrics[name] = scale * queries
        metrics["duration.call"] += seconds
        metrics["cpu"] += seconds if cpu else 0
    return records


def test_queries_that_cost_cpu():
    suite = suite_of(driven())
    (finding,) = find_drivers(suite, NORMAL, ["db.queries"]).findings
    assert (finding.kind, finding.subkind) == ("correlation", "driver")
    assert finding.metrics == ("db.queries", "cpu")
    assert len(finding.rows) == 200
    evidence = finding.evidence
    assert evidence["slope"] == pytest.approx(0.004, rel=0.1)
    assert evidence["ci_low"] < evidence["correlation"] < evidence["ci_high"]
    assert finding.summary.startswith("cpu follows db.queries in 200 tests: ")
    assert finding.summary.endswith(f" of CPU time (rho {evidence['correlation']:.2f}).")
    assert all(math.isfinite(value) for value in evidence.values())


def test_queries_that_wait_are_told_of_the_phase():
    suite = suite_of(driven(cpu=False))
    (finding,) = find_drivers(suite, NORMAL, ["db.queries"]).findings
    assert finding.metrics == ("db.queries", "duration.call")
    assert " each, " in finding.summary
    assert " of call time (rho 0.9" in finding.summary


def test_the_correlation_is_spearman_and_the_slope_theil_sen():
    suite = suite_of(driven(users=120))
    column, time = suite.column("db.queries"), suite.column("cpu")
    rows = [row for row in suite.rows if column[row] > 0]
    x, y = [column[row] for row in rows], [time[row] for row in rows]
    fit = fit_of(suite, sample_of(column, time, rows), 15)
    assert fit is not None
    assert fit.rho == pytest.approx(scipy.stats.spearmanr(x, y).statistic, abs=1e-12)
    assert fit.slope == pytest.approx(scipy.stats.theilslopes(y, x).slope, rel=1e-9)
    assert abs(fit.pearson - scipy.stats.pearsonr(x, y).statistic) < 0.1


def test_the_slope_of_many_tests_is_close_to_theil_sen():
    suite = suite_of(driven(n=900, users=800))
    column, time = suite.column("db.queries"), suite.column("cpu")
    rows = [row for row in suite.rows if column[row] > 0]
    fit = fit_of(suite, sample_of(column, time, rows), 15)
    oracle = scipy.stats.theilslopes([time[r] for r in rows], [column[r] for r in rows]).slope
    assert fit is not None
    assert fit.slope == pytest.approx(oracle, rel=0.03)


def test_the_p_value_is_that_of_the_correlation_within_modules():
    suite = suite_of(driven())
    (finding,) = find_drivers(suite, NORMAL, ["db.queries"]).findings
    column = suite.column("db.queries")
    mode = mode_of([column[row] for row in finding.rows])
    modules: dict[str, int] = {}
    for row in finding.rows:
        if column[row] != mode:
            modules[suite.table.modules[row]] = modules.get(suite.table.modules[row], 0) + 1
    n = sum(min(count, 20) for count in modules.values())
    z = math.atanh(finding.evidence["correlation_within"]) / math.sqrt(1.06 / (n - 3))
    assert finding.log_p == pytest.approx(math.log(2) + scipy.stats.norm.logsf(z), rel=1e-9)


def test_bytes_are_told_in_steps_people_can_grasp():
    records = driven(scale=65536.0, name="payload")
    for rec in records:
        rec["units"] = {"payload": ["B", "value"]}
    (finding,) = find_drivers(suite_of(records), NORMAL, ["payload"]).findings
    assert " per MiB, " in finding.summary
    assert finding.evidence["slope_per_MiB"] == pytest.approx(finding.evidence["slope"] * 2**20)


def test_no_test_explains_more_than_it_took():
    records = driven(cpu=False)
    for rec in records[:20]:
        rec["metrics"]["db.queries"] = 1e6
    detection = find_drivers(suite_of(records), NORMAL, ["db.queries"])
    total = sum(rec["metrics"]["duration.call"] for rec in records)
    assert all(f.evidence["explained_seconds"] <= total for f in detection.findings)


def test_one_extreme_test_does_not_make_it():
    records = background(300)
    rng = random.Random(4)
    for rec in records:
        rec["metrics"]["rows"] = float(rng.randrange(1, 100))
    records[7]["metrics"] |= {"rows": 1e6, "duration.call": 500.0, "cpu": 500.0}
    assert find_drivers(suite_of(records), NORMAL, ["rows"]).findings == ()


def test_one_extreme_test_does_not_break_it_and_is_named():
    records = driven()
    users = [i for i, rec in enumerate(records) if "db.queries" in rec["metrics"]]
    records[users[0]]["metrics"]["duration.call"] += 20
    records[users[0]]["metrics"]["cpu"] += 20
    (finding,) = find_drivers(suite_of(records), NORMAL, ["db.queries"]).findings
    assert finding.exceptions == (users[0],)


def test_what_cannot_drive_is_passed_over():
    records = driven(name="gc.collections")
    for rec in records:
        rec["metrics"]["parse"] = rec["metrics"]["duration.call"]
        rec["units"] = {"parse": ["s", "value"]}
        rec["metrics"]["fds"] = rec["metrics"]["duration.call"] * 1000
    metrics = ["gc.collections", "parse", "fds", "duration.call", "memory.rss"]
    detection = find_drivers(suite_of(records), NORMAL, metrics)
    assert (detection.findings, detection.hypotheses) == ((), 0)


def test_a_copy_is_no_second_driver():
    records = driven()
    rng = random.Random(2)
    for rec in records:
        if (queries := rec["metrics"].get("db.queries")) is not None:
            rec["metrics"]["rows"] = queries * 10 + rng.randrange(3)
    suite = suite_of(records)
    (finding,) = find_drivers(suite, NORMAL, ["db.queries", "rows"]).findings
    assert finding.metrics[0] in ("db.queries", "rows")


def test_two_drivers_of_their_own_are_both_told():
    records = driven()
    rng = random.Random(2)
    for rec in records:
        files = rng.randrange(1, 30)
        rec["metrics"]["files"] = float(files)
        rec["metrics"]["duration.setup"] += 0.005 * files
    found = find_drivers(suite_of(records), NORMAL, ["db.queries", "files"]).findings
    assert sorted(f.metrics for f in found) == [("db.queries", "cpu"), ("files", "duration.setup")]


def test_too_few_tests_are_said_to_be_too_few():
    detection = find_drivers(suite_of(driven(users=12)), NORMAL, ["db.queries"])
    assert detection.findings == ()
    (missing,) = detection.not_tested
    assert (missing.metric, missing.reason) == ("db.queries", "driver: 12 tests, needs 20")


def test_few_functions_count_with_at_most_twenty_tests_each():
    """Two functions of 100 cases are no 200 independent tests."""
    records = driven(n=200)
    for i, rec in enumerate(records):
        rec["nodeid"] = f"tests/test_a.py::test_{i % 2}[{i}]"
    suite = suite_of(records)
    (finding,) = find_drivers(suite, NORMAL, ["db.queries"]).findings
    z = math.atanh(finding.evidence["correlation_within"]) / math.sqrt(1.06 / 37)
    assert finding.log_p == pytest.approx(math.log(2) + scipy.stats.norm.logsf(z), rel=1e-9)


def test_a_sample_of_many_tests_tells_the_same():
    suite = suite_of(driven(n=9000, users=8000))
    (finding,) = find_drivers(suite, NORMAL, ["db.queries"]).findings
    assert len(finding.rows) == 8000
    assert finding.evidence["slope"] == pytest.approx(0.004, rel=0.05)


def test_the_recheck_wants_the_same_limits():
    suite = suite_of(driven())
    (finding,) = find_drivers(suite, NORMAL, ["db.queries"]).findings
    recheck = finding.recheck
    assert recheck is not None
    assert recheck(suite.column, suite.rows) == pytest.approx(finding.log_p)
    assert recheck(suite.column, suite.rows[::2]) < -20
    others = [row for row in suite.rows if row not in finding.rows]
    assert recheck(suite.column, others) == 0

    def cheaper(name):
        values = suite.column(name)
        return [value / 20 for value in values] if name == "cpu" else values

    assert recheck(cheaper, suite.rows) == 0
