"""Ground truth for flaky tests: planted rates are found, what is stable or broken is not told."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from pytest_crackle.cooling.history.flips import Seen, flips_of
from tests.detectors.history_world import World, commit, past_run, table_of, told

N = 40
UNIT = 7
NAME = "tests/test_00.py::test_007"


def suite(outcomes, *, per_commit=2, attempts=None, dirty=None, labels=None):
    """Return (table, past) of runs whose outcome is `outcomes[run][unit]` (a dict of failures).

    The last of them is the run that is looked at. `per_commit` runs share a commit.
    """
    world = World("flaky", modules=4, tests=N // 4)
    seconds = world.run()
    runs = []
    for number, failures in enumerate(outcomes, 1):
        run = past_run(
            number,
            seconds,
            range(N),
            outcomes=[failures.get(unit, "passed") for unit in range(N)],
            commit=commit((number - 1) // per_commit),
            attempts=(attempts or {}).get(number, {}),
            dirty=(dirty or set()).__contains__(number),
            labels=(labels or {}).get(number, ()),
        )
        runs.append(run)
    last = runs.pop()
    past = replace(
        world.past([]), runs=tuple(runs), commit=last.commit, dirty=last.dirty, labels=last.labels
    )
    table = table_of(world.nodeids, seconds, outcomes=list(last.outcomes))
    table.retried.update(last.attempts)
    return table, past


def flaky(*args, **options):
    return [p for p in told(*suite(*args, **options)).patterns if p.kind == "flaky"]


def failing(*numbers, of=20, unit=UNIT):
    """Return the outcomes of so many runs, one test failing in some."""
    return [{unit: "failed"} if number in numbers else {} for number in range(1, of + 1)]


def test_a_flip_on_one_commit_is_told():
    (pattern,) = flaky(failing(3, 9, 15))
    assert pattern.tests == (NAME,)
    assert pattern.summary == (
        f"{NAME} is flaky: it failed in 3 of 20 runs on commits where it passes, too (15 %, 95 % "
        "interval 5.2 % to 36 %); first in run 3 (2026-01-04)."
    )
    assert (pattern.level, pattern.gateable, pattern.subkind) == ("warn", True, "flips")
    assert pattern.evidence["failures"] == 3


def test_one_failure_is_only_mentioned():
    (pattern,) = flaky(failing(9))
    assert (pattern.level, pattern.gateable) == ("notice", False)


def test_reruns_prove_it_on_any_checkout():
    attempts = {number: {UNIT: ("failed",)} for number in (4, 11)}
    (pattern,) = flaky([{}] * 20, per_commit=1, attempts=attempts, dirty=set(range(1, 21)))
    assert "it failed in 2 of 20 runs and passed when run again (10 %" in pattern.summary
    assert pattern.evidence["reruns"] == 2


def test_a_rerun_of_this_run_counts():
    (pattern,) = flaky([{}] * 6, per_commit=1, attempts={6: {UNIT: ("failed",)}})
    assert pattern.evidence["failures"] == 1
    assert "first in" not in pattern.summary


@pytest.mark.parametrize(
    ("outcomes", "options"),
    [
        pytest.param(failing(), {}, id="stable"),
        pytest.param(failing(*range(1, 21)), {}, id="always failing"),
        pytest.param(failing(*range(12, 21)), {}, id="failing from the middle of a commit on"),
        pytest.param(failing(*range(11, 21)), {}, id="failing since a commit"),
        pytest.param(failing(7, 8), {}, id="failing on one commit"),
        pytest.param(failing(3, 9, 15), {"per_commit": 1}, id="one run a commit"),
        pytest.param(failing(3, 9, 15), {"dirty": {3, 9, 15}}, id="failing with changes"),
        pytest.param(failing(5, 6, 7, 8), {"per_commit": 20}, id="an outage"),
        pytest.param(failing(2), {"per_commit": 2, "labels": {2: ("old",)}}, id="other labels"),
        pytest.param([dict.fromkeys(range(12), "failed") if n == 5 else {} for n in range(20)], {},
                     id="a run in which everything failed"),
        pytest.param([{UNIT: "skipped"} if n % 3 else {} for n in range(20)], {}, id="skipped"),
        pytest.param([{UNIT: "xfailed"} if n % 3 else {} for n in range(20)], {}, id="xfailed"),
    ],
)  # fmt: skip
def test_silent(outcomes, options):
    assert flaky(outcomes, **options) == []


def test_what_was_flaky_and_is_fixed_is_silent():
    assert flaky(failing(1, 3, 5, 7, of=60), per_commit=2) == []


def test_what_was_flaky_and_is_broken_is_silent():
    assert flaky(failing(3, 17, 18, 19, 20), per_commit=2) == []


def test_tests_of_a_fixture_are_one_line():
    outcomes = []
    for number in range(1, 21):
        outcomes.append({unit: "failed" for unit in range(9) if (number + unit) % 9 == 0})
    (pattern,) = flaky(outcomes)
    assert pattern.summary.startswith(
        "9 of 10 tests in tests/test_00.py are flaky: each failed in "
    )
    assert len(pattern.tests) == 9
    assert pattern.explained_by.name == "tests/test_00.py"


def test_the_test_before_is_named():
    world = World("flaky", modules=4, tests=N // 4)
    seconds = world.run()
    runs = []
    for number in range(1, 61):
        order = list(range(N))
        random.Random(number).shuffle(order)
        fails = order.index(UNIT) == order.index(20) + 1
        if number % 6 == 0:  # often enough
            order.remove(UNIT)
            order.insert(order.index(20) + 1, UNIT)
            fails = True
        seqs = [order.index(unit) for unit in range(N)]
        outcomes = ["failed" if fails and unit == UNIT else "passed" for unit in range(N)]
        runs.append(
            past_run(number, seconds, range(N), outcomes=outcomes, seqs=seqs, commit=commit(1))
        )
    past = replace(world.past([]), runs=tuple(runs), commit=commit(1))
    (pattern,) = told(table_of(world.nodeids, seconds), past).patterns
    assert "; it fails after tests/test_02.py::test_000 in 1" in pattern.summary
    assert " and 0 of " in pattern.summary


def found_within(rate, most, trials=400):
    """Return the share of histories, two runs a commit, that show a gateable flaky test in time."""
    found = 0
    for seed in range(trials):
        rng = random.Random(f"planted {rate} {seed}")
        seen = [Seen(n, commit(n // 2), rng.random() < rate) for n in range(most)]
        flips = (flips_of(seen[:length]) for length in range(2, most + 1))
        found += any(one is not None and one.failures >= 2 for one in flips)
    return found / trials


@pytest.mark.parametrize(
    ("rate", "most", "least"), [(0.05, 99, 0.9), (0.2, 25, 0.9), (0.5, 16, 0.93), (0.5, 25, 0.98)]
)
def test_planted_rates_are_found(rate, most, least):
    """400 histories each; two standard errors of a share are allowed for."""
    assert found_within(rate, most) >= least - 2 * (least * (1 - least) / 400) ** 0.5
