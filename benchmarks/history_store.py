"""The history at its goals: size of the file, cost of a run, times of reading.

    python benchmarks/history_store.py [TESTS [METRICS [RUNS]]]

10,000 tests x 10 metrics x 200 runs by default; goal: at most 400 MB, a test's series in
milliseconds. The values are those of a suite: times with noise, sizes in pages, counts.
"""

from __future__ import annotations

import math
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pytest_crackle.model.table import MetricTable
from pytest_crackle.storage.history.facts import RunFacts
from pytest_crackle.storage.history.opening import reading
from pytest_crackle.storage.history.reading import History
from pytest_crackle.storage.history.writing import add_run, prune_runs

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
KINDS = ("duration", "duration.call", "cpu", "delay", "memory.rss", "fds", "db.queries")


def table_of(n_tests: int, n_metrics: int, rng: random.Random) -> MetricTable:
    names = [*KINDS, *(f"ratio{i}" for i in range(max(0, n_metrics - len(KINDS))))][:n_metrics]
    return MetricTable.from_records(
        {
            "nodeid": f"tests/area{i // 500}/test_m{i // 50}.py::test_case[{i}]",
            "outcome": "passed",
            "seq": i,
            "metrics": {name: value(name, i, rng) for name in names},
        }
        for i in range(n_tests)
    )


def value(name: str, i: int, rng: random.Random) -> float:
    if name == "memory.rss":
        return float((30_000 + i // 7) * 4096)
    if name == "fds":
        return 12.0
    if name == "db.queries":
        return float(i % 40)
    if name.startswith("ratio"):
        return rng.random()
    return math.exp(-6 + (i % 7) + rng.gauss(0, 0.3))


def clocked(what: str, function: Callable[[], T]) -> T:
    cpu, wall = time.process_time(), time.perf_counter()
    result = function()
    spent = time.process_time() - cpu
    print(f"{what:58} {1e3 * spent:9.1f} ms CPU {1e3 * (time.perf_counter() - wall):9.1f} ms")
    return result


def main() -> None:
    n_tests, n_metrics, n_runs = (*map(int, sys.argv[1:]), 10_000, 10, 200)[:3]
    rng = random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history.db"
        tables = [table_of(n_tests, n_metrics, rng) for _ in range(3)]
        start = time.process_time()
        for number in range(n_runs):
            facts = RunFacts(f"2026-01-01T00:00:{number:03}Z", environment="here")
            add_run(path, facts, tables[number % 3])
        spent = (time.process_time() - start) / n_runs
        size = path.stat().st_size
        print(f"{n_tests} tests x {n_metrics} metrics x {n_runs} runs")
        print(f"file: {size / 1e6:.0f} MB (goal 400), adding a run: {1e3 * spent:.0f} ms CPU")
        read_it(path)
        gone = range(1, n_runs - 99)
        clocked("prune to 100 runs, with VACUUM", lambda: prune_runs(path, gone))
        print(f"file: {path.stat().st_size / 1e6:.0f} MB")


def read_it(path: Path) -> None:
    with reading(path) as connection:
        history = History(path, connection)
        clocked("PRAGMA quick_check", lambda: list(connection.execute("PRAGMA quick_check")))
        runs = clocked("facts of all runs", history.runs)
        test = history.tests(runs[0])[len(history.tests(runs[0])) // 2]
        clocked("series of one test, all metrics, all runs", lambda: history.series(test, runs))
    with reading(path) as connection:
        history = History(path, connection)
        this = RunFacts("2026-02-01T00:00:00Z", environment="here")
        past = clocked("the past of the last 100 runs, no columns", lambda: history.past(this))
        clocked("a column of 100 runs", lambda: [run.column("duration") for run in past.runs])
        clocked("a column of 100 runs, by test", lambda: past.aligned("duration"))


if __name__ == "__main__":
    main()
