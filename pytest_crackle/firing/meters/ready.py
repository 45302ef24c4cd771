"""The opt-in meters by name; each is loaded when it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_crackle.firing.meters.base import Meter

__all__ = ["READY", "ready_meters"]

_AUDIT: Final = ("subprocesses", "opens", "sockets", "imports")
READY: Final = (*_AUDIT, "memory.peak", "db", "logs")
"""Names for ``--crackle-meters=+name``."""


def ready_meters(names: Sequence[str]) -> list[Meter]:
    """Make the opt-in meters among these names; those that count audit events are one."""
    meters: list[Meter] = []
    if counted := [name for name in _AUDIT if name in names]:
        from pytest_crackle.firing.meters.audit import AuditEvents  # noqa: PLC0415 - on demand

        meters.append(AuditEvents(counted))
    if "memory.peak" in names:
        from pytest_crackle.firing.meters.allocations import (  # noqa: PLC0415 - as above
            PeakMemory,
        )

        meters.append(PeakMemory())
    if "db" in names:
        from pytest_crackle.firing.meters.sql import Queries  # noqa: PLC0415 - as above

        meters.append(Queries())
    if "logs" in names:
        from pytest_crackle.firing.meters.logs import LogRecords  # noqa: PLC0415 - as above

        meters.append(LogRecords())
    return meters
