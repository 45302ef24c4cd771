"""What the firing costs beside other plugins that measure tests; each in a venv of its own.

    python benchmarks/peers.py [--rounds N] [--venvs FOLDER] [--instructions] [--only NAME ...]

Per test, over bare pytest: calls (cProfile, C functions included) and, with --instructions,
machine instructions (valgrind --tool=callgrind, the garbage collector off: where its full runs fall
is luck, and one more is 40 thousand a test), both in two suites of different size so that start-up
cancels out; user + system CPU of whole processes, in rounds that take every variant once, each
beside a run of bare pytest on another core, so that both meet the same weather; peak memory by the
same two sizes. The row `bare` is the noise floor: bare pytest against itself.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from side_by_side import spread, used

ROOT = Path(__file__).resolve().parent.parent
PYTEST = "pytest==9.2.0"
FEW, MANY = 200, 1200
TIMED_FEW, TIMED = 200, 5000
HEAD = "import pytest\n@pytest.mark.parametrize('i', range({n}))\n"
PLAIN = HEAD + "def test_x(i): pass\n"
PROPERTIES = HEAD + (
    "def test_x(i, record_property):\n"
    "    record_property('a', i); record_property('b', 2); record_property('c', 1)\n"
)
METRICS = (
    "from pytest_crackle import record_metric\n" + HEAD + "def test_x(i):\n"
    "    record_metric('a', i); record_metric('b', 2); record_metric.add('c', 1)\n"
)
LIMIT = """
seen = []

def pytest_runtest_logreport(report):
    seen.append((report.nodeid, report.when, report.outcome, report.duration))
"""
COUNT = (
    "import cProfile, pstats, sys, pytest\n"
    "p = cProfile.Profile(); p.enable(); pytest.main(sys.argv[1:]); p.disable()\n"
    "print('CALLS', pstats.Stats(p).total_calls)\n"
)
COLLECTOR_OFF = "import gc, sys, pytest; gc.disable(); sys.exit(pytest.main(sys.argv[1:]))"
QUIET = ("-q", "-p", "no:cacheprovider")


@dataclass(frozen=True)
class Variant:
    """One row of the table: what is installed and how it is switched on."""

    name: str
    venv: str
    install: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    counted: tuple[str, ...] = ()
    """Further options where calls and instructions are counted, not time."""
    values: str = PROPERTIES
    """The suite in which each test records three values; bare pytest, the base, records none."""


CRACKLE = (str(ROOT),)
# its probe makes 500 calls at most every 50 ms: how many a test is a matter of time, and a profiler
# or valgrind takes its time
NO_PROBE = ("--crackle-meters=-pace,-background",)
VARIANTS = (
    Variant("bare", "bare", values=PLAIN),
    Variant("limit: append only", "bare", options=("-p", "limit_plugin")),
    Variant("crackle, off", "crackle", CRACKLE, values=METRICS),
    Variant(
        "crackle, no detectors",
        "crackle",
        CRACKLE,
        ("--crackle", "--crackle-detectors=none"),
        NO_PROBE,
        METRICS,
    ),
    Variant("crackle", "crackle", CRACKLE, ("--crackle",), NO_PROBE, METRICS),
    Variant("pytest-durations", "pytest-durations", ("pytest-durations",)),
    Variant(
        "pytest-reportlog", "pytest-reportlog", ("pytest-reportlog",), ("--report-log=out.jsonl",)
    ),
    Variant(
        "pytest-json-report",
        "pytest-json-report",
        ("pytest-json-report",),
        ("--json-report", "--json-report-file=out.json"),
    ),
    Variant(
        "pytest-perf-report",
        "pytest-perf-report",
        ("pytest-perf-report",),
        ("--perf-report-json=out.json",),
    ),
    Variant("pytest-perfguard", "pytest-perfguard", ("pytest-perfguard",), ("--perfguard",)),
    Variant("pytest-harvest", "pytest-harvest", ("pytest-harvest",)),
)


class Bench:
    """Runs suites in the venvs; everything it writes is under one folder."""

    def __init__(self, venvs: Path, folder: Path) -> None:
        self.venvs, self.folder = venvs, folder
        self.fresh: set[str] = set()
        (folder / "limit_plugin.py").write_text(LIMIT)
        self.env = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("PYTEST_", "PYTHON", "GITHUB_"))
        } | {"PYTHONHASHSEED": "0", "PYTHONPATH": str(folder)}

    def prepare(self, variant: Variant) -> bool:
        """Make the venv of a variant unless it is there; tell whether it can be used.

        Ours is made anew: what is measured is the source as it stands.
        """
        home = self.venvs / variant.venv
        python = home / "bin" / "python"
        if variant.install == CRACKLE and variant.venv not in self.fresh:
            shutil.rmtree(home, ignore_errors=True)
            self.fresh.add(variant.venv)
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
            pip = [str(python), "-m", "pip", "-q", "install", PYTEST, *variant.install]
            if subprocess.run(pip, check=False).returncode != 0:
                shutil.rmtree(home)
                print(f"{variant.name}: cannot be installed", file=sys.stderr)
                return False
        return self.run(variant, PLAIN, 10).returncode == 0  # and everything is compiled

    def suite(self, body: str, n: int) -> Path:
        path = self.folder / f"test_{len(body)}_{n}.py"
        if not path.exists():
            path.write_text(body.format(n=n))
        return path

    def command(self, variant: Variant, body: str, n: int, *start: str) -> list[str]:
        python = str(self.venvs / variant.venv / "bin" / "python")
        path = self.suite(body, n)
        return [python, *(start or ("-m", "pytest")), *QUIET, *variant.options, str(path)]

    def run(self, variant: Variant, body: str, n: int) -> subprocess.CompletedProcess[str]:
        command = self.command(variant, body, n)
        return subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=self.folder, env=self.env
        )

    def calls(self, variant: Variant, body: str) -> float:
        counts = []
        for n in (FEW, MANY):
            self.run(variant, body, n)  # the suite is rewritten and cached
            command = [*self.command(variant, body, n, "-c", COUNT), *variant.counted]
            out = subprocess.run(
                command, capture_output=True, text=True, check=True, cwd=self.folder, env=self.env
            )
            counts.append(int(out.stdout.rpartition("CALLS")[2].split()[0]))
        return (counts[1] - counts[0]) / (MANY - FEW)

    def instructions(self, variant: Variant, body: str) -> float:
        counts = []
        tool = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
        for n in (FEW, MANY):
            self.run(variant, body, n)
            out = subprocess.run(
                [*tool, *self.command(variant, body, n, "-c", COLLECTOR_OFF), *variant.counted],
                capture_output=True,
                text=True,
                check=True,
                cwd=self.folder,
                env=self.env,
            )
            found = re.search(r"refs:\s*([\d,]+)", out.stderr)
            counts.append(int(found[1].replace(",", "")) if found else 0)
        return (counts[1] - counts[0]) / (MANY - FEW)

    def used(self, n: int, *pair: tuple[Variant, str]) -> list[tuple[float, float]]:
        """CPU seconds and peak bytes of runs side by side."""
        commands = [self.command(variant, body, n) for variant, body in pair]
        return used(*commands, cwd=self.folder, env=self.env)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9, help="0: count only, time nothing")
    parser.add_argument("--instructions", action="store_true")
    parser.add_argument("--only", nargs="*", default=[], help="names of variants beside bare")
    default = Path(tempfile.gettempdir()) / "crackle-peers"
    parser.add_argument("--venvs", type=Path, default=default, help=f"default {default}")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(given.venvs, Path(name))
        chosen = [
            variant
            for variant in VARIANTS
            if (not given.only or variant.name in ("bare", *given.only)) and bench.prepare(variant)
        ]
        for title, is_plain in (("plain tests", True), ("three values a test", False)):
            bodies = [PLAIN if is_plain else variant.values for variant in chosen]
            # valgrind takes a minute for each run: the plain suite only
            counted = given.instructions and is_plain
            table(
                bench, title, list(zip(chosen, bodies, strict=True)), given.rounds, counted=counted
            )


def table(
    bench: Bench, title: str, rows: list[tuple[Variant, str]], rounds: int, *, counted: bool
) -> None:
    """Measure one kind of suite and print its part of the table."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # counts are the same on a busy machine
        calls = list(pool.map(lambda row: bench.calls(*row), rows))
        instructions = [0.0] * len(rows)
        if counted:
            instructions = list(pool.map(lambda row: bench.instructions(*row), rows))
    cpu: list[list[float]] = [[] for _ in rows]
    start: list[list[float]] = [[] for _ in rows]
    peak: list[list[float]] = [[] for _ in rows]
    for _ in range(rounds):
        for place, row in enumerate(rows):
            few, many = bench.used(TIMED_FEW, rows[0], row), bench.used(TIMED, rows[0], row)
            plain, grown = (
                [b - a for a, b in zip(*both, strict=True)] for both in zip(few, many, strict=True)
            )
            cpu[place].append((grown[0] - plain[0]) / (TIMED - TIMED_FEW) * 1e6)
            peak[place].append((grown[1] - plain[1]) / (TIMED - TIMED_FEW))
            start[place].append((few[1][0] - few[0][0]) * 1e3)
    print(f"\n{title}: per test over bare pytest; min median max of {rounds} rounds")
    print(
        f"{'':24} {'calls':>7} {'k instr.':>9} {'CPU us':>23} {'peak bytes':>23} "
        f"{f'CPU ms of {TIMED_FEW} tests':>23}"
    )
    for place, (variant, _) in enumerate(rows):
        more = (instructions[place] - instructions[0]) / 1e3
        print(
            f"{variant.name:24} {calls[place] - calls[0]:7.1f} {more:9.1f} {spread(cpu[place])} "
            f"{spread(peak[place])} {spread(start[place], '7.1f')}"
        )
    print(f"{'bare pytest itself':24} {calls[0]:7.1f} {instructions[0] / 1e3:9.1f}", flush=True)


if __name__ == "__main__":
    main()
