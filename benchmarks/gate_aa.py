"""How often does the gate fail a suite that nobody changed?

    python benchmarks/gate_aa.py SUITE [--python PY] [--runs 50] [--rates normal,slow]
    python benchmarks/gate_aa.py SUITE --accept-first 2 --runs 20
    python benchmarks/gate_aa.py SUITE --bench-python PY --runs 50

SUITE is a folder with a suite that `python -m pytest` runs there, PY a Python that has the suite's
requirements and pytest-crackle. Every run is a session of its own with ``--crackle-fail-on=any``;
every second one has two busy processes beside it. With ``--accept-first N`` the patterns of N
runs are accepted into a baseline before, and the runs gate on what is not accepted: for suites
that have patterns. With ``--bench-python``, a Python with pytest-benchmark and toolz, a suite of
ten small benchmarks runs in the same minutes under ``--benchmark-compare-fail=mean:10%``, compared
with one run of itself without load. Nothing is changed between runs: each failure is a false one.
Intervals are Clopper-Pearson, 95 %.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

sys.path.insert(0, str(Path(__file__).parents[1]))

from pytest_crackle.cooling.selfcheck import clopper_pearson

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LOADS: Final = ("quiet", "loaded")
BUSY: Final = 2
BUSY_LOOP: Final = "import os; parent = os.getppid()\nwhile os.getppid() == parent: pass"
"""Ends by itself when this script is killed."""
PASSED, FAILED, OTHER = "passed", "failed", "other"
BENCHMARKS: Final = """
import pytest
import toolz
from toolz import curried

NUMBERS = list(range(2_000))
WORDS = [f"word{i % 97}" for i in range(2_000)]
CASES = {
    "groupby": lambda: toolz.groupby(len, WORDS),
    "frequencies": lambda: toolz.frequencies(WORDS),
    "partition_all": lambda: list(toolz.partition_all(7, NUMBERS)),
    "sliding_window": lambda: list(toolz.sliding_window(3, NUMBERS)),
    "unique": lambda: list(toolz.unique(WORDS)),
    "merge_sorted": lambda: list(toolz.merge_sorted(NUMBERS, NUMBERS)),
    "accumulate": lambda: list(toolz.accumulate(lambda a, b: a + b, NUMBERS)),
    "pipe": lambda: toolz.pipe(NUMBERS, curried.map(str), curried.filter(len), list),
    "valmap": lambda: toolz.valmap(str, dict(enumerate(NUMBERS))),
    "reduceby": lambda: toolz.reduceby(len, lambda a, b: a, WORDS, ""),
}


@pytest.mark.parametrize("name", CASES)
def test_speed(benchmark, name):
    benchmark(CASES[name])
"""


@dataclass
class Tally:
    """What came of the runs of one kind."""

    results: dict[str, Counter[str]] = field(default_factory=lambda: {k: Counter() for k in LOADS})
    reasons: Counter[str] = field(default_factory=Counter)

    def add(self, load: str, result: str, reasons: Sequence[str]) -> None:
        """Count one run."""
        self.results[load][result] += 1
        self.reasons.update(reasons)


@contextmanager
def load(processes: int) -> Iterator[None]:
    """Keep this many processes busy for as long."""
    busy = [subprocess.Popen([sys.executable, "-c", BUSY_LOOP]) for _ in range(processes)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


class CrackleRuns:
    """Sessions of one suite with a gate."""

    def __init__(self, python: str, suite: Path, rate: str, folder: Path, extra: list[str]) -> None:
        self.report = folder / f"{rate}.json"
        self.baseline = folder / f"{rate}-baseline.json"
        self.suite = suite
        self.command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *extra]
        self.command += ["--crackle", f"--crackle-cooling={rate}", f"--crackle-json={self.report}"]

    def _run(self, *options: str) -> subprocess.CompletedProcess[str]:
        self.report.unlink(missing_ok=True)
        command = [*self.command, *options]
        return subprocess.run(command, cwd=self.suite, capture_output=True, text=True, check=False)

    def accept(self, runs: int) -> list[str]:
        """Accept all of so many runs; return what each of them added."""
        self.command.append(f"--crackle-baseline={self.baseline}")
        added = []
        for run in range(1, runs + 1):
            done = self._run("--crackle-accept=all", "--crackle-reason=as adopted")
            if not self.report.exists():
                sys.exit(done.stdout + done.stderr)
            for pattern in json.loads(self.report.read_text())["patterns"]:
                line = f"{pattern['id']} {pattern['summary']}"
                if not any(pattern["id"] in one for one in added):
                    added.append(f"(run {run}) {line}")
        return added

    def one(self) -> tuple[str, list[str]]:
        """Run once with the gate; return what came of it and why."""
        done = self._run("--crackle-fail-on=any")
        if not self.report.exists():
            return OTHER, [f"exit status {done.returncode}, no report"]
        report = json.loads(self.report.read_text())
        gate = report["gate"]
        if done.returncode == 0 and gate["verdict"] == "pass":
            return PASSED, []
        if gate["verdict"] == "fail":
            failed = set(gate["failed"])
            return FAILED, [p["summary"] for p in report["patterns"] if p["id"] in failed]
        return OTHER, [f"exit status {done.returncode}, {gate['verdict']}: {gate['reason']}"]


class BenchmarkRuns:
    """Sessions of small benchmarks, compared with a saved one."""

    def __init__(self, python: str, folder: Path) -> None:
        self.folder = folder / "bench"
        self.folder.mkdir()
        (self.folder / "test_speed.py").write_text(BENCHMARKS, encoding="utf-8")
        self.command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        self.command += ["-p", "no:crackle", "--benchmark-max-time=0.2"]
        self._run("--benchmark-save=base")

    def _run(self, *options: str) -> subprocess.CompletedProcess[str]:
        command = [*self.command, *options]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)

    def one(self) -> tuple[str, list[str]]:
        """Compare once; return what came of it and how many benchmarks "regressed"."""
        done = self._run("--benchmark-compare=0001", "--benchmark-compare-fail=mean:10%")
        if done.returncode == 0:
            return PASSED, []
        regressed = done.stdout.count("has regressed") or (done.stdout + done.stderr).count(
            "PercentageRegressionCheck"
        )
        if "Performance has regressed" in done.stdout + done.stderr or regressed:
            return FAILED, []
        return OTHER, [f"exit status {done.returncode}: {(done.stderr or done.stdout)[-200:]}"]


def table(tallies: dict[str, Tally]) -> Iterator[str]:
    """Yield the lines of the result."""
    yield f"{'gate':44} {'quiet':>9} {'loaded':>9} {'failed of all':>14}  95 % interval"
    for name, tally in tallies.items():
        cells, failed, total = [], 0, 0
        for kind in LOADS:
            counts = tally.results[kind]
            runs = counts[PASSED] + counts[FAILED]
            cells.append(f"{counts[FAILED]}/{runs}")
            failed, total = failed + counts[FAILED], total + runs
        low, high = clopper_pearson(failed, total)
        whole = f"{failed}/{total}"
        yield f"{name:44} {cells[0]:>9} {cells[1]:>9} {whole:>14}  {low:.1%} to {high:.1%}"
    for name, tally in tallies.items():
        for reason, times in tally.reasons.most_common(10):
            yield f"  {name}: {times} x {reason}"


def one_round(
    gates: dict[str, CrackleRuns | BenchmarkRuns], tallies: dict[str, Tally], number: int
) -> None:
    """Run each gate once; every second round is loaded."""
    kind = LOADS[number % 2]
    with load(BUSY if kind == "loaded" else 0):
        for gate, sessions in gates.items():
            result, reasons = sessions.one()
            tallies[gate].add(kind, result, reasons)
            if result != PASSED:
                print(f"round {number + 1} {kind}: {gate} {result} {reasons}", flush=True)


def main() -> None:
    """Run all and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("suite", type=Path)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--bench-python")
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--rates", default="normal,slow")
    parser.add_argument("--accept-first", type=int, default=0, metavar="RUNS")
    parser.add_argument("--pytest", default="", help="more arguments for pytest")
    args = parser.parse_args()
    tallies: dict[str, Tally] = {}
    for number in (signal.SIGINT, signal.SIGTERM):  # a background job ignores the first
        signal.signal(number, signal.default_int_handler)
    start = time.time()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        gates: dict[str, CrackleRuns | BenchmarkRuns] = {}
        for rate in args.rates.split(","):
            runs = CrackleRuns(args.python, args.suite, rate, folder, args.pytest.split())
            if args.accept_first:
                for summary in runs.accept(args.accept_first):
                    print(f"accepted at {rate}: {summary}", flush=True)
            gates[f"--crackle-fail-on=any, {rate}"] = runs
        if args.bench_python:
            gates["--benchmark-compare-fail=mean:10%"] = BenchmarkRuns(args.bench_python, folder)
        tallies = {gate: Tally() for gate in gates}
        done = 0
        try:
            for done in range(args.runs):
                one_round(gates, tallies, done)
        except KeyboardInterrupt:
            print("interrupted; what was done until here:")
    cores, busy = os.cpu_count(), os.getloadavg()[0]
    print(f"{args.suite.name}, {done + 1} rounds in {time.time() - start:.0f} s, {cores} cores,")
    print(f"load average at the end {busy:.1f}")
    print(*table(tallies), sep="\n")


if __name__ == "__main__":
    main()
