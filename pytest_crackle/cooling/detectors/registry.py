"""The detectors by name, in the order in which they run."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

from pytest_crackle.model.errors import CrackleError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_crackle.cooling.detectors.base import Detector

__all__ = ["DEFAULT", "HISTORY", "NONE", "allowed", "resolve"]

DEFAULT: Final = ("clustering", "phase-transition", "conservation", "correlation")
NONE: Final = "none"
HISTORY: Final = "history"
"""Whoever has past runs adds it to the chosen detectors; it is no part of the default."""
_CLASSIC: Final = "classic"

# loaded on demand: a session that looks for nothing loads no analysis
_HOMES: Final = {
    "clustering": ("pytest_crackle.cooling.detectors.clustering", "Clustering"),
    "phase-transition": ("pytest_crackle.cooling.detectors.phase_transition", "PhaseTransition"),
    "conservation": ("pytest_crackle.cooling.detectors.conservation", "Conservation"),
    "correlation": ("pytest_crackle.cooling.detectors.correlation", "Correlation"),
    HISTORY: ("pytest_crackle.cooling.detectors.history", "History"),
}


def allowed(extra: Sequence[Detector] = ()) -> tuple[str, ...]:
    """Return all names that `resolve` takes."""
    return (*DEFAULT, HISTORY, _CLASSIC, NONE, *(detector.name for detector in extra))


def resolve(
    names: Sequence[str] = DEFAULT,
    extra: Sequence[Detector] = (),
    *,
    classic_metrics: Sequence[str] = (),
) -> tuple[Detector, ...]:
    """Return the detectors that go by these names.

    Parameters
    ----------
    names : sequence of str
        ``"none"`` stands alone and gives no detector.
    extra : sequence of Detector
        Detectors of third parties; like all others they run only when named.
    classic_metrics : sequence of str
        What ``"classic"`` looks at; nothing: duration and custom metrics.

    Returns
    -------
    tuple of Detector
        Each once, ours first in the order of `DEFAULT`, then history, classic and `extra` in its
        order: the order of `names` does not matter.

    Raises
    ------
    CrackleError
        If a name is not known, ``"none"`` has company, or `extra` takes a name that is taken.
    """
    known = allowed(extra)
    for name in known:
        if known.count(name) > 1:
            raise CrackleError(f"two detectors are called {name!a}")
    for name in names:
        if name not in known:
            raise CrackleError(f"detectors must be among {', '.join(known)}, not {name!a}")
    if NONE in names:
        if len(set(names)) > 1:
            raise CrackleError(f"the detector {NONE!a} excludes all others")
        return ()
    found = [_load(name) for name in (*DEFAULT, HISTORY) if name in names]
    if _CLASSIC in names:
        from pytest_crackle.cooling.detectors.classic import Classic  # noqa: PLC0415 - on demand

        found.append(Classic(tuple(classic_metrics)))
    return (*found, *(detector for detector in extra if detector.name in names))


def _load(name: str) -> Detector:
    home, class_name = _HOMES[name]
    detector: Detector = getattr(import_module(home), class_name)()
    return detector
