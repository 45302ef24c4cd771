from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_crackle.reporting.markdown import MOST_BYTES, escape_markdown, render_markdown
from tests.sample_report import breaching, quiet_report, sample_report, small_report


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain words, 1.5 s = 3 % - fine", "plain words, 1.5 s = 3 % - fine"),
        ("a|b", "a\\|b"),
        ("**x** _y_ `z`", "\\*\\*x\\*\\* \\_y\\_ \\`z\\`"),
        ("<script>&amp;", "&lt;script&gt;&amp;amp;"),
        ("[a](http://x)", "\\[a\\]\\(http&#58;//x\\)"),
        ("www.x.y", "www&#46;x.y"),
        ("![i](j)", "\\!\\[i\\]\\(j\\)"),
        ("ask @team/x now", "ask `@team/x` now"),
        ("fixes #12", "fixes `#12`"),
        ("a.py::tada::b", "a.py:`:tada:`:b"),
        ("a.py::test_x", "a.py::test\\_x"),
        ("- item", "\\- item"),
        ("1. item", "1\\. item"),
        ("two\nlines \x1b[1m", "two\\\\nlines \\\\x1b\\[1m"),
        ("$x$ ~~y~~", "\\$x\\$ \\~\\~y\\~\\~"),
    ],
)
def test_markup_is_shown_as_it_is(text, shown):
    assert escape_markdown(text) == shown


def test_a_row_for_each_pattern():
    lines = render_markdown(sample_report()).split("\n")
    rows = [line for line in lines if line.startswith("| ")]
    assert rows[0] == "| level | id | pattern | tests | q | what |"
    assert [row.split("|")[1].strip() for row in rows[1:]] == ["FAIL", *["WARN"] * 3, *["note"] * 2]
    assert any(line.startswith("**FAIL crackle gate: 1 pattern of kind") for line in lines)


def test_pipes_in_cells_do_not_make_columns():
    rows = [line for line in render_markdown(sample_report()).split("\n") if line.startswith("| ")]
    assert {line.replace("\\|", "").count("|") for line in rows} == {7}


def test_the_size_is_bounded_and_the_rest_counted():
    evil = sample_report().patterns[0]
    evil = replace(evil, summary="<|é" * 40_000, id="x" * 9000)
    report = small_report([], [evil] * 500, faults=("<" * 9000,) * 100)
    text = render_markdown(report)
    assert len(text.encode()) <= MOST_BYTES
    assert " patterns not shown." in text
    assert "<" not in text


def test_budgets_notes_and_faults_are_listed():
    report = replace(breaching(quiet_report(), 25), faults=("oops",))
    text = render_markdown(report)
    assert "duration.call is 9.00 s, allowed 2.00 s" in text
    assert "- 5 more over budget" in text
    assert "Faults of crackle itself:\n\n- oops" in text


def test_nothing_found_is_short():
    assert render_markdown(quiet_report()).count("\n") == 3
