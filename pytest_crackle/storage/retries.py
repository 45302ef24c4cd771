"""Tests that ran in two files of one run: a retry of the earlier one, or a mistake."""

from __future__ import annotations

import math
from functools import cmp_to_key
from itertools import pairwise
from typing import TYPE_CHECKING

from pytest_crackle.model.errors import CrackleError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pytest_crackle.model.record import Record
    from pytest_crackle.storage.recordsfile import Shard

__all__ = ["superseded"]

_Runs = tuple[str, list["Record"]]
"""A file, and all that it has of one test."""


def superseded(shards: Sequence[Shard]) -> list[Record]:
    """Find the records of tests that ran again in another file.

    Parameters
    ----------
    shards : sequence of Shard
        The files of one run.

    Returns
    -------
    list of Record
        All but those of the last file of each such test, in the order in which they ran.

    Raises
    ------
    CrackleError
        If a test is in two files and the one is no retry of the other.

    Notes
    -----
    A retry is told by the attempts, where all of the one file come after all of the other; or else
    the test failed, or ended in an error, in the one file and started later in the other. What
    passed is run again only by mistake: a file given twice under two names, or overlapping shards.
    """
    owners: dict[str, int] = {}
    twice: set[str] = set()
    for number, shard in enumerate(shards):
        for record in shard.records:
            if owners.setdefault(record["nodeid"], number) != number:
                twice.add(record["nodeid"])
    if not twice:
        return []
    runs: dict[str, list[_Runs]] = {}
    for shard in shards:
        mine: dict[str, list[Record]] = {}
        for record in shard.records:
            if record["nodeid"] in twice:
                mine.setdefault(record["nodeid"], []).append(record)
        for nodeid, records in mine.items():
            runs.setdefault(nodeid, []).append((shard.name, records))
    return [record for nodeid, some in runs.items() for record in _before_last(nodeid, some)]


def _before_last(nodeid: str, runs: list[_Runs]) -> Iterable[Record]:
    ordered = sorted(runs, key=cmp_to_key(_compare))
    for (earlier_name, earlier), (name, later) in pairwise(ordered):
        if not _is_retry(earlier, later):
            outcome = earlier[-1].get("outcome", "passed")
            raise CrackleError(
                f"{name}: {nodeid} ran in {earlier_name} as well ({outcome}): only a failed test"
                " that starts later, or later attempts, count as a retry"
            )
    return (record for _, records in ordered[:-1] for record in records)


def _compare(one: _Runs, other: _Runs) -> int:
    """Order two files by attempts, or else by the start of their last run of the test."""
    if _is_later_attempt(one[1], other[1]):
        return -1
    if _is_later_attempt(other[1], one[1]):
        return 1
    a, b = _start(one[1]), _start(other[1])
    return (a > b) - (a < b)


def _is_later_attempt(earlier: Sequence[Record], later: Sequence[Record]) -> bool:
    if not all("attempt" in record for record in (*earlier, *later)):
        return False
    return max(r["attempt"] for r in earlier) < min(r["attempt"] for r in later)


def _is_retry(earlier: Sequence[Record], later: Sequence[Record]) -> bool:
    if _is_later_attempt(earlier, later):
        return True
    has_failed = earlier[-1].get("outcome") in ("failed", "error")
    return has_failed and _start(later) > _start(earlier)


def _start(records: Sequence[Record]) -> float:
    return records[-1].get("start", math.nan)
