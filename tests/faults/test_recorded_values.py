"""Any name and any value: refused where it is recorded, or read back equal after the whole way."""

from __future__ import annotations

import decimal
import fractions
import json
import random
import struct
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_crackle.firing.recording import Firing, RecordMetric
from pytest_crackle.firing.transport import attach, detach
from pytest_crackle.model.errors import CrackleError
from pytest_crackle.storage.journal import Journal
from pytest_crackle.storage.recordsfile import read_shard
from tests.faults.sessions import TALLY

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

execnet = pytest.importorskip("execnet")
pytestmark = [
    pytest.mark.property,
    # Python's own word about a class whose __float__ gives no float
    pytest.mark.filterwarnings("ignore:.*__float__ returned non-float:DeprecationWarning"),
]

EXAMPLES = 10_000
A_RECORD = 50
"""Examples a test record, each under another name."""


class Number(float):
    """A subclass, whose exact type must not travel."""

    def __float__(self):
        return Number(3.5)


class Integer(int):
    pass


class Convertible:
    def __float__(self):
        return 1.0


class Text(str):
    pass


def any_value(rng: random.Random, depth: int = 0) -> Any:
    ways = (
        lambda: rng.randint(-(2**70), 2**70),
        lambda: rng.choice([0, -0.0, 5e-324, -1e308, 1.7976931348623157e308, 2**53 + 1]),
        lambda: struct.unpack("d", rng.randbytes(8))[0],
        lambda: rng.gauss(0, 1),
        lambda: rng.choice([10**308, 10**309, -(10**400), 2**1023, 2**1024]),
        lambda: fractions.Fraction(rng.randint(-99, 99), rng.randint(1, 10**40)),
        lambda: decimal.Decimal(rng.choice(["0.1", "1e-400", "1e400", "NaN", "sNaN", "-Inf"])),
        lambda: rng.choice([np.float32, np.float64, np.float16])(rng.choice([0.1, 1e30, np.nan])),
        lambda: rng.choice([np.int8, np.uint64, np.bool_])(rng.randint(0, 1)),
        lambda: np.array(rng.choice([1.0, [1.0], [1.0, 2.0]])),
        lambda: rng.choice([Number(2), Integer(3), Convertible(), Text("1"), np.str_("1")]),
        lambda: rng.choice([None, True, False, "1", "", b"1", bytearray(b"1"), 1j, 0j, ...]),
        lambda: rng.choice([object(), int, len, float("nan"), float("inf"), -float("inf")]),
        lambda: [any_value(rng, depth + 1)] if depth < 3 else [],
        lambda: {"x": any_value(rng, depth + 1)} if depth < 3 else {},
        lambda: (any_value(rng, depth + 1),) if depth < 3 else (),
    )
    with np.errstate(all="ignore"):
        return rng.choice(ways)()


def any_name(rng: random.Random) -> Any:
    if not rng.randrange(40):
        return rng.choice([None, 5, b"x", Text("x"), ("x",), 1.5])
    high = rng.choice([0x7F, 0x7F, 0x2FF, 0xFFFF, 0x10FFFF])
    length = rng.choice([0, 1, 2, 8, 199, 200, 201])
    return "".join(chr(rng.randint(0 if high > 0x7F else 32, high)) for _ in range(length))


# ---------------------------------------------------------------------- the way of a value


def record_all(pairs: Iterable[tuple[Any, Any]], *, add: bool = False) -> dict[str, float]:
    """Record what is not refused; return what the test then holds."""
    firing = Firing()
    slot = firing.begin(SimpleNamespace(nodeid="a.py::test_a"))
    record = RecordMetric(slot)
    for name, value in pairs:
        before = dict(slot.metrics)
        try:
            (record.add if add else record)(name, value)
        except (TypeError, ValueError):
            assert slot.metrics == before
        else:
            assert type(slot.metrics[str(name)]) is float
            if not add and type(value) in (int, float):
                assert slot.metrics[str(name)] == value or abs(value) > 2**53
    return dict(slot.metrics)


def travel(metrics: dict[str, float], folder: Path) -> dict[str, float]:
    """Send values the whole way: report, execnet, journal, reader."""
    report = pytest.TestReport("a.py::test_a", ("a.py", 1, "t"), {}, "passed", None, "teardown")
    attach(report, {"nodeid": "a.py::test_a", "metrics": metrics})
    sent = execnet.loads(execnet.dumps(vars(report)["_crackle_record"]))
    attach(report, sent)
    arrived = detach(report)
    assert arrived is not None
    journal = Journal(folder / "run.jsonl")
    journal.begin({})
    assert journal.write(arrived) is None
    assert journal.finish({"complete": True}) is None
    shard = read_shard(str(folder / "run.jsonl"))
    assert shard.refused == 0
    (read,) = shard.records
    return read["metrics"]


def bits(metrics: dict[str, float]) -> dict[str, bytes]:
    return {name: struct.pack("d", value) for name, value in metrics.items()}


def test_what_is_recorded_is_read_back_bit_by_bit(tmp_path):
    rng = random.Random(4)
    recorded = 0
    for number in range(EXAMPLES // A_RECORD):
        pairs = [(any_name(rng), any_value(rng)) for _ in range(A_RECORD)]
        metrics = record_all(pairs, add=number % 4 == 0)
        recorded += len(metrics)
        assert bits(travel(metrics, tmp_path)) == bits(metrics)
    TALLY.fuzz("record_metric(name, value)", EXAMPLES, recorded)
    assert EXAMPLES // 10 < recorded < EXAMPLES


VALUES = st.recursive(
    st.integers()
    | st.floats()
    | st.none()
    | st.booleans()
    | st.complex_numbers()
    | st.text()
    | st.binary()
    | st.fractions()
    | st.decimals()
    | st.sampled_from([Number(1), Integer(1), np.float32(1), np.int64(1), np.array(1.0)]),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
NAMES = (
    st.text("abc. /", min_size=1, max_size=201)
    | st.text(st.characters(exclude_categories=()), max_size=10)
    | st.none()
    | st.binary(max_size=2)
)


@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(NAMES, VALUES), max_size=6))
def test_whatever_is_recorded_is_read_back(tmp_path, pairs):
    metrics = record_all(pairs)
    TALLY.fuzz("record_metric, by hypothesis", len(pairs), len(metrics))
    assert bits(travel(metrics, tmp_path)) == bits(metrics)


def test_the_way_would_notice_a_value_that_changes(tmp_path):
    assert bits(travel({"x": 0.1}, tmp_path)) != bits({"x": 0.1 + 2**-55})
    with pytest.raises(execnet.DumpError):
        travel({"x": Number(1)}, tmp_path)
    (tmp_path / "run.jsonl").write_text(json.dumps({"nodeid": "a", "metrics": {"x": "1"}}))
    with pytest.raises(CrackleError):
        read_shard(str(tmp_path / "run.jsonl"))
