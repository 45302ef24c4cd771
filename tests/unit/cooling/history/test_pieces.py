"""The parts of the comparison with past runs, each by itself."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from itertools import accumulate

import pytest
from scipy import stats

from pytest_crackle.cooling.detectors.registry import DEFAULT, resolve
from pytest_crackle.cooling.history.axis import Axis
from pytest_crackle.cooling.history.company import Context, companions
from pytest_crackle.cooling.history.comparable import MOST_RUNS, Comparable
from pytest_crackle.cooling.history.costs import costs_of, phases_of
from pytest_crackle.cooling.history.flips import Seen, flips_of, wilson
from pytest_crackle.cooling.history.machine import slow_run
from pytest_crackle.cooling.history.newest import NewestShifts
from pytest_crackle.cooling.history.run_changes import run_changes
from pytest_crackle.cooling.history.run_level import decade_of, level_runs, seconds
from pytest_crackle.cooling.history.session_wide import session_wide
from pytest_crackle.cooling.history.storms import storms_of, strength_of
from pytest_crackle.cooling.history.tails import Tail
from pytest_crackle.cooling.history.telling import ratios_phrase
from pytest_crackle.cooling.profiles import Profile
from pytest_crackle.cooling.suite import Suite
from pytest_crackle.model.past import Past
from tests.detectors.history_world import MACHINE, World, commit, past_run, table_of

NORMAL = Profile.normal()
NAN = math.nan


class TestTail:
    def test_is_an_upper_bound_for_normal_deviations(self):
        rng = random.Random(1)
        tail = Tail(rng.gauss(0, 1) for _ in range(5000))
        for z in (0.5, 1, 2, 3, 4, 5):
            assert tail.log_p(z) >= stats.norm.logsf(z) - 0.2

    def test_is_right_for_heavy_tails(self):
        rng = random.Random(2)
        tail = Tail(rng.paretovariate(1.5) for _ in range(5000))
        assert tail.log_p(1000) == pytest.approx(-1.5 * math.log(1000), rel=0.35)

    @pytest.mark.parametrize("seen", [[], [0.0], [1.0] * 50, [-3.0] * 9, [math.nan, math.inf]])
    def test_little_is_no_proof(self, seen):
        tail = Tail(seen)
        assert -30 < tail.log_p(10.0) <= 0
        assert tail.log_p(-1.0) <= 0


class TestLevels:
    def test_takes_off_what_a_run_shares(self):
        rng = random.Random(3)
        typical = [rng.uniform(0.01, 0.09) for _ in range(90)]
        factors = [1.0, 2.5, 0.7, 1.0, 3.0]
        columns = [[t * f for t in typical] for f in factors]
        levelled = level_runs(columns, [i // 10 for i in range(90)], [False] * 90)
        for logs in levelled.logs:  # the share of the 1 ms changes with the factor: 4 % at x3
            assert logs == pytest.approx(levelled.typical, abs=0.06)
        assert levelled.overall == pytest.approx([math.log(f) for f in factors], abs=0.06)

    def test_what_is_shorter_than_a_millisecond_says_nothing_and_is_left_alone(self):
        """Of 0.1 ms most is pytest: a run x3 leaves them as they are, and they do not hide it."""
        modules = [i // 20 for i in range(300)]
        columns = [[0.0001] * 200 + [0.05 * f] * 100 for f in (1.0, 1.0, 3.0, 1.0)]
        levelled = level_runs(columns, modules, [False] * 300)
        assert levelled.overall[2] == pytest.approx(math.log(3), abs=0.03)
        assert levelled.logs[2][0] == pytest.approx(levelled.typical[0], abs=0.11)
        assert levelled.logs[2][250] == pytest.approx(levelled.typical[250], abs=0.03)

    def test_one_module_of_its_decade_is_not_the_run(self):
        """All 25 tests of 10 ms are in one module that is doubled; the others take 50 ms."""
        modules = [0] * 25 + [1 + i // 15 for i in range(75)]
        columns = [[0.01] * 25 + [0.05] * 75] * 6 + [[0.02] * 25 + [0.05] * 75] * 4
        levelled = level_runs(columns, modules, [False] * 100)
        assert levelled.overall == pytest.approx([0.0] * 10, abs=1e-9)
        assert seconds(levelled.logs[-1][0]) == pytest.approx(0.02)

    def test_leaves_waiting_tests_alone(self):
        columns = [[f * 0.05] * 40 + [2.0] for f in (1.0, 2.0, 1.0)]
        levelled = level_runs(columns, [i // 8 for i in range(41)], [False] * 40 + [True])
        assert [seconds(logs[40]) for logs in levelled.logs] == pytest.approx([2.0] * 3)

    def test_one_large_module_is_not_the_run(self):
        """200 of 300 tests are in one module, which is slower: the run is not."""
        modules = [0] * 200 + [1 + i // 20 for i in range(100)]
        columns = [[0.05] * 300] * 5 + [[0.10] * 200 + [0.05] * 100]
        levelled = level_runs(columns, modules, [False] * 300)
        assert levelled.overall[-1] == pytest.approx(0, abs=1e-9)
        assert seconds(levelled.logs[-1][0]) == pytest.approx(0.10)

    def test_missing_values_stay_missing(self):
        levelled = level_runs([[0.1, NAN], [0.1, NAN]], [0, 0], [False, False])
        assert math.isnan(levelled.typical[1])
        assert math.isnan(levelled.logs[0][1])

    @pytest.mark.parametrize(("value", "decade"), [(0, 0), (0.005, 0), (0.05, 1), (2.0, 3)])
    def test_decades(self, value, decade):
        assert decade_of(math.log(value + 1e-3)) == decade


class TestNewest:
    def series(self, n, shifted=0, height=0.0, seed=0):
        rng = random.Random(seed)
        rows = [[rng.gauss(0, 0.1) for _ in range(n)] for _ in range(200)]
        for place in range(n - shifted, n):
            rows[0][place] += height
        return NewestShifts(rows, [0] * 200, least=math.log(1.2))

    @pytest.mark.parametrize("held", [1, 2, 3, 6, 12])
    def test_finds_the_first_run_of_a_shift(self, held):
        shift = self.series(25, held, 0.8).find(0)
        assert (shift.held, shift.run, shift.last_good) == (held, 25 - held, 24 - held)
        assert shift.log_p < math.log(1e-3)
        assert shift.shift == pytest.approx(0.8, abs=0.15)

    def test_more_runs_are_more_proof(self):
        proofs = [self.series(25, held, 0.5).find(0).log_p for held in (1, 2, 3, 5)]
        assert proofs == sorted(proofs, reverse=True)

    def test_what_ended_is_not_new(self):
        newest = self.series(25)
        newest._series[0][20] += 3
        assert newest.find(0) is None

    def test_what_became_faster_is_not_told(self):
        assert self.series(25, 5, -0.8).find(0) is None

    def test_an_older_shift_is_left_to_the_change_points(self):
        assert self.series(60, 20, 0.8).find(0) is None

    def test_too_few_runs(self):
        assert self.series(3, 1, 5.0).find(0) is None
        assert self.series(7, 4, 5.0).find(0) is None

    def test_a_missing_value_now_is_nothing(self):
        newest = self.series(25, 5, 0.8)
        newest._series[0][-1] = NAN
        assert newest.find(0) is None

    def test_p_is_honest(self):
        """Heavy-tailed noise: of 2,000 series that do nothing 1 % have p <= .01, give or take."""
        rng = random.Random(7)
        rows = [[0.1 * rng.gauss(0, 1) / rng.gauss(0, 1) for _ in range(21)] for _ in range(2000)]
        newest = NewestShifts(rows, [0] * 2000, least=0.0)
        found = [newest.find(unit) for unit in range(2000)]
        share = sum(one is not None and one.log_p <= math.log(0.01) for one in found) / 2000
        assert share <= 0.01 + 2 * (0.01 * 0.99 / 2000) ** 0.5

    def test_storms_that_last_make_further_runs_less_of_a_proof(self):
        """Two runs in a row are high together: three high runs are little more than two."""
        rng = random.Random(5)
        proofs = {}
        for lasting in (1, 3):
            rows = []
            for _ in range(200):
                row: list[float] = []
                while len(row) < 25:
                    height = 0.5 if rng.random() < 0.2 else 0.0
                    row += [height + rng.gauss(0, 0.05) for _ in range(lasting)]
                rows.append(row[:25])
            rows[0] = [rng.gauss(0, 0.05) for _ in range(20)] + [0.5] * 5
            shift = NewestShifts(rows, [0] * 200, least=math.log(1.2)).find(0)
            assert shift
            proofs[lasting] = shift.log_p
        assert proofs[1] < 1.5 * proofs[3] < 0


class TestStorms:
    def against(self, paces, **more):
        """Two workers of two tests each, pace of the last run now."""
        nodeids = ["a::1", "a::2", "a::3", "a::4"]
        runs = tuple(
            past_run(n, [0.1] * 4, range(4), columns={"pace": pace}, **more)
            for n, pace in enumerate(paces[:-1], 1)
        )
        past = Past(runs, {name: n for n, name in enumerate(nodeids)}, environment=MACHINE)
        table = table_of(nodeids, [0.1] * 4, {"pace": paces[-1]})
        return Comparable(Suite(table, past), past)

    def test_each_test_has_the_readings_around_it(self):
        calm = [2e-5] * 4
        storms = storms_of(self.against([calm, calm, calm, [NAN, NAN, NAN, 3e-5]]))
        assert storms == [[0.0] * 4] * 4  # a run that is slow as a whole is no storm

    def test_processes_have_storms_of_their_own(self):
        busy = [2e-5, 2e-5, 4e-5, 4e-5]
        more = {"workers": [0, 0, 1, 1], "seqs": [0, 1, 0, 1]}
        storms = storms_of(self.against([busy] * 4, **more))
        half = math.log(2) / 2
        assert storms
        assert storms[0] == pytest.approx([-half, -half, half, half])

    def test_nothing_is_known_without_pace(self):
        none = [NAN] * 4
        assert storms_of(self.against([none] * 4)) == [[0.0] * 4] * 4
        world = World(1, modules=2)
        past = world.past([world.run() for _ in range(4)])
        assert storms_of(Comparable(Suite(world.table(world.run()), past), past)) is None

    @pytest.mark.parametrize("felt", [0.0, 0.5, 1.0])
    def test_tests_feel_storms_as_the_past_says(self, felt):
        rng = random.Random(1)
        storms = [[0.4 * (rng.random() < 0.3) for _ in range(60)] for _ in range(12)]
        storms[-1] = [0.4] * 60
        columns = [[0.1 * math.exp(felt * s) for s in storm] for storm in storms]
        columns[-1] = [0.1] * 60  # this run has no say
        calm = level_runs(columns, [i // 10 for i in range(60)], [False] * 60, storms)
        for logs in calm.logs[:-1]:
            assert logs == pytest.approx(calm.typical, abs=0.03)

    def test_a_handful_of_readings_is_no_measure(self):
        levelled = level_runs([[0.1, 0.1], [0.2, 0.2], [0.1, 0.1]], [0, 1], [False, False])
        assert strength_of(levelled, [1.0, 1.0], [[0.0, 0.0], [0.7, 0.7], [0.0, 0.0]]) == 0.0


class TestSessionWide:
    modules = [place // 20 for place in range(200)]  # noqa: RUF012

    def run(self, start, height=0.6, stop=200, seed=0):
        rng = random.Random(seed)
        return [rng.gauss(0, 0.15) + height * (start <= i < stop) for i in range(200)]

    def test_all_after_a_test(self):
        stretch = session_wide([self.run(90)], self.modules, NORMAL)
        assert stretch
        assert abs(stretch.start - 90) <= 2
        assert stretch.held == 1
        assert stretch.shift == pytest.approx(0.6, abs=0.1)

    def test_counts_the_runs(self):
        runs = [self.run(200, seed=1), *[self.run(90, seed=seed) for seed in range(2, 5)]]
        stretch = session_wide(runs, self.modules, NORMAL)
        assert stretch
        assert stretch.held == 3

    @pytest.mark.parametrize(
        ("start", "stop"),
        [(80, 200), (140, 200), (90, 180), (90, 120), (170, 200), (0, 200), (200, 200)],
        ids=["module edge", "last three", "not to the end", "short", "two", "all", "none"],
    )
    def test_what_modules_can_do_is_not_session_wide(self, start, stop):
        assert session_wide([self.run(start, stop=stop)], self.modules, NORMAL) is None

    def test_one_later_module_as_ever_is_enough_to_say_no(self):
        values = self.run(90)
        values[140:160] = self.run(200)[140:160]
        assert session_wide([values], self.modules, NORMAL) is None

    def test_the_place_must_be_the_same_in_every_run(self):
        """By chance half of a module looks slow in one run, but not in the run before."""
        before, now = self.run(100, seed=1), self.run(90, seed=2)
        assert session_wide([before, now], self.modules, NORMAL) is None

    def test_few_tests(self):
        assert session_wide([[0.0] * 10], [0] * 10, NORMAL) is None


class TestRunChanges:
    def test_finds_the_newest_level(self):
        rng = random.Random(4)
        rows = [[rng.gauss(0, 1) for _ in range(60)] for _ in range(50)]
        rows[3] = [value + 6 * (i >= 20) + 6 * (i >= 44) for i, value in enumerate(rows[3])]
        found = run_changes(rows, NORMAL)
        (change,) = found.changes
        assert found.hypotheses == 50
        assert (change.unit, change.last_good) == (3, change.run - 1)
        assert abs(change.run - 44) <= 1
        assert change.before == pytest.approx(6, abs=0.6)
        assert change.after == pytest.approx(12, abs=0.6)

    def test_noise_is_silent(self):
        """200 suites of 100 series that do nothing: at most 1 % tell one."""
        told = 0
        for seed in range(200):
            rng = random.Random(f"noise {seed}")
            rows = [[rng.lognormvariate(0, 1) for _ in range(30)] for _ in range(100)]
            told += bool(run_changes(rows, NORMAL).changes)
        assert told <= 2 + 2 * 2**0.5

    def test_a_step_is_not_taken_for_a_drift_and_a_drift_not_for_a_step(self):
        """One series of 100 over 59 runs, 40 seeds each: x1.5 after 40 runs, or a random walk."""
        steps = walks = 0
        for seed in range(40):
            rng = random.Random(f"walk {seed}")
            rows = [[rng.gauss(0, 0.1) for _ in range(59)] for _ in range(100)]
            rows[0] = [value + 0.4 * (run >= 40) for run, value in enumerate(rows[0])]
            steps += bool(run_changes(rows, NORMAL).changes)
            rows[0] = list(accumulate(rng.gauss(0, 0.1) for _ in range(59)))
            walks += bool(run_changes(rows, NORMAL).changes)
        assert steps >= 36
        assert walks <= 4

    def test_a_rise_that_may_be_slow_is_no_step(self):
        """40 seeds: a line of 4 sd over 60 runs is told in most, and as a step in none or one."""
        slow = steps = others = 0
        for seed in range(40):
            rng = random.Random(f"rise {seed}")
            rows = [[rng.gauss(0, 1) for _ in range(60)] for _ in range(20)]
            rows[7] = [value + run / 15 for run, value in enumerate(rows[7])]
            for change in run_changes(rows, NORMAL).changes:
                others += change.unit != 7
                steps += change.unit == 7 and change.is_step
                slow += change.unit == 7 and not change.is_step and change.after > change.before
        assert slow >= 30
        assert steps <= 1
        assert others <= 2

    @pytest.mark.parametrize("row", [[], [1.0] * 40, [NAN] * 40, [1.0] * 3, [*[1.0] * 39, NAN]])
    def test_nothing_to_see(self, row):
        assert run_changes([row], NORMAL).changes == ()


class TestFlips:
    def seen(self, text, per_commit=2):
        """F failed, P passed, R failed and passed when run again; lower case: with changes."""
        return [
            Seen(n, None if c.islower() else commit(n // per_commit), c in "Ff", c in "Rr")
            for n, c in enumerate(text)
        ]

    @pytest.mark.parametrize("text", ["FPPP", "PFPP", "PPPFPP", "PR", "pr", "PRFFP", "PFPFPFPF"])
    def test_flaky(self, text):
        assert flips_of(self.seen(text)) is not None

    @pytest.mark.parametrize(
        "text", ["", "P", "F", "PPPP", "FFFF", "PF", "PFFF", "PPFFPP", "FFPP", "PfPf", "PFFFFPPP"]
    )
    def test_stable_or_broken_or_unknown(self, text):
        assert flips_of(self.seen(text)) is None

    def test_figures(self):
        flips = flips_of(self.seen("PPPFPPFFFPPP"))
        assert flips
        assert (flips.failures, flips.runs, flips.first) == (2, 10, 3)

    def test_reruns_count_every_run_that_passed_in_the_end(self):
        flips = flips_of(self.seen("PPRPPPRP", per_commit=1))
        assert flips
        assert (flips.failures, flips.runs, flips.reruns) == (2, 8, 2)

    @pytest.mark.parametrize(("hits", "n"), [(0, 5), (1, 10), (5, 10), (10, 10), (37, 900)])
    def test_wilson_is_that_of_scipy(self, hits, n):
        expected = stats.binomtest(hits, n).proportion_ci(0.95, method="wilson")
        assert wilson(hits, n) == pytest.approx((expected.low, expected.high), abs=1e-6)

    @pytest.mark.parametrize(("hits", "n"), [(1, 0), (-1, 5), (6, 5)])
    def test_wilson_of_no_share(self, hits, n):
        with pytest.raises(ValueError, match="is no share"):
            wilson(hits, n)


class TestCompany:
    def contexts(self, failures, **by_failure):
        return [
            Context(
                failed,
                "bad" if failed else "good",
                "",
                float(i % 7),
                2.0 + i / 100 if failed else 1.0 + i / 100,
            )
            for i, failed in enumerate([True] * failures + [False] * 40)
        ]

    def test_names_the_test_before(self):
        (first, *_), tested = companions(self.contexts(8))
        assert first.text == "after bad in 8 of 8 failures and 0 of 40 passes"
        assert tested == 4
        table = [[8, 0], [0, 40]]
        assert first.log_p == pytest.approx(math.log(stats.fisher_exact(table, "greater").pvalue))

    def test_names_the_time(self):
        found, _ = companions(self.contexts(8))
        assert "when it takes long" in {one.text for one in found}

    @pytest.mark.parametrize("failures", [0, 2])
    def test_few_failures_say_nothing(self, failures):
        assert companions(self.contexts(failures)) == ([], 0)


class TestComparable:
    def made(self, runs, **more):
        world = World(1, modules=2, tests=3)
        past = replace(world.past([]), runs=tuple(runs), **more)
        return Comparable(Suite(world.table(world.run())), past)

    def runs(self, count, **more):
        return [past_run(n, [0.1] * 6, range(6), **more) for n in range(1, count + 1)]

    def test_only_the_same_mode_and_environment(self):
        others = [*self.runs(2, mode="load 4"), *self.runs(3, environment="pypy"), *self.runs(4)]
        assert len(self.made(others).runs) == 4

    def test_the_newest_runs(self):
        against = self.made(self.runs(150))
        assert [run.number for run in against.runs] == list(range(150 - MOST_RUNS + 1, 151))

    def test_new_failed_and_skipped_tests_are_not_compared(self):
        nodeids = ["a.py::test_a", "a.py::test_b", "a.py::test_c", "a.py::test_new"]
        table = table_of(nodeids, [1.0] * 4, outcomes=["passed", "failed", "skipped", "passed"])
        past = Past((), {"a.py::test_a": 0, "a.py::test_b": 1, "a.py::test_c": 2})
        against = Comparable(Suite(table), past)
        assert (against.rows, against.numbers) == ((0,), (0,))

    def test_columns_hold_only_tests_that_passed(self):
        outcomes = ["failed", *["passed"] * 5]
        against = self.made(self.runs(1, outcomes=outcomes))
        past, now = against.columns("duration.call")
        assert math.isnan(past[0])
        assert past[1] == 0.1
        assert len(now) == 6

    def test_phases_and_waiting(self):
        """A test that sleeps counts by the wall, the others by the smaller of both times."""
        nodeids = ["a.py::test_sleep", "a.py::test_work"]
        cpu = {"cpu.call": [0.01, 0.9], "delay": [0.0, 0.0]}
        table = table_of(nodeids, [2.0, 1.0], cpu)
        columns = {"cpu.call": [0.01, 0.8]}
        runs = tuple(past_run(n, [2.0, 1.5], range(2), columns=columns) for n in range(1, 5))
        past = Past(
            runs, dict(zip(nodeids, range(2), strict=True)), environment=runs[0].environment
        )
        against = Comparable(Suite(table), past)
        assert phases_of(against) == ("duration.call",)
        costs = costs_of(against, "duration.call")
        assert costs.waits == [True, False]
        assert costs.columns[0] == [2.0, 0.8]
        assert costs.columns[-1] == [2.0, 0.9]


class TestWords:
    def axis(self, **more):
        runs = tuple(past_run(n, [0.1], [0]) for n in (4, 5))
        past = Past(runs, {"a.py::test_a": 0}, environment=runs[0].environment, **more)
        return Axis(Comparable(Suite(table_of(["a.py::test_a"], [0.1])), past))

    @pytest.mark.parametrize(
        ("more", "place", "text"),
        [
            ({}, 1, "since run 5 (2026-01-06, 0000004..0000005)"),
            ({}, 2, "in this run"),
            ({"commit": commit(6)}, 2, "in this run (0000005..0000006)"),
            ({"commit": commit(5)}, 2, "in this run (on the same commit 0000005 as run 5)"),
            ({"commit": commit(5), "dirty": True}, 2, "in this run (commit 0000005 with changes)"),
        ],
    )
    def test_since(self, more, place, text):
        assert self.axis(**more).since(place - 1, place) == text

    def test_ratios(self):
        assert ratios_phrase([math.log(2.0)]) == "2.0x"
        assert ratios_phrase([math.log(3.0), math.log(1.5)]) == "1.5x to 3.0x"


class TestMachine:
    def notes(self, factor, pace=None):
        world = World(5, load=0.0)
        columns = [world.run() for _ in range(6)]
        past = world.past(columns)
        metrics = None
        if pace is not None:
            paced = {"pace": [3e-5] * 320}
            runs = tuple(
                past_run(run.number, run.column("duration.call"), run.tests, columns=paced)
                for run in past.runs
            )
            past, metrics = replace(past, runs=runs), {"pace": [3e-5 * pace] * 320}
        table = world.table([factor * value for value in world.run()], metrics)
        against = Comparable(Suite(table), past)
        costs = costs_of(against, "duration.call")
        codes = against.suite.module_codes
        return slow_run(against, level_runs(costs.columns, codes, costs.waits), NORMAL)

    def test_a_slow_run_is_told_as_that(self):
        (note,) = self.notes(1.8)
        assert note.startswith("this run is 1.")
        assert "slower everywhere than the 6 runs before; tests are compared without" in note

    def test_a_run_like_the_others(self):
        assert self.notes(1.0) == ()

    @pytest.mark.parametrize(
        ("pace", "text"), [(1.8, "Machine, not code"), (1.0, "look at what all tests share")]
    )
    def test_pace_tells_machine_from_code(self, pace, text):
        (note,) = self.notes(1.8, pace)
        assert text in note


def test_the_detector_runs_when_named_only():
    assert [detector.name for detector in resolve(["history", "clustering"])] == [
        "clustering",
        "history",
    ]
    assert "history" not in DEFAULT
