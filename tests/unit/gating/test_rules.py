from __future__ import annotations

import pytest

from pytest_crackle.gating.globs import Glob
from pytest_crackle.gating.rules import Rule, parse_rule, parse_rules
from pytest_crackle.model.errors import CrackleError
from tests.unit.gating.made import pattern


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("phase-transition", Rule("phase-transition")),
        (" any ", Rule("any")),
        ("any@0.95", Rule("any", None, 0.95)),
        ("phase-transition:memory.*", Rule("phase-transition", Glob("memory.*"))),
        ("any:db.*@.5", Rule("any", Glob("db.*"), 0.5)),
        ("conservation:a:b", Rule("conservation", Glob("a:b"))),
        ("mine:x", Rule("mine", Glob("x"))),
        ("any@1e-1", Rule("any", None, 0.1)),
        ("any@-0", Rule("any")),
    ],
)
def test_a_rule_is_kind_metric_and_confidence(text, rule):
    assert parse_rule(text, ("phase-transition", "conservation", "mine")) == rule


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("phase-transitoin:memory.*", ">>phase-transitoin<<:memory.*: the kind must be one of cl"),
        ("", ">><<: the kind must be one of"),
        ("phase transition", ">>phase transition<<: the kind"),
        ("any:", "any:>><<: a glob has 1 to 1000 characters, not 0"),
        ("any:@0.5", "any:>><<@0.5: a glob has"),
        ("any@95", "any@>>95<<: the confidence must be a number from 0 to 1"),
        ("any@", "any@>><<: the confidence"),
        ("any@nan", "any@>>nan<<: the confidence"),
        ("any@1_0", "any@>>1_0<<: the confidence"),
        ("any@.", "any@>>.<<: the confidence"),
        ("any@\u0661", "any@>>\\u0661<<: the confidence"),
        ("any:a@b", "any:a@>>b<<: the confidence"),
        ("any\n@2", "any\\n<<@2: the kind"),
    ],
)
def test_the_wrong_part_of_a_rule_is_marked_and_what_is_allowed_is_said(text, said):
    with pytest.raises(CrackleError) as caught:
        parse_rule(text)
    message = str(caught.value)
    assert said in message
    assert message.startswith("--crackle-fail-on ")
    assert message.isascii()
    assert "\n" not in message


def test_the_option_is_named_as_the_user_wrote_it():
    with pytest.raises(CrackleError, match=r"^--fail-on >>x<<"):
        parse_rule("x", option="--fail-on")


def test_rules_are_parsed_once_each_and_the_first_wrong_one_is_told():
    assert parse_rules(["any", "any ", "correlation"]) == (Rule("any"), Rule("correlation"))
    with pytest.raises(CrackleError, match=">>two<<"):
        parse_rules(["any", "two", "three"])


@pytest.mark.parametrize(
    ("rule", "given", "matches"),
    [
        ("phase-transition", {}, True),
        ("any", {}, True),
        ("correlation", {}, False),
        ("any:memory.*", {}, True),
        ("any:cpu*", {}, False),
        ("any:b", {"metrics": ("a", "b")}, True),
        ("any:*", {"metrics": ()}, False),
        ("any", {"metrics": ()}, True),
        ("any@0.8", {}, True),
        ("any@0.81", {}, False),
        ("any", {"level": "notice"}, False),
        ("any", {"gateable": False}, False),
        ("phase-transition:memory.rss", {"gateable": False}, False),
    ],
)
def test_a_rule_matches_by_kind_metric_and_confidence_what_may_fail(rule, given, matches):
    assert parse_rule(rule).matches(pattern(**given)) is matches


@pytest.mark.parametrize("gateable", [True, False])
@pytest.mark.parametrize("doubtful", [{"subkind": "growth"}, {"evidence": {"rho": 0.75}}])
@pytest.mark.parametrize(
    ("rule", "matches"),
    [
        ("any", False),
        ("phase-transition", False),
        ("any:memory.rss", False),
        ("phase-transition:memory.*", False),
        ("phase-transition:memory.rs?", False),
        ("phase-transition:cpu", False),
        ("phase-transition:memory.rss", True),
        ("phase-transition:memory.rss@0.9", False),
    ],
)
def test_growth_and_random_walks_fail_only_when_named_in_full(rule, matches, doubtful, gateable):
    one = pattern(gateable=gateable, **doubtful)
    assert parse_rule(rule).matches(one) is matches


def test_the_correlation_of_a_driver_is_no_random_walk():
    assert parse_rule("any").matches(pattern(kind="correlation", evidence={"rho": 0.93}))
    assert parse_rule("any").matches(pattern(evidence={"rho": 0.74}))


def test_shifts_go_by_the_p_value_that_holm_adjusted():
    rule = parse_rule("phase-transition")
    assert rule.matches(pattern(gate_p=0.01), alpha=0.01)
    assert not rule.matches(pattern(gate_p=0.0101), alpha=0.01)
    assert rule.matches(pattern(gate_p=None), alpha=0.01)
    assert rule.matches(pattern(gate_p=0.5))
    assert not parse_rule("phase-transition:memory.rss").matches(
        pattern(subkind="growth", gate_p=0.5), alpha=0.01
    )
