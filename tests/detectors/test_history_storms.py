"""Ground truth: a small suite on a busy machine, whose neighbours slow some modules of each run."""

from __future__ import annotations

import random
import re
from array import array
from dataclasses import dataclass, field, replace

import pytest

from pytest_crackle.cooling.history.leave_one_out import leave_one_out
from pytest_crackle.cooling.profiles import Profile
from pytest_crackle.model.past import Past
from tests.detectors.history_world import MACHINE, commit, past_run, table_of, told

MODULES, TESTS = 6, 12
SLOW = range(3 * TESTS, 4 * TESTS)
NODEIDS = [f"tests/test_{u // TESTS}.py::test_{u % TESTS:02}" for u in range(MODULES * TESTS)]
SLOW_TESTS = {NODEIDS[unit] for unit in SLOW}


@dataclass
class Storms:
    """Tests of 20 to 200 ms; in each run a neighbour slows each module by x1.4, every other time.

    The fixed piece of work after every third test slows down as the tests do.
    """

    seed: int
    reads_pace: bool = True
    typical: list[float] = field(default_factory=list)

    def __post_init__(self):
        self.rng = random.Random(f"storms {self.seed}")
        self.typical = [self.rng.uniform(0.02, 0.2) for _ in NODEIDS]

    def run(self, factor=1.0):
        """Return seconds and pace of one run; the factor is that of the slow module."""
        rng = self.rng
        storms = [1.4 if rng.random() < 0.5 else 1.0 for _ in range(MODULES)]
        seconds, pace = [], []
        for unit, typical in enumerate(self.typical):
            storm = storms[unit // TESTS]
            code = factor if unit in SLOW else 1.0
            seconds.append(typical * storm * code * rng.lognormvariate(0, 0.03))
            read = self.reads_pace and unit % 3 == 2
            pace.append(2.5e-5 * storm * rng.lognormvariate(0, 0.03) if read else float("nan"))
        return seconds, pace

    def history(self, runs, since, factor):
        """Return so many runs, slow from run `since` on."""
        return [self.run(factor if number >= since else 1.0) for number in range(1, runs + 1)]


def past_of(history):
    runs = tuple(
        past_run(number, seconds, range(len(NODEIDS)), columns={"pace": pace})
        for number, (seconds, pace) in enumerate(history, 1)
    )
    numbers = {nodeid: number for number, nodeid in enumerate(NODEIDS)}
    return Past(runs, numbers, environment=MACHINE, commit=commit(len(runs) + 1))


def patterns_at(history, number, rate="normal"):
    """Cool one run of a history against those before it."""
    seconds, pace = history[number - 1]
    table = table_of(NODEIDS, seconds, {"pace": pace})
    return told(table, past_of(history[: number - 1]), rate).patterns


def line_at(history, number):
    (pattern,) = patterns_at(history, number)
    assert set(pattern.tests) == SLOW_TESTS
    return pattern


@pytest.mark.parametrize("seed", range(4))
def test_a_doubled_module_is_told_from_its_third_run_on_without_a_gap(seed):
    history = Storms(seed).history(20, since=14, factor=2.0)
    for number in range(16, 21):
        pattern = line_at(history, number)
        assert re.match(r"12 tests in tests/test_3.py take (1.9|2.0)x as long \(", pattern.summary)
        assert " more in all) since run 14 (" in pattern.summary
        assert (pattern.level, pattern.gateable) == ("warn", True)


@pytest.mark.parametrize("seed", range(6))
def test_storms_alone_are_nothing(seed):
    """17 runs each; at one in a hundred false alarms 102 silent runs are no surprise."""
    history = Storms(seed).history(20, since=99, factor=1.0)
    for number in range(4, 21):
        assert patterns_at(history, number) == ()


def test_without_the_fixed_piece_of_work_it_takes_longer_but_is_found():
    history = Storms(1, reads_pace=False).history(26, since=14, factor=2.0)
    (pattern,) = patterns_at(history, 26)
    assert set(pattern.tests) <= SLOW_TESTS
    assert len(pattern.tests) >= 10


def test_one_run_as_before_is_no_end_and_three_are():
    """While it is as before it is no failure of a gate: the next commit may have mended it."""
    world = Storms(2)
    history = world.history(18, since=14, factor=2.0)
    assert line_at(history, 18).gateable
    history += [world.run(), world.run(), world.run()]
    first, second = line_at(history, 19), line_at(history, 20)
    assert first.summary.endswith("; as before in this run.")
    assert second.summary.endswith("; as before in the last 2 runs.")
    assert {first.level, second.level} == {"notice"}
    assert not first.gateable
    assert patterns_at(history, 21) == ()
    again = [*history[:18], world.run(), world.run(2.0)]
    assert line_at(again, 20).gateable


def test_what_was_not_measured_now_is_not_told_from_memory():
    history = Storms(2).history(18, since=14, factor=2.0)
    seconds, pace = history[17]
    gone = array("d", seconds)
    gone[SLOW.start : SLOW.stop] = array("d", [float("nan")]) * TESTS
    table = table_of(NODEIDS, [0.1] * len(NODEIDS), {"pace": pace, "duration.call": seconds})
    for name in ("duration.call", "cpu.call", "duration", "cpu"):
        table.columns[name] = gone
    assert told(table, past_of(history[:17])).patterns == ()


def test_a_cost_about_the_limit_does_not_flicker():
    """1.1 s more, and .9 s more in later runs: told once, told on; .9 s alone never is."""
    world = Storms(3)
    total = sum(world.typical[unit] for unit in SLOW)
    high, low = 1 + 1.15 / total, 1 + 0.85 / total
    history = world.history(13, since=99, factor=1.0) + [world.run(high) for _ in range(4)]
    assert line_at(history, 17)
    history += [world.run(low) for _ in range(5)]
    assert [line_at(history, number).level for number in (18, 19)] == ["warn", "warn"]
    small = Storms(3).history(13, since=99, factor=1.0)
    world = Storms(3)
    small += [world.run(low) for _ in range(6)]
    assert patterns_at(small, 19) == ()


def test_a_slow_module_is_told_for_thirty_runs():
    """Its tests one by one cost too little to be told by their own series."""
    history = Storms(5).history(60, since=25, factor=2.0)
    for number in (40, 54):
        assert " since run 25 (" in line_at(history, number).summary
    assert not any("module" in p.summary for p in patterns_at(history, 60))


def test_leaving_one_out_finds_no_alarm_in_storms():
    check = leave_one_out(past_of(Storms(6).history(14, since=99, factor=1.0)), Profile.normal())
    assert (check.suspected, check.confirmed) == ((), ())


def test_readings_of_the_past_without_order_or_workers_are_taken_as_collected():
    history = Storms(0).history(20, since=14, factor=2.0)
    past = past_of(history[:19])
    bare = replace(past, runs=tuple(replace(run, seqs=(), workers=()) for run in past.runs))
    seconds, pace = history[19]
    cooling = told(table_of(NODEIDS, seconds, {"pace": pace}), bare)
    assert [p.summary for p in cooling.patterns] == [patterns_at(history, 20)[0].summary]
