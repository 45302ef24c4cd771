"""Whatever finite numbers a table holds, the time patterns neither raise nor tell NaN."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_crackle.cooling.correlations.drivers import find_drivers
from pytest_crackle.cooling.detectors.clustering import Clustering
from pytest_crackle.cooling.laws.plateaus import find_plateaus
from pytest_crackle.cooling.profiles import Profile
from pytest_crackle.model.units import count_of, format_count, format_percent, format_value
from tests.time_tables import suite_of

pytestmark = pytest.mark.property

FINITE = st.floats(allow_nan=False, allow_infinity=False)
AWKWARD = st.sampled_from([0.0, -0.0, 5e-324, 1e-300, 1e300, -1e308, 1e308, 0.05, 2.0, 86400.0])
SECONDS = st.one_of(st.floats(0.0, 100.0), AWKWARD, FINITE)
NAMES = ("duration.setup", "duration.call", "cpu", "delay", "cpu.children", "rows", "db.queries")
CELLS = st.dictionaries(st.sampled_from(NAMES), st.one_of(SECONDS, st.integers(0, 9)), max_size=7)
RECORDS = st.builds(
    lambda metrics, module, fixtures, wall, scope, outcome: {
        "metrics": {name: float(value) for name, value in metrics.items()},
        "module": f"tests/test_{module}.py",
        "fixtures": fixtures,
        "setups": [["db", scope, wall, wall]] if wall is not None else [],
        "outcome": outcome,
    },
    CELLS,
    st.integers(0, 3),
    st.lists(st.sampled_from(["db", "smtp"]), unique=True),
    st.none() | SECONDS,
    st.sampled_from(["function", "module", "session"]),
    st.sampled_from(["passed", "passed", "failed", "skipped"]),
)


def check(suite, profile):
    for detection in (
        Clustering().detect(suite, profile),
        find_plateaus(suite, profile),
        find_drivers(suite, profile, suite.metrics),
    ):
        for finding in detection.findings:
            assert finding.log_p <= 0
            assert all(math.isfinite(value) for value in finding.evidence.values())
            assert math.isfinite(finding.cost_seconds or 0.0)
            assert "nan" not in finding.summary
            assert finding.recheck is not None
            assert finding.recheck(suite.column, suite.rows) <= 0
            assert finding.recheck(suite.column, suite.rows[::3]) <= 0


@settings(max_examples=150, deadline=None)
@given(st.lists(RECORDS, max_size=40), st.sampled_from(["fast", "normal"]))
def test_no_table_makes_them_raise(records, rate):
    for i, rec in enumerate(records):
        rec["nodeid"] = f"{rec['module']}::test_{i // 3}[{i}]"
    check(suite_of(records), Profile.of(rate))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(FINITE, st.integers(1, 40)), min_size=24, max_size=60),
    st.sampled_from([1.0, 1e-300, 1e300, 5e-324]),
)
def test_drivers_of_any_size(pairs, scale):
    """Seconds that follow a metric of any scale, with some values out of all proportion."""
    records = [
        {
            "nodeid": f"tests/test_{i % 4}.py::test_{i}",
            "metrics": {
                "duration.call": count * 1.0,
                "rows": (extreme if i % 12 == 0 else count * scale),
            },
        }
        for i, (extreme, count) in enumerate(pairs)
    ]
    check(suite_of(records), Profile.fast())


@given(FINITE, st.sampled_from(["s", "B", "1", "rows"]))
def test_numbers_are_short_and_plain(value, unit):
    for text in (format_value(value, unit), format_count(value), format_percent(value)):
        assert text.isascii()
        assert "nan" not in text


@given(st.floats(1e-9, 1e6))
def test_seconds_are_right_to_three_digits(seconds):
    number, unit = format_value(seconds, "s").replace(",", "").split()
    factor = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}[unit]
    assert float(number) * factor == pytest.approx(seconds, rel=0.0051)


@given(st.integers(0, 10**12))
def test_counts_are_exact(number):
    assert int(format_count(number).replace(",", "")) == number
    assert count_of(number, "test").startswith(format_count(number))
