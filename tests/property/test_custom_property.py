"""No finite table makes the searches in custom metrics raise, or tell what is not a number."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_crackle.cooling.clusters.regimes import find_regimes
from pytest_crackle.cooling.detectors.conservation import Conservation
from pytest_crackle.cooling.detectors.correlation import Correlation
from pytest_crackle.cooling.profiles import Profile
from pytest_crackle.cooling.suite import Suite
from pytest_crackle.model.table import MetricTable
from tests.detectors.custom_suites import (
    plant_broken_function,
    plant_law,
    plant_pair,
    plant_regime,
    plant_sum,
)

if TYPE_CHECKING:
    from pytest_crackle.cooling.detectors.base import Finding

pytestmark = pytest.mark.property

ODD = (0.0, -0.0, 1.0, -1.0, 7.0, 5e-324, 1e-300, 1e300, 1e308, -1e308, 2**53 + 1.0)
SPECIAL = st.sampled_from(ODD)
FACTORS = (1.0, -1.0, 1e-310, 1e-160, 1e160, 1e300)
PLANTS = (plant_law, plant_broken_function, plant_sum, plant_pair, plant_regime)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
SMALL = st.integers(-3, 12).map(float)
NAMES = ("a", "b", "c", "rows.out", "status", "warnings")


@st.composite
def tables(draw):
    """Up to 120 tests; columns of one kind each, some the sum or the multiple of others."""
    n = draw(st.integers(0, 120))
    kinds = draw(st.lists(st.sampled_from([SPECIAL, FINITE, SMALL]), min_size=6, max_size=6))
    columns = {
        name: draw(
            st.lists(st.none() | kind if draw(st.booleans()) else kind, min_size=n, max_size=n)
        )
        for name, kind in zip(NAMES, kinds, strict=True)
    }
    tied = draw(st.sampled_from(["", "sum", "multiple"]))
    records = []
    for i in range(n):
        metrics = {name: column[i] for name, column in columns.items() if column[i] is not None}
        if tied == "sum" and {"b", "c"} <= metrics.keys():
            metrics["a"] = metrics["b"] + metrics["c"]
        if tied == "multiple" and "b" in metrics:
            metrics["a"] = 3 * metrics["b"] + 2
        metrics = {name: value for name, value in metrics.items() if math.isfinite(value)}
        module, function = i * 4 // max(1, n), i // 3
        records.append(
            {
                "nodeid": f"t{module}.py::test_{function}[{i}]",
                "fixtures": ["db"] if i % 2 else [],
                "metrics": {"duration": 0.01, **metrics},
            }
        )
    return MetricTable.from_records(records)


def check(suite, profile):
    """Search, and check what is found and how it is found again."""
    findings: list[Finding] = []
    for detection in (
        Conservation().detect(suite, profile),
        Correlation().detect(suite, profile),
        find_regimes(suite, profile),
    ):
        assert detection.hypotheses >= len(detection.findings)
        findings += detection.findings
    for finding in findings:
        assert finding.log_p <= 0
        assert all(map(math.isfinite, finding.evidence.values()))
        assert "nan" not in finding.summary
        assert finding.recheck is not None
        for rows in (suite.rows, suite.rows[::2], ()):
            assert finding.recheck(suite.column, sorted({*rows, *finding.exceptions})) <= 0
    return findings


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(tables(), st.sampled_from(["fast", "normal"]))
def test_any_finite_table_is_searched(table, rate):
    check(Suite(table), Profile.of(rate))


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(PLANTS),
    st.integers(0, 10**6),
    st.sampled_from(FACTORS),
    st.floats(0, 0.1),
    st.sampled_from(["fast", "normal"]),
)
def test_patterns_in_numbers_of_any_size_are_searched(plant, seed, factor, share, rate):
    records, _, _ = plant(seed, 250)
    rng = random.Random(seed)
    for one in records:
        values = {
            name: rng.choice(ODD) if rng.random() < share else value * factor
            for name, value in one["metrics"].items()
            if name != "duration"
        }
        one["metrics"] = {k: v for k, v in values.items() if math.isfinite(v)}
    check(Suite(MetricTable.from_records(records)), Profile.of(rate))
