"""What the firing costs: Python-level calls, CPU time, peak memory a test; start-up when off.

    python benchmarks/firing.py [ROUNDS]

Calls are counted by cProfile (C functions included) in two suites of different size, so that
start-up cancels out. CPU time is that of whole processes, paired and interleaved.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

SMALL, LARGE = 200, 600
BODY = "import pytest\n@pytest.mark.parametrize('i', range({n}))\ndef test_x(i): pass\n"
WITH_VALUES = (
    "import pytest\n@pytest.mark.parametrize('i', range({n}))\n"
    "def test_x(i, record_metric):\n"
    "    record_metric('a', i); record_metric('b', 2); record_metric.add('c', 1)\n"
)
COUNT = (
    "import cProfile, pstats, sys, pytest\n"
    "p = cProfile.Profile(); p.enable(); pytest.main(sys.argv[1:]); p.disable()\n"
    "print('CALLS', pstats.Stats(p).total_calls)\n"
)
BARE = "bare pytest"
VARIANTS = {
    BARE: ["-p", "no:crackle"],
    "installed, off": [],
    "on, measuring only": ["--crackle", "--crackle-detectors=none"],
    "on, measuring only, no pace": [
        "--crackle",
        "--crackle-detectors=none",
        "--crackle-meters=-pace,-background",
    ],
    "on, all": ["--crackle"],
}


def suite(folder: Path, n: int, body: str) -> Path:
    path = folder / f"test_{n}_{len(body)}.py"
    path.write_text(body.format(n=n))
    return path


def calls(path: Path, options: list[str]) -> int:
    command = [sys.executable, "-c", COUNT, "-q", "-p", "no:cacheprovider", *options, str(path)]
    out = subprocess.run(command, capture_output=True, text=True, check=False, cwd=path.parent)
    return int(out.stdout.rpartition("CALLS")[2])


def cpu(path: Path, options: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, str(path)]
    subprocess.run(command, capture_output=True, check=False, cwd=path.parent)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def given(variant: str) -> list[str]:
    """The options of a variant; plugins are not loaded by themselves here."""
    options = VARIANTS[variant]
    return options if variant == BARE else ["-p", "pytest_crackle.plugin", *options]


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        small, large = (suite(folder, n, BODY) for n in (SMALL, LARGE))
        per_test = {
            variant: (calls(large, given(variant)) - calls(small, given(variant))) / (LARGE - SMALL)
            for variant in VARIANTS
        }
        times: dict[str, list[float]] = {variant: [] for variant in VARIANTS}
        big = suite(folder, 3000, BODY)
        for _ in range(rounds):
            base = cpu(big, given(BARE))
            for variant in VARIANTS:
                times[variant].append((cpu(big, given(variant)) - base) / 3000 * 1e6)
        print(f"{'':32} {'calls a test':>14}   added CPU us a test")
        print(f"{'variant':32} {'all':>6} {'added':>7}   {'min':>8} {'median':>8} {'max':>8}")
        for variant, values in times.items():
            added = per_test[variant] - per_test[BARE]
            low, mid, high = min(values), statistics.median(values), max(values)
            print(
                f"{variant:32} {per_test[variant]:6.0f} {added:7.1f}   "
                f"{low:8.1f} {mid:8.1f} {high:8.1f}"
            )


if __name__ == "__main__":
    main()
