from __future__ import annotations

import pytest

from pytest_crackle.gating.markers import Ignores
from tests.unit.gating.made import pattern, record, table

TABLE = table(
    record("m::a", ignore=["memory.*", "rows"]),
    record("m::b", ignore=["memory.rss"]),
    record("m::c", ignore=["cpu"]),
    record("m::d"),
)


@pytest.mark.parametrize(
    ("given", "ignored", "counts"),
    [
        ({"tests": ("m::a",)}, True, "1 of 1 test has"),
        ({"tests": ("m::a", "m::b")}, True, "2 of 2 tests have"),
        ({"tests": ("m::a", "m::c")}, False, "1 of 2 tests has"),
        ({"tests": ("m::d",)}, False, None),
        ({"tests": ("m::c", "m::d")}, False, None),
        ({"tests": ()}, False, None),
        ({"tests": ("m::a",), "metrics": ("cpu", "rows")}, True, "1 of 1 test has"),
        ({"tests": ("m::a",), "metrics": ("state",)}, False, None),
        # a broken law hangs on the test that breaks it
        ({"tests": ("m::c", "m::d"), "exceptions": ("m::a",)}, True, "1 of 1 test has"),
        ({"tests": ("m::a", "m::b"), "exceptions": ("m::d",)}, False, None),
    ],
)
def test_a_pattern_is_ignored_if_all_the_tests_it_hangs_on_say_so(given, ignored, counts):
    one, is_ignored = Ignores(TABLE).apply(pattern(details=("x",), **given))
    assert is_ignored is ignored
    assert one.level == ("notice" if ignored else "warn")
    assert one.details[0] == "x"
    assert len(one.details) == (1 if counts is None else 2)
    if counts is not None:
        assert one.details[1].startswith(f"{counts} a crackle mark that ignores ")


def test_a_glob_that_cannot_be_used_is_told_once_and_the_others_count():
    records = [record("m::a", ignore=["", "memory.rss"]), record("m::b", ignore=[""])]
    ignores = Ignores(table(*records))
    assert ignores.problems == (
        "m::a: @pytest.mark.crackle ignore '': a glob has 1 to 1000 characters, not 0",
    )
    assert ignores.apply(pattern(tests=("m::a",)))[1]
    assert not ignores.apply(pattern(tests=("m::b",)))[1]


def test_without_marks_a_pattern_is_as_it_was():
    one = pattern()
    assert Ignores(table(record("m::a"))).apply(one) == (one, False)
