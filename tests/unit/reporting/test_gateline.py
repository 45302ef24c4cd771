from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_crackle.model.report import Gate
from pytest_crackle.reporting.gateline import exit_status, gate_fails, gate_sentence
from pytest_crackle.reporting.markdown import render_markdown
from pytest_crackle.reporting.text import render_text
from tests.sample_report import sample_report


def sentence(status=0, **gate):
    report = sample_report()
    report = replace(report, session=replace(report.session, exitstatus=status), gate=Gate(**gate))
    found = gate_sentence(report)
    return found and (found.text, found.style)


def test_without_rules_there_is_no_line():
    assert sentence() is None


def test_a_pass_names_the_rules_and_whose_failure_the_status_is():
    text, style = sentence(rules=("any@0.95",), budgets=("cpu <= 2s",), verdict="pass")
    assert text == "PASS crackle gate: no pattern matches any@0.95, 1 budget kept: exit status 0"
    assert style == "ok"
    text, _ = sentence(1, rules=("any",), verdict="pass")
    assert text.endswith("exit status 1 (from the tests)")


def test_a_pass_does_not_deny_the_patterns_that_are_accepted():
    report = sample_report()
    known = tuple(replace(pattern, accepted=n < 2) for n, pattern in enumerate(report.patterns))
    gate = Gate(rules=("any",), verdict="pass")
    told = gate_sentence(replace(report, patterns=known, gate=gate))
    assert told is not None
    assert told.text.startswith("PASS crackle gate: no pattern beyond the 2 accepted matches any: ")


def test_what_was_not_judged_is_said_beside_a_pass():
    text, _ = sentence(rules=("any:db.*",), verdict="pass", notes=("no metric that fits db.*",))
    assert "; note: no metric that fits db.*: exit status 0" in text


def test_a_failure_says_what_fails_in_words_of_the_rules():
    failed = tuple(pattern.id for pattern in sample_report().patterns[:4])
    text, style = sentence(rules=("any",), verdict="fail", failed=failed, fails_session=True)
    counted = "2 patterns of kind phase-transition, 2 patterns of kind conservation"
    assert text.startswith(f"FAIL crackle gate: {counted} ({failed[0]}, ")
    assert text.endswith("and 1 more): exit status 1")
    assert style == "fail"


@pytest.mark.parametrize("status", [1, 2, 3, 5])
def test_a_failing_gate_keeps_any_other_status(status):
    text, _ = sentence(status, verdict="fail", reason="too slow.", fails_session=True)
    assert text == f"FAIL crackle gate: too slow: exit status {status}"


def test_a_dry_run_fails_nothing():
    text, style = sentence(verdict="fail", reason="too slow", dry_run=True)
    assert text == "crackle gate, dry run: would fail: too slow: exit status stays 0"
    assert style == "warn"
    report = replace(sample_report(), gate=Gate(verdict="fail", dry_run=True))
    assert not gate_fails(report)


def test_what_could_not_be_evaluated_fails_closed_or_not_and_says_which():
    text, style = sentence(verdict="inconclusive", reason="no data", fails_session=True)
    assert (text, style) == ("FAIL crackle gate: no data: exit status 1", "fail")
    text, style = sentence(verdict="inconclusive", reason="not evaluated: -k")
    assert (text, style) == ("crackle gate: not evaluated: -k: exit status stays 0", "warn")


LONG = (
    "could not be evaluated: tests/api/test_orders.py::TestOrders::test_refund:"
    " @pytest.mark.crackle budget >>duration is less than five seconds<<: a budget is METRIC <="
    " VALUE [per test|in total] [in NODEID_GLOB]; tests/api/test_orders.py::TestOrders::test_order:"
    " @pytest.mark.crackle budget >>nonsense<<: a budget is METRIC <= VALUE [per test|in total]"
)


@pytest.mark.parametrize("width", [60, 80, 200])
@pytest.mark.parametrize("verbosity", [-2, -1, 0, 1])
def test_whatever_the_width_the_test_and_the_exit_status_are_seen(width, verbosity):
    gate = Gate(verdict="inconclusive", reason=LONG, fails_session=True)
    report = sample_report()
    report = replace(report, session=replace(report.session, exitstatus=0), gate=gate)
    lines = [line.text for line in render_text(report, width, verbosity)]
    text = " ".join(" ".join(lines).split())
    assert "test_refund" in text
    assert text.endswith("exit status 1")
    assert max(map(len, lines)) <= width


def test_a_markdown_summary_keeps_the_exit_status_of_a_long_verdict():
    gate = Gate(verdict="inconclusive", reason=LONG * 9, fails_session=True)
    report = replace(sample_report(), gate=gate)
    assert "...: exit status" in render_markdown(report)


def test_the_gate_turns_zero_into_one():
    report = sample_report()
    report = replace(report, session=replace(report.session, exitstatus=0))
    assert exit_status(report) == 1
    assert exit_status(replace(report, gate=Gate(verdict="pass"))) == 0
