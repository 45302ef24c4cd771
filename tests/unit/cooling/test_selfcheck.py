"""Shuffles of a user's own records: what they keep, what they destroy, what is counted."""

from __future__ import annotations

import math

import pytest
from scipy.stats import beta

from pytest_crackle.cooling.cool import cool
from pytest_crackle.cooling.detectors.base import Detection, Finding
from pytest_crackle.cooling.selfcheck import (
    clopper_pearson,
    false_in_shuffles,
    selfcheck,
    shuffled,
)
from pytest_crackle.model.table import EndReading, MetricTable
from tests.unit.cooling.fakes import Fake, finding, giving

N = 60


def records():
    """Three modules of 20 tests; every value says which test it came from."""
    for i in range(N):
        metrics = {
            "duration.call": 1.0 + i,
            "cpu": 0.5 + i,
            "rows": 100.0 + i,
            "memory.rss": 1e6 * i,
        }
        if i % 3 == 0:
            metrics["pace"] = 3e-5 + i * 1e-9
        yield {
            "nodeid": f"test_{'abc'[i // 20]}.py::test_{i}",
            "outcome": "skipped" if i % 10 == 9 else "passed",
            "metrics": metrics,
            "fixtures": [f"f{i}"],
            "setups": [["db", "session", 0.1 + i, 0.1]] if i in (0, 25) else [],
            "state": [["gc", "on", "off"]] if i == 5 else [],
            "opened": {"fds": ["7:socket"]} if i == 6 else {},
            "closed": {"fds": ["7:socket"]} if i == 7 else {},
            "modules": 200 if i == 1 else 0,
            "blocks": 5,
        }


def recorded() -> MetricTable:
    table = MetricTable.from_records(records())
    table.ends[""] = EndReading({"fds": 9.0}, {})
    return table


class TestShuffle:
    table = recorded()
    dealt = shuffled(table, seed=1)

    def moves(self, name, start):
        return [round(value - start) for value in self.dealt.columns[name]]

    def test_each_module_keeps_its_values(self):
        for name in ("duration.call", "cpu", "rows"):
            before, after = self.table.columns[name], self.dealt.columns[name]
            assert list(before) != list(after)
            for start in (0, 20, 40):
                assert sorted(before[start : start + 20]) == sorted(after[start : start + 20])

    def test_measured_metrics_move_together_and_recorded_ones_apart(self):
        assert self.moves("duration.call", 1.0) == self.moves("cpu", 0.5)
        assert self.moves("rows", 100.0) != self.moves("cpu", 0.5)

    def test_wide_set_ups_move_with_the_times(self):
        moves = self.moves("cpu", 0.5)
        for row, (setup,) in self.dealt.setups.items():
            assert setup.wall == pytest.approx(0.1 + moves[row])
        assert len(self.dealt.setups) == 2

    def test_skipped_tests_keep_what_they_have(self):
        moves = self.moves("cpu", 0.5)
        assert all(moves[row] == row for row in range(9, N, 10))

    def test_names_stay(self):
        assert self.dealt.nodeids == self.table.nodeids
        assert self.dealt.fixtures == self.table.fixtures
        assert self.dealt.outcomes == self.table.outcomes

    def test_levels_identities_and_states_are_taken_out(self):
        assert "memory.rss" not in self.dealt.columns
        for sparse in ("states", "opened", "closed", "ends", "module_growth", "blocks"):
            assert getattr(self.table, sparse)
            assert not getattr(self.dealt, sparse)

    def test_pace_is_dealt_over_the_whole_run_among_the_tests_that_have_it(self):
        before, after = self.table.columns["pace"], self.dealt.columns["pace"]
        assert [math.isnan(v) for v in before] == [math.isnan(v) for v in after]
        moves = {i: round((v - 3e-5) / 1e-9) for i, v in enumerate(after) if not math.isnan(v)}
        assert sorted(moves) == sorted(moves.values())
        assert any(i // 20 != j // 20 for i, j in moves.items())

    def test_the_table_itself_is_not_touched(self):
        fresh = recorded()
        assert {k: list(v) for k, v in fresh.columns.items() if k != "pace"} == {
            k: list(v) for k, v in self.table.columns.items() if k != "pace"
        }

    def test_seeds(self):
        again = shuffled(self.table, seed=1)
        assert again.columns["rows"] == self.dealt.columns["rows"]
        assert shuffled(self.table, seed=2).columns["rows"] != self.dealt.columns["rows"]

    def test_an_empty_table(self):
        assert shuffled(MetricTable.from_records([]), seed=0).n_tests == 0


class Every(Fake):
    """Finds something in the real records and in every third shuffle something else."""

    def __init__(self):
        super().__init__(Detection())
        self.calls = 0

    def detect(self, suite, profile):
        self.calls += 1
        if self.calls == 1:
            return Detection((finding(anchor="real"), finding(anchor="gone")), 2)
        found: tuple[Finding, ...] = (finding(anchor="real"),)
        if self.calls % 3 == 0:
            found = (*found, finding(anchor="false"), finding(subkind="hot", rows=(40,)))
        return Detection(found, 3)


class TestSelfCheck:
    def test_false_patterns_are_counted_and_survivors_are_not(self):
        answer = selfcheck(recorded(), detectors=[Every()], shuffles=9)
        assert answer.counts == (0, 2, 0, 0, 2, 0, 0, 2, 0)
        assert answer.rate == pytest.approx(6 / 9)
        assert answer.share == pytest.approx(3 / 9)
        assert (answer.low, answer.high) == clopper_pearson(3, 9)
        assert sorted(p.subkind for p in answer.examples) == ["group", "hot"]
        assert [s.shuffles for s in answer.survivors] == [9]

    def test_what_a_shuffle_does_not_destroy_is_not_false(self):
        module = tuple(i for i in range(20) if i % 10 != 9)  # without the skipped tests
        plateau = finding("conservation", "plateau", anchor="fixture a", rows=(0, 1))
        real = cool(recorded(), detectors=[giving(plateau)]).patterns
        is_false = false_in_shuffles(recorded(), real)
        shuffle = [
            finding("clustering", "hot", rows=module),
            finding("clustering", "group", rows=module[1:]),
            finding("conservation", "plateau", anchor="module b", rows=(40, 41)),
            finding("conservation", "plateau", anchor="b", metrics=("cpu",), rows=(40, 41)),
        ]
        patterns = cool(recorded(), detectors=[giving(*shuffle)]).patterns
        false = {(p.subkind, *p.metrics) for p in patterns if is_false(p)}
        assert false == {("group", "duration.call"), ("plateau", "cpu")}

    def test_nothing_found(self):
        answer = selfcheck(recorded(), detectors=[giving()], shuffles=20)
        assert (answer.rate, answer.share, answer.low) == (0, 0, 0)
        assert answer.high == pytest.approx(0.1684, abs=1e-4)
        assert (answer.examples, answer.survivors, answer.faults) == ((), (), ())

    def test_a_failing_detector_is_told_once(self):
        answer = selfcheck(recorded(), detectors=[Fake(RuntimeError("x"))], shuffles=5)
        assert answer.faults == ("detector fake failed: RuntimeError: x",)

    def test_other_seeds_are_other_shuffles(self):
        def tables(seed):
            fake = giving()
            selfcheck(recorded(), detectors=[fake], shuffles=3, seed=seed)
            return [tuple(suite.table.columns["rows"]) for suite, _ in fake.seen[1:]]

        assert tables(0) == tables(0)
        assert len({*tables(0), *tables(1)}) == 6

    def test_no_shuffles_are_refused(self):
        with pytest.raises(ValueError, match="at least one"):
            selfcheck(recorded(), detectors=[], shuffles=0)

    def test_an_empty_table(self):
        assert selfcheck(MetricTable.from_records([]), detectors=[], shuffles=2).rate == 0


@pytest.mark.parametrize(
    ("hits", "trials"), [(0, 1), (1, 1), (0, 20), (1, 100), (50, 100), (100, 100), (3, 2000)]
)
@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_clopper_pearson_equals_the_beta_quantiles(hits, trials, level):
    low, high = clopper_pearson(hits, trials, level)
    tail = (1 - level) / 2
    assert low == pytest.approx(beta.ppf(tail, hits, trials - hits + 1) if hits else 0, abs=1e-9)
    expected = beta.ppf(1 - tail, hits + 1, trials - hits) if hits < trials else 1
    assert high == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("hits", "trials", "level"), [(1, 0, 0.9), (2, 1, 0.9), (-1, 5, 0.9), (1, 5, 1.0)]
)
def test_clopper_pearson_refuses_nonsense(hits, trials, level):
    with pytest.raises(ValueError, match="no interval"):
        clopper_pearson(hits, trials, level)
