"""Write the records of several files into one that reads as they do together."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pytest_crackle.storage.journal import RECORDS_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_crackle.storage.shards import Gathered

__all__ = ["merged_text"]


def merged_text(gathered: Gathered) -> str:
    """Return a records file of all that was gathered.

    Parameters
    ----------
    gathered : Gathered

    Returns
    -------
    str
        JSON Lines. The header names the machines and their workers (`session.machines`), so that
        cooling this file gives what cooling the files gives; merging it with others as well.
    """
    encode = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode
    return "".join(f"{encode(line)}\n" for line in _lines(gathered))


def _lines(gathered: Gathered) -> Iterator[object]:
    session = gathered.session
    facts: dict[str, object] = {
        "started": session.started,
        "duration": session.duration,
        "python": session.python,
        "pytest": session.pytest,
        "platform": session.platform,
        "dist": session.dist,
        "environment": session.environment,
        "commit": session.commit,
        "branch": session.branch,
        "dirty": session.dirty or None,
        "machines": _machines(gathered),
    }
    yield {
        "schema": RECORDS_SCHEMA,
        "session": {name: value for name, value in facts.items() if value is not None},
    }
    yield from gathered.records
    end: dict[str, object] = {"complete": session.complete}
    if session.incomplete_because is not None:
        end["incomplete_because"] = session.incomplete_because
    if session.partial_because is not None:
        end["partial_because"] = session.partial_because
    if gathered.machines and not gathered.is_apart:
        end["hosts"] = {worker.id: worker.host for worker in session.workers}
    yield {"end": {**end, "workers": gathered.ends}}


def _machines(gathered: Gathered) -> list[object] | None:
    if not gathered.is_apart:
        return None
    return [
        {
            "name": source.name,
            **({"host": source.host} if source.host else {}),
            **({"report": True} if source.is_report else {}),
            "workers": workers,
        }
        for source, workers in gathered.machines
    ]
