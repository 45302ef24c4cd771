"""Phrases for sets of tests."""

from __future__ import annotations

import pytest

from pytest_crackle.cooling.wording import breaking, files_phrase, having, phase_name
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


def test_breaking():
    cases = [("a.py::test_x", "700"), ("a.py::test_y", "3"), ("a.py::test_z", "4")]
    assert breaking(cases[:1]) == "a.py::test_x breaks it (700)"
    assert breaking(cases[:2]) == "a.py::test_x (700) and a.py::test_y (3) break it"
    assert breaking(cases) == "a.py::test_x (700), a.py::test_y (3) and 1 more break it"


def test_having_a_metric_names_its_value():
    assert having("metric", "api_version = 2") == "with api_version = 2"
