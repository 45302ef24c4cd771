"""Files that were valid once: each is read or refused in one line, never anything else."""

from __future__ import annotations

import json
import os
import random
from typing import TYPE_CHECKING, Any

import pytest

from pytest_crackle.cooling.cool import cool
from pytest_crackle.cooling.profiles import Profile
from pytest_crackle.gating.baseline_text import parse_baseline
from pytest_crackle.model.errors import CrackleError
from pytest_crackle.model.strictjson import parse_json
from pytest_crackle.model.table import MetricTable
from pytest_crackle.reporting.jsonreport import dumps, from_json
from pytest_crackle.reporting.text import render_text
from pytest_crackle.storage.history.facts import RunFacts
from pytest_crackle.storage.history.opening import reading
from pytest_crackle.storage.history.reading import History
from pytest_crackle.storage.history.writing import add_run
from pytest_crackle.storage.recordsfile import read_json
from pytest_crackle.storage.shards import read_run
from tests.faults.documents import BASELINE, RECORDS, mutate, report, with_a_wrong_part
from tests.faults.sessions import TALLY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.property

TIMES = float(os.environ.get("CRACKLE_FUZZ", "1"))
"""More in a nightly run: 40 for some 2 million."""


# ---------------------------------------------------------------------- the readers


def take_records(data: bytes, path: Path, turn: int) -> None:
    path.write_bytes(data)
    run = read_run([str(path)])
    if turn % 20 == 0:
        cooling = cool(run.table, Profile.normal())
        assert cooling.faults == ()
        TALLY.count("mutated records cooled")


def take_report(data: bytes, path: Path, turn: int) -> None:
    path.write_bytes(data)
    read = from_json(read_json(str(path), max_size=1 << 24))
    if turn % 5 == 0:
        render_text(read, 80, 2)
        from_json(json.loads(dumps(read)))
        TALLY.count("mutated reports rendered")


def take_baseline(data: bytes, path: Path, turn: int) -> None:
    parse_baseline(data.decode("utf-8-sig"), "b")


def take_json(data: bytes, path: Path, turn: int) -> None:
    parse_json(data.decode("utf-8-sig"), "j")


def take_history(data: bytes, path: Path, turn: int) -> None:
    path.write_bytes(data)
    with reading(path, patience=0.0) as connection:
        history = History(path, connection)
        for run in history.runs():
            for metric in run.metrics:
                history.column(run, metric)
        past = history.past(FACTS)
        for old in past.runs:
            for metric in old.metrics:
                assert old.read is not None
                old.read(metric)


def is_taken(
    take: Callable[[bytes, Path, int], None], data: bytes, path: Path, turn: int = 1
) -> bool:
    """Tell whether a reader takes a file; fail where it does neither that nor refuse it."""
    try:
        take(data, path, turn)
    except (CrackleError, UnicodeDecodeError) as error:
        refusal = str(error)
    except Exception as error:
        raise AssertionError(f"{type(error).__name__}: {error}: {data[:20_000]!r}") from error
    else:
        return True
    assert refusal
    assert "\n" not in refusal
    return False


FACTS = RunFacts("2026-01-02T03:04:05Z", environment="e")


def history_file(folder: Path) -> bytes:
    """Write a history of three runs; return its bytes."""
    path = folder / "made.sqlite"
    for run in range(3):
        records: list[dict[str, Any]] = [
            {
                "nodeid": f"a.py::test_{i}",
                "attempt": int(i == 3),
                "outcome": "failed" if i == 2 else "passed",
                "metrics": {"duration": 0.1 * i + run, "x": i, "only": 1.5}
                if i % 2
                else {"duration": 0.5 * i},
            }
            for i in range(8)
        ]
        add_run(path, RunFacts(f"2026-01-01T00:0{run}:00Z", environment="e"), table_of(records))
    return path.read_bytes()


def table_of(records):
    return MetricTable.from_records(records)


# ---------------------------------------------------------------------- the tests

KINDS = {
    # reader, valid document, mutations of bytes, wrong parts
    "records": (take_records, lambda _: RECORDS, 8_000, 4_000),
    "report": (take_report, lambda _: report(), 3_000, 4_000),
    "baseline": (take_baseline, lambda _: BASELINE, 12_000, 8_000),
    "strict JSON": (take_json, lambda _: RECORDS.splitlines()[1], 8_000, 0),
    "history": (take_history, history_file, 3_000, 0),
}


@pytest.mark.parametrize("kind", KINDS)
def test_files_with_wrong_bytes_are_read_or_refused(kind, tmp_path):
    take, make, number, _ = KINDS[kind]
    rng, valid = random.Random(f"{kind} 1"), make(tmp_path)
    assert is_taken(take, valid, tmp_path / "f")
    number = int(number * TIMES)
    taken = sum(is_taken(take, mutate(valid, rng), tmp_path / "f", i) for i in range(number))
    TALLY.fuzz(f"{kind}: files with wrong bytes", number, taken)
    assert 0 < taken < number


@pytest.mark.parametrize("kind", [kind for kind, (*_, parts) in KINDS.items() if parts])
def test_files_with_a_wrong_part_are_read_or_refused(kind, tmp_path):
    take, make, _, number = KINDS[kind]
    rng, valid = random.Random(f"{kind} 2"), make(tmp_path)
    number = int(number * TIMES)
    taken = sum(
        is_taken(take, with_a_wrong_part(valid, rng), tmp_path / "f", i) for i in range(number)
    )
    TALLY.fuzz(f"{kind}: documents with a wrong part", number, taken)
    assert 0 < taken < number
