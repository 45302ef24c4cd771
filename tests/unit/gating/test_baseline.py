from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import jsonschema
import pytest

import pytest_crackle
from pytest_crackle.gating.baseline import (
    Baseline,
    Entry,
    accept,
    prune,
    removable,
    standing,
    times_worse,
)
from pytest_crackle.gating.baseline_text import SCHEMA, dump_baseline, parse_baseline
from pytest_crackle.model.errors import CrackleError
from pytest_crackle.model.report import NotTested
from tests.unit.gating.made import TODAY, cooling, pattern

JUMP = pattern(evidence={"kept": 80.0})
LEAK = pattern(id="CR-19c0aa", subkind="leak", metrics=("fds",), evidence={"kept": 12.0})
PAIR = pattern(id="CR-a2d400", kind="correlation", subkind="pair", metrics=("rows", "payload"))


def take(baseline, patterns, ids, **given):
    return accept(
        baseline, patterns, ids, **{"reason": "known", "who": "Ada", "today": TODAY, **given}
    )


def accepted(*patterns, **given):
    return take(Baseline(), patterns, ["all"], **given)


def row(**given):
    entry = {
        "id": "CR-7f3a91",
        "kind": "phase-transition",
        "summary": "It leaks.",
        "reason": "known",
        "who": "Ada",
        "date": "2026-11-01",
    }
    return {**entry, **given}


def text(*rows, **given):
    return json.dumps({"schema": SCHEMA, "accepted": list(rows), **given})


# ---------------------------------------------------------------------- text


def test_what_is_accepted_is_written_a_line_a_key_and_sorted_by_id():
    baseline = accepted(JUMP, PAIR, LEAK, cooling="normal", expires=date(2027, 1, 31))
    lines = dump_baseline(baseline).splitlines()
    assert [line.strip() for line in lines if '"id"' in line] == [
        '"id": "CR-19c0aa",',
        '"id": "CR-7f3a91",',
        '"id": "CR-a2d400",',
    ]
    start = next(n for n, line in enumerate(lines) if "CR-7f3a91" in line)
    assert [line.strip() for line in lines[start : start + 14]] == [
        '"id": "CR-7f3a91",',
        '"kind": "phase-transition",',
        '"subkind": "jump",',
        '"metrics": [',
        '"memory.rss"',
        "],",
        '"summary": "a.py::test_b leaves 80 MiB for good (118 -> 198 MiB).",',
        '"effect": 80.0,',
        '"cooling": "normal",',
        '"file": "a.py",',
        '"reason": "known",',
        '"who": "Ada",',
        '"date": "2026-11-23",',
        '"expires": "2027-01-31"',
    ]
    assert parse_baseline(dump_baseline(baseline)) == baseline


def test_accepting_one_more_changes_no_other_line():
    before = dump_baseline(accepted(JUMP, PAIR)).splitlines()
    after = dump_baseline(accepted(JUMP, PAIR, LEAK)).splitlines()
    more = len(after) - len(before)
    assert before[:3] == after[:3]
    assert before[3:] == after[3 + more :]
    assert "CR-19c0aa" in after[4]


def test_keys_that_people_add_are_kept():
    given = text(row(ticket="ABC-1", seen={"ci": [1, None, 2.5]}))
    again = json.loads(dump_baseline(parse_baseline(given)))
    assert again["accepted"][0]["ticket"] == "ABC-1"
    assert again["accepted"][0]["seen"] == {"ci": [1, None, 2.5]}
    renewed = take(parse_baseline(given), [JUMP], ["CR-7f3a91"])
    assert renewed.entries[0].extra["ticket"] == "ABC-1"


def test_what_is_written_fits_the_published_schema():
    folder = Path(pytest_crackle.__file__).parent
    schema = json.loads((folder / "schemas" / "baseline-1.json").read_text("utf-8"))
    checker = jsonschema.Draft202012Validator(
        schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )
    jsonschema.Draft202012Validator.check_schema(schema)
    checker.validate(json.loads(dump_baseline(accepted(JUMP, PAIR, expires=TODAY))))
    checker.validate(json.loads(dump_baseline(Baseline())))
    for wrong in (
        row(id="CR-*"),
        row(id="a b"),
        row(id="?"),
        row(reason=" "),
        row(date="1.1.2026"),
        row(effect=-1),
        row(metrics="x"),
    ):
        assert not checker.is_valid({"schema": SCHEMA, "accepted": [wrong]})


@pytest.mark.parametrize("empty", ["", " \n", text(), "\ufeff" + text()])
def test_an_empty_baseline_accepts_nothing(empty):
    assert parse_baseline(empty) == Baseline()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("[]", "b.json: a baseline must be an object"),
        ("{", "b.json: not JSON: "),
        ('{\n"schema": }', "b.json:2: not JSON: "),
        ("[" * 200_000, "b.json: nested too deeply"),
        ('{"a": 1, "a": 2}', "b.json: a key stands twice"),
        ('{"a": NaN}', "b.json: NaN is no JSON number"),
        ('{"a": 1e999}', "b.json: 1e999 is too large for a float"),
        ('{"a": ' + "1" * 20_000 + "}", "b.json: an integer has too many digits"),
        ("{}", "b.json: schema must be pytest-crackle/baseline/1, not None"),
        (text(schema="pytest-crackle/report/1"), "schema must be"),
        (text(schema="pytest-crackle/baseline/2"), "of another version; this reads"),
        (text(schema="pytest-crackle/baseline/11"), "of another version"),
        (text(accepted={}), "b.json: accepted must be a list"),
        (text(3), "b.json: accepted[0]: an entry must be an object"),
        (text(row(), row()), "b.json: accepted[1].id: CR-7f3a91 stands twice"),
        (text(row(id="CR-*")), "accepted[0].id: 'CR-*' must name one pattern"),
        (text(row(id="CR-\u00e9")), "must name one pattern"),
        (text(row(id="x" * 101)), "accepted[0].id: has 101 characters, at most 100"),
        (text(row(kind=None)), "accepted[0].kind: must be a text that is not empty"),
        (text(row(reason="  ")), "accepted[0].reason: must be a text"),
        (text(row(who=3)), "accepted[0].who: must be a text"),
        (text(row(subkind="")), "accepted[0].subkind: must be"),
        (text(row(cooling=1)), "accepted[0].cooling: must be"),
        (text(row(metrics="x")), "accepted[0].metrics: must be a list of texts"),
        (text(row(metrics=[1])), "accepted[0].metrics: must be"),
        (text(row(date="20261101")), "accepted[0].date: must be a date as 2026-01-31"),
        (text(row(date="2026-13-01")), "accepted[0].date: must be a date"),
        (text(row(date=None)), "accepted[0].date: must be a date"),
        (text(row(expires=5)), "accepted[0].expires: must be a date"),
        (text(row(effect=True)), "accepted[0].effect: must be a finite number"),
        (text(row(effect=-0.5)), "accepted[0].effect: must be"),
        (text(row(effect="1")), "accepted[0].effect: must be"),
        (text(row(effect=10**400)), "accepted[0].effect: must be"),
        (text(row(share=1)), "accepted[0].share: must be more than 0 and less than 1"),
        (text(row(mine=json.loads("[" * 30 + "]" * 30))), "accepted[0]: nested too deeply"),
    ],
)
def test_a_wrong_baseline_is_refused_in_one_line_that_names_the_place(given, said):
    with pytest.raises(CrackleError) as caught:
        parse_baseline(given, "b.json")
    assert said in str(caught.value)
    assert len(str(caught.value)) < 300
    assert "\n" not in str(caught.value)


def test_a_minor_version_and_unknown_keys_are_read():
    given = text(row(), schema="pytest-crackle/baseline/1.4", more=[1])
    (entry,) = parse_baseline(given).entries
    assert (entry.id, entry.day, entry.effect, entry.expires) == (
        "CR-7f3a91",
        date(2026, 11, 1),
        None,
        None,
    )
    (entry,) = parse_baseline(text(row(expires=None, effect=0))).entries
    assert (entry.expires, entry.effect) == (None, 0.0)


# ---------------------------------------------------------------------- accepting


def test_accepting_keeps_what_a_reviewer_needs():
    (entry,) = accepted(JUMP, reason=" its\n cache ", who=" Ada  L. ", cooling="slow").entries
    assert entry == Entry(
        id="CR-7f3a91",
        kind="phase-transition",
        summary="a.py::test_b leaves 80 MiB for good (118 -> 198 MiB).",
        reason="its cache",
        who="Ada L.",
        day=TODAY,
        subkind="jump",
        metrics=("memory.rss",),
        effect=80.0,
        cooling="slow",
        file="a.py",
    )


def test_a_point_in_time_is_taken_as_its_day():
    now = datetime(2026, 11, 23, 23, 59, tzinfo=UTC)
    baseline = accepted(JUMP, today=now, expires=now)
    assert baseline.entries[0].day == baseline.entries[0].expires == TODAY
    assert standing(baseline, JUMP, now) == "accepted"


def test_all_is_what_may_fail_and_is_not_accepted_as_it_is():
    first = accepted(JUMP, reason="old")
    notice = pattern(id="CR-000000", level="notice")
    second = take(first, [JUMP, LEAK, notice], ["all"])
    assert [(e.id, e.reason) for e in second.entries] == [
        ("CR-19c0aa", "known"),
        ("CR-7f3a91", "old"),
    ]
    worse = replace(JUMP, evidence={"kept": 200.0})
    assert take(first, [worse], ["all"]).entries[0].effect == 200.0


def test_one_id_is_accepted_again_with_the_new_reason():
    again = take(accepted(JUMP, reason="old"), [JUMP, LEAK], ["CR-7f3a91"])
    assert [(e.id, e.reason) for e in again.entries] == [("CR-7f3a91", "known")]


@pytest.mark.parametrize(
    ("ids", "given", "said"),
    [
        (["CR-123456"], {}, "no pattern 'CR-123456' in this run; there are: CR-19c0aa, CR-7f3a91"),
        (["all"], {"reason": " "}, "accepting a pattern needs a reason"),
        (["all"], {"who": ""}, "accepting a pattern needs a who"),
    ],
)
def test_accepting_needs_a_pattern_a_reason_and_a_name(ids, given, said):
    with pytest.raises(CrackleError, match=said):
        take(Baseline(), [JUMP, LEAK], ids, **given)


def test_a_run_without_patterns_says_that_there_are_none():
    with pytest.raises(CrackleError, match="there are: none"):
        take(Baseline(), [], ["CR-1"])
    assert take(Baseline(), [], ["all"]) == Baseline()


# ---------------------------------------------------------------------- standing


def test_twice_the_accepted_effect_is_worse():
    baseline = accepted(JUMP)
    for kept, stands in ((0.0, "accepted"), (159.9, "accepted"), (160.0, "worse")):
        assert standing(baseline, replace(JUMP, evidence={"kept": kept}), TODAY) == stands
    assert times_worse(baseline.entries[0], replace(JUMP, evidence={"kept": 200.0})) == 2.5


def test_what_has_no_effect_cannot_be_worse():
    assert standing(accepted(PAIR), PAIR, TODAY) == "accepted"
    unknown = parse_baseline(text(row()))
    assert standing(unknown, replace(JUMP, evidence={"kept": 1e9}), TODAY) == "accepted"


def test_an_acceptance_ends_after_its_last_day():
    baseline = accepted(JUMP, expires=TODAY)
    assert standing(baseline, JUMP, TODAY) == "accepted"
    assert standing(baseline, JUMP, TODAY + timedelta(days=1)) == "expired"


def test_an_id_of_another_kind_is_another_pattern():
    baseline = accepted(JUMP)
    assert standing(baseline, replace(JUMP, kind="correlation"), TODAY) == "new"
    assert standing(baseline, LEAK, TODAY) == "new"


# ---------------------------------------------------------------------- removing


METRICS = ("duration", "fds", "memory.rss", "rows", "payload")


def gone(baseline, patterns=(), metrics=METRICS, **given):
    return removable(baseline, patterns, cooling(**given), metrics)


def test_patterns_that_no_longer_occur_can_be_removed():
    baseline = accepted(JUMP, LEAK, PAIR)
    assert gone(baseline, [LEAK]) == ("CR-7f3a91", "CR-a2d400")
    kept = prune(baseline, gone(baseline, [LEAK]))
    assert [entry.id for entry in kept.entries] == ["CR-19c0aa"]


def test_a_run_without_the_file_of_an_entry_cannot_tell_that_it_is_gone():
    baseline = accepted(JUMP)
    for nodeids, ids in ((["b.py::test_x"], ()), (["a.py::test_x"], ("CR-7f3a91",))):
        assert removable(baseline, (), cooling(), METRICS, nodeids) == ids
    older = Baseline((replace(baseline.entries[0], file=""),))
    assert removable(older, (), cooling(), METRICS, ["b.py::test_x"]) == ("CR-7f3a91",)


def test_what_could_not_be_told_is_not_gone():
    baseline = accepted(JUMP, cooling="normal")
    assert gone(baseline) == ("CR-7f3a91",)
    assert gone(baseline, rate="fast") == ("CR-7f3a91",)
    assert gone(baseline, rate="slow") == ()  # slower cooling tells less
    assert gone(baseline, rate="mine") == ()
    assert gone(baseline, detectors=("correlation",)) == ()
    assert gone(baseline, metrics=("duration",)) == ()  # not measured here
    for metric in ("memory.rss", "*"):
        untested = (NotTested("phase-transition", metric, "5 tests, needs 20"),)
        assert gone(baseline, not_tested=untested) == ()
    others = (NotTested("phase-transition", "fds", "x"), NotTested("clustering", "*", "x"))
    assert gone(baseline, not_tested=others) == ("CR-7f3a91",)
    many = [replace(JUMP, id=f"CR-{n}") for n in range(5)]
    assert gone(baseline, many) == ()  # the sixth of a sub-kind is not told
    assert gone(baseline, many[:4]) == ("CR-7f3a91",)


def test_interpreter_state_has_no_column_and_classic_patterns_have_their_own_detector():
    state = replace(JUMP, subkind="state", metrics=("state",))
    assert gone(accepted(state)) == ("CR-7f3a91",)
    classic = accepted(replace(JUMP, subkind="classic"))
    assert gone(classic) == ()
    assert gone(classic, detectors=("classic",)) == ("CR-7f3a91",)


@pytest.mark.parametrize("subkind", ["onward", "slower", "count", "changed", "flips"])
def test_what_only_a_history_tells_is_not_gone_in_a_run_without_one(subkind):
    entry = accepted(replace(JUMP, subkind=subkind))
    assert gone(entry) == ()
    assert gone(entry, detectors=("history",)) == ("CR-7f3a91",)
