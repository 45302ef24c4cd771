"""Phrases for sets of tests."""

from __future__ import annotations

import pytest

from pytest_crackle.cooling.wording import files_phrase, having, phase_name
from tests.time_tables import background, suite_of


@pytest.mark.parametrize(
    ("type_", "name", "text"),
    [
        ("fixture", "db", "with fixture db"),
        ("marker", "slow", "with marker slow"),
        ("function", "t.py::test_a", "of t.py::test_a"),
        ("class", "t.py::TestA", "in t.py::TestA"),
        ("module", "t.py", "in t.py"),
        ("directory", "tests/api", "in directory tests/api"),
    ],
)
def test_having(type_, name, text):
    assert having(type_, name) == text


def test_files():
    suite = suite_of(background(60))
    assert files_phrase(suite, [0, 1]) == "in tests/test_0.py"
    assert files_phrase(suite, [0, 59]) == "in 2 files"


def test_phase_names():
    names = ("duration.setup", "duration", "cpu")
    assert [phase_name(name) for name in names] == ["setup", "duration", "cpu"]
