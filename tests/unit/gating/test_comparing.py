"""What differs between two reports."""

from __future__ import annotations

import math
from typing import Any

import pytest

from pytest_crackle.gating.comparing import compare
from pytest_crackle.model.pattern import Pattern
from pytest_crackle.model.report import CoolingInfo, Report, SessionInfo, WorkerInfo
from pytest_crackle.model.table import MetricTable
from pytest_crackle.reporting.comparison import comparison_object, comparison_text
from pytest_crackle.reporting.medium import Medium


def pattern(number: int, subkind: str = "plateau", **facts: Any) -> Pattern:
    known: dict[str, Any] = {"kind": "conservation", "summary": f"pattern {number}."}
    known |= {"metrics": ("duration",)}
    known |= {"tests": ("a.py::t0",), "confidence": 0.9}
    return Pattern(subkind=subkind, id=f"CR-{number:06d}", **{**known, **facts})


def report(
    *patterns: Pattern, tests: Any = 3, session: Any = None, cooling: Any = None, **facts: Any
) -> Report:
    records = [{"metrics": {"duration": 1.0}, **t} for t in _tests(tests)]
    info = SessionInfo(**(session or {}))
    return Report(
        **{"version": "1", "metrics": (), **facts},
        session=info,
        cooling=CoolingInfo(**(cooling or {})),
        table=MetricTable.from_records(records, per_worker=info.dist == "each"),
        patterns=patterns,
    )


def _tests(tests: Any) -> list[dict[str, Any]]:
    if isinstance(tests, int):
        return [{"nodeid": f"a.py::t{i}"} for i in range(tests)]
    return list(tests)


def test_a_report_against_itself_has_nothing_to_tell() -> None:
    one = report(pattern(1, cost_seconds=2.0), pattern(2, "state"))
    found = compare(one, one)
    assert (found.appeared, found.vanished, found.worse, found.better) == ((), (), (), ())
    assert [change.after.id for change in found.alike] == ["CR-000001", "CR-000002"]
    assert (found.added, found.removed, found.ended, found.cautions) == ((), (), (), ())
    assert found.common == 3


def test_patterns_appear_and_vanish_by_their_ids() -> None:
    found = compare(report(pattern(1), pattern(2)), report(pattern(2), pattern(3)))
    assert [lone.pattern.id for lone in found.appeared] == ["CR-000003"]
    assert [lone.pattern.id for lone in found.vanished] == ["CR-000001"]
    assert found.appeared[0].remark is None


@pytest.mark.parametrize(
    ("before", "after", "where"),
    [
        (2.0, 4.0, "worse"),
        (2.0, 3.9, "alike"),
        (4.0, 2.0, "better"),
        (3.9, 2.0, "alike"),
        (None, 2.0, "alike"),
        (2.0, None, "alike"),
        (0.0, 2.0, "alike"),
    ],
)
def test_worse_is_twice_as_bad(before: float | None, after: float | None, where: str) -> None:
    found = compare(report(pattern(1, cost_seconds=before)), report(pattern(1, cost_seconds=after)))
    told = {name: getattr(found, name) for name in ("worse", "better", "alike")}
    assert [name for name, changes in told.items() if changes] == [where]


def test_a_slower_machine_is_no_worse_pattern() -> None:
    def of(seconds: float, share: float) -> Report:
        facts = {"kind": "clustering", "evidence": {"share": share}}
        return report(pattern(1, "group", cost_seconds=seconds, **facts))

    assert compare(of(2.0, 0.2), of(6.0, 0.2)).alike
    assert compare(of(2.0, 0.2), of(6.0, 0.5)).worse[0].worse == pytest.approx(3.0)


def test_the_greatest_change_comes_first() -> None:
    before = report(*(pattern(i, cost_seconds=1.0) for i in range(4)))
    after = report(*(pattern(i, cost_seconds=s) for i, s in enumerate((2.0, 5.0, 0.5, 0.1))))
    found = compare(before, after)
    assert [change.worse for change in found.worse] == [5.0, 2.0]
    assert [change.better for change in found.better] == [10.0, 2.0]


def test_why_a_missing_pattern_may_say_little() -> None:
    five = [pattern(10 + i) for i in range(5)]
    found = compare(report(pattern(1), pattern(2, "law")), report(*five))
    assert found.vanished[0].remark is not None
    assert "beyond the 5 of sub-kind plateau" in found.vanished[0].remark
    assert found.vanished[1].remark is None
    assert all(lone.remark is None for lone in found.appeared)
    elsewhere = report(pattern(1, tests=("b.py::t",)), tests=[{"nodeid": "b.py::t"}])
    found = compare(elsewhere, report())
    assert found.vanished[0].remark == "none of its tests ran in the other run"
    assert compare(report(), elsewhere).appeared[0].remark == found.vanished[0].remark


def test_tests_that_came_went_or_ended_otherwise() -> None:
    before = report(
        tests=[
            {"nodeid": "b"},
            {"nodeid": "a", "outcome": "passed"},
            {"nodeid": "z"},
            {"nodeid": "y"},
        ]
    )
    after = report(tests=[{"nodeid": "b"}, {"nodeid": "a", "outcome": "failed"}, {"nodeid": "c"}])
    found = compare(before, after)
    assert (found.added, found.removed, found.common) == (("c",), ("y", "z"), 2)
    assert [(e.nodeid, e.before, e.after, e.worker) for e in found.ended] == [
        ("a", "passed", "failed", None)
    ]


def test_under_dist_each_workers_are_told_apart() -> None:
    def of(outcome: str) -> Report:
        tests = [
            {"nodeid": "a", "worker": "gw0"},
            {"nodeid": "a", "worker": "gw1", "outcome": outcome},
        ]
        return report(tests=tests, session={"dist": "each"})

    found = compare(of("passed"), of("failed"))
    assert [(e.nodeid, e.worker) for e in found.ended] == [("a", "gw1")]
    assert found.common == 2


def test_sums_are_over_the_tests_of_both_that_ended_the_same() -> None:
    def of(*rows: tuple[str, str, float | None]) -> Report:
        return report(
            tests=[
                {"nodeid": n, "outcome": o, "metrics": {} if x is None else {"duration": x}}
                for n, o, x in rows
            ]
        )

    before = of(
        ("a", "passed", 1.0), ("b", "passed", 2.0), ("c", "passed", 4.0), ("d", "passed", 8.0)
    )
    after = of(
        ("a", "passed", 3.0), ("b", "failed", 9.0), ("d", "passed", None), ("e", "passed", 7.0)
    )
    (total,) = compare(before, after).totals
    assert (total.name, total.unit, total.tests, total.before, total.after) == (
        "duration",
        "s",
        1,
        1.0,
        3.0,
    )


def test_levels_have_medians_and_huge_values_stay_finite() -> None:
    def of(*values: float) -> Report:
        return report(
            tests=[{"nodeid": f"{i}", "metrics": {"fds": x, "x": x}} for i, x in enumerate(values)]
        )

    fds, x = compare(of(1.0, 5.0, 9.0), of(1.0, 1e308, 1.7e308)).totals
    assert (fds.before, fds.after) == (5.0, 1e308)
    assert x.before == 15.0
    assert math.isfinite(x.after)
    fds, _ = compare(of(1.7e308, 1.7e308), of(-1.7e308, -1.7e308)).totals
    assert (fds.before, fds.after) == (1.7e308, -1.7e308)


def test_a_metric_of_another_unit_is_not_compared() -> None:
    def of(unit: str) -> Report:
        return report(
            tests=[{"nodeid": "a", "metrics": {"x": 1.0}, "units": {"x": [unit, "value"]}}]
        )

    assert compare(of("B"), of("s")).totals == ()
    assert len(compare(of("B"), of("B")).totals) == 1


@pytest.mark.parametrize(
    ("before", "after", "caution"),
    [
        (
            {"session": {"complete": False}},
            {},
            "before: the run is incomplete; what it does not tell means little",
        ),
        (
            {},
            {"session": {"complete": False, "incomplete_because": "worker gw1 died"}},
            "after: the run is incomplete: worker gw1 died; what it does not tell means little",
        ),
        (
            {},
            {"session": {"partial_because": "-k api"}},
            "after: only a part of the suite ran: -k api",
        ),
        (
            {"faults": ("detector x failed",)},
            {},
            "before: a part of the analysis failed: detector x failed",
        ),
        ({}, {"tests": [{"nodeid": "b"}]}, "no test is in both"),
        ({}, {"cooling": {"rate": "slow"}}, "cooling: normal before, slow after"),
        (
            {},
            {"cooling": {"detectors": ("clustering",)}},
            "detectors: unknown before, clustering after",
        ),
        ({}, {"version": "2"}, "pytest-crackle: 1 before, 2 after"),
        ({"session": {"python": "3.11.7"}}, {}, "Python: 3.11.7 before, unknown after"),
        ({}, {"session": {"platform": "win32"}}, "platform: unknown before, win32 after"),
        (
            {},
            {"session": {"dist": "load", "workers": (WorkerInfo("gw0"), WorkerInfo("gw1"))}},
            "workers: none before, 2 workers (dist load) after",
        ),
    ],
)
def test_what_makes_two_reports_hard_to_compare_is_said(
    before: Any, after: Any, caution: str
) -> None:
    assert compare(report(**before), report(**after)).cautions == (caution,)


def split(*workers: str | None) -> Report:
    rows = [
        {"nodeid": f"a.py::t{i}", "worker": worker, "metrics": dict.fromkeys(("cpu", "fds"), 9.0)}
        for i, worker in enumerate(workers)
    ]
    return report(tests=rows)


def test_levels_of_other_numbers_of_processes_are_left_out() -> None:
    found = compare(split(None, None, None), split("gw0", "gw1", "gw1"))
    assert [total.name for total in found.totals] == ["cpu"]
    assert found.left_out == ("fds",)
    assert found.why_left_out == (
        "levels are those of a process, and 1 before and 2 after shared the tests"
    )
    assert comparison_object(found, ("A", "B"))["left_out"] == {
        "metrics": ["fds"],
        "reason": found.why_left_out,
    }
    text = comparison_text(found, ("A", "B"), Medium(100))
    assert text[-1] == f"left out: fds: {found.why_left_out}"


def test_levels_of_as_many_processes_are_compared() -> None:
    found = compare(split("gw0", "gw1", "gw1"), split("gw0", "gw0", "gw1"))
    assert [total.name for total in found.totals] == ["cpu", "fds"]
    assert (found.left_out, found.why_left_out) == ((), "")
