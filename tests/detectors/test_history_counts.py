"""Ground truth for counts: exact where they repeat, silent where another test pays."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from tests.detectors.history_world import World, past_run, table_of, told


def suite(n_past, queries, *, n_tests=40, now=None, **past_options):
    """Return (table, past): `queries(run, unit)` is what a test counts; runs count from 1."""
    world = World("counts", modules=4, tests=n_tests // 4)
    runs = []
    for number in range(1, n_past + 1):
        column = [float(queries(number, unit)) for unit in range(n_tests)]
        run = past_run(number, world.run(), range(n_tests), columns={"db.queries": column})
        runs.append(run)
    past = replace(world.past([]), runs=tuple(runs), **past_options)
    values = [float(queries(n_past + 1, unit)) for unit in range(n_tests)]
    return world.table(now or world.run(), {"db.queries": values}), past


def counts(table, past):
    return [p for p in told(table, past).patterns if p.subkind == "count"]


def test_a_count_that_never_varied_is_compared_exactly():
    table, past = suite(12, lambda run, unit: 120 if run == 13 and unit == 7 else 40)
    (pattern,) = counts(table, past)
    assert pattern.summary.startswith(
        "db.queries of tests/test_00.py::test_007 is 120 in this run ("
    )
    assert "40 in each of the 12 runs before; suspected" in pattern.summary
    assert (pattern.level, pattern.gateable) == ("notice", False)
    assert pattern.tests == ("tests/test_00.py::test_007",)


@pytest.mark.parametrize(
    ("held", "level"), [(1, "notice"), (2, "notice"), (3, "warn"), (6, "warn")]
)
def test_three_runs_confirm_it(held, level):
    table, past = suite(12, lambda run, unit: 39 if run > 13 - held and unit == 7 else 40)
    (pattern,) = counts(table, past)
    assert pattern.level == level
    assert pattern.gateable is (held >= 3)
    assert pattern.evidence["runs_held"] == held
    if held > 1:
        assert f"since run {14 - held} (2026-01-{15 - held:02}, " in pattern.summary


def test_it_keeps_its_id():
    ids = set()
    for held in (1, 3, 9):
        table, past = suite(18, lambda run, unit, h=held: 99 if run > 19 - h and unit == 7 else 40)
        ids.add(counts(table, past)[0].id)
    assert len(ids) == 1


def test_many_tests_are_one_line_that_lists_them():
    table, past = suite(12, lambda run, unit: 41 if run > 10 and unit < 10 else 40)
    (pattern,) = counts(table, past)
    assert pattern.summary == (
        "db.queries changed in 10 tests in tests/test_00.py, from 400 to 410 in all, since run 11 "
        "(2026-01-12, 000000a..000000b); it was the same in each of the 10 runs before."
    )
    assert len(pattern.tests) == 10
    assert pattern.explained_by.name == "tests/test_00.py"
    assert pattern.details[0] == "tests/test_00.py::test_000: 40 -> 41"


@pytest.mark.parametrize(
    "queries",
    [
        lambda run, unit: 40,
        lambda run, unit: 40 + (run * 7 + unit) % 3,  # varies all the time
        lambda run, unit: 0,
        lambda run, unit: 40.5 if run == 13 else 40.25,  # no count
    ],
    ids=["constant", "varying", "zero", "fractions"],
)
def test_silent(queries):
    assert counts(*suite(12, queries)) == []


def test_what_differs_now_and_then_is_not_told_at_first_sight():
    """One value in 100 differs, in 40 tests: 100 histories, at most 1 in 100 tells one."""
    alarms = 0
    for seed in range(100):
        rng = random.Random(f"jitter {seed}")
        odd = {(run, unit) for run in range(1, 14) for unit in range(40) if rng.random() < 0.01}
        table, past = suite(12, lambda run, unit, odd=odd: 41 if (run, unit) in odd else 40)
        alarms += bool(counts(table, past))
    assert alarms <= 1 + 2


def test_another_mode_is_not_compared():
    table, past = suite(12, lambda run, unit: 120 if run == 13 else 40)
    runs = tuple(replace(run, mode="load 4") for run in past.runs)
    assert counts(table, replace(past, runs=runs)) == []
    assert counts(table, replace(past, runs=runs, mode="load 4")) == []


def test_another_order_is_not_compared():
    table, past = suite(12, lambda run, unit: 120 if run == 13 else 40)
    runs = tuple(replace(run, seqs=list(range(39, -1, -1))) for run in past.runs)
    assert counts(table, replace(past, runs=runs)) == []


@pytest.mark.parametrize(("now", "is_told"), [(39, False), (41, False), (45, False), (120, True)])
def test_where_tests_came_or_went_only_a_clear_rise_is_told(now, is_told):
    """The test that paid for the cache may be gone, or a new one pays."""
    table, past = suite(12, lambda run, unit: now if run == 13 and unit == 7 else 40)
    more = {
        "tests": range(41),
        "outcomes": ["passed"] * 41,
        "seqs": list(range(41)),
        "workers": [0] * 41,
        "metrics": ("db.queries",),
    }
    gone = tuple(
        replace(run, read=lambda metric, run=run: [*run.column(metric), 1.0], **more)
        for run in past.runs
    )
    numbers = {**past.numbers, "tests/test_04.py::test_gone": 40}
    assert bool(counts(table, replace(past, runs=gone, numbers=numbers))) is is_told


def test_failing_tests_are_not_compared():
    world = World("counts", modules=4, tests=10)
    table, past = suite(12, lambda run, unit: 40)
    values = [40.0] * 40
    values[7] = 3.0
    outcomes = ["passed"] * 40
    outcomes[7] = "failed"
    table = table_of(world.nodeids, world.run(), {"db.queries": values}, outcomes)
    assert counts(table, past) == []


def test_collections_of_garbage_are_never_compared():
    world = World("counts", modules=4, tests=10)
    runs = tuple(
        past_run(number, world.run(), range(40), columns={"gc.collections": [2.0] * 40})
        for number in range(1, 13)
    )
    past = replace(world.past([]), runs=runs)
    table = world.table(world.run(), {"gc.collections": [3.0] * 40})
    assert counts(table, past) == []
