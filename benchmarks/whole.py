"""What crackle adds to a whole session of trivial tests, the report included.

    python benchmarks/whole.py [--tests N] [--rounds N]

User + system CPU of whole processes, in rounds that take every variant once: bare pytest twice, so
that the second against the first shows the noise, measuring alone, and everything. Trivial tests
are the worst case: nothing else takes time.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

BODY = "import pytest\n@pytest.mark.parametrize('i', range({n}))\ndef test_x(i): pass\n"
ON = ("-p", "pytest_crackle.plugin", "--crackle")
VARIANTS = {
    "bare pytest": ("-p", "no:crackle"),
    "bare again": ("-p", "no:crackle"),
    "installed, off": ("-p", "pytest_crackle.plugin"),
    "measuring only": (*ON, "--crackle-detectors=none"),
    "on": ON,
}


def used(path: Path, options: tuple[str, ...]) -> tuple[float, float]:
    """CPU seconds and peak bytes of one session."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, str(path)]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=path.parent
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tests", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    cpu: dict[str, list[float]] = {variant: [] for variant in VARIANTS}
    peak: dict[str, list[float]] = {variant: [] for variant in VARIANTS}
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "test_trivial.py"
        path.write_text(BODY.format(n=given.tests))
        used(path, ON)  # everything is compiled
        for _ in range(given.rounds):
            for variant, options in VARIANTS.items():
                seconds, size = used(path, options)
                cpu[variant].append(seconds)
                peak[variant].append(size)
    bare, room = cpu["bare pytest"], min(peak["bare pytest"])
    print(f"{given.tests} trivial tests, {given.rounds} rounds: CPU s, and more than bare pytest")
    print(
        f"{'':16} {'min':>7} {'median':>7} {'max':>7}   {'more, round by round':>22}   bytes/test"
    )
    for variant, seconds in cpu.items():
        more = [100.0 * (mine / base - 1.0) for mine, base in zip(seconds, bare, strict=True)]
        three = f"{min(more):+6.1f} {statistics.median(more):+6.1f} {max(more):+6.1f} %"
        print(
            f"{variant:16} {min(seconds):7.2f} {statistics.median(seconds):7.2f} "
            f"{max(seconds):7.2f}   {three}   {(min(peak[variant]) - room) / given.tests:9.0f}"
        )


if __name__ == "__main__":
    main()
