"""What a controller keeps of each test, and what `cool` pays for reading against looking.

    python benchmarks/footprint.py [TESTS ...]

Records are made up as the default meters write them (17 metrics, one fixture set up), read from
JSON, so that no text is shared with anything else: as they come from another process. The node id
is left out of the bytes: pytest's own reports keep it. `keep` is the CPU time of taking one in,
`table` that of making the table of all; `json` is `json.loads` alone, the floor of `read`.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent.parent))

from pytest_crackle.cooling.cool import cool
from pytest_crackle.model.table import TableBuilder
from pytest_crackle.storage.shards import read_run

if TYPE_CHECKING:
    from collections.abc import Iterator

CASES_A_FUNCTION = 5
TESTS_A_MODULE = 100
PHASES = ("", ".setup", ".call", ".teardown")


def lines(n_tests: int) -> Iterator[str]:
    """Make records of so many tests, a line each."""
    times = {f"{name}{phase}": 0.00123 for name in ("duration", "cpu") for phase in PHASES}
    for number in range(n_tests):
        module = f"tests/integration/orders/test_module_{number // TESTS_A_MODULE}.py"
        case = number // CASES_A_FUNCTION % (TESTS_A_MODULE // CASES_A_FUNCTION)
        function = f"{module}::TestOrders::test_refund_{case}"
        levels = {"background": 0.01, "memory.rss": 1e8, "fds": 12.0, "threads": 1.0}
        counts = {"gc.collections": 0.0, "warnings": 0.0}
        yield json.dumps(
            {
                "nodeid": f"{function}[eur-{number % CASES_A_FUNCTION}]",
                "file": module,
                "module": module,
                "line": 10 + case,
                "param": f"eur-{number % CASES_A_FUNCTION}",
                "function": function,
                "class": f"{module}::TestOrders",
                "fixtures": ["tmp_path_factory", "tmp_path", "database"],
                "markers": ["slow"],
                "index": number,
                "seq": number,
                "outcome": "passed",
                "attempt": 0,
                "worker": "gw1",
                "start": 1.7e9 + number,
                "setups": [["tmp_path", "function", 0.0004, 0.0003]],
                "units": {"rows": ["1", "count"], "payload": ["B", "value"]},
                "metrics": {
                    **times,
                    "delay": 0.0,
                    **levels,
                    **counts,
                    "rows": float(number % 7),
                    "payload": 1e3 + number,
                },
            }
        )


def bytes_a_test(texts: list[str]) -> float:
    """Return what a builder keeps of each record."""
    nodeids = [json.loads(text)["nodeid"] for text in texts]
    builder = TableBuilder()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for text, nodeid in zip(texts, nodeids, strict=True):
            builder.add(json.loads(text) | {"nodeid": nodeid})
        len(builder)  # takes in those that wait
        return (tracemalloc.get_traced_memory()[0] - before) / len(texts)
    finally:
        tracemalloc.stop()


def microseconds(texts: list[str]) -> dict[str, float]:
    """Return CPU microseconds a test of each step."""
    seconds = {}
    started = time.process_time()
    records = [json.loads(text) for text in texts]
    seconds["json"] = time.process_time() - started
    builder = TableBuilder()
    started = time.process_time()
    for record in records:
        builder.add(record)
    len(builder)  # as above
    seconds["keep"] = time.process_time() - started
    started = time.process_time()
    builder.table()
    seconds["table"] = time.process_time() - started
    del records, builder
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "records.jsonl")
        path.write_text("\n".join([*texts, '{"end": {}}']) + "\n", encoding="utf-8")
        started = time.process_time()
        run = read_run([str(path)])
        seconds["read"] = time.process_time() - started
    started = time.process_time()
    cool(run.table)
    seconds["cool"] = time.process_time() - started
    return {name: 1e6 * spent / len(texts) for name, spent in seconds.items()}


def main() -> None:
    sizes = [int(size) for size in sys.argv[1:]] or [10_000, 50_000]
    steps = ("keep", "table", "json", "read", "cool")
    print(f"{'tests':>8} {'bytes a test':>13}", *(f"{step + ' us':>9}" for step in steps), "  read")
    for size in sizes:
        texts = list(lines(size))
        spent = microseconds(texts)
        share = spent["read"] / (spent["read"] + spent["cool"])
        print(
            f"{size:8,} {bytes_a_test(texts):13.0f}",
            *(f"{spent[step]:9.1f}" for step in steps),
            f"{share:6.0%}",
        )


if __name__ == "__main__":
    main()
