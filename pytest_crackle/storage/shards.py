"""From one or more record files to one table: the shards of one run, put together."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_crackle.model.report import SessionInfo, WorkerInfo
from pytest_crackle.model.table import EndReading, MetricTable, TableBuilder
from pytest_crackle.storage.recordsfile import MAX_SIZE, Shard, read_shard
from pytest_crackle.storage.retries import superseded
from pytest_crackle.storage.sources import Source, sources_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pytest_crackle.model.record import Record

__all__ = ["Gathered", "Run", "gather", "read_run"]


@dataclass
class Gathered:
    """The records of all files in the order in which a table takes them in.

    Attributes
    ----------
    session : SessionInfo
        With one entry in `workers` for each process, if there are several machines.
    records : list of Record
        Those that a retry has replaced come first; workers are told apart by machine.
    ends : dict of str to dict
        The last reading of each worker, as the files have it.
    machines : list of (Source, dict of str to str)
        Each machine with its workers, by their names in `records`; empty for a single file that
        says nothing of machines.
    is_apart : bool
        Whether the name of a worker begins with the number of its machine.
    is_of_reports : bool
    messages : list of str
        What the reader of the files has to say about them.
    """

    session: SessionInfo
    records: list[Record] = field(default_factory=list)
    ends: dict[str, dict[str, object]] = field(default_factory=dict)
    machines: list[tuple[Source, dict[str, str]]] = field(default_factory=list)
    is_apart: bool = False
    is_of_reports: bool = False
    messages: list[str] = field(default_factory=list)


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


def read_run(
    names: Sequence[str],
    *,
    max_size: int = MAX_SIZE,
    derive: Callable[[Record], None] | None = None,
) -> Run:
    """Read records files or JSON reports; several are the shards of one run.

    Parameters
    ----------
    names : sequence of str
        Paths; "-" is standard input.
    max_size : int
        Most bytes read of each.
    derive : callable, optional
        Adds metrics to a record that are computed from its others.

    Returns
    -------
    Run
        With several files each is a machine of its own: levels and run order stay apart.

    Raises
    ------
    CrackleError
        ``FILE:LINE: reason`` for a file that cannot be used, or if two shards ran the same test
        and that is no retry; see `superseded`.
    """
    gathered = gather(names, max_size=max_size)
    builder = TableBuilder(per_worker=gathered.session.dist == "each")
    for record in gathered.records:
        if derive is not None:
            derive(record)
        builder.add(record)
    for worker, end in gathered.ends.items():
        if (reading := _reading(end)) is not None:
            builder.end(worker, reading)
    table = builder.table()
    table.machines = gathered.session.machines()
    notes: tuple[str, ...] = ()
    if gathered.is_of_reports:
        notes = (
            "a JSON report says nothing of fixtures, markers and what tests left open: "
            "cool the records of --crackle-records for all patterns",
        )
    return Run(table, gathered.session, notes, tuple(gathered.messages))


def gather(names: Sequence[str], *, max_size: int = MAX_SIZE) -> Gathered:
    """Read files and put their records into one order.

    Parameters
    ----------
    names : sequence of str
        Paths; one that is given twice is read once.
    max_size : int
        Most bytes read of each.

    Returns
    -------
    Gathered

    Raises
    ------
    CrackleError
        As `read_run` does.
    """
    shards = [read_shard(name, max_size=max_size) for name in dict.fromkeys(names)]
    is_each = any(shard.session.get("dist") == "each" for shard in shards)
    early = [] if is_each else superseded(shards)
    replaced = set(map(id, early))  # identity, as two records may be equal
    sources = [sources_of(shard) for shard in shards]
    n_machines = sum(map(len, sources))
    merging = _Merging(is_apart=n_machines > 1 and (len(shards) > 1 or sources[0][0].is_merged))
    late: list[Record] = []
    for shard, some in zip(shards, sources, strict=True):
        late += [record for record in merging.placed(shard, some) if id(record) not in replaced]
    machines = merging.machines if n_machines > 1 else []
    return Gathered(
        session=_session(shards, machines, [*early, *late], is_each=is_each),
        records=[*early, *late],
        ends=merging.ends,
        machines=machines,
        is_apart=merging.is_apart,
        is_of_reports=any(source.is_report for some in sources for source in some),
        messages=list(_messages(shards)),
    )


class _Merging:
    """Names and places that stay apart where files come together.

    Parameters
    ----------
    is_apart : bool
        Whether the name of a worker is to begin with the number of its machine.
    """

    def __init__(self, *, is_apart: bool) -> None:
        self.is_apart = is_apart
        self.machines: list[tuple[Source, dict[str, str]]] = []
        self.ends: dict[str, dict[str, object]] = {}
        self._base = 0
        self._seqs: Counter[str] = Counter()

    def placed(self, shard: Shard, sources: Sequence[Source]) -> Iterator[Record]:
        """Yield the records of a file; take over its last readings."""
        first = len(self.machines)
        self.machines += [(source, {}) for source in sources]
        machine_of = {w: first + i for i, source in enumerate(sources) for w in source.workers}
        for place, record in enumerate(shard.records):
            worker = record.get("worker") or ""
            name = self._name(machine_of.get(worker, first), worker)
            if self.is_apart:
                record["worker"] = name
                record["index"] = record.get("index", place) + self._base
                record.setdefault("seq", self._seqs[name])
                self._seqs[name] += 1
            yield record
        workers = (shard.end or {}).get("workers")
        for worker, end in workers.items() if isinstance(workers, dict) else ():
            if isinstance(end, dict):
                self.ends[self._name(machine_of.get(worker, first), worker)] = end
        # merged files have done so before: their indexes grow over all their files
        self._base += len(shard.records)

    def _name(self, number: int, worker: str) -> str:
        source, workers = self.machines[number]
        own = source.workers.get(worker, worker)
        name = f"{number + 1}:{own}" if self.is_apart else worker
        workers[name] = own
        return name


def _reading(end: dict[str, object]) -> EndReading | None:
    metrics, closed = end.get("metrics"), end.get("closed", {})
    if not isinstance(metrics, dict) or not isinstance(closed, dict):
        return None
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
    return EndReading(numbers, gone)


def _session(
    shards: Sequence[Shard],
    machines: Sequence[tuple[Source, dict[str, str]]],
    records: Sequence[Record],
    *,
    is_each: bool,
) -> SessionInfo:
    because = None
    for shard in shards:
        because = _incomplete(shard) or because
    first = shards[0].session
    duration = [shard.session.get("duration") for shard in shards]
    sources = [source for source, _ in machines]
    are_hosts = len(shards) == 1 and not any(source.is_merged for source in sources)
    names = _names(sources, are_hosts=are_hosts) if sources else []
    tests = Counter(record.get("worker") or "" for record in records)
    return SessionInfo(
        started=_text(first.get("started")),
        duration=sum(value for value in duration if isinstance(value, int | float)),
        complete=because is None,
        incomplete_because=because,
        partial_because=_partial(shards),
        python=_text(first.get("python")),
        pytest=_text(first.get("pytest")),
        platform=_text(first.get("platform")),
        dist="each" if is_each else _text(first.get("dist")) or "no",
        environment=_text(first.get("environment")),
        commit=_text(first.get("commit")),
        branch=_text(first.get("branch")),
        dirty=any(shard.session.get("dirty") is True for shard in shards),
        workers=tuple(
            WorkerInfo(worker, host=source.host, tests=tests[worker], machine=name)
            for (source, workers), name in zip(machines, names, strict=True)
            for worker in workers
        ),
    )


def _names(sources: Sequence[Source], *, are_hosts: bool) -> list[str]:
    """Name machines: their hosts, or number and file without the folder that all files share."""
    names = [source.name for source in sources]
    if are_hosts:
        return names
    folders = [name.split("/")[:-1] for name in names]
    common = 0
    while all(len(parts) > common and parts[common] == folders[0][common] for parts in folders):
        common += 1
    short = ["/".join(name.split("/")[common:]) for name in names]
    return [f"machine {number} ({name})" for number, name in enumerate(short, 1)]


def _incomplete(shard: Shard) -> str | None:
    if shard.end is None:
        return f"{shard.name} has no last line: the session was cut off" if shard.session else None
    if shard.end.get("complete") is not False:
        return None
    return _text(shard.end.get("incomplete_because")) or f"{shard.name} is of an incomplete run"


def _partial(shards: Sequence[Shard]) -> str | None:
    """Say why one run is of a part of the suite; of several parts each is one by design."""
    if len(shards) > 1:
        return None
    told = {**shards[0].session, **(shards[0].end or {})}
    return _text(told.get("partial_because"))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _messages(shards: Sequence[Shard]) -> Iterator[str]:
    for shard in shards:
        if shard.refused:
            total = shard.refused + len(shard.records)
            first = shard.first_refusal
            yield f"{shard.name}: {shard.refused} of {total} tests ignored; first: {first}"
        if shard.torn:
            yield f"{shard.name}: the last line is torn and was ignored"
