"""Valid documents of every kind that is read, and ways to make them wrong."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

from pytest_crackle.reporting.jsonreport import dumps
from tests.sample_report import sample_report

if TYPE_CHECKING:
    import random

__all__ = ["BASELINE", "HEADER", "RECORDS", "mutate", "report", "with_a_wrong_part"]

HEADER = '{"schema":"pytest-crackle/records/1","session":{}}'


def _record(i):
    return {
        "nodeid": f"a.py::test_a[{i}]",
        "index": i,
        "seq": i,
        "outcome": "passed",
        "attempt": 0,
        "worker": None,
        "start": 1.5,
        "metrics": {"duration": 0.1 * i, "x": i},
        "param": str(i),
        "units": {"x": ["B", "level"]},
        "fixtures": ["f"],
        "markers": ["m"],
        "setups": [["f", "function", 0.1, 0.1]],
        "state": [["gc", "on", "off"]],
        "opened": {"fds": ["3:file"]},
        "closed": {"fds": []},
        "ignore": ["x*"],
        "budgets": ["x <= 1"],
    }


_READING = {"metrics": {"fds": 3}, "closed": {"fds": ["3:file"]}}
_END = {"end": {"exitstatus": 0, "complete": True, "workers": {"": _READING}}}
RECORDS = "".join(
    f"{line}\n" for line in (HEADER, *(json.dumps(_record(i)) for i in range(6)), json.dumps(_END))
).encode()
BASELINE = json.dumps(
    {
        "schema": "pytest-crackle/baseline/1",
        "accepted": [
            {
                "id": "CR-1a2b3c",
                "kind": "clustering",
                "subkind": "families",
                "metrics": ["x"],
                "summary": "s",
                "effect": 1.5,
                "share": 0.5,
                "cooling": "normal",
                "reason": "r",
                "who": "w",
                "date": "2026-01-01",
                "expires": "2030-01-01",
            }
        ],
    }
).encode()


def report() -> bytes:
    """Return a report with every kind of pattern, of few tests each so that it is short."""
    document = json.loads(dumps(sample_report()))
    document["tests"] = document["tests"][:3]
    for pattern in document["patterns"]:
        pattern["tests"] = pattern["tests"][:3]
    return json.dumps(document).encode()


_VALUABLE = (
    b'"',
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"null",
    b"true",
    b"1e999",
    b"-1",
    b"NaN",
    b"\xff",
    b"\x00",
    b"\n",
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"9" * 5000,
    b"[" * 3000,
    b'""',
    b"{}",
    b"0.5",
    b"pytest-crackle/report/1",
)


def mutate(data: bytes, rng: random.Random) -> bytes:
    """Return a copy with one to five byte flips, cuts, splices or repeats."""
    mutated = bytearray(data)
    for _ in range(rng.randint(1, 5)):
        at = rng.randrange(len(mutated) + 1)
        end = min(len(mutated), at + rng.choice((1, 2, 8, 100, 1000)))
        way = rng.randrange(5)
        if way == 0 and at < len(mutated):
            mutated[at] = rng.randrange(256)
        elif way == 1:
            del mutated[at:end]
        elif way == 2:
            mutated[at:at] = rng.choice(_VALUABLE)
        elif way == 3:
            mutated[at:end] = rng.choice(_VALUABLE)
        else:
            other = rng.randrange(len(mutated) + 1)
            mutated[at:at] = mutated[other : other + end - at]
    return bytes(mutated)


_LEAVES = (
    None,
    True,
    False,
    0,
    -1,
    7,
    2**53 + 1,
    10**320,
    0.5,
    -0.0,
    1e308,
    5e-324,
    float("nan"),
    float("-inf"),
    "",
    "x",
    "\ud800",
    "\x1b[2J",
    "2026-13-99",
    "CR-1a2b3c",
    "duration",
    "worker",
    "a" * 300,
)
_KEYS = ("nodeid", "metrics", "tests", "id", "end", "schema", "x", "")


def _any_json(rng: random.Random, depth: int = 0) -> Any:
    way = rng.randrange(4) if depth < 3 else 0
    if way == 2:
        return [_any_json(rng, depth + 1) for _ in range(rng.randrange(4))]
    if way == 3:
        return {rng.choice(_KEYS): _any_json(rng, depth + 1) for _ in range(rng.randrange(4))}
    return rng.choice(_LEAVES)


def with_a_wrong_part(data: bytes, rng: random.Random) -> bytes:
    """Return JSON lines with one value, somewhere, replaced by any other or taken out."""
    documents: Any = [json.loads(line) for line in data.splitlines()]
    documents = copy.deepcopy(documents)
    place, key = documents, rng.randrange(len(documents))
    while isinstance(place[key], dict | list) and place[key] and rng.randrange(6):
        place = place[key]
        key = rng.choice(sorted(place) if isinstance(place, dict) else range(len(place)))
    if isinstance(place, dict) and not rng.randrange(8):
        del place[key]
    else:
        place[key] = _any_json(rng)
    return "\n".join(json.dumps(document) for document in documents).encode()
