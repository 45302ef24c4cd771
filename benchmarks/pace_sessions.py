"""Real sessions, not recordings: how often healthy ones show a shift, and planted ones the cause.

    python benchmarks/pace_sessions.py [--null 200] [--planted 40] [--rate normal]

Each session is a process of its own: a generated suite of some 100 tests of 8 to 25 ms of CPU in
four modules, with a fixture that is set up for half of them and functions of many cases, so that
pace, fixtures and cases all have enough to be tested. Counted are the shifts along the run order.
Planted ones have one test in the middle that leaves something behind: found means a pattern that
names exactly this test, or begins at it. Intervals are Clopper-Pearson, 95 %.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

sys.path.insert(0, str(Path(__file__).parents[1]))

from pytest_crackle.cooling.selfcheck import clopper_pearson
from pytest_crackle.cooling.shifts.pace import LEAST_PROBES

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT: Final = Path(__file__).parents[1]
SHIFTS: Final = ("pace", "background", "state", "fixture", "cases", "step")
MODULES: Final = 4
PLANTED: Final = {
    "setprofile": "sys.setprofile(lambda *_: None)",
    "settrace": "sys.settrace(lambda *_: None)",
    "threads": "[threading.Thread(target=poll, daemon=True).start() for _ in range(3)]",
}
EXPECTED: Final = {
    "setprofile": ("state", "pace"),
    "settrace": ("state", "pace"),
    "threads": ("leak", "jump", "background"),
}
HEAD: Final = """
import random, sys, threading, time
import pytest


class Box:
    def __init__(self):
        self.total = 0

    def add(self, value):
        self.total = (self.total + value) & 255
        return self.total


def work(calls):
    box = Box()
    for i in range(calls):
        box.add(i)
    assert box.total >= 0


def poll():
    while True:
        time.sleep(0.002)


@pytest.fixture
def box():
    work(8_000)
    return Box()
"""


def write_suite(folder: Path, seed: int, plant: str | None) -> str | None:
    """Write a suite; return the node id of the planted test."""
    rng = random.Random(seed)
    planted = None
    (folder / "pytest.ini").write_text("[pytest]\n")
    for module in range(MODULES):
        lines = [HEAD]
        cases = rng.randint(20, 26)
        lines.append(
            f"@pytest.mark.parametrize('i', range({cases}))\n"
            f"def test_cases(i, box):\n    work({rng.randint(120_000, 180_000)})\n"
        )
        for number in range(rng.randint(6, 10)):
            calls = rng.randint(100_000, 280_000)
            lines.append(f"def test_{number}():\n    work({calls})\n")
            if plant and module == 1 and number == 3:
                planted = f"test_module_{module}.py::test_planted"
                lines.append(f"def test_planted():\n    {PLANTED[plant]}\n    work(100_000)\n")
        (folder / f"test_module_{module}.py").write_text("\n\n".join(lines))
    return planted


def run(folder: Path, rate: str) -> dict[str, Any]:
    """Run pytest there; return its JSON report."""
    report = folder / "report.json"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += ["-p", "pytest_crackle.plugin", "--crackle", f"--crackle-cooling={rate}"]
    command.append(f"--crackle-json={report}")
    environment = os.environ | {
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONPATH": str(ROOT),
        "PYTEST_CRACKLE": "1",
    }
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    out = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if not report.exists():
        raise RuntimeError(f"no report:\n{out.stdout[-2000:]}\n{out.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    return found


def session(
    seed: int, plant: str | None, rate: str
) -> tuple[str | None, list[dict[str, Any]], int]:
    """Return the planted node id, the patterns that were told, and the probes of pace."""
    with tempfile.TemporaryDirectory(prefix="crackle-") as name:
        planted = write_suite(Path(name), seed, plant)
        report = run(Path(name), rate)
    probes = sum("pace" in test["metrics"] for test in report["tests"])
    return planted, list(report["patterns"]), probes


def names(pattern: dict[str, Any], nodeid: str) -> bool:
    """Whether a pattern begins at a test or is about it alone."""
    return nodeid == pattern.get("at") or list(pattern.get("tests", ())) == [nodeid]


def share(hits: int, trials: int) -> str:
    low, high = clopper_pearson(hits, trials)
    return f"{hits} of {trials} = {hits / trials:.1%} (95 %: {low:.1%} to {high:.1%})"


def nulls(n: int, rate: str) -> None:
    subkinds: Counter[str] = Counter()
    hits = shifts = enough = 0
    for seed in range(n):
        _, patterns, probes = session(seed, None, rate)
        enough += probes >= LEAST_PROBES
        hits += any(pattern["subkind"] in SHIFTS for pattern in patterns)
        for pattern in patterns:
            subkinds[pattern["subkind"]] += 1
            shifts += pattern["subkind"] in SHIFTS
            print(f"  null {seed}: {pattern['subkind']}: {pattern['summary']}", flush=True)
    print(f"null: {share(hits, n)} sessions with a shift, {shifts} shifts in all")
    print(f"      {enough} had {LEAST_PROBES} probes of pace or more, so that it was tested")
    print(f"      pace alone: {subkinds['pace']}; all patterns told: {dict(subkinds) or 'none'}")


def planted_ones(kind: str, n: int, rate: str) -> None:
    found = exact = more = 0
    for seed in range(n):
        nodeid, patterns, _ = session(10_000 + seed, kind, rate)
        own = [pattern for pattern in patterns if pattern["subkind"] in EXPECTED[kind]]
        found += bool(own)
        is_exact = any(names(pattern, str(nodeid)) for pattern in own)
        exact += is_exact
        others = [p for p in patterns if p not in own or not names(p, str(nodeid))]
        more += len(others)
        for pattern in others if is_exact else patterns:
            print(f"  {kind} {seed}: {pattern['subkind']}: {pattern['summary']}", flush=True)
    print(f"{kind}: told {share(found, n)}; the very test {share(exact, n)}; {more} other patterns")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--null", type=int, default=200, help="healthy sessions")
    parser.add_argument("--planted", type=int, default=40, help="sessions of each planted kind")
    parser.add_argument("--kinds", default=",".join(PLANTED))
    parser.add_argument("--rate", default="normal")
    options = parser.parse_args(arguments)
    if options.null:
        nulls(options.null, options.rate)
    for kind in options.kinds.split(",") if options.planted else ():
        planted_ones(kind, options.planted, options.rate)


if __name__ == "__main__":
    main()
