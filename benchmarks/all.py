"""Every speed benchmark in one go: off, on, beside others, the cooling, and what is kept.

    python benchmarks/all.py [PART ...]

Without a part all of them, in their order; each is a script of its own with its own options. It
takes an hour, most of it valgrind's.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
SIZES = ("1000x3", "5000x3", "50000x3", "200000x3", "1000x10", "5000x10", "50000x10", "200000x10")
PARTS = {
    "off": [("startup.py",)],
    "firing": [("meters.py",)],
    "peers": [("peers.py", "--instructions")],
    "whole": [("whole.py",)],
    "cooling": [("cooling.py", *SIZES), ("cooling.py", "--rankseg", "1000000")],
    "footprint": [("footprint.py",)],
}


def main() -> int:
    wanted = sys.argv[1:] or list(PARTS)
    unknown = [name for name in wanted if name not in PARTS]
    if unknown:
        print(f"parts are {', '.join(PARTS)}, not {', '.join(unknown)}", file=sys.stderr)
        return 2
    failed = 0
    for name in wanted:
        for script, *options in PARTS[name]:
            print(f"\n== {' '.join((script, *options))}", flush=True)
            failed += (
                subprocess.run([sys.executable, HERE / script, *options], check=False).returncode
                != 0
            )
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
