"""What the cooling costs: CPU seconds and peak memory on made-up tables of four shapes.

    python benchmarks/cooling.py 5000x10 50000x3 50000x10 [--rate normal] [--repeat 3]

Prints one table. `exponent` is that of the growth from the row before with as many metrics, in the
same shape. Times are CPU seconds of this process for `cool` alone; memory is what `cool` allocates
at its highest, without the table itself, and is measured in a run of its own (tracemalloc slows).
"""

from __future__ import annotations

import argparse
import math
import random
import sys
import time
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING, Final

sys.path.insert(0, str(Path(__file__).parent.parent))

from pytest_crackle.cooling.cool import cool
from pytest_crackle.cooling.detectors.registry import DEFAULT, resolve
from pytest_crackle.cooling.profiles import Profile
from pytest_crackle.model.table import MetricTable, TableBuilder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_crackle.cooling.cool import Cooling
    from pytest_crackle.cooling.detectors.base import Detector

TESTS_A_FUNCTION: Final = 8
TESTS_A_MODULE: Final = 40
Draw = "Callable[[random.Random, int, int], float]"


def blob(rng: random.Random, row: int, metric: int) -> float:
    """One blob: everything is like everything else."""
    return 10.0 + rng.gauss(0, 1)


def spread(rng: random.Random, row: int, metric: int) -> float:
    """Widely spread: no two tests are alike."""
    return rng.lognormvariate(0, 3)


def planted(rng: random.Random, row: int, metric: int) -> float:
    """Plant a dear fixture, a metric that another follows, two that add up, a law with breakers."""
    size = 1 + row * 7919 % 211  # the same for all metrics of a test
    if metric % 5 == 1:
        return float(3 * size + rng.randrange(10))
    if metric % 5 == 2:
        return float(size)
    if metric % 5 == 3:
        return float(7 if row % 997 else 700)
    if metric % 5 == 4:
        return float(4 * size + row % 17)
    if row // TESTS_A_MODULE % 9 == 0:
        return 25 * rng.lognormvariate(0, 0.05)
    return rng.lognormvariate(0, 1)


def ties(rng: random.Random, row: int, metric: int) -> float:
    """Heavy ties: small counts, mostly zero."""
    return float(rng.choice((0, 0, 0, 0, 0, 0, 1, 1, 2, 3 + metric % 3)))


SHAPES: Final[dict[str, Callable[[random.Random, int, int], float]]] = {
    "blob": blob,
    "spread": spread,
    "planted": planted,
    "ties": ties,
}


def table_of(shape: str, n_tests: int, n_metrics: int) -> MetricTable:
    """Make a table of n tests by m metrics: duration, CPU time and rss first, then recorded ones.

    Fixtures are shared over modules, one value in twenty of a recorded metric is missing.
    """
    rng = random.Random(7)
    draw = SHAPES[shape]
    builder = TableBuilder()
    rss = 1e8
    for row in range(n_tests):
        module, function = row // TESTS_A_MODULE, row // TESTS_A_FUNCTION
        name = f"tests/d{module // 20}/test_{module}.py::test_{function}"
        wall = draw(rng, row, 0) * 2e-3
        metrics = {"duration.call": wall, "cpu": wall * 0.9, "memory.rss": rss}
        rss += 4096 * (row % 50 == 0)
        for metric in range(max(0, n_metrics - len(metrics))):
            if rng.random() >= 0.05:
                metrics[f"custom.{metric}"] = draw(rng, row, metric)
        builder.add(
            {
                "nodeid": f"{name}[{row % TESTS_A_FUNCTION}]",
                "index": row,
                "seq": row,
                "metrics": dict(list(metrics.items())[:n_metrics]),
                "fixtures": [f"f{module % 11}", "warehouse" if module % 9 == 0 else "shop"],
                "markers": ["slow"] if module % 13 == 0 else [],
            }
        )
    return builder.table()


def measure(
    table: MetricTable, profile: Profile, detectors: Sequence[Detector], repeat: int
) -> tuple[Cooling, float]:
    """Cool so many times; return what was found and the least CPU seconds."""
    least = math.inf
    for _ in range(repeat):
        started = time.process_time()
        cooling = cool(table, profile, detectors)
        least = min(least, time.process_time() - started)
    return cooling, least


def peak_mib(table: MetricTable, profile: Profile, detectors: Sequence[Detector]) -> float:
    """Return the highest memory that cooling allocates, in MiB."""
    tracemalloc.start()
    try:
        cool(table, profile, detectors)
        return tracemalloc.get_traced_memory()[1] / (1 << 20)
    finally:
        tracemalloc.stop()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sizes", nargs="*", default=["500x10", "5000x10"], help="TESTSxMETRICS")
    parser.add_argument("--rate", default="normal")
    parser.add_argument("--shapes", default=",".join(SHAPES))
    parser.add_argument("--detectors", default=",".join(DEFAULT))
    parser.add_argument("--repeat", type=int, default=1, help="runs, of which the least counts")
    parser.add_argument("--no-memory", action="store_true", help="times only")
    options = parser.parse_args(arguments)
    profile = Profile.of(options.rate)
    detectors = resolve(options.detectors.split(","))
    print(
        f"{'tests x metrics':>16}  {'shape':<8} {'CPU s':>8} {'exponent':>9} {'peak MiB':>9}  found"
    )
    before: dict[tuple[str, int], tuple[int, float]] = {}
    for size in options.sizes:
        n_tests, n_metrics = map(int, size.split("x"))
        for shape in options.shapes.split(","):
            table = table_of(shape, n_tests, n_metrics)
            cooling, seconds = measure(table, profile, detectors, options.repeat)
            memory = math.nan if options.no_memory else peak_mib(table, profile, detectors)
            n_before, s_before = before.get((shape, n_metrics), (n_tests, seconds))
            growth = math.nan
            if n_before != n_tests:
                growth = math.log(seconds / s_before) / math.log(n_tests / n_before)
            before[shape, n_metrics] = n_tests, seconds
            found = f"{len(cooling.patterns)} of {cooling.hypotheses}"
            if cooling.faults:
                found += f"; {cooling.faults[0]}"
            print(
                f"{size:>16}  {shape:<8} {seconds:8.2f} {growth:9.2f} {memory:9.1f} {found}",
                flush=True,
            )


if __name__ == "__main__":
    main()
