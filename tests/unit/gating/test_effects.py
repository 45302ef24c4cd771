from __future__ import annotations

import math

import pytest

from pytest_crackle.gating.effects import effect_of, share_of, times
from tests.unit.gating.made import pattern

CONSERVATION = {"kind": "conservation", "subkind": "broken"}
MINE = {"kind": "mine", "subkind": "mine"}


@pytest.mark.parametrize(
    ("given", "effect"),
    [
        ({"subkind": "leak", "evidence": {"kept": 12.0, "shift": 0.3}}, 12.0),
        ({"subkind": "jump", "evidence": {"shift": 2.64}}, 2.64),
        ({"subkind": "growth", "evidence": {}}, None),
        ({"subkind": "pace", "evidence": {"shift": -0.7}}, 0.7),
        ({"subkind": "pace", "evidence": {"before_median": 2.0, "after_median": 6.0}}, 2.0),
        ({"subkind": "step", "evidence": {"before_median": 6.0, "after_median": 2.0}}, 2.0),
        (
            {
                "subkind": "background",
                "evidence": {"before_median": 0.0, "after_median": 0.4, "shift_magnitude": 0.4},
            },
            0.4,
        ),
        ({"subkind": "step", "evidence": {"before_median": 1.0}}, None),
        ({"subkind": "state", "evidence": {"shift": 2.0}}, None),
        ({"kind": "clustering", "subkind": "hot", "evidence": {"share": 0.75}}, None),
        ({"kind": "clustering", "subkind": "group", "cost_seconds": 2.0}, 2.0),
        ({"kind": "clustering", "subkind": "regime", "cost_seconds": 2.0}, None),
        ({"kind": "clustering", "subkind": "new"}, None),
        ({"kind": "correlation", "subkind": "driver", "cost_seconds": 0.5}, 0.5),
        ({"kind": "correlation", "subkind": "pair", "evidence": {"shift": 1.0}}, None),
        ({"kind": "correlation", "subkind": "new", "evidence": {"shift": 1.0}}, None),
        ({"kind": "conservation", "subkind": "plateau", "cost_seconds": 62.0}, 62.0),
        ({**CONSERVATION, "exceptions": ("a", "b")}, 2.0),
        ({**CONSERVATION, "subkind": "law"}, None),
        ({**MINE, "evidence": {"shift": 1.5}, "cost_seconds": 3.0}, 1.5),
        ({**MINE, "cost_seconds": 3.0, "exceptions": ("a",)}, 3.0),
        ({**MINE, "exceptions": ("a",)}, 1.0),
        (MINE, None),
        ({**MINE, "evidence": {"shift": math.inf}}, None),
    ],
)
def test_one_number_says_how_bad_a_pattern_is(given, effect):
    assert effect_of(pattern(**given)) == (effect if effect is None else pytest.approx(effect))


@pytest.mark.parametrize(
    ("subkind", "share", "counts"),
    [
        ("hot", 0.6, True),
        ("hot", 0.0, False),
        ("hot", 1.0, False),
        ("plateau", 0.6, False),
        ("hot", None, False),
    ],
)
def test_a_share_counts_where_seconds_depend_on_the_machine(subkind, share, counts):
    evidence = {} if share is None else {"share": share}
    assert share_of(pattern(subkind=subkind, evidence=evidence)) == (share if counts else None)


def test_drivers_are_compared_by_their_share_of_all_tests():
    evidence = {"share": 0.9, "suite_share": 0.3}
    driver = {"kind": "correlation", "subkind": "driver"}
    assert share_of(pattern(**driver, evidence=evidence)) == 0.3
    assert share_of(pattern(**driver, evidence={"share": 0.9})) is None


@pytest.mark.parametrize(
    ("now", "before", "ratio"),
    [
        ((6.0, None), (2.0, None), 3.0),
        ((6.0, 0.5), (2.0, None), 3.0),
        ((60.0, 0.5), (6.0, 0.5), 1.0),  # a machine of a tenth of the speed
        ((3.0, 0.5), (3.0, 0.1), 1.0),  # the rest of the suite was mended
        ((9.0, 0.75), (3.0, 0.5), 3.0),
        ((None, None), (3.0, None), 0.0),
        ((3.0, None), (None, None), 0.0),
        ((3.0, None), (0.0, None), 0.0),
    ],
)
def test_neither_a_slow_machine_nor_a_mended_rest_makes_a_pattern_worse(now, before, ratio):
    assert times(*now, *before) == pytest.approx(ratio)
