"""A comparison as text and as JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_crackle.gating.comparing import compare
from pytest_crackle.reporting.comparison import comparison_object, comparison_text
from pytest_crackle.reporting.medium import Medium
from tests.unit.gating.test_comparing import pattern, report

NAMES = ("a.json", "b.json")


def text_of(before: Any, after: Any, width: int = 100) -> str:
    lines = comparison_text(compare(before, after), NAMES, Medium(width, "ascii"))
    assert all(len(line) <= width for line in lines)
    return "\n".join(lines)


def test_the_whole_text() -> None:
    before = report(
        pattern(1, summary="Twelve tests wait."),
        pattern(2, summary="Six tests wait 1 s each.", cost_seconds=6.0),
        pattern(3, cost_seconds=9.0),
        pattern(4),
        tests=[
            *(
                {"nodeid": f"a.py::t{i}", "metrics": {"duration": 0.5, "rows": 2.0}}
                for i in range(8)
            ),
            {"nodeid": "a.py::gone"},
        ],
        session={"started": "2026-11-23T21:05:00Z"},
        cooling={"rate": "normal"},
    )
    after = report(
        pattern(2, summary="Twenty tests wait 1 s each.", cost_seconds=20.0),
        pattern(3, cost_seconds=2.0),
        pattern(4),
        pattern(5, kind="phase-transition", summary="Memory grows.", confidence=0.3, accepted=True),
        tests=[
            {
                "nodeid": f"a.py::t{i}",
                "outcome": "failed" if i < 5 else "passed",
                "metrics": {"duration": 0.75, "rows": 2.0},
            }
            for i in range(8)
        ],
        cooling={"rate": "slow"},
    )
    assert (
        text_of(before, after)
        == """\
before: a.json: 2026-11-23T21:05:00Z, 9 tests, 4 patterns, cooling normal
after:  b.json: 8 tests, 4 patterns, cooling slow
  caution: cooling: normal before, slow after

patterns: 1 appeared, 1 vanished, 1 got worse, 1 got better, 1 as before
  appeared: CR-000005 phase transition; confidence under 50 %; accepted
    Memory grows.
  vanished: CR-000001 conservation law; confidence 90 %
    Twelve tests wait.
  worse: CR-000002 conservation law; 3.3 times as bad
    before: Six tests wait 1 s each.
    after: Twenty tests wait 1 s each.
  better: CR-000003 conservation law; 4.5 times less bad
    before: pattern 3.
    after: pattern 3.

tests: 8 in both, 0 added, 1 removed, 5 with another outcome
  passed -> failed (5): a.py::t0, a.py::t1, a.py::t2 and 2 more
  removed (1): a.py::gone

sums over the tests that have the metric and one outcome in both (medians of levels):
metric      tests    before    after    ratio
--------  -------  --------  -------  -------
duration        3    1.50 s   2.25 s     1.50
1 metric the same before and after"""
    )


def test_nothing_to_tell() -> None:
    one = report()
    assert text_of(one, one).splitlines()[3:] == [
        "patterns: none in either report",
        "",
        "tests: 3 in both, 0 added, 0 removed, 0 with another outcome",
        "",
        "sums over the tests that have the metric and one outcome in both (medians of levels):",
        "1 metric the same before and after",
    ]
    assert "sums" not in text_of(one, report(tests=0))


def test_what_fails_now_comes_first() -> None:
    def of(*outcomes: str) -> Any:
        return report(tests=[{"nodeid": f"{i}", "outcome": o} for i, o in enumerate(outcomes)])

    text = text_of(of("passed", "failed", "passed"), of("skipped", "passed", "error"))
    assert [line.split(" (")[0] for line in text.splitlines() if " -> " in line] == [
        "  passed -> error",
        "  failed -> passed",
        "  passed -> skipped",
    ]


def test_a_remark_is_told() -> None:
    elsewhere = report(pattern(1, tests=("b",)), tests=[{"nodeid": "b"}])
    assert "confidence 90 %; none of its tests ran in the other run" in text_of(elsewhere, report())


@pytest.mark.parametrize(
    ("before", "after", "ratio"),
    [(1.0, 20.0, "20"), (1.0, 0.01, "0.01"), (0.0, 1.0, "-"), (-1.0, 1.0, "-"), (4.0, 3.0, "0.75")],
)
def test_ratios(before: float, after: float, ratio: str) -> None:
    def of(value: float) -> Any:
        return report(tests=[{"nodeid": "a", "metrics": {"x": value}}])

    row = next(line for line in text_of(of(before), of(after)).splitlines() if line[:2] == "x ")
    assert row.split()[-1] == ratio


def test_more_metrics_than_a_table_holds_are_counted() -> None:
    def of(value: float) -> Any:
        return report(tests=[{"nodeid": "a", "metrics": {f"x{i:02}": value for i in range(60)}}])

    assert text_of(of(1.0), of(2.0)).endswith("and 10 more metrics: --json for all")


def test_names_of_others_cannot_harm_the_terminal() -> None:
    before = report(pattern(1, summary="\x1b[31mred\n"), tests=[{"nodeid": "a\x1b[2J\n" * 30}])
    text = text_of(before, report(tests=[{"nodeid": "b"}]), width=70)
    assert "\x1b" not in text
    assert "\\x1b" in text


def test_json_has_everything() -> None:
    before = report(pattern(1, cost_seconds=1.0), pattern(2), tests=4)
    after = report(pattern(1, cost_seconds=3.0), pattern(3), tests=3)
    found = comparison_object(compare(before, after), NAMES)
    found = json.loads(json.dumps(found, allow_nan=False))
    assert found["schema"] == "pytest-crackle/comparison/1"
    assert found["before"]["tests"] == 4
    assert found["after"]["name"] == "b.json"
    patterns = found["patterns"]
    assert [entry["id"] for entry in patterns["appeared"]] == ["CR-000003"]
    assert [entry["summary"] for entry in patterns["vanished"]] == ["pattern 2."]
    assert patterns["worse"][0]["times_worse"] == 3.0
    assert found["tests"] == {"common": 3, "added": [], "removed": ["a.py::t3"], "ended": []}
    assert found["metrics"]["duration"] == {
        "unit": "s", "kind": "time", "tests": 3, "before": 3.0, "after": 3.0
    }  # fmt: skip


def test_a_factor_that_cannot_be_said_is_null() -> None:
    found = comparison_object(compare(report(pattern(1)), report(pattern(1))), NAMES)
    alike = json.loads(json.dumps(found))["patterns"]["alike"]
    assert (alike[0]["times_worse"], alike[0]["times_better"]) == (None, None)
