"""What can be said of one series: its changes, its drifts and how its noise was taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["ChangeKind", "ChangePoint", "Drift", "Segmentation"]

ChangeKind = Literal["step", "slope", "unclear"]


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """Hold one change of a series.

    Attributes
    ----------
    index : int
        First point after the change, in the series as it was given.
    kind : {"step", "slope", "unclear"}
        "unclear": the level changed, but step and drift cannot be told apart.
    log_p : float
        ln of the p-value; compare these, as p itself underflows. In the description of a series
        like a random walk it is no evidence: the p-value if the noise were milder.
    effect : float
        Absolute Cliff delta between the stretches on both sides, 0..1; for a change found on top of
        a line the same scale, from the explained share; in the description of a series like a
        random walk that share itself.
    trusted : bool
        False if it rests on the autocorrelation being small, and always in the description of a
        series like a random walk.
    gateable : bool
        True if it may fail a build: trusted and not unclear.
    """

    index: int
    kind: ChangeKind
    log_p: float
    effect: float
    trusted: bool

    @property
    def gateable(self) -> bool:
        """True if it may fail a build: trusted and not unclear."""
        return self.trusted and self.kind != "unclear"


@dataclass(frozen=True, slots=True)
class Drift:
    """Hold a stretch that moves along a line: points start..stop-1, slope per point."""

    start: int
    stop: int
    slope: float


@dataclass(frozen=True, slots=True)
class Segmentation:
    """Hold what was found in one series.

    Attributes
    ----------
    changes : tuple[ChangePoint, ...]
        By index, ascending.
    drifts : tuple[Drift, ...]
        By start, ascending.
    rho : float
        Lag-1 autocorrelation of the ranks as estimated (or as given).
    differenced : bool
        True if the series looks like a random walk, so that its increments were tested first.
    """

    changes: tuple[ChangePoint, ...] = ()
    drifts: tuple[Drift, ...] = ()
    rho: float = 0.0
    differenced: bool = False
