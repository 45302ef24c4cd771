"""Cool the jobs of a CI server: rows are jobs instead of tests, no pytest session anywhere.

Usage: python cool_ci_builds.py [builds.json]
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from pytest_crackle import Cooling, MetricTable, Profile, Record, cool


def record_of(job: dict[str, object], place: int) -> Record:
    """Only `nodeid` and `metrics` are required; what else is known may explain a pattern."""
    return {
        "nodeid": f"{job['pipeline']}::{job['name']}-{job['build']}",
        "module": str(job["pipeline"]),
        "seq": place,  # the order in which they ran ...
        "worker": str(job["runner"]),  # ... and where: a disk is filled on one machine
        "metrics": {
            "duration": float(str(job["seconds"])),
            "files": float(str(job["files"])),
            "artifact": float(str(job["bytes"])),
            "disk": float(str(job["disk"])),
        },
        # a level is what was there after the job, and should be what was there before it
        "units": {"artifact": ["B", "value"], "disk": ["B", "level"]},
    }


def cool_builds(path: Path) -> Cooling:
    jobs = json.loads(path.read_text(encoding="utf-8"))
    table = MetricTable.from_records(record_of(job, place) for place, job in enumerate(jobs))
    return cool(table, Profile.normal())


if __name__ == "__main__":
    here = Path(__file__).parent
    cooling = cool_builds(Path(sys.argv[1]) if len(sys.argv) > 1 else here / "builds.json")
    for pattern in cooling.patterns:
        print(f"{pattern.confidence:.0%} {pattern.kind}: {pattern.summary}")
    for fault in cooling.faults:
        print(fault, file=sys.stderr)
