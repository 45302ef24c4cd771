"""Replicas: what they keep, how they jitter, what a hit is."""

from __future__ import annotations

import math
import statistics

import pytest
from scipy.stats import kstest, t

from pytest_crackle.cooling.confidence import N_REPLICAS, noise_of, replicate
from pytest_crackle.cooling.suite import Suite
from tests.unit.cooling.fakes import finding, table_of_tests

NEVER = -math.inf
LIMIT = math.log(0.001)


def replicas_seen(suite, **more):
    """What each replica showed a finding: its rows and columns."""
    seen = []

    def recheck(column, rows):
        seen.append((column, list(rows)))
        return -100.0

    answer = replicate([finding(recheck=recheck, **more)], [-20.0], suite, LIMIT)
    return seen, answer[0]


class TestRows:
    def test_fifty_replicas_of_four_in_five_tests(self):
        seen, _ = replicas_seen(Suite(table_of_tests(1000)))
        sizes = [len(rows) for _, rows in seen]
        assert len(sizes) == N_REPLICAS == 50
        assert statistics.mean(sizes) == pytest.approx(800, abs=8)  # 4 se = 7.2
        assert len(set(sizes)) > 10

    def test_rows_are_sorted_and_differ_between_replicas(self):
        seen, _ = replicas_seen(Suite(table_of_tests(200)))
        assert all(rows == sorted(set(rows)) for _, rows in seen)
        assert len({tuple(rows) for _, rows in seen}) == 50

    def test_every_test_is_kept_about_as_often(self):
        seen, _ = replicas_seen(Suite(table_of_tests(100)))
        counts = [sum(row in rows for _, rows in seen) for row in range(100)]
        assert min(counts) >= 25  # 8 of 50 missing on average; 25 is 6 standard deviations off
        assert max(counts) <= 50

    def test_named_breakers_are_always_kept(self):
        seen, _ = replicas_seen(Suite(table_of_tests(100)), exceptions=(7, 93))
        assert all({7, 93} <= set(rows) for _, rows in seen)
        assert all(rows == sorted(set(rows)) for _, rows in seen)

    def test_tests_that_do_not_count_stay_out(self):
        outcomes = ["skipped" if i % 2 else "passed" for i in range(100)]
        seen, _ = replicas_seen(Suite(table_of_tests(100, outcome=outcomes)))
        assert all(row % 2 == 0 for _, rows in seen for row in rows)


class TestJitter:
    def jitters(self, seconds, name="cpu", n=500, **columns):
        suite = Suite(table_of_tests(n, {name: [seconds] * n} | columns))
        seen, _ = replicas_seen(suite)
        return [math.log(column(name)[row] / seconds) for column, _ in seen for row in range(n)]

    @pytest.mark.parametrize("seconds", [0.001, 0.03, 3.0])
    def test_seconds_follow_the_noise_law(self, seconds):
        scaled = [x / noise_of(seconds) for x in self.jitters(seconds)]
        assert kstest(scaled[::7], t(4).cdf).pvalue > 1e-3
        assert statistics.median(scaled) == pytest.approx(0, abs=0.05)

    def test_short_tests_are_noisier(self):
        assert noise_of(0.001) > noise_of(0.1) > noise_of(10.0) > 0

    def test_a_true_wait_hardly_jitters(self):
        n = 100
        jitters = self.jitters(2.0, "duration.call", n, cpu=[0.001] * n)
        assert statistics.quantiles(map(abs, jitters), n=10)[-1] < 0.01

    def test_waiting_is_told_by_the_phase_where_its_cpu_time_is_known(self):
        n = 100
        columns = {
            "duration.setup": [0.5] * n,
            "cpu": [3.0] * n,
            "cpu.setup": [0.01] * n,
            "delay": [0.02 if row < 50 else 0.45 for row in range(n)],
        }
        jitters = self.jitters(0.5, "duration.setup", n, **{"duration.call": [3.0] * n}, **columns)
        waits = [x for i, x in enumerate(jitters) if i % n < 50]
        queues = [x for i, x in enumerate(jitters) if i % n >= 50]
        assert statistics.quantiles(map(abs, waits), n=10)[-1] < 0.01
        assert statistics.median(map(abs, queues)) > 0.02

    def test_the_same_value_whenever_it_is_read(self):
        seen, _ = replicas_seen(Suite(table_of_tests(100)))
        column, _ = seen[0]
        values = column("duration.call")
        assert list(values) == [values[row] for row in range(100)] == values[:]
        assert column("duration.call") is values

    def test_replicas_rows_and_metrics_jitter_apart(self):
        suite = Suite(table_of_tests(50, {"duration.call": [0.01] * 50, "cpu": [0.01] * 50}))
        seen, _ = replicas_seen(suite)
        (first, _), (second, _) = seen[:2]
        columns = [first("duration.call"), second("duration.call"), first("cpu")]
        assert len({value for column in columns for value in column}) > 140

    def test_only_seconds_jitter_and_no_level(self):
        columns = {"rows": [5.0] * 20, "pace": [3e-5] * 20, "memory.rss": [1e8] * 20}
        suite = Suite(table_of_tests(20, columns))
        seen, _ = replicas_seen(suite)
        for name, values in columns.items():
            assert all(list(column(name)) == values for column, _ in seen)

    def test_missing_and_zero_stay(self):
        suite = Suite(table_of_tests(3, {"cpu": [math.nan, 0.0, 1.0]}))
        seen, _ = replicas_seen(suite)
        missing, zero, one = seen[0][0]("cpu")
        assert math.isnan(missing)
        assert zero == 0
        assert one != 1.0

    def test_a_custom_metric_in_seconds_jitters(self):
        units = [{"parse": ["s", "value"]}] * 20
        seen, _ = replicas_seen(Suite(table_of_tests(20, {"parse": [0.5] * 20}, units=units)))
        assert len(set(seen[0][0]("parse"))) == 20

    def test_a_metric_that_is_not_there_is_missing(self):
        seen, _ = replicas_seen(Suite(table_of_tests(3)))
        assert all(math.isnan(value) for value in seen[0][0]("nothing"))


class TestConfidence:
    suite = Suite(table_of_tests(20))

    def of(self, log_q=-20.0, **more):
        return replicate([finding(**more)], [log_q], self.suite, LIMIT)[0]

    def test_always_seen_again(self):
        answer = self.of(recheck=lambda c, r: LIMIT)
        assert answer.hits == 50
        assert answer.confidence == pytest.approx(51 / 52, rel=1e-8)

    def test_never_seen_again(self):
        answer = self.of(recheck=lambda c, r: LIMIT + 1e-9)
        assert (answer.hits, answer.confidence) == (0, pytest.approx(1 / 52, rel=1e-8))

    def test_q_takes_its_share(self):
        answer = self.of(log_q=math.log(0.01), recheck=lambda c, r: NEVER)
        assert answer.confidence == pytest.approx(0.99 * 51 / 52)

    def test_a_fixed_confidence_is_kept_and_nothing_is_tested(self):
        def recheck(column, rows):
            raise AssertionError

        answer = self.of(confidence=0.7, recheck=recheck)
        assert (answer.confidence, answer.hits, answer.error) == (0.7, None, None)

    def test_without_recheck_only_q_counts(self):
        assert self.of(log_q=math.log(0.01)).confidence == pytest.approx(0.99)

    def test_nan_is_no_hit(self):
        assert self.of(recheck=lambda c, r: math.nan).hits == 0

    def test_a_recheck_that_raises_counts_as_never_and_is_told(self):
        error = ZeroDivisionError("x")

        def recheck(column, rows):
            raise error

        answer = self.of(recheck=recheck)
        assert answer.error is error
        assert answer.confidence < 0.02

    def test_findings_see_the_same_replicas_and_do_not_disturb_each_other(self):
        def limit_at(size):
            return lambda column, rows: -100.0 if len(rows) >= size else 0.0

        def broken(column, rows):
            raise KeyError

        rechecks = [limit_at(16), broken, None, limit_at(16)]
        several = [finding(recheck=recheck) for recheck in rechecks]
        together = replicate(several, [-20.0] * 4, self.suite, LIMIT)
        alone = replicate(several[:1], [-20.0], self.suite, LIMIT)
        assert together[0] == together[3] == alone[0]
        assert 0 < (alone[0].hits or 0) < 50

    def test_in_a_large_suite_25_replicas_that_agree_are_enough(self):
        suite = Suite(table_of_tests(2001))
        asked = {"always": 0, "never": 0, "often": 0}

        def of(name, log_p):
            def recheck(column, rows):
                asked[name] += 1
                return log_p(asked[name])

            return finding(recheck=recheck)

        findings = [
            of("always", lambda n: -100.0),
            of("never", lambda n: 0.0),
            of("often", lambda n: 0.0 if n == 20 else -100.0),
        ]
        answers = replicate(findings, [-50.0] * 3, suite, LIMIT)
        assert asked == {"always": 25, "never": 25, "often": 50}
        assert [a.confidence for a in answers] == pytest.approx([26 / 27, 1 / 27, 50 / 52])
        assert [(a.hits, a.replicas) for a in answers] == [(25, 25), (0, 25), (49, 50)]

    def test_no_findings(self):
        assert replicate([], [], self.suite, LIMIT) == []


class Counting(list[float]):
    """A column that counts how often it is read."""

    reads = 0

    def __getitem__(self, row):
        self.reads += 1
        return super().__getitem__(row)


def test_cost_follows_the_tests_that_are_read_and_not_the_table():
    suite = Suite(table_of_tests(2000, {"cpu": [0.02] * 2000}))
    column = Counting(suite.column("cpu"))
    suite._columns["cpu"] = column

    def recheck(columns, rows):
        return -sum(columns("cpu")[row] for row in range(40))

    replicate([finding(recheck=recheck)], [-20.0], suite, LIMIT)
    assert column.reads == 50 * 40
