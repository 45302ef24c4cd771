from __future__ import annotations

import pytest

from pytest_crackle.reporting.layout import display_width, fit, shorten, wrap


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("", 0),
        ("abc", 3),
        ("日本", 4),
        ("e\u0301", 1),
        ("ﾊﾝ", 2),
        ("\uff21", 2),
        ("né", 2),
        ("🎉", 2),
    ],
)
def test_width_is_counted_in_cells(text, width):
    assert display_width(text) == width


def test_fit_cuts_at_the_width_and_says_so():
    assert fit("abcdef", 6) == "abcdef"
    assert fit("abcdefg", 6) == "abc..."
    assert fit("日本語テスト", 7) == "日本..."
    assert fit("日本語テスト", 7, "…") == "日本語…"
    assert fit("abcdef", 2) == ".."
    assert fit("abcdef", 0) == ""


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (60, "tests/api/v2/test_orders.py::TestA::test_refund[a/b::c]"),
        (54, "tests/.../test_orders.py::TestA::test_refund[a/b::c]"),
        (48, ".../test_orders.py::TestA::test_refund[a/b::c]"),
        (44, "test_orders.py::...::test_refund[a/b::c]"),
        (30, "...::test_refund[a/b::c]"),
        (20, "test_refund[a/b::c]"),
        (10, "test_re..."),
    ],
)
def test_a_node_id_loses_folders_first_and_the_tests_name_last(width, shown):
    assert shorten("tests/api/v2/test_orders.py::TestA::test_refund[a/b::c]", width) == shown


def test_a_node_id_without_class_or_folder_is_shortened_too():
    assert shorten("some_long_folder/test_a.py::test_b", 20) == "test_a.py::test_b"
    assert shorten("a_very_long_module_name.py::test_b", 20) == "...::test_b"
    assert shorten("nothing_but_one_long_word", 12) == "nothing_b..."


def test_wrap_indents_and_keeps_numbers_with_their_units():
    lines = wrap("WARN  it takes 31 ms here (118 -> 430 MiB)", 24, indent=6)
    assert lines == ["WARN  it takes 31 ms", "      here", "      (118 -> 430 MiB)"]
    assert wrap("this gate: exit status 1", 20) == ["this gate:", "exit status 1"]
    assert wrap("they take 2.00 s +- 0.13 % of it", 18) == [
        "they take",
        "2.00 s +- 0.13 %",
        "of it",
    ]
    assert wrap("case 7 sheep", 7) == ["case 7", "sheep"]


def test_wrap_never_breaks_a_word_and_shortens_what_is_too_long():
    lines = wrap("From tests/api/test_orders_and_more.py::test_refund on, it grows", 40, indent=4)
    assert lines == ["From", "    test_orders_and_more.py::test_refund", "    on, it grows"]


def test_wrap_stops_after_the_most_lines():
    lines = wrap("word " * 50, 20, most=2)
    assert len(lines) == 2
    assert lines[1].endswith("...")
    assert wrap("", 20) == [""]
