"""What was accepted once stays accepted: ids survive whatever does not change the pattern."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date

import pytest

from pytest_crackle.cooling.cool import cool
from pytest_crackle.gating.baseline import Baseline, accept, times_worse
from pytest_crackle.gating.baseline_text import dump_baseline, parse_baseline
from pytest_crackle.gating.rules import parse_rules
from pytest_crackle.gating.verdict import GatePlan, judge
from pytest_crackle.model.report import CoolingInfo, SessionInfo
from pytest_crackle.model.table import MetricTable

TODAY = date(2026, 11, 23)
MIB = float(1 << 20)
LEAKY = (20, 21, 25, 33)


def records(*, seed=1, speed=1.0, line=10, workers=0, more=0, leaky=LEAKY, waits=True):
    """240 tests with a fixed wait, a shared set-up, a leak of sockets and a jump of memory."""
    draw = random.Random(seed)
    levels: dict[str | None, list[float]] = {}
    for file in range(4):
        for number in range(60 + (more if file == 1 else 0)):
            index = int(sum(level[0] for level in levels.values()))
            worker = f"gw{index % workers}" if workers else None
            level = levels.setdefault(worker, [0.0, 10.0, 100 * MIB])
            yield _record(draw, file, number, level, worker, speed, leaky, waits) | {
                "index": index,
                "line": line + number,
            }
            level[0] += 1


def _record(draw, file, number, level, worker, speed, leaky, waits):
    cpu = draw.lognormvariate(-4, 0.6) * speed
    wait = 2 * draw.uniform(0.998, 1.002) if waits and file == 2 and number < 12 else 0.0
    setup = 0.1 * speed * draw.uniform(0.95, 1.05) if file == 3 and number < 30 else 0.0
    leaks = file == 0 and number in leaky
    level[1] += leaks
    level[2] += 200 * MIB if file == 1 and number == 30 else 0.0
    return {
        "nodeid": f"tests/test_{file}.py::test_{number}",
        "seq": int(level[0]),
        "worker": worker,
        "metrics": {
            "duration": cpu + wait + setup,
            "duration.setup": setup,
            "duration.call": cpu + wait,
            "duration.teardown": 1e-4,
            "cpu": cpu + setup,
            "fds": level[1],
            "memory.rss": level[2],
        },
        "fixtures": ["smtp"] * (wait > 0) + ["warehouse"] * (setup > 0),
        "setups": [["warehouse", "function", setup, setup]] if setup else [],
        "opened": {"fds": [f"{30 + number}:socket"]} if leaks else {},
    }


def judged(baseline=None, **given):
    table = MetricTable.from_records(records(**given))
    cooling = cool(table)
    assert cooling.faults == ()
    info = CoolingInfo("normal", cooling.detectors, cooling.hypotheses, 0.0, cooling.not_tested)
    plan = GatePlan(parse_rules(["any"]), baseline=baseline, alpha=0.01)
    return judge(
        cooling.patterns,
        plan,
        table=table,
        session=SessionInfo(),
        cooling=info,
        today=TODAY,
    )


@pytest.fixture(scope="module")
def baseline():
    first = judged()
    assert first.gate.verdict == "fail"
    assert {p.subkind for p in first.patterns} == {"plateau", "group", "leak", "jump"}
    assert {p.level for p in first.patterns} == {"fail"}
    known = accept(
        Baseline(),
        first.patterns,
        ["all"],
        reason="known",
        who="Ada",
        today=TODAY,
        cooling="normal",
    )
    return parse_baseline(dump_baseline(known))


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({}, id="the same run"),
        pytest.param({"line": 90}, id="lines moved"),
        pytest.param({"seed": 2}, id="other values"),
        pytest.param({"seed": 3, "speed": 2.5}, id="a slower machine"),
        pytest.param({"seed": 4, "workers": 4}, id="four workers"),
        pytest.param({"seed": 5, "more": 8}, id="more tests in a file"),
        pytest.param({"seed": 6, "leaky": (*LEAKY, 40)}, id="one more of the same"),
    ],
)
def test_what_was_accepted_does_not_fail_and_can_not_be_removed(baseline, given):
    again = judged(baseline, **given)
    assert [p.id for p in again.patterns if not p.accepted] == []
    assert (again.gate.verdict, again.gate.reason, again.removable) == ("pass", None, ())


def test_what_became_twice_as_bad_fails_again(baseline):
    again = judged(baseline, leaky=range(20, 28))
    (leak,) = [p for p in again.patterns if p.subkind == "leak"]
    assert (again.gate.failed, again.gate.worse) == ((leak.id,), (leak.id,))
    assert leak.details[-1] == "2 times as bad as when Ada accepted it on 2026-11-23"


def test_what_is_mended_can_be_removed(baseline):
    again = judged(baseline, waits=False)
    plateau = [entry.id for entry in baseline.entries if entry.subkind == "plateau"]
    assert again.removable == tuple(plateau)
    assert again.gate.verdict == "pass"


# ---------------------------------------------------------- one cause, told by other numbers


def cooled(rows):
    return cool(MetricTable.from_records(rows)).patterns


def queries(seed, *, call=1.0, cpu=1.0):
    """300 tests, half of them with queries of 2 ms; `call` and `cpu` scatter so much more."""
    draw = random.Random(seed)
    for index in range(300):
        count = draw.randrange(1, 40) if index % 2 else 0
        busy = 0.002 * count + draw.lognormvariate(-6, 0.6)
        times = {
            "duration.setup": 1e-4,
            "duration.call": busy * 1.05 * draw.lognormvariate(0, 0.05 * call),
            "cpu": busy * draw.lognormvariate(0, 0.05 * cpu),
        }
        used = {"db.queries": float(count)} if count else {}
        yield {
            "nodeid": f"tests/test_{index // 50}.py::test_{index}",
            "metrics": {**times, **used},
        }


def test_a_driver_is_one_whichever_time_follows_it_best():
    by_cpu, by_call = cooled(queries(1)), cooled(queries(2, cpu=30.0))
    assert [p.metrics for p in (*by_cpu, *by_call)] == [
        ("db.queries", "cpu"),
        ("db.queries", "duration.call"),
    ]
    assert by_cpu[0].id == by_call[0].id


def test_a_driver_of_another_time_is_as_bad_as_it_was():
    (by_cpu,), (by_call,) = cooled(queries(1)), cooled(queries(2, cpu=30.0))
    known = accept(Baseline(), [by_cpu], ["all"], reason="known", who="Ada", today=TODAY)
    assert times_worse(known.entries[0], by_call) == pytest.approx(1, abs=0.2)


def half_a_module(seed):
    """A fixture of 40 of the 44 tests of a module; the set-up of the 4 others costs next to 0."""
    draw = random.Random(seed)
    for index in range(264):
        file, number = divmod(index, 44)
        has = file == 3 and number < 40
        setup = 0.1 * draw.uniform(0.95, 1.05) if has else draw.lognormvariate(-9, 0.7)
        cpu = draw.lognormvariate(-5, 0.6)
        yield {
            "nodeid": f"tests/test_{file}.py::test_{number}",
            "metrics": {"duration.setup": setup, "duration.call": cpu, "cpu": cpu + setup},
            "fixtures": ["warehouse"] if has else [],
        }


def test_a_group_is_what_shares_the_cost_and_not_what_holds_it():
    told = [cooled(half_a_module(seed)) for seed in range(10)]
    assert {len(patterns) for patterns in told} == {1}
    assert {(p.explained_by.type, len(p.tests)) for (p,) in told} == {("fixture", 40)}


def uneven_leak(seed):
    """From the 121st of 240 tests on each keeps 0 to 2.5 MiB."""
    draw = random.Random(seed)
    level = 200 * MIB
    for index in range(240):
        level += draw.choice([0, 0.2, 1, 1, 2.5]) * MIB if index >= 120 else 0
        yield {
            "nodeid": f"tests/test_{index // 60}.py::test_{index}",
            "seq": index,
            "metrics": {"duration.call": draw.lognormvariate(-5, 0.6), "memory.rss": level},
        }


def test_a_leak_of_memory_is_one_wherever_noise_lets_it_begin():
    told = [p for seed in range(12) for p in cooled(uneven_leak(seed))]
    assert {p.subkind for p in told} == {"leak"}
    assert len({p.at for p in told}) > 1
    assert len({p.id for p in told}) == 1


def test_an_entry_says_nothing_about_another_pattern(baseline):
    (leak,) = [entry for entry in baseline.entries if entry.subkind == "leak"]
    only = Baseline((replace(leak, kind="clustering"),))
    assert len(judged(only).gate.failed) == 4
