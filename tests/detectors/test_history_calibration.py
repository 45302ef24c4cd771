"""Simulated histories: how often something is told where nothing happened, and what is found."""

from __future__ import annotations

import random

import pytest

from tests.detectors.history_world import World, told

pytestmark = pytest.mark.calibration


def at_most(level, trials):
    """Return the level plus two standard errors of a share."""
    return level + 2 * (level * (1 - level) / trials) ** 0.5


def runs_until(world, before, factor, hit, most):
    """Return the runs until a change is told and until it is confirmed, and the other lines."""
    columns = [world.run() for _ in range(before)]
    seen = confirmed = None
    others = []
    for number in range(1, most + 1):
        now = world.run(factor)
        for pattern in told(world.table(now), world.past(columns)).patterns:
            if not hit(pattern):
                others.append(pattern.summary)
                continue
            seen = seen or number
            if pattern.level != "notice":
                confirmed = confirmed or number
        if confirmed:
            break
        columns.append(now)
    return seen, confirmed, others


def dearest(world, place):
    return sorted(range(320), key=world.typical.__getitem__, reverse=True)[place]


def share(numbers, most):
    return sum(number is not None and number <= most for number in numbers) / len(numbers)


@pytest.mark.parametrize(("n_past", "trials"), [(4, 300), (12, 300), (30, 300), (99, 60)])
def test_no_change_raises_no_alarm(n_past, trials):
    """Load up to x3, strong module effects, t noise with 3 degrees of freedom, outliers to x8."""
    alarms = 0
    for seed in range(trials):
        world = World(("null", n_past, seed))
        columns = [world.run() for _ in range(n_past)]
        alarms += bool(told(world.table(world.run()), world.past(columns)).patterns)
    assert alarms / trials <= at_most(0.01, trials)


def test_long_suites_raise_no_alarm():
    """All costs tenfold: the least cost of the preset protects less."""
    trials, alarms = 200, 0
    for seed in range(trials):
        world = World(("long", seed), scale=10, modules=10)
        columns = [world.run() for _ in range(12)]
        alarms += bool(told(world.table(world.run()), world.past(columns)).patterns)
    assert alarms / trials <= at_most(0.01, trials)


@pytest.mark.parametrize(
    ("ratio", "most", "least"), [(1.2, 10, 0.2), (1.5, 5, 0.8), (2.0, 3, 0.8), (2.0, 5, 0.95)]
)
def test_a_slow_module_is_told_as_that(ratio, most, least):
    """One module slow by code, of 16; found within so many runs, and never session-wide."""
    found = []
    for seed in range(40):
        world = World(("module", seed), scale=4)
        module = seed % world.modules
        tests = {n for n in world.nodeids if n.startswith(f"tests/test_{module:02}.py")}
        _, confirmed, others = runs_until(
            world,
            12,
            lambda unit, m=module: ratio if unit // 20 == m else 1,
            lambda p, tests=tests: p.subkind == "slower" and set(p.tests) <= tests,
            most,
        )
        found.append(confirmed)
        assert not [text for text in others if text.startswith("From ")]
    assert share(found, most) >= least


@pytest.mark.parametrize("ratio", [1.2, 1.5, 2.0])
@pytest.mark.parametrize("adjacent", [True, False])
def test_three_slow_modules_are_not_session_wide(ratio, adjacent):
    """Also the last three, also over several runs: 60 histories each, never session-wide."""
    for seed in range(60):
        world = World(("three", seed, ratio), scale=4)
        last = world.modules - 1
        start = seed % (last - 1)
        modules = {start, start + 1, start + 2} if seed % 2 else {last - 2, last - 1, last}
        if not adjacent:
            modules = set(random.Random(seed).sample(range(world.modules), 3))
        columns = [world.run() for _ in range(10)]
        for _ in range(3):
            now = world.run(lambda unit, ms=modules: ratio if unit // 20 in ms else 1)
            patterns = told(world.table(now), world.past(columns)).patterns
            assert not [p.summary for p in patterns if p.subkind == "onward"]
            columns.append(now)


@pytest.mark.parametrize(("ratio", "least"), [(1.5, 0.5), (2.0, 0.5)])
def test_from_some_test_on_everything_is_slower(ratio, least):
    """The place lies within a module, as it does for what a test leaves behind."""
    found = []
    for seed in range(40):
        world = World(("onward", seed), scale=4)
        start = 20 * random.Random(seed).randrange(3, 11) + 5 + seed % 10

        def is_it(pattern, world=world, start=start):
            near = pattern.at and abs(world.nodeids.index(pattern.at) - start) <= 10
            return pattern.subkind == "onward" and near

        def factor(unit, start=start):
            return ratio if unit >= start else 1

        seen, _, _ = runs_until(world, 12, factor, is_it, 3)
        found.append(seen)
    assert share(found, 3) >= least


@pytest.mark.parametrize(("ratio", "most", "least"), [(1.5, 10, 0.55), (2.0, 5, 0.6)])
def test_a_slow_test_is_found(ratio, most, least):
    """One dear test of 320 slow by code."""
    found = []
    for seed in range(40):
        world = World(("single", seed), scale=4)
        unit = dearest(world, seed % 8)

        def is_it(pattern, name=world.nodeids[unit]):
            return pattern.tests == (name,)

        def factor(u, unit=unit):
            return ratio if u == unit else 1

        _, confirmed, _ = runs_until(world, 12, factor, is_it, most)
        found.append(confirmed)
    assert share(found, most) >= least


def test_an_older_change_is_found_by_its_series():
    """x1.5 in one dear test of 320, 18 runs ago, after 40 runs; 2 of the 20 cost too little."""
    found = 0
    for seed in range(20):
        world = World(("older", seed), scale=4)
        unit = dearest(world, seed % 8)
        columns = [world.run() for _ in range(40)]
        columns += [world.run(lambda u, k=unit: 1.5 if u == k else 1) for _ in range(18)]
        now = world.run(lambda u, k=unit: 1.5 if u == k else 1)
        patterns = told(world.table(now), world.past(columns)).patterns
        found += any(p.tests == (world.nodeids[unit],) for p in patterns)
    assert found >= 17
