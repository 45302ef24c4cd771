"""No table is too odd for the cooling: no fault, no number that is not finite, always the same."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_crackle.cooling.cool import cool
from pytest_crackle.cooling.detectors.registry import DEFAULT, resolve
from pytest_crackle.cooling.profiles import Profile
from pytest_crackle.cooling.selfcheck import shuffled
from pytest_crackle.model.table import EndReading, MetricTable

pytestmark = pytest.mark.property

NAMES = [
    "duration",
    "duration.setup",
    "duration.call",
    "duration.teardown",
    "cpu",
    "cpu.call",
    "cpu.children",
    "delay",
    "memory.rss",
    "fds",
    "threads",
    "pace",
    "background",
    "gc.collections",
    "warnings",
    "rows",
    "bytes",
    "id",
]
finite = st.floats(allow_nan=False, allow_infinity=False)
numbers = st.one_of(
    finite,
    st.floats(0, 100),
    st.sampled_from([0.0, 1.0, 0.05, 1e-300, 5e-324, 1e308, -1e308, -0.0]),
    st.integers(0, 5).map(float),
)
short = st.sampled_from(["a", "b", "a/b", "", "\ud800", "x" * 300, "[", "::"])


@st.composite
def records(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Up to 320 tests in runs of alike ones, so that there is something to find."""
    metrics = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=6))
    out: list[dict[str, Any]] = []
    for _ in range(draw(st.integers(0, 8))):
        values = {name: draw(numbers) for name in metrics if draw(st.integers(0, 3))}
        module = draw(short)
        extra = {
            "outcome": draw(st.sampled_from(["passed", "passed", "failed", "skipped", "error"])),
            "fixtures": draw(st.lists(short, max_size=2)),
            "markers": draw(st.lists(short, max_size=1)),
            "worker": draw(st.sampled_from([None, None, "gw0", "gw1"])),
            "setups": draw(
                st.lists(
                    st.tuples(short, st.sampled_from(["function", "session"]), finite, finite).map(
                        list
                    ),
                    max_size=1,
                )
            ),
            "state": draw(st.lists(st.just(["trace function", "None", "f"]), max_size=1)),
            "opened": draw(st.sampled_from([{}, {"fds": ["7:socket"]}, {"threads": ["1:T"]}])),
        }
        jitter = draw(st.sampled_from([0.0, 0.0, 1e-3, 1.0]))
        for _ in range(draw(st.integers(1, 40))):
            i = len(out)
            own = {name: value + jitter * (i % 7) for name, value in values.items()}
            nodeid = f"tests/{module}.py::test_{i // 5}[{i}]"
            out.append({"nodeid": nodeid, "metrics": own, **extra})
    return out


def table_of(rows: list[dict[str, Any]]) -> MetricTable:
    table = MetricTable.from_records(json.loads(json.dumps(rows)))
    if rows:
        table.ends[""] = EndReading({"fds": 3.0}, {"fds": ("7:socket",)})
    return table


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(records(), st.sampled_from(["fast", "normal", "slow"]))
def test_any_table_is_cooled_without_a_fault(rows, rate):
    cooling = cool(table_of(rows), Profile.of(rate), resolve([*DEFAULT, "classic"]))
    assert cooling.faults == (), cooling.errors[0]
    ids = [pattern.id for pattern in cooling.patterns]
    assert len(ids) == len(set(ids))
    names = {row["nodeid"] for row in rows}
    for pattern in cooling.patterns:
        assert all(math.isfinite(number) for number in pattern.evidence.values())
        assert 0 <= pattern.confidence <= 1
        assert 0 <= pattern.p_value <= 1
        assert 0 <= pattern.q_value <= 1
        assert names.issuperset([*pattern.tests, *pattern.exceptions])
        assert pattern.summary
        assert "\n" not in pattern.summary
        assert "nan" not in pattern.summary


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(records())
def test_cooling_twice_gives_the_same(rows):
    detectors = resolve([*DEFAULT, "classic"])
    fast = Profile.fast()
    assert cool(table_of(rows), fast, detectors) == cool(table_of(rows), fast, detectors)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(records(), st.integers(0, 5))
def test_any_table_can_be_shuffled_and_cooled(rows, seed):
    assert cool(shuffled(table_of(rows), seed=seed), Profile.fast()).faults == ()
