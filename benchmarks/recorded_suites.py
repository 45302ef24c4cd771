"""What the default detectors tell on recorded suites: how much, what comes back, how sure it was.

    python benchmarks/recorded_suites.py [--lines] [SUITE ...]

Each suite was recorded twice on one machine. A pattern of one run came back if the other run tells
one of the same id. The second table holds all claims of confidence (both runs, all rates) against
how many of them came back, with 95 % Clopper-Pearson intervals; one suite's claims at several rates
are not independent, so the intervals are too narrow rather than too wide.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

sys.path.insert(0, str(Path(__file__).parents[1]))

from pytest_crackle.cooling.cool import cool
from pytest_crackle.cooling.profiles import Profile
from pytest_crackle.cooling.selfcheck import clopper_pearson
from tests.recorded import path_of, table_of

if TYPE_CHECKING:
    from collections.abc import Sequence

SUITES: Final = (
    "attrs",
    "flask",
    "more_itertools",
    "real30",
    "networkx",
    "sqlalchemy",
    "pandas",
)
RATES: Final = ("fast", "normal", "slow")
BINS: Final = ((0.0, 0.5), (0.5, 0.7), (0.7, 0.85), (0.85, 1.0))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("suites", nargs="*", default=SUITES)
    parser.add_argument("--lines", action="store_true", help="print the patterns of the first run")
    options = parser.parse_args(arguments)
    claims: list[tuple[float, bool]] = []
    print(f"{'suite':>15} {'tests':>7} {'rate':>7} {'run 1':>6} {'came back':>10} {'run 2':>6}")
    for name in options.suites:
        if path_of(f"{name}.2") is None:
            continue
        tables = [table_of(f"{name}.{run}") for run in (1, 2)]
        for rate in RATES:
            runs = [cool(table, Profile.of(rate)).patterns for table in tables]
            ids = [{pattern.id for pattern in patterns} for patterns in runs]
            back = [[p.id in ids[1 - run] for p in runs[run]] for run in (0, 1)]
            for patterns, came in zip(runs, back, strict=True):
                claims += zip([p.confidence for p in patterns], came, strict=True)
            told = f"{len(runs[0]):6d} {sum(back[0]):10d} {len(runs[1]):6d}"
            print(f"{name:>15} {tables[0].n_tests:7,d} {rate:>7} {told}", flush=True)
            for pattern, came in zip(runs[0], back[0], strict=True) if options.lines else ():
                mark = "back" if came else "gone"
                print(f"    {mark} {pattern.confidence:.2f} {pattern.subkind}: {pattern.summary}")
    print(f"\n{'claimed':>12} {'claims':>7} {'mean':>6} {'came back':>10}  95 % interval")
    for low, high in BINS:
        some = [(c, came) for c, came in claims if low <= c < high]
        if not some:
            continue
        hits = sum(came for _, came in some)
        ends = clopper_pearson(hits, len(some))
        mean = sum(c for c, _ in some) / len(some)
        share = f"{hits / len(some):10.2f}  {ends[0]:.2f} to {ends[1]:.2f}"
        print(f"{low:5.2f} - {high:4.2f} {len(some):7d} {mean:6.2f} {share}")


if __name__ == "__main__":
    main()
