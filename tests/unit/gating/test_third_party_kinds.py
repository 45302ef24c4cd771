"""Rules about kinds that third parties' detectors give."""

from __future__ import annotations

import pytest

from pytest_crackle.gating.rules import KINDS, known_kinds, parse_rules
from pytest_crackle.gating.verdict import GatePlan, judge
from tests.unit.gating.made import OURS, TODAY, cooling, pattern, session, suite

OFFERED = {"hogs": ("query-hogs", "row-hogs"), "extra": ("extra",)}


def run(rule, *patterns, faults=(), kinds=OFFERED):
    rules = parse_rules([rule], known_kinds(OFFERED))
    return judge(
        patterns,
        GatePlan(rules=rules, kinds=kinds),
        table=suite(),
        session=session(),
        cooling=cooling(detectors=(*OURS, "hogs")),
        today=TODAY,
        faults=faults,
    ).gate


def test_a_rule_may_name_each_kind_that_is_offered():
    assert known_kinds(OFFERED) == (*KINDS, "query-hogs", "row-hogs", "extra")
    assert known_kinds({}) == KINDS
    hog = pattern(kind="row-hogs", subkind="", metrics=("db.rows",))
    assert run("row-hogs:db.*", hog).failed == (hog.id,)
    assert run("query-hogs", hog).verdict == "pass"


@pytest.mark.parametrize(
    ("rule", "fails"),
    [("row-hogs", True), ("query-hogs", True), ("any", True), ("clustering", False)],
)
def test_a_detector_that_failed_fails_the_rules_about_its_kinds_only(rule, fails):
    fault = "detector hogs failed: KeyError"
    gate = run(rule, faults=[fault])
    assert gate.fails_session is fails
    assert gate.reason == (f"could not be evaluated: {fault}" if fails else None)


def test_a_detector_that_does_not_say_may_give_any_kind():
    assert run("clustering", faults=["detector hogs failed: KeyError"], kinds={}).fails_session


def test_a_rule_whose_detector_was_not_chosen_fails_closed():
    gate = run("extra")
    assert gate.fails_session
    assert gate.reason == "nothing could be judged: no detector that looks for extra was chosen"
