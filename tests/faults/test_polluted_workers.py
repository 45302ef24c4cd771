"""Real sessions with workers: the polluted one is named, and a busy machine is no finding."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from pytest_crackle.cooling.selfcheck import clopper_pearson
from tests.faults.sessions import TALLY

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest.importorskip("xdist")
pytestmark = pytest.mark.calibration

HEAD = """
import random, sys, time
import pytest

KEPT = []


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
"""
PLANTS = {
    "setprofile": "sys.setprofile(lambda *_: None)",
    "settrace": "sys.settrace(lambda *_: None)",
    "hoard": "KEPT.append(b'x' * (400 << 20))",
}
TELLS = {"setprofile": ("state", "pace"), "settrace": ("state", "pace"), "hoard": ("jump",)}
DISTS = ("load", "loadfile", "worksteal")
PLANTED = "test_module_2.py::test_planted"
MODULES, TESTS = 6, 24


def write_suite(folder, seed: int, plant: str | None) -> None:
    rng = random.Random(seed)
    (folder / "pytest.ini").write_text("[pytest]\n")
    for module in range(MODULES):
        parts = [HEAD]
        planted_at = rng.randrange(6, TESTS - 6)
        for number in range(TESTS):
            if plant and module == 2 and number == planted_at:
                parts.append(f"def test_planted():\n    {PLANTS[plant]}\n    work(40_000)\n")
            parts.append(f"def test_{number}():\n    work({rng.randint(60_000, 160_000)})\n")
        (folder / f"test_module_{module}.py").write_text("\n\n".join(parts))


def real_session(folder, seed: int, plant: str | None, dist: str) -> dict[str, Any]:
    """Run one suite of 144 tests of some 10 ms of CPU in two workers; return its report."""
    folder.mkdir()
    write_suite(folder, seed, plant)
    workers = [] if dist == "no" else ["-n2", f"--dist={dist}"]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "PYTHON"))}
    done = subprocess.run(
        [*command, *workers, "--crackle", "--crackle-json=report.json"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads((folder / "report.json").read_text("utf-8"))  # type: ignore[no-any-return]


def shifts(report: dict[str, Any]) -> list[dict[str, Any]]:
    return [p for p in report["patterns"] if p["kind"] == "phase-transition"]


def names_worker_and_test(report: dict[str, Any], plant: str) -> bool:
    """Whether a pattern of the right kind begins at the planted test, in its worker alone."""
    worker_of = {test["nodeid"]: test["worker"] for test in report["tests"]}
    for pattern in shifts(report):
        is_at = PLANTED in (pattern["at"], *pattern["tests"][:1])
        if pattern["subkind"] in TELLS[plant] and is_at:
            return {worker_of[nodeid] for nodeid in pattern["tests"]} == {worker_of[PLANTED]}
    return False


@pytest.mark.parametrize("plant", PLANTS)
def test_the_polluted_worker_and_test_are_named(plant, tmp_path):
    """Proof (c): 13 sessions under each mode, 39 a plant; 95 % wanted.

    At most 2 misses of 39: what finds 95 % passes with probability 0.69, what finds 80 % with
    0.008, what finds 99 % with 0.99.
    """
    right = trials = 0
    for seed in range(13):
        for dist in DISTS:
            report = real_session(tmp_path / f"{seed}{dist}", seed, plant, dist)
            right += names_worker_and_test(report, plant)
            trials += 1
    TALLY.count(f"sessions with a planted {plant}, worker and test named", right)
    assert trials - right <= 2, clopper_pearson(right, trials)


def test_healthy_workers_show_no_shift(tmp_path):
    """Proof (c), the null: 30 sessions; none may show a shift at 1 % (more than 1 has p .036)."""
    told = [
        p["summary"]
        for seed in range(10)
        for dist in DISTS
        for p in shifts(real_session(tmp_path / f"{seed}{dist}", 100 + seed, None, dist))
    ]
    TALLY.count("healthy sessions with workers", 30)
    assert len(told) <= 1, told


BUSY = "import time\nend = time.monotonic() + 300\nwhile time.monotonic() < end: sum(range(10_000))"


@contextmanager
def busy_processes(number: int) -> Iterator[None]:
    running = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(number)]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


def test_busy_processes_beside_a_run_are_no_finding(tmp_path):
    """Proof (d): 20 sessions beside as many busy processes as there are cores."""
    told = []
    for seed in range(20):
        with busy_processes((os.cpu_count() or 2) if seed % 2 else 1):
            dist = ("no", "load")[seed // 2 % 2]
            report = real_session(tmp_path / str(seed), 200 + seed, None, dist)
        told += [p["summary"] for p in shifts(report)]
    TALLY.count("sessions beside busy processes", 20)
    assert told == []
