"""What the comparison with past runs costs: CPU seconds on a made-up history.

    python benchmarks/history_cooling.py 10000x100 [--metrics 3] [--part changes|all]

`changes` looks for change points only: tests x metrics series over the runs. `all` is the detector
"history" as a whole on times of set-up and call and the other metrics as recorded values.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from array import array
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent.parent))

from pytest_crackle.cooling.cool import cool
from pytest_crackle.cooling.detectors.registry import resolve
from pytest_crackle.cooling.history.run_changes import run_changes
from pytest_crackle.cooling.profiles import Profile
from pytest_crackle.model.past import Past, PastRun
from pytest_crackle.model.table import TableBuilder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_crackle.model.table import MetricTable


def changes(n_tests: int, n_runs: int, n_metrics: int) -> tuple[float, str]:
    """Search all series; one in a thousand has a step in it."""
    rng = random.Random(1)
    series = []
    for unit in range(n_tests * n_metrics):
        step = n_runs // 2 if unit % 1000 == 0 else n_runs
        series.append([rng.gauss(0, 1) + 4 * (run >= step) for run in range(n_runs)])
    started = time.process_time()
    found = run_changes(series, Profile.normal())
    seconds = time.process_time() - started
    return seconds, f"{len(found.changes)} of {found.hypotheses} series"


def whole(n_tests: int, n_runs: int, n_metrics: int) -> tuple[float, str]:
    """Cool one run against the others with the detector "history" alone."""
    rng = random.Random(2)
    names = ["duration.call", "duration.setup", *(f"value.{i}" for i in range(n_metrics - 2))]
    typical = [rng.lognormvariate(-3, 1.5) for _ in range(n_tests)]
    nodeids = [f"tests/test_{unit // 40:03}.py::test_{unit}" for unit in range(n_tests)]
    runs = []
    for number in range(1, n_runs):
        columns = {name: _column(rng, typical) for name in names}
        runs.append(
            PastRun(
                number,
                "2026-01-01T00:00:00Z",
                "no",
                "ci",
                range(n_tests),
                ["passed"] * n_tests,
                metrics=tuple(names),
                read=columns.__getitem__,
            )
        )
    numbers = {nodeid: number for number, nodeid in enumerate(nodeids)}
    past = Past(tuple(runs), numbers, environment="ci")
    table = _table(nodeids, {name: _column(rng, typical) for name in names})
    started = time.process_time()
    cooling = cool(table, Profile.normal(), resolve(["history"]), past=past)
    seconds = time.process_time() - started
    faults = f"; {cooling.faults[0]}" if cooling.faults else ""
    return seconds, f"{len(cooling.patterns)} of {cooling.hypotheses}{faults}"


def _column(rng: random.Random, typical: Sequence[float]) -> array[float]:
    load = rng.lognormvariate(0, 0.2)
    return array("d", [value * load * rng.lognormvariate(0, 0.15) for value in typical])


def _table(nodeids: Sequence[str], columns: dict[str, array[float]]) -> MetricTable:
    builder = TableBuilder()
    for row, nodeid in enumerate(nodeids):
        metrics = {name: column[row] for name, column in columns.items()}
        builder.add({"nodeid": nodeid, "index": row, "seq": row, "metrics": metrics})
    return builder.table()


def main(arguments: Sequence[str] | None = None) -> None:
    """Print one line a size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sizes", nargs="*", default=["2000x100"], help="TESTSxRUNS")
    parser.add_argument("--metrics", type=int, default=3)
    parser.add_argument("--part", choices=("changes", "all"), default="all")
    options = parser.parse_args(arguments)
    measure = changes if options.part == "changes" else whole
    for size in options.sizes:
        n_tests, n_runs = map(int, size.split("x"))
        seconds, found = measure(n_tests, n_runs, options.metrics)
        print(
            f"{n_tests:,} tests x {options.metrics} metrics x {n_runs} runs, {options.part}: "
            f"{seconds:.1f} s CPU, found {found}",
            flush=True,
        )


if __name__ == "__main__":
    main()
