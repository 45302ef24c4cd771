from __future__ import annotations

import pytest

from pytest_crackle.gating.globs import MAX_LENGTH, Glob
from pytest_crackle.model.errors import CrackleError


@pytest.mark.parametrize(
    ("glob", "text", "fits"),
    [
        ("memory.rss", "memory.rss", True),
        ("memory.rss", "memory.rss2", False),
        ("memory", "memory.rss", False),
        ("memory.*", "memory.rss", True),
        ("memory.*", "memory.", True),
        ("memory.*", "memory", False),
        ("*", "", True),
        ("**", "anything", True),
        ("?", "", False),
        ("?", "x", True),
        ("memory.???", "memory.rss", True),
        ("memory.???", "memory.peak", False),
        ("m?x*", "mix.py", True),
        ("m?x*", "max", True),
        ("m?x*", "mx", False),
        ("*api*x", "tests/api/test_x", True),
        ("*api*x", "tests/apx", False),
        ("*a?c*", "xxabbabc", True),
        ("*a?c*", "xxabb", False),
        ("a*a", "a", False),
        ("a*a", "aa", True),
        ("*ab*ab*", "ab", False),
        ("*.py::test[*", "m.py::test[1]", True),
        ("test[12]", "test1", False),
        ("test[12]", "test[12]", True),
        ("Test", "test", False),
        ("a*b?d", "axxbcd", True),
        ("a*b?d", "axxbcx", False),
        ("a*?", "a", False),
        ("*?b?*", "ab", False),
    ],
)
def test_star_is_any_text_and_question_mark_any_one_character(glob, text, fits):
    assert Glob(glob).matches(text) is fits


@pytest.mark.parametrize("glob", ["", "x" * (MAX_LENGTH + 1)])
def test_a_glob_has_a_length(glob):
    with pytest.raises(CrackleError, match="1 to 1000 characters"):
        Glob(glob)


def test_a_literal_names_one_thing():
    assert Glob("memory.rss").is_literal
    assert not Glob("memory.*").is_literal
    assert not Glob("memory.?ss").is_literal
