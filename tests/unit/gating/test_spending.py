from __future__ import annotations

import math
import sys

import pytest

from pytest_crackle.gating.budgets import parse_budget
from pytest_crackle.gating.spending import check_budgets
from tests.unit.gating.made import record, table


def check(text, *records, whole=True):
    budgets = [parse_budget(line) for line in text.splitlines()]
    return check_budgets(budgets, table(*records), whole=whole)


def who(spending):
    return [breach.subject for breach in spending.breaches]


def test_all_offenders_are_listed_worst_first_by_the_ratio():
    spending = check(
        "duration <= 2s\nrows <= 10",
        record("m::a", {"duration": 2.0, "rows": 10.0}),
        record("m::b", {"duration": 3.0}),
        record("m::c", {"duration": 8.0}),
        record("m::d", {"rows": 25.0}),
    )
    assert [(b.subject, b.metric, b.value, b.limit) for b in spending.breaches] == [
        ("m::c", "duration", 8.0, 2.0),
        ("m::d", "rows", 25.0, 10.0),
        ("m::b", "duration", 3.0, 2.0),
    ]
    worst = spending.breaches[0]
    assert (worst.budget, worst.unit) == ("duration <= 2s", "s")
    assert spending.judged == ("duration <= 2s", "rows <= 10")


def test_what_is_equally_bad_is_in_a_fixed_order_and_nothing_allowed_is_worst_of_all():
    spending = check(
        "warnings <= 0\nduration <= 1s",
        record("m::b", {"duration": 2.0, "warnings": 1.0}),
        record("m::a", {"duration": 2.0, "warnings": 0.0}),
        record("m::c", {"warnings": 5.0}),
    )
    assert [(b.subject, b.metric) for b in spending.breaches] == [
        ("m::c", "warnings"),
        ("m::b", "warnings"),
        ("m::a", "duration"),
        ("m::b", "duration"),
    ]


def test_a_glob_chooses_the_tests_and_a_metric_that_was_not_recorded_was_not_spent():
    spending = check(
        "db.queries <= 5 in tests/api/*",
        record("tests/api/m::a", {"db.queries": 6.0}),
        record("tests/api/m::b", {}),
        record("tests/db/m::c", {"db.queries": 60.0}),
    )
    assert who(spending) == ["tests/api/m::a"]


def test_totals_are_over_all_tests_or_over_those_of_the_glob():
    records = [record(f"{place}/m::{n}", {"cpu": 1.0}) for place in "ab" for n in range(10)]
    spending = check("cpu <= 15s in total\ncpu <= 9s in total in a/*\ncpu <= 1s", *records)
    assert [(b.subject, b.value) for b in spending.breaches] == [
        ("all 20 tests", 20.0),
        ("10 tests in a/*", 10.0),
    ]


def test_sums_and_scaled_limits_are_not_off_by_the_last_digit():
    records = [record(f"m::{n}", {"cpu": 0.1, "x": 0.3}) for n in range(3)]
    assert check("cpu <= 300ms in total\nx <= 300ms", *records).breaches == ()


def test_a_sum_beyond_all_floats_is_the_largest_float():
    records = [record(f"m::{n}", {"x": 1e308}) for n in range(3)]
    (breach,) = check("x <= 5 in total", *records).breaches
    assert breach.value == sys.float_info.max


def test_a_share_is_one_of_the_total_of_the_suite():
    records = [
        record("a::1", {"cpu": 6.0}),
        record("b::2", {"cpu": 3.0}),
        record("b::3", {"cpu": 1.0}),
    ]
    spending = check("cpu <= 50%\ncpu <= 30 % in total in b::*", *records)
    assert [(b.subject, b.value, b.limit) for b in spending.breaches] == [
        ("2 tests in b::*", 4.0, pytest.approx(3.0)),
        ("a::1", 6.0, 5.0),
    ]


def test_a_part_of_the_suite_has_no_shares_but_its_budgets_are_judged():
    spending = check("cpu <= 1%\ncpu <= 2s", record("m::a", {"cpu": 3.0}), whole=False)
    assert [b.budget for b in spending.breaches] == ["cpu <= 2s"]
    assert spending.unjudged == ("a part of the suite has no shares for cpu <= 1%",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rows <= 5", "no test recorded rows"),
        ("cpu <= 5s in nowhere/*", "no test that ran is under cpu <= 5s in nowhere/*"),
        ("cpu <= 5s in total in nowhere/*", "no test that ran is under"),
        ("warnings <= 50%", "the total of warnings is 0, which has no shares"),
    ],
)
def test_a_budget_with_nothing_to_compare_says_so(text, said):
    spending = check(text, record("m::a", {"cpu": 1.0, "warnings": 0.0}))
    assert said in spending.unjudged[0]
    assert (spending.judged, spending.breaches, spending.problems) == ((), (), ())


def test_a_column_without_values_is_no_data():
    records = [record("m::a", {"rows": 9.0}), record("m::a", {})]  # the later attempt has none
    assert check("rows <= 5", *records).unjudged == ("no test recorded rows",)


def test_a_metric_in_another_unit_is_a_problem_and_not_a_silent_pass():
    one = record("m::a", {"rows": 9.0}, units={"rows": ["rows", "count"]})
    spending = check("rows <= 5s", one)
    assert spending.problems == ("budget rows <= 5s: rows is recorded in rows, not in s",)
    assert spending.judged == ()


def test_a_metric_that_is_recorded_in_the_unit_of_the_budget_is_compared_as_it_is():
    one = record("m::a", {"wait": 300.0}, units={"wait": ["ms", "value"]})
    assert check("wait <= 301 ms", one).breaches == ()
    assert check("wait <= 299 ms", one).breaches[0].limit == 299.0


def test_a_test_does_not_pay_for_wider_fixtures_that_it_happened_to_set_up():
    setups = [["database", "session", 4.0, 3.0], ["client", "function", 0.5, 0.4]]
    times = {"duration": 5.0, "duration.setup": 4.6, "cpu": 3.5, "cpu.setup": 3.45}
    records = [
        record("m::first", times, setups=setups),
        record("m::broken clock", {"duration": 1.0}, setups=[["d", "module", 9.0, 9.0]]),
    ]
    text = "duration <= 0.9s\nduration.setup <= 500ms\ncpu <= 400ms\ncpu.setup <= 400ms"
    spending = check(text, *records)
    spent = {b.metric: b.value for b in spending.breaches}
    assert spent == {
        "duration": pytest.approx(1.0),
        "duration.setup": pytest.approx(0.6),
        "cpu": pytest.approx(0.5),
        "cpu.setup": pytest.approx(0.45),
    }
    assert check("duration <= 5.9s in total", *records).breaches[0].value == 6.0


def test_wide_setups_do_not_make_missing_values_into_numbers():
    setups = [["database", "session", 4.0, 3.0]]
    records = [record("m::a", {"rows": 1.0}, setups=setups), record("m::b", {"duration": 1.0})]
    assert check("duration <= 500ms", *records).breaches[0].subject == "m::b"
    assert math.isfinite(check("duration <= 0", *records).breaches[0].value)


def test_a_mark_is_a_budget_of_its_test_in_place_of_the_general_one():
    records = [
        record("m::slow", {"duration": 4.0, "rows": 9.0}, budgets=["duration <= 5s"]),
        record("m::late", {"duration": 6.0}, budgets=["duration <= 5s", "duration <= 9s"]),
        record("m::other", {"duration": 3.0}),
    ]
    spending = check("duration <= 2s\nrows <= 5\nduration <= 12s in total", *records)
    assert [(b.subject, b.budget) for b in spending.breaches] == [
        ("m::slow", "rows <= 5"),
        ("m::other", "duration <= 2s"),
        ("m::late", "duration <= 5s"),  # the closest mark counts
        ("all 3 tests", "duration <= 12s in total"),
    ]
    assert spending.judged[-1] == "duration <= 5s"


def test_a_mark_that_says_nothing_right_is_a_problem_with_its_test():
    records = [
        record("m::a", budgets=["duration < 5"]),
        record("m::b", budgets=["duration < 5"]),
        record("m::c", budgets=["duration <= 5s in total"]),
        record("m::d", budgets=["duration <= 5s in x"]),
    ]
    spending = check("duration <= 9s", *records)
    assert [problem.partition(": @")[0] for problem in spending.problems] == [
        "m::a",
        "m::c",
        "m::d",
    ]
    assert "a mark is about its own test only" in spending.problems[1]
    assert spending.judged == ("duration <= 9s",)


def test_a_mark_on_a_metric_nobody_recorded_has_nothing_to_compare():
    spending = check("duration <= 9s", record("m::a", budgets=["rows <= 5"]))
    assert spending.unjudged == ("no test recorded rows",)


def test_each_worker_that_ran_a_test_is_named():
    from pytest_crackle.model.table import MetricTable

    records = [record("m::a", {"cpu": 2.0}, worker=worker) for worker in ("gw0", "gw1")]
    both = MetricTable.from_records([*records, record("m::b", {"cpu": 2.0})], per_worker=True)
    spending = check_budgets([parse_budget("cpu <= 1s")], both)
    assert who(spending) == ["m::a (gw0)", "m::a (gw1)", "m::b"]


def test_no_tests_and_no_budgets_are_no_matter():
    assert check_budgets([], table()) == check_budgets([], table(record("m::a")))


def test_the_total_that_shares_refer_to_is_added_up_once(monkeypatch):
    from pytest_crackle.gating import spending

    sums = []
    add_up = spending._sum

    def counted(values):
        sums.append(1)
        return add_up(values)

    monkeypatch.setattr(spending, "_sum", counted)
    records = [record(f"m::{n}", {"cpu": 1.0}) for n in range(50)]
    assert len(check("cpu <= 1%\ncpu <= 1.5%", *records).breaches) == 100
    assert len(sums) == 1
