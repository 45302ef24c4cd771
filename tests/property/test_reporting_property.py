from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pytest_crackle.model.errors import CrackleError
from pytest_crackle.model.pattern import Explanation, Level, Location, Pattern
from pytest_crackle.model.report import (
    BudgetBreach,
    Gate,
    MetricSummary,
    NotTested,
    SessionInfo,
    Verdict,
)
from pytest_crackle.reporting.github import render_annotations
from pytest_crackle.reporting.gitlab import render_gitlab
from pytest_crackle.reporting.jsonreport import dumps, from_json, to_json
from pytest_crackle.reporting.layout import display_width, fit, shorten, wrap
from pytest_crackle.reporting.markdown import MOST_BYTES, escape_markdown, render_markdown
from pytest_crackle.reporting.openmetrics import render_openmetrics
from pytest_crackle.reporting.text import render_text
from tests.sample_report import sample_report, small_report

pytestmark = pytest.mark.property

NASTY = (
    "\x1b[31m \x9b \u202e \u2028 \ud800 日本 e\u0301 <script> | ::set-env:: % , @me \\ ` \r\n\t\0"
)
EVERYTHING = st.characters(exclude_categories=())  # surrogates too
TEXT = st.one_of(
    st.text(EVERYTHING, max_size=40),
    st.sampled_from([NASTY, "日" * 300, "x" * 5000, "a/" * 3000 + "b.py::test_c", "w " * 400]),
)
NAME = st.one_of(TEXT, st.sampled_from(["duration", "memory.rss", "fds"]))
NUMBER = st.floats(allow_nan=True, allow_infinity=True)
FINITE = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def patterns(draw):
    tests = tuple(draw(st.lists(TEXT, max_size=4)))
    return Pattern(
        kind=draw(st.sampled_from(["phase-transition", "clustering", "correlation", "x\x1b"])),
        subkind=draw(st.sampled_from(["jump", "cases", ""])),
        id=draw(TEXT),
        summary=draw(TEXT) + draw(st.sampled_from(["", *tests])),
        metrics=tuple(draw(st.lists(NAME, max_size=3))),
        tests=tests,
        confidence=draw(st.floats(0, 1)),
        p_value=draw(st.floats(0, 1)),
        q_value=draw(st.floats(0, 1)),
        log_p_value=draw(st.sampled_from([-math.inf, -800.0, -5.0, 0.0])),
        at=draw(st.sampled_from([None, *tests])),
        location=draw(st.none() | st.builds(Location, TEXT, st.none() | st.integers())),
        exceptions=tuple(draw(st.lists(TEXT, max_size=2))),
        explained_by=draw(
            st.none() | st.builds(Explanation, TEXT, TEXT, *[st.floats(0, 1)] * 2, st.floats(0, 9))
        ),
        cost_seconds=draw(st.none() | FINITE),
        level=draw(st.sampled_from(get_args(Level))),
        accepted=draw(st.booleans()),
        evidence=draw(
            st.dictionaries(
                st.sampled_from(["kept", "value", "before_median", "after_median", "correlation"]),
                NUMBER,
            )
        ),
        details=tuple(draw(st.lists(TEXT, max_size=1))),
    )


@st.composite
def reports(draw):
    some = draw(st.lists(patterns(), max_size=4))
    nodeids = [name for pattern in some for name in pattern.tests if name] or ["a.py::b"]
    report = small_report(list(dict.fromkeys(nodeids)), some)
    breach = st.builds(
        BudgetBreach, TEXT, TEXT, NAME, st.sampled_from(["s", "B", "1"]), FINITE, FINITE
    )
    gate = Gate(
        rules=tuple(draw(st.lists(TEXT, max_size=2))),
        verdict=draw(st.sampled_from(get_args(Verdict))),
        failed=tuple(pattern.id for pattern in some if pattern.level == "fail"),
        breaches=tuple(draw(st.lists(breach, max_size=2))),
        reason=draw(st.none() | TEXT),
        dry_run=draw(st.booleans()),
        fails_session=draw(st.booleans()),
        notes=tuple(draw(st.lists(TEXT, max_size=1))),
    )
    cooling = replace(
        report.cooling,
        notes=tuple(draw(st.lists(TEXT, max_size=2))),
        not_tested=tuple(draw(st.lists(st.builds(NotTested, TEXT, TEXT, TEXT), max_size=2))),
    )
    session = SessionInfo(complete=draw(st.booleans()), incomplete_because=draw(st.none() | TEXT))
    faults, removable = (tuple(draw(st.lists(TEXT, max_size=1))) for _ in range(2))
    return replace(
        report, gate=gate, cooling=cooling, session=session, faults=faults, removable=removable
    )


@settings(deadline=None, max_examples=50)
@given(reports(), st.integers(60, 200), st.integers(-2, 2), st.sampled_from(["utf-8", "ascii"]))
def test_text_is_printable_and_fits(report, width, verbosity, encoding):
    lines = render_text(report, width, verbosity, encoding=encoding)
    for line in lines:
        assert line.text.isprintable()
        assert display_width(line.text) <= width
        line.text.encode(encoding)
    if verbosity == 0:
        assert len(lines) <= 45


@settings(deadline=None, max_examples=50)
@given(reports())
def test_json_reads_back_the_same(report):
    text = dumps(report)
    assert text.isascii()
    data = json.loads(text, parse_constant=pytest.fail)
    again = from_json(data)
    assert dumps(again) == text
    assert again.table.nodeids == report.table.nodeids


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | FINITE | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_any_json_is_read_or_refused_in_one_line(data):
    document = json.loads(dumps(small_report(["a.py::b"], sample_report().patterns[:2])))
    for _ in range(data.draw(st.integers(1, 3))):
        place = document
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            if not keys:
                break
            key = data.draw(st.sampled_from(keys))
            if isinstance(place[key], dict | list) and data.draw(st.booleans()):
                place = place[key]
                continue
            place[key] = data.draw(JSON)
            break
    report, refusal = None, ""
    try:
        report = from_json(document)
    except CrackleError as error:
        refusal = str(error)
    assert "\n" not in refusal
    if report is not None:
        assert to_json(report)["schema"] == "pytest-crackle/report/1"
        render_text(report, 80, 2)


@settings(deadline=None, max_examples=50)
@given(reports())
def test_markdown_has_no_markup_of_others(report):
    text = render_markdown(report)
    assert "<" not in text
    assert len(text.encode()) <= MOST_BYTES
    assert all(char.isprintable() or char == "\n" for char in text)
    rows = [line for line in text.split("\n") if line.startswith("| ")]
    assert all(len(re.findall(r"(?<!\\)\|", re.sub(r"\\\\", "", row))) == 7 for row in rows)


@settings(deadline=None, max_examples=300)
@given(st.one_of(TEXT, st.text("<>|`@#:*_[]()!ab/. \\-1", max_size=30)))
@example("a`@me`b")
@example("``` @a`")
@example("\\`@a")
def test_markdown_shows_the_text_as_it_is(text):
    markdown_it = pytest.importorskip("markdown_it")
    escaped = "x " + escape_markdown(text) + " y"
    tokens = markdown_it.MarkdownIt("gfm-like", {"linkify": False}).parse(escaped)
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    children = tokens[1].children
    assert {child.type for child in children} <= {"text", "code_inline", "text_special"}
    from pytest_crackle.reporting.escape import printable

    shown = "".join(child.content for child in children)
    assert " ".join(shown.split()) == " ".join(f"x {printable(text)} y".split())


@settings(deadline=None, max_examples=50)
@given(reports(), st.sampled_from(["", "/repo"]), st.sampled_from(["", "/repo/sub", "C:\\x"]))
def test_workflow_commands_are_one_line_each_and_ours(report, repository, rootdir):
    text = render_annotations(report, repository=repository, rootdir=rootdir)
    assert "\r" not in text
    assert text.count("\n") == len(text.splitlines())
    for line in text.splitlines():
        head, _, _ = line[2:].partition("::")
        command, _, properties = head.partition(" ")
        assert line.startswith("::")
        assert command in ("error", "warning")
        names = [part.partition("=")[0] for part in properties.split(",")]
        assert names in (["title"], ["file", "title"], ["file", "line", "title"])
    for command in ("::error ", "::warning "):
        assert sum(line.startswith(command) for line in text.splitlines()) <= 10


@settings(deadline=None, max_examples=50)
@given(reports())
def test_gitlab_and_openmetrics_hold_no_raw_control_characters(report):
    entries = json.loads(render_gitlab(report))
    assert all(entry["description"].isprintable() for entry in entries)
    assert all(not entry["location"]["path"].startswith(("/", "..")) for entry in entries)
    lines = render_openmetrics(report).split("\n")
    assert lines[-2:] == ["# EOF", ""]
    assert all(line.isprintable() for line in lines)


METRIC_NAME = st.one_of(
    st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=20),
    st.sampled_from(['a"b', "a\\", '\\"', "{x=1}", "# EOF", "a,b", "é\u0301", "x" * 200, "a\\n"]),
)


@settings(deadline=None, max_examples=100)
@given(
    st.lists(
        st.builds(
            MetricSummary,
            METRIC_NAME,
            st.sampled_from(["s", "B", "1", "rows/s", '"']),
            st.sampled_from(["time", "level", "count", "value"]),
            st.integers(0, 10**6),
            NUMBER,
            NUMBER,
        ),
        max_size=6,
        unique_by=lambda metric: metric.name,
    ),
    reports(),
)
def test_openmetrics_is_read_back_by_the_parser_of_prometheus(metrics, report):
    parser = pytest.importorskip("prometheus_client.openmetrics.parser")
    text = render_openmetrics(replace(report, metrics=tuple(metrics)))
    families = list(parser.text_string_to_metric_families(text))
    assert len({family.name for family in families}) == len(families)
    got: dict[str, dict[str, float]] = {"median": {}, "suite": {}}
    for family in families:
        for sample in family.samples:
            assert math.isfinite(sample.value)
            if "metric" in sample.labels:
                what = family.name.split("_")[2]
                got[what][sample.labels["metric"]] = sample.value
    finite = {m.name: m.median for m in metrics if math.isfinite(float(f"{m.median:.1e}"))}
    assert got["median"].keys() == finite.keys()
    for name, value in got["median"].items():
        assert value == pytest.approx(finite[name], rel=0.051)
    levels = {metric.name for metric in metrics if metric.kind == "level"}
    assert not levels & got["suite"].keys()


@settings(deadline=None)
@given(
    st.text(st.characters(categories=["L", "N", "P", "Mn", "Zs"]), max_size=80), st.integers(0, 60)
)
def test_fit_and_shorten_never_pass_the_width(text, width):
    assert display_width(fit(text, width)) <= width
    assert display_width(shorten(f"a/b/{text}.py::T::{text}", width)) <= width
    assert fit(text, 400) == text


@settings(deadline=None)
@given(st.text("ab日 \u0301/:-+%1 s", max_size=200), st.integers(12, 40), st.integers(0, 8))
def test_wrap_keeps_every_word_that_fits(text, width, indent):
    lines = wrap(text, width, indent=indent)
    assert all(display_width(line) <= width for line in lines)
    if all(display_width(part) <= width - indent for part in re.split(r"(?<!\d) (?![%s+-])", text)):
        assert "".join(lines).replace(" ", "") == text.replace(" ", "")
