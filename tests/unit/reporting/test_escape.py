from __future__ import annotations

import unicodedata

import pytest

from pytest_crackle.reporting.escape import can_encode, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain test_x[1]", "plain test_x[1]"),
        ("a\nb\r\tc", "a\\nb\\r\\tc"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\x9b31m", "\\x9b31m"),  # C1: one character that some terminals take for ESC [
        ("\x00\x7f", "\\x00\\x7f"),
        ("abc\u202edef\u2066", "abc\\u202edef\\u2066"),
        ("lone \ud800 surrogate", "lone \\ud800 surrogate"),
        ("line\u2028and\u2029paragraph", "line\\u2028and\\u2029paragraph"),
        ("tag \U000e0041", "tag \\U000e0041"),
        ("日本語 é", "日本語 é"),
        ("back\\slash", "back\\slash"),
    ],
)
def test_what_a_terminal_would_obey_is_shown_as_an_escape(text, shown):
    assert printable(text) == shown


def test_every_character_comes_out_printable():
    planes = [range(0x3100), range(0xD7F0, 0xE010), range(0xFE00, 0x10100), range(0xE0000, 0xE0200)]
    text = "".join(chr(code) for plane in planes for code in plane)
    shown = printable(text)
    assert shown.isprintable()
    assert not any(unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co") for char in shown)


def test_characters_that_the_encoding_lacks_become_escapes():
    assert printable("né ü 日", "ascii") == "n\\xe9 \\xfc \\u65e5"
    assert printable("né ü 日", "latin-1") == "né ü \\u65e5"


def test_an_unknown_encoding_has_no_characters():
    assert can_encode("é", "utf-8")
    assert not can_encode("é", "ascii")
    assert not can_encode("a", "no-such-encoding")
    assert not can_encode("\ud800", "utf-8")
