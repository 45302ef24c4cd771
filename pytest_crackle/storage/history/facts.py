"""What a history says of a run beside its numbers."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from pytest_crackle.model.errors import CrackleError
from pytest_crackle.model.strictjson import parse_json

if TYPE_CHECKING:
    from pytest_crackle.model.table import MetricTable

__all__ = ["RunFacts", "mode_of"]


@dataclass(frozen=True, slots=True)
class RunFacts:
    """One run; see `pytest_crackle.model.past.PastRun` for what is not said here.

    Attributes
    ----------
    duration : float
        Seconds from start to finish.
    version : str
        Of pytest-crackle, which measured it.
    """

    started: str
    mode: str = "no"
    environment: str = ""
    commit: str | None = None
    branch: str | None = None
    dirty: bool = False
    labels: tuple[str, ...] = ()
    duration: float = 0.0
    version: str = ""

    def dumps(self) -> str:
        """Return them as one line of JSON, always the same for the same facts."""
        return json.dumps(asdict(self), sort_keys=True, allow_nan=False)

    @classmethod
    def from_object(cls, data: object) -> RunFacts:
        """Check what a file says.

        Raises
        ------
        CrackleError
            Naming the key that is wrong and what it must be.
        """
        if not isinstance(data, dict):
            raise CrackleError("a run must be an object")
        given = {key: value for key, value in data.items() if key in cls.__slots__}
        for key in ("started", "mode", "environment", "version"):
            _check(key, given.get(key, ""), str, "a string")
        for key in ("commit", "branch"):
            _check(key, given.get(key) or "", str, "a string or null")
        _check("dirty", given.get("dirty", False), bool, "true or false")
        _check("duration", given.setdefault("duration", 0.0), (int, float), "a number")
        _check("labels", given.setdefault("labels", []), list, "a list of strings")
        for label in given["labels"]:
            _check("an entry of labels", label, str, "a string")
        if not given.get("started"):
            raise CrackleError("started is missing: a history needs to know when a run was")
        given["labels"] = tuple(given["labels"])
        return cls(**given)

    @classmethod
    def loads(cls, text: str) -> RunFacts:
        """Reverse `dumps`; raise CrackleError as `from_object` does."""
        return cls.from_object(parse_json(text, "facts"))


def _check(key: str, value: object, wanted: type | tuple[type, ...], words: str) -> None:
    if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
        raise CrackleError(f"{key} must be {words}, not {type(value).__name__}")


def mode_of(dist: str, table: MetricTable) -> str:
    """Say how the tests of a run were spread: "no", or the mode of pytest-xdist and its workers.

    Parameters
    ----------
    dist : str
        Mode of pytest-xdist, "no" without.
    table : MetricTable
        Its workers are those that ran a test.
    """
    workers = {worker for worker in table.workers if worker is not None}
    return f"{dist} {len(workers)}" if workers and dist != "no" else "no"
