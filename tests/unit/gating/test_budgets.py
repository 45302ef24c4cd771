from __future__ import annotations

import pytest

from pytest_crackle.gating.budgets import Budget, misfit, parse_budget, parse_budgets
from pytest_crackle.gating.globs import Glob
from pytest_crackle.model.errors import CrackleError
from pytest_crackle.model.metrics import MetricInfo


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("db.queries <= 50", Budget("db.queries", 50)),
        ("duration<=2s", Budget("duration", 2, "s")),
        (" duration.call <= 1.5 min ", Budget("duration.call", 1.5, "min")),
        ("cpu <= 20ms per test", Budget("cpu", 20, "ms")),
        ("cpu <= 3 s in total", Budget("cpu", 3, "s", "in total")),
        ("rows <= 2 per test", Budget("rows", 2)),
        ("rows <= 2 in total", Budget("rows", 2, "", "in total")),
        ("rows <= 1e3 in a b[1]", Budget("rows", 1000, where=Glob("a b[1]"))),
        (
            "cpu <= 30% in  total  in tests/slow/*",
            Budget("cpu", 30, "%", "in total", Glob("tests/slow/*")),
        ),
        ("duration <= 2s in tests/api/*", Budget("duration", 2, "s", where=Glob("tests/api/*"))),
        ("memory.rss <= 2 GiB", Budget("memory.rss", 2, "GiB")),
        ("bytes out <= .5KiB", Budget("bytes out", 0.5, "KiB")),
        ("warnings <= 0", Budget("warnings", 0)),
        ("rows <= 5 in total in total", Budget("rows", 5, "", "in total", Glob("total"))),
    ],
)
def test_a_budget_is_metric_value_scope_and_place(text, budget):
    assert parse_budget(text) == budget
    assert parse_budget(str(budget)) == budget


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("duration < 2s", ">>duration < 2s<<: a budget is METRIC <= VALUE [per test|in total]"),
        ("<= 2s", ">><<<= 2s: a metric name has 1 to 200"),
        ("cpu.* <= 2s", ">>cpu.*<< <= 2s: a budget is about one metric"),
        ("duration <= ", "<=>><<: the value must be a number"),
        ("duration <= -1s", "<= >>-1s<<: the value must be"),
        ("duration <= fast", "<= >>fast<<: the value must be"),
        ("duration <= 1e999s", "<= >>1e999s<<: the value must be"),
        ("duration <= 2 h", "2 >>h<<: the unit must be one of ms, s, min, KiB, MiB, GiB, %, or"),
        ("duration <= 2sec", "2>>sec<<: the unit"),
        ("duration <= 2in x", "2>>in<< x: the unit"),
        ("duration <= 2s each", "2s >>each<<: after the value stands per test or in total"),
        ("duration <= 2s in", "2s >>in<<: after the value"),
        ("duration <= 2s per test on x", "per test >>on x<<: after the value"),
        ("duration <= 2s in total x", "in total >>x<<: after the value"),
        ("duration <= 2s per tset", ">>per tset<<: after"),
        ("rows <= 5 in " + "x" * 1001, "a glob has 1 to 1000 characters"),
        ("duration <= 120% of history", "120% >>of history<<: this needs a history of past runs"),
        ("duration <= of history", "<= >>of history<<: this needs a history"),
        ("duration <= 150 %", ">>150 %<<: a share is at most 100 %"),
        ("duration <= 50 % in total", ">>50 %<< in total: all tests together have 100 %"),
        ("duration <= 2 MiB", ">>2 MiB<<: duration is recorded in s, not in MiB"),
        ("memory.peak <= 2s", ">>2s<<: memory.peak is recorded in B, not in s"),
        ("fds <= 2s", ">>2s<<: fds is a plain number, without a unit"),
        ("fds <= 20 in total", ">>20<< in total: fds is a level, read after each test"),
        ("memory.rss <= 20%", ">>20%<<: memory.rss is a level"),
    ],
)
def test_the_wrong_part_of_a_budget_is_marked_and_what_is_allowed_is_said(text, said):
    with pytest.raises(CrackleError) as caught:
        parse_budget(text)
    message = str(caught.value)
    assert said in message
    assert message.startswith("--crackle-budget ")


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("x <= 3", 3.0),
        ("x <= 250 ms", 0.25),
        ("x <= 3 min", 180.0),
        ("x <= 1.5 KiB", 1536.0),
        ("x <= 2MiB", 2097152.0),
        ("x <= 1 GiB", 1073741824.0),
        ("x <= 10 %", 0.1),
    ],
)
def test_limits_are_in_base_units(text, limit):
    assert parse_budget(text).limit == pytest.approx(limit)


@pytest.mark.parametrize(
    ("info", "text", "said"),
    [
        (None, "x <= 3s", None),
        (MetricInfo("x"), "x <= 3s", None),  # recorded without a unit: taken as base units
        (MetricInfo("x", "s"), "x <= 3 min", None),
        (MetricInfo("x", "ms"), "x <= 3 ms", None),
        (MetricInfo("x", "rows"), "x <= 3", None),
        (MetricInfo("x", "rows"), "x <= 3 % in y", None),
        (MetricInfo("x", "rows"), "x <= 3s", "x is recorded in rows, not in s"),
        (MetricInfo("x", "1", "level"), "x <= 3", None),
        (MetricInfo("x", "1", "level"), "x <= 3 in total", "x is a level, read after each test"),
    ],
)
def test_a_budget_must_fit_what_the_metric_is_recorded_in(info, text, said):
    problem = misfit(parse_budget(text), info)
    assert problem is None if said is None else said in (problem or "")


def test_a_budget_given_twice_counts_once():
    assert len(parse_budgets(["rows<=5", "rows <= 5.0", "rows <= 6"])) == 2
