"""What the installed plugin adds to every start of pytest while it is off.

    python benchmarks/startup.py [--rounds N]

In fresh processes, after ``import pytest``: CPU milliseconds of importing the entry point and of
declaring its options, and the modules of ours that are loaded then.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys

PROBE = """
import json, sys, time
import pytest
parser = pytest.Parser(_ispytest=True)
before = set(sys.modules)
clock = time.process_time_ns
start = clock()
from pytest_crackle import plugin
imported = clock()
plugin.pytest_addoption(parser)
done = clock()
ours = sorted(name for name in set(sys.modules) - before if name.startswith("pytest_crackle"))
others = sorted(set(sys.modules) - before - set(ours))
print(json.dumps([(imported - start) / 1e6, (done - imported) / 1e6, ours, others]))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=21)
    given = parser.parse_args()
    rows = []
    for _ in range(given.rounds + 1):
        command = [sys.executable, "-W", "ignore", "-c", PROBE]
        out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        rows.append(json.loads(out))
    rows = rows[1:]  # the first compiles
    print(f"off, CPU ms of {given.rounds} starts: {'min':>7} {'median':>7} {'max':>7}")
    parts = {
        "import": [row[0] for row in rows],
        "options": [row[1] for row in rows],
        "both": [row[0] + row[1] for row in rows],
    }
    for name, values in parts.items():
        three = (min(values), statistics.median(values), max(values))
        print(f"{name:28} " + " ".join(f"{value:7.2f}" for value in three))
    print(f"modules of ours: {', '.join(rows[0][2])}; of others: {', '.join(rows[0][3]) or 'none'}")


if __name__ == "__main__":
    main()
