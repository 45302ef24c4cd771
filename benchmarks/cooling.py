"""What the cooling costs: CPU seconds and peak memory on made-up tables of four shapes.

    python benchmarks/cooling.py 5000x10 50000x3 50000x10 [--rate normal] [--repeat 3]

    python benchmarks/cooling.py --rankseg 1000000

Prints one table. `exponent` is that of the growth from the row before with as many metrics, in the
same shape; then the seconds of each detector, and of what follows them (confidence, sentences).
Times are CPU seconds of this process for `cool` alone; memory is what `cool` allocates
at its highest, without the table itself, and is measured in a run of its own (tracemalloc slows).
"""

from __future__ import annotations

import argparse
import math
import random
import sys
import time
import tracemalloc
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

sys.path.insert(0, str(Path(__file__).parent.parent))

from pytest_crackle.cooling.changepoints.rankseg import rankseg
from pytest_crackle.cooling.cool import cool
from pytest_crackle.cooling.detectors.registry import DEFAULT, resolve
from pytest_crackle.cooling.profiles import Profile
from pytest_crackle.model.table import MetricTable, TableBuilder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_crackle.cooling.cool import Cooling
    from pytest_crackle.cooling.detectors.base import Detection, Detector
    from pytest_crackle.cooling.suite import Suite

TESTS_A_FUNCTION: Final = 8
TESTS_A_MODULE: Final = 40
STEPS: Final = 20


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


class Timed:
    """A detector that notes its CPU seconds; what several ask for is paid by the first of them."""

    def __init__(self, detector: Detector) -> None:
        self.name = detector.name
        self.seconds = 0.0
        self._detector = detector

    def detect(self, suite: Suite, profile: Profile) -> Detection:
        started = time.process_time()
        try:
            return self._detector.detect(suite, profile)
        finally:
            self.seconds = time.process_time() - started


@dataclass(frozen=True)
class Measured:
    """The fastest of several runs: CPU seconds in all and by detector, and what was found."""

    cooling: Cooling
    seconds: float
    parts: tuple[float, ...]


def measure(
    table: MetricTable, profile: Profile, detectors: Sequence[Detector], repeat: int
) -> Measured:
    """Cool so many times; the run with the least CPU seconds counts."""
    runs = []
    for _ in range(repeat):
        timed = [Timed(detector) for detector in detectors]
        started = time.process_time()
        cooling = cool(table, profile, timed)
        seconds = time.process_time() - started
        runs.append(Measured(cooling, seconds, tuple(one.seconds for one in timed)))
    return min(runs, key=lambda run: run.seconds)


def peak_mib(table: MetricTable, profile: Profile, detectors: Sequence[Detector]) -> float:
    """Return the highest memory that cooling allocates, in MiB."""
    tracemalloc.start()
    try:
        cool(table, profile, detectors)
        return tracemalloc.get_traced_memory()[1] / (1 << 20)
    finally:
        tracemalloc.stop()


def rankseg_seconds(n: int, n_steps: int) -> tuple[float, int]:
    """Cut a series of so many points and steps; return CPU seconds and the changes found."""
    rng = random.Random(3)
    levels = [1.5 * (step % 2) for step in range(n_steps + 1)]
    series = [levels[i * (n_steps + 1) // n] + rng.gauss(0, 1) for i in range(n)]
    started = time.process_time()
    found = rankseg(series)
    return time.process_time() - started, len(found.changes)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sizes", nargs="*", default=["500x10", "5000x10"], help="TESTSxMETRICS")
    parser.add_argument("--rate", default="normal")
    parser.add_argument("--shapes", default=",".join(SHAPES))
    parser.add_argument("--detectors", default=",".join(DEFAULT))
    parser.add_argument("--repeat", type=int, default=1, help="runs, of which the least counts")
    parser.add_argument("--no-memory", action="store_true", help="times only")
    parser.add_argument("--rankseg", type=int, metavar="POINTS", help="one long series of 20 steps")
    options = parser.parse_args(arguments)
    if options.rankseg:
        seconds, n_found = rankseg_seconds(options.rankseg, STEPS)
        print(
            f"rankseg, {options.rankseg:,} points, {STEPS} steps: {seconds:.1f} s, {n_found} found"
        )
        return
    profile = Profile.of(options.rate)
    detectors = resolve(options.detectors.split(","))
    columns = [f"{detector.name[:11]:>11}" for detector in detectors]
    print(
        f"{'tests x metrics':>16}  {'shape':<8} {'CPU s':>8} {'exponent':>9} {'peak MiB':>9}",
        *columns,
        f"{'told':>11}  found",
    )
    before: dict[tuple[str, int], tuple[int, float]] = {}
    for size in options.sizes:
        n_tests, n_metrics = map(int, size.split("x"))
        for shape in options.shapes.split(","):
            table = table_of(shape, n_tests, n_metrics)
            found = measure(table, profile, detectors, options.repeat)
            memory = math.nan if options.no_memory else peak_mib(table, profile, detectors)
            n_before, s_before = before.get((shape, n_metrics), (n_tests, found.seconds))
            growth = math.nan
            if n_before != n_tests:
                growth = math.log(found.seconds / s_before) / math.log(n_tests / n_before)
            before[shape, n_metrics] = n_tests, found.seconds
            rest = found.seconds - sum(found.parts)
            print(
                f"{size:>16}  {shape:<8} {found.seconds:8.2f} {growth:9.2f} {memory:9.1f}",
                *(f"{part:11.2f}" for part in (*found.parts, rest)),
                f" {len(found.cooling.patterns)} of {found.cooling.hypotheses}",
                *found.cooling.faults,
                flush=True,
            )


if __name__ == "__main__":
    main()
