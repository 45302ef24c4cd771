"""The four threshold rules of the reference beside the default detectors, on recorded suites.

    python benchmarks/classic_against_default.py [--rate normal] [--lines 3] [SUITE ...]

For each suite (first of two recorded runs; default: all that are at hand) and for both sets of
detectors: patterns told, those of them that the second run tells as well, those that are told as
well when the seconds are written as milliseconds, and those told on shuffles, in which the
measurements of all tests are dealt out at random, so that no test, fixture, file or place in the
order means anything (mean of three). Then the first lines of each. What is useful is judged by
reading, in docs/explanation/why-not-classic.md.
"""

from __future__ import annotations

import argparse
import random
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

sys.path.insert(0, str(Path(__file__).parents[1]))

from pytest_crackle.cooling.cool import cool
from pytest_crackle.cooling.detectors.registry import DEFAULT, resolve
from pytest_crackle.cooling.profiles import Profile
from pytest_crackle.model.table import MetricTable
from tests.recorded import path_of, records_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_crackle.cooling.cool import Cooling
    from pytest_crackle.model.pattern import Pattern

SUITES: Final = (
    "attrs",
    "flask",
    "more_itertools",
    "real30",
    "networkx",
    "sqlalchemy",
    "pandas",
)
SETS: Final = {"default": DEFAULT, "classic": ("classic",)}
SHUFFLES: Final = 3
LEVELS: Final = ("memory.rss", "fds", "threads")
COUNTED: Final = ("passed", "failed", "xfailed", "xpassed")
IN_SECONDS: Final = ("duration", "cpu", "delay")


def cooled(records: Sequence[dict[str, Any]], rate: str, which: str) -> Cooling:
    table = MetricTable.from_records(list(records))
    return cool(table, Profile.of(rate), resolve(list(SETS[which])))


def told(cooling: Cooling) -> list[Pattern]:
    """All patterns, also those beyond the five of a sub-kind that a report prints."""
    return [*cooling.patterns, *cooling.surplus]


def key(pattern: Pattern) -> tuple[object, ...]:
    """What a pattern is about, apart from its numbers."""
    at = pattern.at or (pattern.explained_by and pattern.explained_by.name)
    return pattern.kind, pattern.subkind, pattern.metrics, at, pattern.tests


def in_milliseconds(records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same records with times a thousand times as large: another unit, nothing else."""
    out = []
    for record in records:
        metrics = {
            name: 1000 * value if name.partition(".")[0] in IN_SECONDS else value
            for name, value in record["metrics"].items()
        }
        out.append(record | {"metrics": metrics})
    return out


def dealt(records: Sequence[dict[str, Any]], seed: int) -> list[dict[str, Any]]:
    """The measurements of all tests dealt out at random; levels, which are in order, left out."""
    rng = random.Random(seed)
    places = [i for i, record in enumerate(records) if record["outcome"] in COUNTED]
    sources = places[:]
    rng.shuffle(sources)
    source_of = dict(zip(places, sources, strict=True))
    out = []
    for i, record in enumerate(records):
        metrics = records[source_of.get(i, i)]["metrics"]
        kept = {name: value for name, value in metrics.items() if name not in LEVELS}
        out.append(record | {"metrics": kept})
    return out


def row(name: str, rate: str, which: str) -> tuple[list[str], list[Pattern]]:
    """One line of the table, and the patterns."""
    first, second = records_of(f"{name}.1"), records_of(f"{name}.2")
    cooling = cooled(first, rate, which)
    patterns = told(cooling)
    again = {pattern.id for pattern in told(cooled(second, rate, which))}
    cells = [name, which, f"{len(patterns)}", f"{sum(p.id in again for p in patterns)}"]
    if which == "classic":
        rescaled = {key(pattern) for pattern in told(cooled(in_milliseconds(first), rate, which))}
        cells.append(f"{sum(key(pattern) in rescaled for pattern in patterns)}")
    else:
        cells.append("-")  # its limits are in seconds on purpose
    nulls = [len(told(cooled(dealt(first, seed), rate, which))) for seed in range(SHUFFLES)]
    cells.append(f"{sum(nulls) / SHUFFLES:.1f}")
    cells += [reason.reason for reason in cooling.not_tested if which == "classic"]
    return cells, patterns


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("suites", nargs="*", default=SUITES)
    parser.add_argument("--rate", default="normal")
    parser.add_argument("--lines", type=int, default=3)
    options = parser.parse_args(arguments)
    header = ("suite", "detectors", "told", "run 2", "in ms", "shuffled")
    print("  ".join(f"{cell:>14}" for cell in header))
    lines: dict[tuple[str, str], list[Pattern]] = {}
    for name in options.suites:
        if path_of(f"{name}.2") is None:
            continue
        for which in SETS:
            cells, lines[name, which] = row(name, options.rate, which)
            print("  ".join(f"{cell:>14}" for cell in cells), flush=True)
    for (name, which), patterns in lines.items():
        for pattern in patterns[: options.lines]:
            print(f"{name}, {which}: {pattern.kind}: {pattern.summary}")


if __name__ == "__main__":
    main()
