"""Whatever a user, a mark or a pull request writes: parsed, or refused in one line."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import date
from fnmatch import fnmatchcase

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from pytest_crackle.gating.baseline import Baseline, Entry, accept, removable, standing
from pytest_crackle.gating.baseline_text import SCHEMA, dump_baseline, parse_baseline
from pytest_crackle.gating.budgets import UNITS, Budget, parse_budget
from pytest_crackle.gating.globs import Glob
from pytest_crackle.gating.rules import KINDS, Rule, parse_rule
from pytest_crackle.gating.spending import check_budgets
from pytest_crackle.gating.verdict import GatePlan, judge
from pytest_crackle.model.errors import CrackleError
from pytest_crackle.model.pattern import Pattern
from pytest_crackle.model.report import CoolingInfo, SessionInfo
from pytest_crackle.model.table import MetricTable

pytestmark = pytest.mark.property

few = settings(deadline=None, max_examples=150)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
words = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8)
globs = st.text("ab*?", min_size=1, max_size=12)
names = st.text("ab", max_size=30)


def told(parse, text):
    """What came of a text, or None and the one line that refuses it."""
    try:
        return parse(text), ""
    except CrackleError as error:
        message = str(error)
    return None, message


# ---------------------------------------------------------------------- globs


@few
@given(globs, names)
def test_a_glob_is_what_fnmatch_says_where_there_are_no_brackets(glob, name):
    assert Glob(glob).matches(name) is fnmatchcase(name, glob)


@few
@given(st.text(min_size=1, max_size=30))
def test_every_text_matches_itself_and_star_matches_every_text(text):
    assert Glob(text).matches(text)
    assert Glob("*").matches(text)
    assert Glob(f"*{text}*").matches(text)


class Counted(str):
    """A text that counts how often somebody looks at a part of it."""

    __slots__ = ("steps",)
    steps: int

    def __getitem__(self, place):
        self.steps = getattr(self, "steps", 0) + 1
        return super().__getitem__(place)

    def find(self, piece, start=0, end=None):
        self.steps = getattr(self, "steps", 0) + 1
        return super().find(piece, start, end)


@pytest.mark.parametrize(
    "glob",
    [
        "*a?a?b" * 20,
        "*?" * 30 + "b*",
        "*a" * 200 + "b",
        "*" + "a?" * 300 + "b*",
        "*a*?a*" * 30 + "c",
        "*" + "?" * 100 + "b" + "*",
    ],
)
def test_hostile_globs_look_at_each_character_at_most_once(glob):
    for n in (1_000, 10_000):
        text = Counted("a" * n)
        assert not Glob(glob).matches(text)
        assert getattr(text, "steps", 0) <= n + len(glob)


# ---------------------------------------------------------------------- rules


@few
@given(texts)
@example("any@" + "9" * 5000)
@example("any:" + "*" * 5000)
def test_any_text_is_a_rule_or_refused_in_one_ascii_line(text):
    rule, message = told(parse_rule, text)
    assert message.isascii()
    assert "\n" not in message
    assert rule is None or parse_rule(str(rule)) == rule


rules = st.builds(
    Rule,
    st.sampled_from([*KINDS, "any"]),
    st.none() | st.text("ab.*?:", min_size=1, max_size=9).map(Glob),
    st.floats(0, 1).map(abs),
)


@few
@given(rules)
def test_rules_are_read_back_as_they_were(rule):
    assert parse_rule(str(rule)) == rule


# ---------------------------------------------------------------------- budgets

budgets = st.builds(
    Budget,
    words,
    st.floats(0, 1e300).map(abs),
    st.sampled_from([unit for unit in UNITS if unit != "%"]),
    st.sampled_from(["per test", "in total"]),
    st.none() | st.text("ab*?/[]: ", min_size=1).filter(lambda t: t == t.strip()).map(Glob),
)


@few
@given(budgets)
def test_budgets_are_read_back_as_they_were(budget):
    try:
        assert parse_budget(str(budget)) == budget
    except CrackleError:
        assume(False)  # the name of a built-in metric in another unit


@few
@given(
    texts
    | st.tuples(
        st.sampled_from(["cpu", "rows", "fds", ""]),
        st.sampled_from(["<=", "<", " <= "]),
        st.sampled_from(["5", "5s", "5 %", "1e400", "-1", "5e3MiB", "1e999s", "\u0665s"]),
        texts | st.sampled_from([" per test", " in total in a*", " of history", " in"]),
    ).map("".join)
)
def test_any_text_is_a_budget_or_refused_in_one_ascii_line(text):
    budget, message = told(parse_budget, text)
    assert "\n" not in message
    assert message.isascii()
    if budget is not None:
        assert math.isfinite(budget.limit)
        assert parse_budget(str(budget)) == budget


values = st.floats(allow_nan=False, allow_infinity=False)
metrics = st.dictionaries(st.sampled_from(["cpu", "duration", "rows", "fds"]), values)
marks = st.lists(texts | st.sampled_from(["cpu <= 5s", "rows <= 1", "rows <= 1%"]), max_size=2)
records = st.lists(
    st.fixed_dictionaries(
        {"nodeid": st.sampled_from(["a", "b", "c[1]"]), "metrics": metrics},
        optional={
            "budgets": marks,
            "ignore": st.lists(texts, max_size=2),
            "outcome": st.sampled_from(["passed", "skipped"]),
            "setups": st.just([["f", "session", 1e300, 1e300]]),
        },
    ),
    max_size=6,
)


@few
@given(records, st.lists(budgets | st.just(Budget("rows", 50, "%")), max_size=3), st.booleans())
def test_breaches_are_over_their_limit_finite_and_worst_first(given_records, some, whole):
    table = MetricTable.from_records(json.loads(json.dumps(given_records)))
    spending = check_budgets(
        [Budget("cpu", 1, "s"), Budget("rows", 0), Budget("duration", 2, "s", "in total"), *some],
        table,
        whole=whole,
    )
    ratios = [b.value / b.limit if b.limit else math.inf for b in spending.breaches]
    assert ratios == sorted(ratios, reverse=True)
    for breach in spending.breaches:
        assert math.isfinite(breach.value)
        assert math.isfinite(breach.limit)
        assert breach.value > breach.limit


# ---------------------------------------------------------------------- baseline

lines = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20).filter(str.strip)
days = st.dates(date(1000, 1, 1))
effects = st.none() | st.floats(0, 1e300).map(abs)
entries = st.builds(
    Entry,
    id=st.text("abcdef0123-", min_size=1, max_size=6),
    kind=lines,
    summary=lines,
    reason=lines,
    who=lines,
    day=days,
    subkind=st.just("") | lines,
    metrics=st.lists(lines, max_size=2).map(tuple),
    effect=effects,
    share=st.none() | st.floats(0, 1, exclude_min=True, exclude_max=True),
    cooling=st.sampled_from(["", "slow", "normal", "fast"]),
    expires=st.none() | days,
    extra=st.dictionaries(st.sampled_from(["ticket", "x"]), st.none() | lines | st.integers(0, 9)),
)
baselines = st.lists(entries, max_size=5, unique_by=lambda e: e.id).map(
    lambda some: Baseline(tuple(sorted(some, key=lambda e: e.id)))
)


@few
@given(baselines)
def test_baselines_are_read_back_as_they_were(baseline):
    text = dump_baseline(baseline)
    assert text.isascii()
    assert parse_baseline(text) == baseline


json_values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@few
@given(
    st.text(max_size=30)
    | json_values.map(json.dumps)
    | st.builds(
        lambda rows: json.dumps({"schema": SCHEMA, "accepted": rows}),
        st.lists(
            st.dictionaries(
                st.sampled_from(["id", "kind", "summary", "reason", "who", "date", "effect"]),
                json_values | st.just("2026-01-01"),
                min_size=5,
            ),
            max_size=2,
        ),
    )
)
def test_any_text_is_a_baseline_or_refused(text):
    baseline, message = told(parse_baseline, text)
    assert "\n" not in message
    assert baseline is None or parse_baseline(dump_baseline(baseline)) == baseline


@few
@given(st.data())
def test_a_valid_baseline_with_random_cuts_loads_or_is_refused(data):
    text = dump_baseline(data.draw(baselines))
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    cut = text[:start] + data.draw(st.text(max_size=3)) + text[end:]
    _, message = told(parse_baseline, cut)
    assert "\n" not in message


# ---------------------------------------------------------------------- verdict

patterns = st.builds(
    Pattern,
    kind=st.sampled_from([*KINDS, "mine"]),
    subkind=st.sampled_from(["jump", "hot", "growth", "state", "law", "mine"]),
    summary=lines,
    metrics=st.lists(st.sampled_from(["cpu", "rows", "state"]), max_size=2).map(tuple),
    tests=st.lists(st.sampled_from(["a", "b", "c[1]"]), max_size=3).map(tuple),
    confidence=st.floats(0, 1),
    id=st.text("ab", min_size=1, max_size=2),
    gate_p=st.none() | st.floats(0, 1),
    evidence=st.dictionaries(st.sampled_from(["kept", "share", "shift", "rho"]), values),
    level=st.sampled_from(["fail", "warn", "note", "notice"]),
    gateable=st.booleans(),
)
sessions = st.builds(
    SessionInfo, complete=st.booleans(), partial_because=st.none() | st.just("-k was given")
)


@few
@given(
    st.lists(patterns, max_size=4, unique_by=lambda p: p.id),
    st.lists(rules, max_size=2).map(tuple),
    st.lists(budgets, max_size=2).map(tuple),
    records,
    sessions,
    st.booleans(),
    st.lists(st.sampled_from(["detector clustering failed: X", "the cooling failed"]), max_size=1),
)
def test_the_verdict_agrees_with_itself(
    found, some_rules, some, given_records, session, dry, faults
):
    table = MetricTable.from_records(json.loads(json.dumps(given_records)))
    plan = GatePlan(some_rules, some, Baseline(), dry_run=dry, alpha=0.01)
    info = CoolingInfo(detectors=KINDS, hypotheses=len(found))
    facts = {"table": table, "session": session, "cooling": info, "today": date(2026, 1, 1)}
    judged = judge(found, plan, faults=faults, **facts)
    gate = judged.gate
    whole = session.complete and not session.partial_because
    assert sorted(p.id for p in judged.patterns) == sorted(p.id for p in found)
    assert gate.failed == tuple(p.id for p in judged.patterns if p.level == "fail")
    assert (gate.verdict == "fail") is bool(gate.failed or gate.breaches)
    assert whole or not gate.failed
    assert (gate.verdict in ("fail", "inconclusive")) is (gate.reason is not None) or (
        gate.verdict == "pass"
    )
    if gate.fails_session:
        assert gate.verdict in ("fail", "inconclusive")
        assert not dry
    # what was accepted does not fail the next run
    telling = [p for p in judged.patterns if p.level != "notice"]
    known = accept(Baseline(), telling, ["all"], reason="r", who="w", today=date(2026, 1, 1))
    again = judge(found, replace(plan, baseline=known), faults=faults, **facts)
    assert again.gate.failed == ()
    assert all(standing(known, p, date(2026, 1, 1)) == "accepted" for p in telling)
    assert not {p.id for p in found} & {*removable(known, found, info, table.columns)}
