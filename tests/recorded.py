"""Recorded runs of real suites as records: the compact form of the research data, read back."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path
from typing import Any

from pytest_crackle.model.table import MetricTable

HERE = Path(__file__).parent
FOLDERS = (HERE / "data" / "suites", HERE.parent.parent / "shared" / "data" / "suites")
NAMES = {
    "db_queries": "db.queries",
    "gc_collections": "gc.collections",
    "rss": "memory.rss",
    "open": "opens",
    "import": "imports",
    "subprocess": "subprocesses",
    "socket": "sockets",
}
DROPPED = {"rss_delta", "allocated_blocks"}  # no metrics of ours


def path_of(name: str) -> Path | None:
    """Return the file of a recording such as ``flask.1``, or None where it is not at hand."""
    for folder in FOLDERS:
        if (path := folder / f"{name}.jsonl.gz").exists():
            return path
    return None


def records_of(name: str) -> list[dict[str, Any]]:
    """Read a recording as records in run order; raise FileNotFoundError where it is not at hand."""
    path = path_of(name)
    if path is None:
        raise FileNotFoundError(name)
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        head = json.loads(next(lines))
        rows = [json.loads(line) for line in lines]
    columns = [NAMES.get(column, column) for column in head["columns"]]
    records, nodeid = [], ""
    for seq, row in enumerate(rows):
        nodeid = nodeid[: row[0]] + row[1]
        values = zip(columns, row[5:], strict=True)
        metrics = {k: float(v) for k, v in values if v is not None and k not in DROPPED}
        fixtures = [f for f in head["fixturesets"][row[3]] if f != "request"]
        own = {"parametrize", "skip", "skipif", "xfail", "usefixtures", "filterwarnings"}
        markers = [m for m in head["markersets"][row[4]] if m not in own]
        outcome = head["outcomes"][row[2]]
        records.append(
            {
                "nodeid": nodeid,
                "seq": seq,
                "index": seq,
                "outcome": outcome,
                "fixtures": fixtures,
                "markers": markers,
                "metrics": metrics,
            }
        )
    return records


def table_of(name: str) -> MetricTable:
    """Read a recording as a table."""
    return MetricTable.from_records(records_of(name))


def shuffled_within_modules(records: list[dict[str, Any]], seed: int) -> list[dict[str, Any]]:
    """Deal the metrics of each module's tests out again: a null with the module effects."""
    rng = random.Random(seed)
    modules: dict[str, list[int]] = {}
    for i, record in enumerate(records):
        modules.setdefault(record["nodeid"].partition("::")[0], []).append(i)
    out = [dict(record) for record in records]
    for places in modules.values():
        dealt = places[:]
        rng.shuffle(dealt)
        for place, source in zip(places, dealt, strict=True):
            out[place]["metrics"] = records[source]["metrics"]
    return out
