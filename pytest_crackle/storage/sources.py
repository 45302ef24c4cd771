"""The machines of a file: its own, the hosts of its workers, or those merged into it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_crackle.model.errors import CrackleError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytest_crackle.storage.recordsfile import Shard

__all__ = ["Source", "sources_of"]


@dataclass(frozen=True, slots=True)
class Source:
    """One machine, as a file tells of it.

    Attributes
    ----------
    name : str
        The file, or the host where a file has several.
    host : str or None
    workers : mapping of str to str
        Worker in the file to its id on its machine; {} if all workers of the file are of it.
    is_report : bool
        Read from a JSON report, which says less than records.
    is_merged : bool
        One of several that `merge` has put together before.
    """

    name: str
    host: str | None = None
    workers: Mapping[str, str] = field(default_factory=dict)
    is_report: bool = False
    is_merged: bool = False


def sources_of(shard: Shard) -> list[Source]:
    """Return the machines of a file, at least one.

    Raises
    ------
    CrackleError
        ``FILE:1: reason`` if its list of machines is not well formed.
    """
    machines = shard.session.get("machines")
    if machines is not None:
        return list(_merged(shard, machines))
    hosts = _hosts(shard)
    if len(set(hosts.values())) < 2:
        return [Source(shard.name, _text(shard.session.get("host")), {}, shard.is_report)]
    return [
        Source(host, host, {w: w for w, of in hosts.items() if of == host}, shard.is_report)
        for host in dict.fromkeys(hosts.values())
    ]


def _merged(shard: Shard, machines: object) -> Iterator[Source]:
    where = f"{shard.name}:1: session.machines"
    if not isinstance(machines, list) or not machines:
        raise CrackleError(f"{where} must be a list of at least one object")
    for place, machine in enumerate(machines):
        here = f"{where}[{place}]"
        if not isinstance(machine, dict):
            raise CrackleError(f"{here} must be an object")
        name, workers = machine.get("name"), machine.get("workers")
        if not isinstance(name, str):
            raise CrackleError(f"{here}.name must be a string")
        if not isinstance(workers, dict) or not all(isinstance(w, str) for w in workers.values()):
            raise CrackleError(f"{here}.workers must be an object of strings")
        is_report = machine.get("report") is True
        yield Source(name, _text(machine.get("host")), workers, is_report, is_merged=True)


def _hosts(shard: Shard) -> dict[str, str]:
    """Return the hosts of the workers of pytest-xdist, where the file tells them."""
    told = (shard.end or {}).get("hosts")
    if isinstance(told, dict):
        return {worker: host for worker, host in told.items() if isinstance(host, str)}
    workers = shard.session.get("workers")
    hosts = {}
    for worker in workers if isinstance(workers, list) else ():
        if not isinstance(worker, dict):
            continue
        name, host = worker.get("id"), worker.get("machine") or worker.get("host")
        if isinstance(name, str) and isinstance(host, str):
            hosts[name] = host
    return hosts


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
