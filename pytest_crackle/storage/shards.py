"""From one or more record files to one table: the shards of one run, put together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_crackle.model.errors import CrackleError
from pytest_crackle.model.report import SessionInfo, WorkerInfo
from pytest_crackle.model.table import EndReading, MetricTable, TableBuilder
from pytest_crackle.storage.recordsfile import MAX_SIZE, Shard, read_shard

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_crackle.model.record import Record

__all__ = ["Run", "read_run"]


@dataclass(frozen=True, slots=True)
class Run:
    """One run, read back.

    Attributes
    ----------
    table : MetricTable
    session : SessionInfo
    notes : tuple of str
        What belongs into the report.
    messages : tuple of str
        What the reader of the files has to say about them.
    """

    table: MetricTable
    session: SessionInfo
    notes: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()


def read_run(names: Sequence[str], *, max_size: int = MAX_SIZE) -> Run:
    """Read records files or JSON reports; several are the shards of one run.

    Parameters
    ----------
    names : sequence of str
        Paths; "-" is standard input.
    max_size : int
        Most bytes read of each.

    Returns
    -------
    Run
        With several files each is a machine of its own: levels and run order stay apart.

    Raises
    ------
    CrackleError
        ``FILE:LINE: reason`` for a file that cannot be used, or if two shards ran the same test.
    """
    shards = [read_shard(name, max_size=max_size) for name in names]
    each = any(shard.session.get("dist") == "each" for shard in shards)
    builder = TableBuilder(per_worker=each)
    owner: dict[str, str] = {}
    for number, shard in enumerate(shards, 1):
        prefix = f"{number}:" if len(shards) > 1 else ""
        base = len(builder)
        for record in shard.records:
            nodeid = record["nodeid"]
            if owner.setdefault(nodeid, shard.name) != shard.name and not each:
                raise CrackleError(f"{shard.name}: {nodeid} ran in {owner[nodeid]} as well")
            builder.add(_placed(record, prefix, base))
        _add_ends(builder, shard, prefix)
    return Run(
        builder.table(), _session(shards), messages=tuple(_messages(shards)), notes=_notes(shards)
    )


def _placed(record: Record, prefix: str, base: int) -> Record:
    if prefix:
        record["worker"] = prefix + (record.get("worker") or "")
        if "index" in record:
            record["index"] += base
    return record


def _add_ends(builder: TableBuilder, shard: Shard, prefix: str) -> None:
    workers = (shard.end or {}).get("workers", {})
    if not isinstance(workers, dict):
        return
    for worker, reading in workers.items():
        metrics = reading.get("metrics") if isinstance(reading, dict) else None
        closed = reading.get("closed", {}) if isinstance(reading, dict) else {}
        if not isinstance(metrics, dict) or not isinstance(closed, dict):
            continue
        numbers = {
            name: float(value)
            for name, value in metrics.items()
            if type(value) in (int, float) and abs(value) < 1e300
        }
        gone = {
            name: tuple(identity for identity in ids if isinstance(identity, str))
            for name, ids in closed.items()
            if isinstance(ids, list)
        }
        builder.end(prefix + worker, EndReading(numbers, gone))


def _session(shards: Sequence[Shard]) -> SessionInfo:
    because = None
    for shard in shards:
        if shard.end is None and shard.session:
            because = f"{shard.name} has no last line: the session was cut off"
        elif (shard.end or {}).get("complete") is False:
            because = f"{shard.name} is of an incomplete run"
    first = shards[0].session
    duration = [shard.session.get("duration") for shard in shards]
    return SessionInfo(
        started=_text(first.get("started")),
        duration=sum(value for value in duration if isinstance(value, int | float)),
        complete=because is None,
        incomplete_because=because,
        python=_text(first.get("python")),
        pytest=_text(first.get("pytest")),
        platform=_text(first.get("platform")),
        dist=_text(first.get("dist")) or "no",
        workers=tuple(
            WorkerInfo(f"{number}", host=_text(shard.session.get("host")), tests=len(shard.records))
            for number, shard in enumerate(shards, 1)
            if len(shards) > 1
        ),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _messages(shards: Sequence[Shard]) -> list[str]:
    lines = []
    for shard in shards:
        if shard.refused:
            total = shard.refused + len(shard.records)
            first = shard.first_refusal
            lines.append(f"{shard.name}: {shard.refused} of {total} tests ignored; first: {first}")
        if shard.torn:
            lines.append(f"{shard.name}: the last line is torn and was ignored")
    return lines


def _notes(shards: Sequence[Shard]) -> tuple[str, ...]:
    notes = []
    if any(shard.is_report for shard in shards):
        notes.append(
            "a JSON report says nothing of fixtures, markers and what tests left open: "
            "cool the records of --crackle-records for all patterns"
        )
    hosts = {shard.session.get("host") for shard in shards}
    if len(shards) > 1 and len(hosts) > 1:
        notes.append(f"times of {len(hosts)} machines stand side by side as they were measured")
    return tuple(notes)
