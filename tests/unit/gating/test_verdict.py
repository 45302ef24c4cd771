from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from pytest_crackle.gating.baseline import Baseline, accept
from pytest_crackle.gating.budgets import parse_budgets
from pytest_crackle.gating.rules import parse_rules
from pytest_crackle.gating.verdict import GatePlan, exit_status, judge, not_evaluated
from pytest_crackle.model.report import Gate, NotTested
from tests.unit.gating.made import TODAY, cooling, pattern, record, session, suite, table

JUMP = pattern(evidence={"kept": 80.0})
PAIR = pattern(
    id="CR-a2d400", kind="correlation", subkind="pair", metrics=("rows", "payload"), level="note"
)
PARTIAL = session(partial_because="-k selected a part of the tests")
STOPPED = session(complete=False, incomplete_because="the run was interrupted")


def plan(*rules, budgets=(), **given):
    return GatePlan(parse_rules(rules, [*_KINDS, "mine"]), parse_budgets(budgets), **given)


_KINDS = ("clustering", "phase-transition", "conservation", "correlation")


def baseline(*patterns, **given):
    why = {"reason": "known", "who": "Ada", "today": date(2026, 11, 1)}
    return accept(Baseline(), patterns, ["all"], **{**why, **given})


def run(the_plan, *patterns, **given):
    facts = {"table": suite(), "session": session(), "cooling": cooling(), "today": TODAY}
    return judge(patterns, the_plan, **{**facts, **given})


# ---------------------------------------------------------------------- pass and fail


def test_without_rules_and_budgets_there_is_no_verdict():
    judged = run(plan(), JUMP)
    assert judged.gate == Gate()
    assert judged.patterns == (JUMP,)


def test_a_pattern_that_a_rule_matches_fails_and_comes_first():
    judged = run(plan("phase-transition", "any@0.99"), PAIR, JUMP)
    gate = judged.gate
    assert [(p.id, p.level) for p in judged.patterns] == [
        ("CR-7f3a91", "fail"),
        ("CR-a2d400", "note"),
    ]
    assert (gate.verdict, gate.failed, gate.fails_session) == ("fail", ("CR-7f3a91",), True)
    assert gate.rules == ("phase-transition", "any@0.99")
    assert gate.reason == "1 pattern of kind phase-transition (CR-7f3a91)"


def test_many_failures_are_counted_by_kind_and_the_first_are_named():
    many = [replace(JUMP, id=f"CR-{n}") for n in range(4)]
    gate = run(plan("any"), *many, PAIR).gate
    assert gate.reason == (
        "4 patterns of kind phase-transition, 1 pattern of kind correlation"
        " (CR-0; CR-1; CR-2; 2 more)"
    )


def test_nothing_that_matches_passes():
    gate = run(plan("conservation"), JUMP, PAIR).gate
    assert (gate.verdict, gate.failed, gate.fails_session) == ("pass", (), False)
    assert (gate.reason, gate.notes) == (None, ())


def test_shifts_are_judged_by_holm_at_the_alpha_of_the_profile():
    shift = replace(JUMP, gate_p=0.02)
    assert run(plan("any", alpha=0.01), shift).gate.verdict == "pass"
    assert run(plan("any", alpha=0.05), shift).gate.verdict == "fail"


def test_only_a_rule_makes_a_pattern_fail():
    judged = run(plan("conservation"), replace(JUMP, level="fail"))
    assert (judged.patterns[0].level, judged.gate.verdict) == ("warn", "pass")


def test_a_dry_run_says_what_would_fail_and_fails_nothing():
    judged = run(plan("any", budgets=["duration <= 1ms"], dry_run=True), JUMP)
    gate = judged.gate
    assert (gate.verdict, gate.dry_run, gate.fails_session) == ("fail", True, False)
    assert gate.failed == ("CR-7f3a91",)
    assert len(gate.breaches) == 30
    assert exit_status(gate, 0) == 0


@pytest.mark.parametrize(("before", "after"), [(0, 1), (1, 1), (2, 2), (3, 3), (4, 4), (5, 5)])
def test_a_failed_gate_changes_0_to_1_and_nothing_else(before, after):
    assert exit_status(run(plan("any"), JUMP).gate, before) == after
    assert exit_status(run(plan("any")).gate, before) == before


# ---------------------------------------------------------------------- budgets


def test_an_exceeded_budget_fails_and_names_the_worst():
    records = [record("m::a", {"cpu": 2.0}), record("m::b", {"cpu": 9.0})]
    given = plan("any", budgets=["cpu <= 1s", "cpu <= 99s in total"])
    gate = run(given, table=table(*records)).gate
    assert (gate.verdict, gate.fails_session) == ("fail", True)
    assert gate.budgets == ("cpu <= 1s", "cpu <= 99s in total")
    assert [b.subject for b in gate.breaches] == ["m::b", "m::a"]
    assert gate.reason == "1 budget exceeded in 2 places, worst by m::b (cpu <= 1s)"


def test_budgets_of_marks_are_a_gate_of_their_own():
    records = [record("m::a", {"cpu": 2.0}, budgets=["cpu <= 1s"])]
    gate = run(plan(), table=table(*records)).gate
    assert (gate.verdict, gate.budgets) == ("fail", ("cpu <= 1s",))
    assert gate.reason == "1 budget exceeded, worst by m::a (cpu <= 1s)"


def test_a_mark_that_cannot_be_read_fails_closed():
    records = [record("m::a", {"cpu": 2.0}, budgets=["cpu < 1s"])]
    gate = run(plan(), table=table(*records)).gate
    assert (gate.verdict, gate.fails_session) == ("inconclusive", True)
    assert gate.reason is not None
    assert gate.reason.startswith("could not be evaluated: m::a: @pytest.mark.crackle budget >>")
    failing = run(plan("any"), JUMP, table=table(*records)).gate
    assert failing.notes[0].startswith("m::a: @pytest.mark.crackle budget >>cpu < 1s")


# ---------------------------------------------------------------------- parts of a suite


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (PARTIAL, "not evaluated: -k selected a part of the tests"),
        (STOPPED, "not evaluated: the run was interrupted"),
        (session(complete=False), "not evaluated: the run is incomplete"),
    ],
)
def test_a_part_of_the_suite_is_not_judged_by_rules_and_says_why(given, reason):
    judged = run(plan("any"), JUMP, session=given, faults=["detector clustering failed: X"])
    gate = judged.gate
    assert (gate.verdict, gate.reason, gate.fails_session) == ("inconclusive", reason, False)
    assert (gate.failed, judged.patterns[0].level) == ((), "warn")
    assert not_evaluated(given) == reason


def test_a_whole_run_is_evaluated():
    assert not_evaluated(session()) is None


def test_budgets_are_judged_on_what_ran():
    over = run(plan("any", budgets=["duration <= 1ms"]), JUMP, session=STOPPED).gate
    assert (over.verdict, over.failed, over.fails_session) == ("fail", (), True)
    assert over.reason is not None
    assert over.reason.endswith("; rules not evaluated: the run was interrupted")
    only = run(plan(budgets=["duration <= 1ms"]), session=STOPPED).gate
    assert only.reason == "1 budget exceeded in 30 places, worst by a.py::test_0 (duration <= 1ms)"
    kept = run(plan(budgets=["duration <= 1s", "duration <= 1%"]), session=PARTIAL).gate
    assert (kept.verdict, kept.fails_session, kept.reason) == ("pass", False, None)
    neither = run(plan(budgets=["duration <= 1%"]), session=PARTIAL).gate
    assert (neither.verdict, neither.fails_session) == ("inconclusive", False)


# ---------------------------------------------------------------------- fails closed


@pytest.mark.parametrize(
    ("rule", "fault", "fails"),
    [
        ("any", "detector clustering failed: KeyError", True),
        ("clustering", "detector clustering failed: KeyError", True),
        ("correlation", "detector clustering failed: KeyError", False),
        ("correlation", "the cooling failed: MemoryError", True),
        ("mine", "detector extra failed: KeyError", True),
        ("correlation", "detector extra failed: KeyError", True),
    ],
)
def test_a_detector_that_failed_fails_the_rules_that_look_to_it(rule, fault, fails):
    given = cooling(detectors=(*_KINDS, "extra"))
    gate = run(plan(rule), cooling=given, faults=[fault]).gate
    assert gate.fails_session is fails
    assert gate.verdict == ("inconclusive" if fails else "pass")
    assert gate.reason == (f"could not be evaluated: {fault}" if fails else None)


def test_a_fault_does_not_hide_what_fails():
    fault = "detector clustering failed: KeyError"
    gate = run(plan("any"), JUMP, faults=[fault]).gate
    assert (gate.verdict, gate.failed, gate.notes) == ("fail", ("CR-7f3a91",), (fault,))


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        ([], "no test was recorded"),
        ([record("m::a", {})], "no metric was recorded"),
        (
            [record("m::a", outcome="skipped"), record("m::b", outcome="error")],
            "2 tests, all of them skipped or in error",
        ),
    ],
)
def test_no_data_fails_closed(records, reason):
    gate = run(plan("any"), table=table(*records)).gate
    assert (gate.verdict, gate.fails_session) == ("inconclusive", True)
    assert gate.reason == f"nothing could be judged: {reason}"
    assert run(plan("any", dry_run=True), table=table(*records)).gate.fails_session is False


def test_too_few_tests_fail_closed_if_nothing_else_could_be_judged():
    few = table(*(record(f"m::{n}") for n in range(5)))
    untested = tuple(NotTested(name, "*", "5 tests, needs 6") for name in _KINDS)
    given = {"table": few, "cooling": cooling(hypotheses=0, not_tested=untested)}
    gate = run(plan("correlation", "any"), **given).gate
    assert (gate.verdict, gate.fails_session) == ("inconclusive", True)
    assert gate.reason == "nothing could be judged: too few tests (5 tests, needs 6)"
    kept = run(plan("any", budgets=["duration <= 2s"]), **given).gate
    assert (kept.verdict, kept.fails_session) == ("pass", False)
    assert kept.reason == (
        "no pattern fails and no budget is exceeded; not judged: too few tests (5 tests, needs 6)"
    )
    # a fact is one with any number of tests
    assert run(plan("phase-transition"), JUMP, **given).gate.verdict == "fail"


def test_small_suites_that_were_looked_at_are_judged():
    few = table(*(record(f"m::{n}") for n in range(12)))
    one = (NotTested("correlation", "*", "needs 20"),)
    assert run(plan("any"), table=few, cooling=cooling(not_tested=one)).gate.verdict == "pass"
    given = cooling(hypotheses=0, not_tested=one)
    assert run(plan("any"), table=few, cooling=given).gate.verdict == "pass"
    assert run(plan("correlation"), table=few, cooling=given).gate.verdict == "inconclusive"
    assert run(plan("correlation"), cooling=given).gate.verdict == "pass"


@pytest.mark.parametrize(
    ("rule", "detectors", "reason"),
    [
        ("correlation", ("clustering",), "no detector that looks for correlation was chosen"),
        ("any", (), "no detector that looks for any was chosen"),
        ("mine", _KINDS, "no detector that looks for mine was chosen"),
        ("any:db.*", _KINDS, "no metric that fits db.* was recorded"),
    ],
)
def test_a_rule_that_nothing_could_match_is_not_kept_in_silence(rule, detectors, reason):
    given = cooling(detectors=detectors)
    gate = run(plan(rule), cooling=given).gate
    assert (gate.verdict, gate.fails_session) == ("inconclusive", True)
    assert gate.reason == f"nothing could be judged: {reason}"
    beside = run(plan(rule, budgets=["duration <= 9s"]), cooling=given).gate
    assert (beside.verdict, beside.fails_session, beside.notes) == ("pass", False, (reason,))


@pytest.mark.parametrize(
    ("rule", "detectors"), [("correlation", ("classic",)), ("any:state", _KINDS)]
)
def test_rules_that_something_looks_for_are_judged(rule, detectors):
    assert run(plan(rule), cooling=cooling(detectors=detectors)).gate.verdict == "pass"


def test_budgets_alone_without_data_fail_closed():
    gate = run(plan(budgets=["rows <= 5"])).gate
    assert (gate.verdict, gate.fails_session) == ("inconclusive", True)
    assert gate.reason == "nothing could be judged: no test recorded rows"
    beside = run(plan(budgets=["rows <= 5", "duration <= 9s"])).gate
    assert beside.reason == "no budget is exceeded; not judged: no test recorded rows"


# ---------------------------------------------------------------------- baseline and marks


def test_an_accepted_pattern_stays_visible_and_does_not_fail():
    judged = run(plan("any", baseline=baseline(JUMP)), JUMP, PAIR)
    assert [(p.id, p.level, p.accepted) for p in judged.patterns] == [
        ("CR-a2d400", "fail", False),
        ("CR-7f3a91", "note", True),
    ]
    assert judged.gate.failed == ("CR-a2d400",)


def test_patterns_are_marked_as_accepted_without_a_gate_too():
    judged = run(plan(baseline=baseline(PAIR)), PAIR)
    assert (judged.patterns[0].accepted, judged.patterns[0].level) == (True, "note")
    assert judged.gate.verdict == "none"


def test_worse_than_accepted_fails_again_and_says_so():
    worse = replace(JUMP, evidence={"kept": 200.0}, details=("first",))
    judged = run(plan("any", baseline=baseline(JUMP)), worse)
    (one,) = judged.patterns
    assert (one.level, one.accepted) == ("fail", False)
    assert one.details == ("first", "2.5 times as bad as when Ada accepted it on 2026-11-01")
    assert (judged.gate.worse, judged.gate.expired) == (("CR-7f3a91",), ())
    assert judged.gate.reason == (
        "1 pattern of kind phase-transition (CR-7f3a91, worse than accepted)"
    )


def test_an_acceptance_that_is_over_fails_again_and_says_so():
    over = baseline(JUMP, expires=date(2026, 11, 22))
    judged = run(plan("any", baseline=over), JUMP)
    (one,) = judged.patterns
    assert one.level == "fail"
    assert one.details == ("accepted by Ada until 2026-11-22, which is over: known",)
    assert (judged.gate.worse, judged.gate.expired) == ((), ("CR-7f3a91",))


def test_a_part_of_the_suite_does_not_say_worse():
    worse = replace(JUMP, evidence={"kept": 200.0})
    judged = run(plan("any", baseline=baseline(JUMP)), worse, session=PARTIAL)
    assert judged.patterns[0].accepted
    assert judged.gate.worse == ()


def test_what_no_longer_occurs_can_be_removed_after_a_whole_run_without_faults():
    known = plan("any", baseline=baseline(JUMP))
    assert run(known).removable == ("CR-7f3a91",)
    assert run(known, JUMP).removable == ()
    assert run(known, session=PARTIAL).removable == ()
    assert run(known, faults=["detector clustering failed: X"]).removable == ()


def test_tests_that_ignore_a_metric_do_not_fail_for_it():
    records = [record("a.py::test_b", {"memory.rss": 1.0}, ignore=["memory.*"])]
    judged = run(plan("any"), JUMP, table=table(*records))
    assert judged.patterns[0].level == "notice"
    assert judged.patterns[0].details == ("1 of 1 test has a crackle mark that ignores memory.rss",)
    assert judged.gate.verdict == "pass"


def test_a_mark_that_cannot_be_used_is_told():
    records = [record("a.py::test_b", {"memory.rss": 1.0}, ignore=[""])]
    gate = run(plan("any"), JUMP, table=table(*records)).gate
    assert gate.verdict == "fail"
    assert gate.notes[0].startswith("a.py::test_b: @pytest.mark.crackle ignore ''")
