"""Roles of custom metrics, and metrics that are others in a different unit."""

from __future__ import annotations

import random

import pytest

from pytest_crackle.cooling.roles import aliases_of, custom_measures, law_measures, roles_of
from tests.custom_tables import custom_suite

RNG = random.Random(1)
SPREAD = [RNG.lognormvariate(3, 1) for _ in range(100)]
SMALL = [float(RNG.randrange(9)) for _ in range(100)]


def role(values, name="m", **more):
    return roles_of(custom_suite({name: values}, **more))[name]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1.0, 2.0, 3.0, 1.0, 5.0, 2.0, 1.0], "few"),
        ([4.0] * 8, "const"),
        ([*range(100)], "order"),
        ([*range(100, 0, -1)], "order"),
        ([*range(95), 3, 2, 94, 1, 96], "order"),
        ([*range(11)], "count"),  # too few for an order
        ([0.0, 1.0] * 50, "nominal"),
        ([200.0, 404.0, 500.0] * 10, "nominal"),
        ([200.0, 404.0, 500.0] * 9, "count"),  # too few of each
        ([1.0, 2.0, 3.0] * 10, "count"),  # a row of integers is counted
        ([0.5, 1.5, 2.5] * 10, "nominal"),
        ([*([200.0] * 28), 404.0, 404.0], "nominal"),
        ([*([200.0] * 40), *([300.0] * 40), 404.0, 404.0], "count"),  # one value comes but twice
        (SMALL, "count"),
        (SPREAD, "value"),
    ],
)
def test_role(values, expected):
    assert role(values) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("http.status", "nominal"),
        ("statusCode", "nominal"),
        ("user-id", "nominal"),
        ("API_Version", "nominal"),
        ("valid", "value"),  # not id
        ("supports", "value"),  # not port
        ("ids", "nominal"),
    ],
)
def test_names_that_say_nominal(name, expected):
    assert role(SPREAD, name) == expected


def test_what_is_declared_a_count_is_no_name():
    units = {"status": ["1", "count"]}
    assert role([0.0, 9.0] * 50, "status", units=units) == "count"


def test_order_is_seen_in_run_order_of_each_worker():
    values = [float(i) for i in range(100)]
    RNG.shuffle(values)
    assert role(values) == "value"
    seqs = [int(value) // 2 for value in values]
    workers = [f"gw{int(value) % 2}" for value in values]
    assert role(values, seq=seqs, worker=workers) == "order"


def test_builtin_counts_take_part_in_laws_only():
    suite = custom_suite({"rows": SPREAD, "warnings": SMALL, "opens": SMALL, "flag": SMALL})
    assert roles_of(suite) == {"rows": "value", "warnings": "count", "flag": "nominal"}
    assert law_measures(suite) == ("rows", "warnings")
    assert custom_measures(suite) == ("rows",)


def test_alias():
    suite = custom_suite({"bytes": SPREAD, "bits": [8 * x for x in SPREAD], "other": SMALL})
    (alias,) = aliases_of(suite)
    assert (alias.metric, alias.of, alias.ratio, alias.n_tests) == ("bytes", "bits", 0.125, 100)
    assert custom_measures(suite) == ("bits", "other")


def test_a_custom_metric_stands_for_a_builtin_count():
    suite = custom_suite({"zzz": SMALL, "warnings": SMALL})
    (alias,) = aliases_of(suite)
    assert (alias.metric, alias.of) == ("warnings", "zzz")


@pytest.mark.parametrize(
    "other",
    [
        [*(2 * x for x in SPREAD[:99]), 1.0],  # one test differs
        [*(2 * x for x in SPREAD[:85]), *([None] * 15)],  # too few have both
        [2 * x + 1 for x in SPREAD],
        [*(2 * x for x in SPREAD[:99]), 0.0],
    ],
)
def test_no_alias(other):
    assert aliases_of(custom_suite({"a": SPREAD, "b": other})) == ()


def test_a_common_zero_is_no_ratio():
    few = [0.0] * 93 + [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
    assert aliases_of(custom_suite({"a": few, "b": [2 * x for x in few]})) == ()


def test_skipped_tests_have_no_role():
    outcomes = ["skipped"] * 93 + ["passed"] * 7
    assert role(SPREAD, outcome=outcomes) == "few"
