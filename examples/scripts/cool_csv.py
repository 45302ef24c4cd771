"""Cool any CSV file: one row is one thing measured, columns of numbers are its metrics.

Usage: python cool_csv.py FILE.csv NAME_COLUMN
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path

from pytest_crackle import Cooling, MetricTable, Profile, Record, cool


def number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def records_of(path: Path, name: str) -> Iterator[Record]:
    with path.open(newline="", encoding="utf-8") as lines:
        for place, row in enumerate(csv.DictReader(lines)):
            values = {key: number(text) for key, text in row.items() if key != name}
            metrics = {key: value for key, value in values.items() if value is not None}
            words = [f"{key}={row[key]}" for key, value in values.items() if value is None]
            # a cell that is empty is a metric that this row does not have: it is left out, never 0
            words = [word for word in words if not word.endswith("=")]
            yield {
                "nodeid": f"{path.name}::{row[name]}",  # the group it is compared in, and its name
                "seq": place,
                "markers": words,
                "metrics": metrics,
            }


def cool_csv(path: Path, name: str, profile: Profile | None = None) -> Cooling:
    return cool(MetricTable.from_records(records_of(path, name)), profile or Profile.normal())


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    for pattern in cool_csv(Path(sys.argv[1]), sys.argv[2]).patterns:
        print(f"{pattern.confidence:.0%} {pattern.kind}: {pattern.summary}")
