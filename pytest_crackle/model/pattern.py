"""A pattern: one true sentence about many tests, with what proves it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Explanation", "Level", "Location", "Pattern", "PatternKind", "RunValue", "pattern_id"]

Level = Literal["fail", "warn", "note", "notice"]


class PatternKind(StrEnum):
    """Our kinds; third parties may use strings of their own beside them.

    The first four are found in one run, flaky tests only in several.
    """

    CLUSTERING = "clustering"
    PHASE_TRANSITION = "phase-transition"
    CONSERVATION = "conservation"
    CORRELATION = "correlation"
    FLAKY = "flaky"


@dataclass(frozen=True, slots=True)
class Location:
    """A place in a source file; `line` counts from 1."""

    file: str
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """The attribute that best names a set of tests.

    Attributes
    ----------
    type : str
        "fixture", "marker", "module", "class", "function", "directory" or "metric".
    name : str
    precision : float
        Share of the attribute's tests that are in the set.
    recall : float
        Share of the set that has the attribute.
    lift : float
        Share of the set that has the attribute over the share of all tests that has it.
    """

    type: str
    name: str
    precision: float = 1.0
    recall: float = 1.0
    lift: float = 1.0


@dataclass(frozen=True, slots=True)
class RunValue:
    """A value in one of several runs.

    Attributes
    ----------
    run : int or None
        Its number in the history; None: this run.
    value : float
    is_after : bool
        Whether the run comes after the change that is told.
    """

    run: int | None
    value: float
    is_after: bool


@dataclass(frozen=True, slots=True)
class Pattern:
    """One pattern across tests.

    Attributes
    ----------
    kind : str
        A `PatternKind` or a third party's kind.
    subkind : str
        "group", "hot", "jump", "leak", "state", "pace", "plateau", "law", "driver" and so on.
    summary : str
        One plain sentence; node ids and names in it are as recorded, not escaped.
    metrics : tuple of str
    tests : tuple of str
        Full node ids of the tests that carry the pattern.
    confidence : float
        Chance that a rerun of the same suite reports it again, clamped to 0..1.
    p_value, q_value : float
        0 where the p-value is below the smallest float; `log_p_value` has it then.
    log_p_value : float
        Natural logarithm of the p-value; minus infinity for an exact fact.
    gate_p : float or None
        Of a shift: Holm's adjusted p-value over all shifts tested, which the gate goes by.
    evidence : mapping of str to float
        Named finite numbers in base units.
    at : str or None
        Node id where it begins.
    location : Location or None
    exceptions : tuple of str
        Node ids that break the pattern.
    explained_by : Explanation or None
    cost_seconds : float or None
    level : {"fail", "warn", "note", "notice"}
        "fail" when it fails the gate, "notice" when it is only mentioned.
    gateable : bool
        Whether a gate may fail on it at all.
    accepted : bool
        Whether the baseline accepts it.
    details : tuple of str
        Further facts, a line each, for the verbose report.
    over_runs : tuple of RunValue
        What the metric was for its tests together in each compared run, this one last; empty for
        what this run alone shows.
    """

    kind: str
    subkind: str
    summary: str
    metrics: tuple[str, ...]
    tests: tuple[str, ...]
    confidence: float
    id: str = ""
    p_value: float = 0.0
    q_value: float = 0.0
    log_p_value: float = 0.0
    gate_p: float | None = None
    evidence: Mapping[str, float] = field(default_factory=dict, hash=False)
    at: str | None = None
    location: Location | None = None
    exceptions: tuple[str, ...] = ()
    explained_by: Explanation | None = None
    cost_seconds: float | None = None
    level: Level = "note"
    gateable: bool = True
    accepted: bool = False
    details: tuple[str, ...] = ()
    over_runs: tuple[RunValue, ...] = ()

    def __str__(self) -> str:
        return self.summary

    def __post_init__(self) -> None:
        object.__setattr__(self, "confidence", min(1.0, max(0.0, self.confidence)))


def pattern_id(kind: str, subkind: str, metrics: tuple[str, ...], anchor: str) -> str:
    """Make the stable id of a pattern from what it is about, never from values or line numbers.

    Parameters
    ----------
    kind, subkind : str
    metrics : tuple of str
        In any order.
    anchor : str
        The test, attribute or group that the pattern hangs on.

    Returns
    -------
    str
        ``"CR-"`` and 6 hexadecimal digits.
    """
    text = "\x00".join([kind, subkind, *sorted(metrics), anchor])
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return f"CR-{digest[:6]}"
