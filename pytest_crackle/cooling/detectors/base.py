"""What a detector takes and gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_crackle.cooling.profiles import Profile
    from pytest_crackle.cooling.suite import Suite
    from pytest_crackle.model.pattern import Explanation, RunValue
    from pytest_crackle.model.report import NotTested

__all__ = ["Column", "Detection", "Detector", "Finding", "Recheck", "joined"]

Column = Callable[[str], Sequence[float]]
"""Gives the column of a metric, shape (n_tests,), NaN where missing."""

Recheck = Callable[[Column, Sequence[int]], float]
"""Test one found pattern again on some rows of perturbed columns: ln p, or 0.0 if it is not there.

The rows are sorted; limits on effect and cost apply as they did at first, with counts and costs
scaled by the share of rows that are left. It must not search: same metrics, same group, same
breakers.
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """A candidate pattern in terms of rows of the table.

    Attributes
    ----------
    kind, subkind : str
    summary : str
        One plain English sentence with value, unit and place; no trailing newline.
    metrics : tuple of str
    rows : tuple of int
        Rows of the tests that carry it.
    anchor : str
        What the stable id hangs on: a node id, "fixture warehouse", a group; never a value.
    log_p : float
        Natural logarithm of the p-value; it competes under the false discovery rate of the session.
    exact : bool
        A fact, not an inference (or an inference with its own stated error control, such as a
        level): it takes no part in the multiplicity.
    at : int or None
        Row where it begins.
    exceptions : tuple of int
        Rows that break it.
    explained_by : Explanation or None
    cost_seconds : float or None
        Seconds of the suite that it concerns.
    evidence : mapping of str to float
    confidence : float or None
        The chance that a rerun of the same suite shows it again, fixed by definition; None where
        `recheck` finds it on replicas.
    recheck : Recheck or None
    score : float
        Within a sub-kind the higher score comes first.
    gateable, notice : bool
        Whether a gate may fail on it; whether it is only mentioned.
    over_runs : tuple of RunValue
        The metric of its tests together by run, where it comes from past runs.
    details : tuple of str
        Further facts for the verbose report.
    id_metrics : tuple of str or None
        The metrics that the id hangs on besides `anchor`, where others of `metrics` may be
        different ones in the next run (the time that follows a driver best); None: all of them.
    """

    kind: str
    subkind: str
    summary: str
    metrics: tuple[str, ...]
    rows: tuple[int, ...]
    anchor: str
    log_p: float
    exact: bool = False
    at: int | None = None
    exceptions: tuple[int, ...] = ()
    explained_by: Explanation | None = None
    cost_seconds: float | None = None
    evidence: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    confidence: float | None = None
    recheck: Recheck | None = None
    score: float = 0.0
    gateable: bool = True
    notice: bool = False
    details: tuple[str, ...] = ()
    over_runs: tuple[RunValue, ...] = ()
    id_metrics: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Detection:
    """What one detector gives: findings, how many hypotheses it tested, what it could not test.

    Attributes
    ----------
    findings : tuple of Finding
    hypotheses : int
        All that were tested, found or not.
    not_tested : tuple of NotTested
    notes : tuple of str
        Facts worth a line that are no patterns ("payload is bytes x 8 in every test").
    """

    findings: tuple[Finding, ...] = ()
    hypotheses: int = 0
    not_tested: tuple[NotTested, ...] = ()
    notes: tuple[str, ...] = ()


def joined(*detections: Detection) -> Detection:
    """Return all of them as one, in their order."""
    return Detection(
        tuple(finding for each in detections for finding in each.findings),
        sum(each.hypotheses for each in detections),
        tuple(entry for each in detections for entry in each.not_tested),
        tuple(note for each in detections for note in each.notes),
    )


class Detector(Protocol):
    """Look for one kind of pattern; pure, and the same for the same input.

    Notes
    -----
    What a third party's detector gives is checked: the kind of its findings is its name, or one
    of the names in its attribute `kinds` (a tuple of str); a sub-kind is "" or a name of its own;
    lists are tuples, and numbers finite. Of the suite it may rely on `table`, `n_tests`, `rows`,
    `metrics`, `custom`, `levels`, `column`, `rows_with`, `duration`, `cpu` and `explain`; of the
    profile on `rate`, `min_tests`, `q` and `alpha`. The rest is ours and may change.
    """

    @property
    def name(self) -> str:
        """The name for ``--crackle-detectors``."""

    def detect(self, suite: Suite, profile: Profile) -> Detection:
        """Look across all tests of `suite` with the limits of `profile`."""
