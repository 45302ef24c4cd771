"""One number per pattern for how bad it is, to see when an accepted one has become worse."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from pytest_crackle.model.pattern import PatternKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_crackle.model.pattern import Pattern

__all__ = ["effect_of", "share_of", "times"]


_OF_THE_SUITE: Final = ("group", "hot", "setup", "driver")


def effect_of(pattern: Pattern) -> float | None:
    """Return how bad a pattern is, on a scale where twice the number is twice as bad.

    Parameters
    ----------
    pattern : Pattern

    Returns
    -------
    float or None
        At least 0; None where a pattern cannot become worse, or nothing says how bad it is.

    Notes
    -----
    By sub-kind:

    - jump, leak, growth: what is kept, in units of the level (`kept`);
    - plateau, group, hot, setup, driver: its seconds (`cost_seconds`); but see `times`;
    - shifts (pace, background, step, cases and so on): `shift`, or the ratio of the medians less
      1, or `shift_magnitude`;
    - laws and relations: the number of tests that break them; a law that holds cannot be worse;
    - state, regime, pair, shape: a fact or a shape, None.

    Kinds and sub-kinds of third parties: the first of `shift`, seconds, exceptions.
    """
    rule = _RULES.get(pattern.subkind)
    if rule is None:
        rule = _DEFAULTS.get(pattern.kind, _first_of_all)
    effect = rule(pattern)
    return effect if effect is not None and math.isfinite(effect) else None


def share_of(pattern: Pattern) -> float | None:
    """Return the share of the suite's time that a pattern has, strictly between 0 and 1, or None.

    Only of sub-kinds whose seconds depend on the speed of the machine; a fixed wait is as long
    anywhere. The `share` of a driver is of the time that follows it best in that run (CPU time,
    or a phase), so `suite_share` is compared.
    """
    name = "suite_share" if pattern.subkind == "driver" else "share"
    share = pattern.evidence.get(name) if pattern.subkind in _OF_THE_SUITE else None
    return share if share is not None and 0 < share < 1 else None


def times(
    effect: float | None, share: float | None, old_effect: float | None, old_share: float | None
) -> float:
    """Return how many times as bad as before something is; 0 where that cannot be said.

    Parameters
    ----------
    effect, old_effect : float or None
        As `effect_of` gives them.
    share, old_share : float or None
        As `share_of` gives them.

    Returns
    -------
    float

    Notes
    -----
    Seconds double on a machine of half the speed, and a share grows when something else in the
    suite is mended. So where shares s are known, the time over that of the rest of the suite,
    s / (1 - s), must have grown as well: the smaller of the two ratios counts.
    """
    if not effect or not old_effect:
        return 0.0
    ratio = effect / old_effect
    if share is None or old_share is None:
        return ratio
    return min(ratio, share / (1 - share) / (old_share / (1 - old_share)))


def _kept(pattern: Pattern) -> float | None:
    kept = pattern.evidence.get("kept")
    return _shift(pattern) if kept is None else abs(kept)


def _seconds(pattern: Pattern) -> float | None:
    return pattern.cost_seconds


def _shift(pattern: Pattern) -> float | None:
    evidence = pattern.evidence
    if "shift" in evidence:
        return abs(evidence["shift"])
    before, after = evidence.get("before_median"), evidence.get("after_median")
    if before is not None and after is not None and before > 0 and after > 0:
        # twice as fast is as large a shift as twice as slow
        return max(before, after) / min(before, after) - 1
    magnitude = evidence.get("shift_magnitude")
    return None if magnitude is None else abs(magnitude)


def _exceptions(pattern: Pattern) -> float | None:
    return float(len(pattern.exceptions)) or None


def _none(pattern: Pattern) -> float | None:
    return None


def _first_of_all(pattern: Pattern) -> float | None:
    for rule in (_shift, _seconds, _exceptions):
        effect = rule(pattern)
        if effect is not None:
            return effect
    return None


_RULES: Final[Mapping[str, Callable[[Pattern], float | None]]] = {
    **dict.fromkeys(("jump", "leak", "growth"), _kept),
    **dict.fromkeys(("plateau", *_OF_THE_SUITE), _seconds),
    **dict.fromkeys(("state", "regime", "pair", "shape", "correlation"), _none),
}
_DEFAULTS: Final[Mapping[str, Callable[[Pattern], float | None]]] = {
    PatternKind.PHASE_TRANSITION: _shift,
    PatternKind.CONSERVATION: _exceptions,
    PatternKind.CLUSTERING: _none,
    PatternKind.CORRELATION: _none,
}
