"""What was accepted once stays accepted: ids survive whatever does not change the pattern."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date

import pytest

from pytest_crackle.cooling.cool import cool
from pytest_crackle.gating.baseline import Baseline, accept
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


def test_an_entry_says_nothing_about_another_pattern(baseline):
    (leak,) = [entry for entry in baseline.entries if entry.subkind == "leak"]
    only = Baseline((replace(leak, kind="clustering"),))
    assert len(judged(only).gate.failed) == 4
