"""What crackle adds to a whole session of trivial tests, the report included.

    python benchmarks/whole.py [--tests N] [--rounds N]

User + system CPU of whole processes, in rounds that take every variant once, each beside a run of
bare pytest on another core, so that both meet the same weather; bare pytest against itself shows
the noise. Trivial tests are the worst case: nothing else takes time.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path

from side_by_side import spread, used

BODY = "import pytest\n@pytest.mark.parametrize('i', range({n}))\ndef test_x(i): pass\n"
ON = ("-p", "pytest_crackle.plugin", "--crackle")
VARIANTS = {
    "bare pytest": ("-p", "no:crackle"),
    "installed, off": ("-p", "pytest_crackle.plugin"),
    "measuring only": (*ON, "--crackle-detectors=none"),
    "on": ON,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tests", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    cpu: dict[str, list[float]] = {variant: [] for variant in VARIANTS}
    more: dict[str, list[float]] = {variant: [] for variant in VARIANTS}
    room: dict[str, list[float]] = {variant: [] for variant in VARIANTS}
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "test_trivial.py"
        path.write_text(BODY.format(n=given.tests))

        def command(options: tuple[str, ...]) -> list[str]:
            start = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
            return [*start, *options, str(path)]

        bare = command(VARIANTS["bare pytest"])
        used(command(ON), cwd=path.parent)  # everything is compiled
        for _ in range(given.rounds):
            for variant, options in VARIANTS.items():
                (base, least), (seconds, size) = used(bare, command(options), cwd=path.parent)
                cpu[variant].append(seconds)
                more[variant].append(100.0 * (seconds / base - 1.0))
                room[variant].append((size - least) / given.tests)
    print(f"{given.tests} trivial tests, {given.rounds} rounds: CPU s, and more than bare pytest")
    print(f"{'':16} {'min':>7} {'median':>7} {'max':>7}   {'more':>22}   bytes/test")
    for variant in VARIANTS:
        print(
            f"{variant:16} {spread(cpu[variant], '7.2f')}   {spread(more[variant], '+6.1f')} %"
            f"   {statistics.median(room[variant]):9.0f}"
        )


if __name__ == "__main__":
    main()
