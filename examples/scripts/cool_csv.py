"""Cool any CSV file: one row is one thing measured, columns of numbers are its metrics.

Usage: python cool_csv.py FILE.csv NAME_COLUMN
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path

from pytest_crackle import Cooling, MetricTable, Profile, Record, cool

HOLES = {"", "-", "n/a", "na", "nan", "none", "null"}


def number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def records_of(path: Path, name: str) -> Iterator[Record]:
    with path.open(newline="", encoding="utf-8-sig") as lines:  # with or without Excel's mark
        for place, row in enumerate(csv.DictReader(lines, restval="")):
            # a hole is a metric that this row does not have: it is left out, never 0
            cells = {key: text for key, text in row.items() if text.strip().lower() not in HOLES}
            group_and_name = cells.pop(name)
            values = {key: number(text) for key, text in cells.items()}
            yield {
                "nodeid": f"{path.name}::{group_and_name}",
                "seq": place,
                "markers": [
                    f"{key}={cells[key]}" for key, value in values.items() if value is None
                ],
                "metrics": {key: value for key, value in values.items() if value is not None},
            }


def cool_csv(path: Path, name: str, profile: Profile | None = None) -> Cooling:
    return cool(MetricTable.from_records(records_of(path, name)), profile)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    for pattern in cool_csv(Path(sys.argv[1]), sys.argv[2]).patterns:
        print(f"{pattern.confidence:.0%} {pattern.kind}: {pattern}")
