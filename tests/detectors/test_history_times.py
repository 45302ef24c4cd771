"""Ground truth for costs against the past: what is told, where, since when, and only once."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import pytest

from pytest_crackle.cooling.history.leave_one_out import leave_one_out
from pytest_crackle.cooling.profiles import Profile
from tests.detectors.history_world import World, past_run, table_of, told


def dearest(world, place=2):
    return sorted(range(len(world.typical)), key=lambda unit: -world.typical[unit])[place]


def history(world, before, since, factor):
    """Draw so many runs before a change, and since it without the one that is looked at."""
    return [world.run() for _ in range(before)] + [world.run(factor) for _ in range(since)]


def one_test(seed=1, before=13, since=6, ratio=2.0, **options):
    world = World(seed, **options)
    unit = dearest(world)

    def factor(u):
        return ratio if u == unit else 1.0

    columns = history(world, before, since, factor)
    return world, unit, columns, world.run(factor)


def test_a_slow_test_is_told_with_run_and_commits():
    world, unit, columns, now = one_test()
    (pattern,) = told(world.table(now), world.past(columns)).patterns
    name = world.nodeids[unit]
    assert re.match(rf"{name} takes 2\.[01]x as long \(", pattern.summary)
    assert pattern.summary.endswith(" s) since run 14 (2026-01-15, 000000d..000000e).")
    assert (pattern.kind, pattern.subkind) == ("phase-transition", "slower")
    assert (pattern.level, pattern.gateable, pattern.tests) == ("warn", True, (name,))
    assert pattern.metrics == ("duration.call",)
    assert pattern.evidence["runs_held"] == 7
    assert pattern.evidence["after_median"] / pattern.evidence["before_median"] > 1.8
    assert pattern.gate_p < 0.01
    course = pattern.over_runs
    assert [one.run for one in course] == [*range(1, 20), None]
    assert [one.is_after for one in course] == [False] * 13 + [True] * 7
    assert sorted(one.value for one in course)[10] < pattern.evidence["after_median"]
    assert (
        max(one.value for one in course if one.is_after) > pattern.evidence["before_median"] * 1.8
    )


def test_its_id_stays_the_same_as_it_gets_older():
    ids = {}
    for since in (6, 10, 22):
        world, unit, columns, now = one_test(before=40, since=since)
        patterns = told(world.table(now), world.past(columns)).patterns
        ids[since] = [p.id for p in patterns if p.tests == (world.nodeids[unit],)]
    assert len(ids[6]) == 1
    assert ids[6] == ids[10] == ids[22]


def test_what_everybody_is_used_to_is_told_at_fast_cooling_only():
    world, unit, columns, now = one_test(before=40, since=45)
    table, past = world.table(now), world.past(columns)
    assert told(table, past).patterns == ()
    fast = told(table, past, "fast").patterns
    assert (world.nodeids[unit],) in {p.tests for p in fast}


def test_what_may_have_come_little_by_little_is_a_hint_without_commits():
    world = World(1)
    unit = dearest(world)
    columns = [world.run(lambda u, n=n: math.exp(n / 80) if u == unit else 1.0) for n in range(59)]
    now = world.run(lambda u: math.exp(59 / 80) if u == unit else 1.0)
    (pattern,) = told(world.table(now), world.past(columns)).patterns
    assert pattern.tests == (world.nodeids[unit],)
    assert re.search(r"s\) since about run \d+, at once or little by little\.$", pattern.summary)
    assert (pattern.level, pattern.gateable) == ("notice", False)


def test_a_suspicion_is_only_mentioned():
    world, unit, columns, now = one_test(since=1, ratio=6.0, outliers=0.0)
    (pattern,) = told(world.table(now), world.past(columns)).patterns
    assert (pattern.level, pattern.gateable) == ("notice", False)
    assert pattern.summary.endswith("; suspected, seen in 2 of the 3 runs that it takes.")
    assert pattern.tests == (world.nodeids[unit],)


def test_a_recovery_is_a_note_in_its_third_run():
    world = World(3, load=0.1, outliers=0.0)
    unit = dearest(world)
    columns = history(world, 13, 6, lambda u: 4.0 if u == unit else 1.0)
    said = []
    for _ in range(5):
        now = world.run()
        notes = told(world.table(now), world.past(columns)).notes
        said.append([note for note in notes if "is back at" in note])
        columns.append(now)
    assert [len(notes) for notes in said] == [0, 0, 1, 0, 0]
    assert said[2][0].startswith(f"{world.nodeids[unit]} is back at ")
    assert " for 3 runs, after 6 runs at " in said[2][0]


def test_a_slow_module_is_one_line():
    world = World(2)
    columns = history(world, 13, 3, lambda u: 1.6 if u // 20 == 5 else 1.0)
    now = world.run(lambda u: 1.6 if u // 20 == 5 else 1.0)
    (pattern,) = told(world.table(now), world.past(columns)).patterns
    assert pattern.summary.startswith("20 tests in tests/test_05.py take 1.")
    assert " more in all) since run 14 (" in pattern.summary
    assert pattern.explained_by.name == "tests/test_05.py"
    assert len(pattern.tests) == 20


@pytest.mark.parametrize("seed", [3, 7, 22])
def test_a_slow_module_of_a_young_history_is_told_in_each_run(seed):
    """x1.3 after 12 runs: from the run that confirms it on without a gap, also when it is older
    than what was before it."""
    world = World(("flick", seed), scale=4)

    def factor(unit):
        return 1.3 if unit // 20 == seed % 16 else 1.0

    columns = [world.run() for _ in range(12)]
    levels = []
    for _ in range(16):
        now = world.run(factor)
        patterns = told(world.table(now), world.past(columns)).patterns
        levels.append([p.level for p in patterns if len(p.tests) == 20])
        columns.append(now)
    first = levels.index(["warn"])
    assert first <= 5
    assert all(level == ["warn"] for level in levels[first:])


@pytest.mark.parametrize("modules", [{13, 14, 15}, {5, 6, 7}, {2, 8, 13}])
def test_three_slow_modules_are_one_line_and_not_session_wide(modules):
    world = World(7)
    columns = history(world, 13, 3, lambda u: 1.8 if u // 20 in modules else 1.0)
    now = world.run(lambda u: 1.8 if u // 20 in modules else 1.0)
    patterns = told(world.table(now), world.past(columns)).patterns
    assert {p.subkind for p in patterns} == {"slower"}
    in_modules = {n for u, n in enumerate(world.nodeids) if u // 20 in modules}
    assert {name for p in patterns for name in p.tests} == in_modules


def test_from_a_test_on():
    world = World(4)
    columns = history(world, 13, 3, lambda u: 1.6 if u >= 150 else 1.0)
    now = world.run(lambda u: 1.6 if u >= 150 else 1.0)
    (pattern,) = told(world.table(now), world.past(columns)).patterns
    assert pattern.subkind == "onward"
    assert abs(world.nodeids.index(pattern.at) - 150) <= 3
    assert "all tests take 1." in pattern.summary
    assert "whatever their file" in pattern.summary
    assert pattern.gateable


def test_a_slow_machine_is_a_note_and_waiting_tests_are_not_faster_or_slower():
    """x2.5 in all that works; a test that sleeps 2 s sleeps 2 s, then and on a fast machine."""
    for factor in (2.5, 0.4):
        world = World(6, load=0.0)
        nodeids = [*world.nodeids, "tests/test_zz.py::test_sleeps"]
        numbers = {nodeid: number for number, nodeid in enumerate(nodeids)}
        cpu = 0.001
        runs = []
        for number in range(1, 13):
            work = world.run()
            columns = {"cpu.call": [*work, cpu], "delay": [0.0] * 321}
            runs.append(past_run(number, [*work, 2.0], range(321), columns=columns))
        past = replace(world.past([]), runs=tuple(runs), numbers=numbers)
        work = [factor * value for value in world.run()]
        extra = {"cpu.call": [*work, cpu], "delay": [0.0] * 321}
        cooling = told(table_of(nodeids, [*work, 2.0], extra), past)
        assert cooling.patterns == ()
        assert any("slower everywhere" in note for note in cooling.notes) is (factor > 1)


@pytest.mark.parametrize("n_past", [0, 1, 2])
def test_too_few_runs_give_one_reason_and_nothing_else(n_past):
    world = World(1)
    columns = [world.run() for _ in range(n_past)]
    cooling = told(world.table([9 * value for value in world.run()]), world.past(columns))
    assert cooling.patterns == cooling.notes == ()
    (reason,) = cooling.not_tested
    assert reason.detector == "history"
    assert reason.reason.startswith(f"{n_past} past run")
    assert reason.reason.endswith("of this mode and environment, needs 3")


def test_no_past_at_all():
    world = World(1)
    (reason,) = told(world.table(world.run()), None).not_tested
    assert reason.reason == "no history was given"


def test_mostly_new_tests():
    """A renamed folder: times of the few others are not compared, and that is said."""
    world = World(1)
    columns = [world.run() for _ in range(5)]
    nodeids = [f"new/{n}" if u % 4 else n for u, n in enumerate(world.nodeids)]
    cooling = told(table_of(nodeids, [8 * v for v in world.run()]), world.past(columns))
    assert cooling.patterns == ()
    (reason,) = cooling.not_tested
    assert (
        reason.reason == "times: fewer than half of the tests have passed in three comparable runs"
    )


def test_missing_skipped_and_new_tests_are_no_findings():
    world = World(9)
    past = world.past([world.run() for _ in range(8)])
    ended = {0: "skipped", 1: "failed"}
    runs = tuple(
        replace(run, outcomes=[ended.get((u + run.number) % 9, "passed") for u in run.tests])
        for run in past.runs
    )
    nodeids = [*world.nodeids[10:], "tests/test_new.py::test_new"]
    now = [*world.run()[10:], 30.0]
    outcomes = [ended.get(u % 8, "passed") for u in range(311)]
    cooling = told(table_of(nodeids, now, outcomes=outcomes), replace(past, runs=runs))
    assert cooling.patterns == ()
    assert cooling.not_tested == ()


def test_whoever_sets_up_a_wide_fixture_is_not_slower():
    """The test that came first is gone: the next one pays for the session fixture."""
    world = World(5, modules=4)
    setup = [0.001] * 80
    setup[0] = 5.0
    runs = tuple(
        past_run(n, world.run(), range(80), columns={"duration.setup": setup, "cpu.setup": setup})
        for n in range(1, 13)
    )
    past = replace(world.past([]), runs=runs)
    paid = [0.001] * 80
    paid[1] = 5.0
    table = table_of(
        world.nodeids[1:],
        world.run()[1:],
        {"duration.setup": paid[1:], "cpu.setup": paid[1:]},
        setups=[],
    )
    assert [p.subkind for p in told(table, past).patterns] == ["slower"]  # nobody said why
    from pytest_crackle.model.table import FixtureSetup

    table.setups[0] = (FixtureSetup("database", "session", 4.999, 4.999),)
    assert told(table, past).patterns == ()


def test_a_recorded_value_at_another_level():
    world = World(8, modules=3)
    rng = world.rng
    runs = []
    for number in range(1, 31):
        payload = [
            1000 * rng.lognormvariate(0, 0.1) * (2 if u == 9 and number > 18 else 1)
            for u in range(60)
        ]
        runs.append(past_run(number, world.run(), range(60), columns={"payload": payload}))
    past = replace(world.past([]), runs=tuple(runs))
    now = [1000 * rng.lognormvariate(0, 0.1) * (2 if u == 9 else 1) for u in range(60)]
    (pattern,) = told(world.table(world.run(), {"payload": now}), past).patterns
    assert pattern.subkind == "changed"
    assert pattern.tests == (world.nodeids[9],)
    assert pattern.summary.startswith(
        f"payload of {world.nodeids[9]} is at another level since run 19 ("
    )


class TestLeaveOneOut:
    def test_a_quiet_history(self):
        world = World(10, modules=6)
        check = leave_one_out(world.past([world.run() for _ in range(12)]), Profile.normal())
        assert (check.runs, check.replayed) == (12, 9)
        assert (check.suspected, check.confirmed) == ((), ())
        assert check.suspected_per_hundred == check.confirmed_per_hundred == 0.0

    def test_one_bad_run_and_one_change(self):
        world = World(11, modules=12, tests=10, scale=6)
        unit = dearest(world)
        columns = history(world, 16, 4, lambda u: 5.0 if u == unit else 1.0)
        past = world.past(columns)
        queries = [[120.0 if n == 5 else 40.0] * 120 for n in range(1, 21)]
        runs = tuple(
            past_run(run.number, run.column("duration.call"), run.tests, columns={"db.queries": q})
            for run, q in zip(past.runs, queries, strict=True)
        )
        check = leave_one_out(replace(past, runs=runs), Profile.normal())
        assert {alarm.run for alarm in check.suspected} == {5}
        assert check.suspected_per_hundred == 5.0
        assert {alarm.run for alarm in check.confirmed} == {19}

    def test_few_runs(self):
        world = World(12, modules=2)
        check = leave_one_out(world.past([world.run() for _ in range(3)]), Profile.normal())
        assert (check.runs, check.replayed, check.suspected_per_hundred) == (0, 0, 0.0)
