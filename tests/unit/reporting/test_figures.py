from __future__ import annotations

import math
from dataclasses import replace

import pytest

from pytest_crackle.model.pattern import Explanation, Pattern
from pytest_crackle.reporting.figures import (
    confidence_text,
    effect_text,
    explanation_text,
    kind_name,
    q_text,
)
from tests.sample_report import sample_report


def pattern(**more):
    whole = {
        "kind": "phase-transition",
        "subkind": "jump",
        "summary": "x",
        "metrics": ("memory.rss",),
    }
    return Pattern(**{**whole, "tests": (), "confidence": 0.5, "log_p_value": -9.0, **more})


@pytest.mark.parametrize(
    ("confidence", "shown"),
    [
        (0.0, "under 50 %"),
        (0.4999, "under 50 %"),
        (0.5, "50 %"),
        (0.55, "55 %"),
        (0.649, "60 %"),
        (0.7, "70 %"),
        (0.949, "90 %"),
        (0.96, "95 %"),
        (1.0, "95 %"),
    ],
)
def test_confidence_is_rounded_down_to_five_and_ends_at_ninety_five(confidence, shown):
    assert confidence_text(confidence) == shown


@pytest.mark.parametrize(
    ("q", "log_p", "shown"),
    [
        (0.0, -math.inf, "fact"),
        (0.0, -800.0, "<1e-9"),
        (2e-4, -9.0, "2e-4"),
        (3e-7, -9.0, "3e-7"),
        (0.04, -9.0, "0.04"),
        (1.0, 0.0, "-"),
    ],
)
def test_q_values(q, log_p, shown):
    assert q_text(pattern(q_value=q, log_p_value=log_p)) == shown


def test_kinds_have_names_for_people():
    assert kind_name("phase-transition") == "phase transition"
    assert kind_name("conservation") == "conservation law"
    assert kind_name("clustering") == "clustering"
    assert kind_name("somebody-else") == "somebody-else"


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({"evidence": {"kept": 80.0 * 2**20}}, "+80 MiB"),
        ({"evidence": {"before_median": 118 * 2.0**20, "after_median": 430 * 2.0**20}}, "+312 MiB"),
        ({"evidence": {"before_median": 430 * 2.0**20, "after_median": 118 * 2.0**20}}, "-312 MiB"),
        ({"metrics": ("cpu",), "evidence": {"before_median": 0.01, "after_median": 0.022}}, "2.2x"),
        ({"metrics": ("cpu",), "evidence": {"before_median": 0.01, "after_median": 0.5}}, "50x"),
        ({"metrics": ("cpu",), "evidence": {"before_median": 0.0, "after_median": 0.5}}, "+500 ms"),
        ({"evidence": {"before_median": 1e308, "after_median": -1e308}}, ""),
        ({"kind": "conservation", "metrics": ("fds",), "evidence": {"value": 7.0}}, "7"),
        ({"kind": "correlation", "evidence": {"correlation": -0.934}}, "rho -0.93"),
        ({"kind": "clustering", "cost_seconds": 2.4}, "2.40 s"),
        ({"kind": "other", "metrics": ()}, ""),
    ],
)
def test_the_effect_is_one_figure_in_the_unit_of_the_metric(changes, shown):
    assert effect_text(sample_report(), pattern(**changes)) == shown


def test_what_tests_share_is_said_both_ways():
    one = Explanation("fixture", "db", precision=1.0, recall=1.0)
    assert explanation_text(one) == "fixture db: all of these tests, and no others"
    other = replace(one, precision=0.4, recall=0.8)
    assert explanation_text(other) == "fixture db: 80 % of these tests (40 % of its tests)"
