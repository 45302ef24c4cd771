"""Rules for ``--crackle-fail-on``: KIND[:METRIC_GLOB][@CONFIDENCE]."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pytest_crackle.gating.globs import Glob
from pytest_crackle.model.errors import CrackleError
from pytest_crackle.model.pattern import PatternKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_crackle.model.pattern import Pattern

__all__ = ["ANY", "KINDS", "Rule", "known_kinds", "marked", "parse_rule", "parse_rules"]

ANY: Final = "any"
KINDS: Final = tuple(str(kind) for kind in PatternKind)
OPTION: Final = "--crackle-fail-on"
RANDOM_WALK: Final = 0.75
"""Autocorrelation from which a series is like a random walk (detectors.md 4): no gate by itself."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Which patterns fail the session.

    Attributes
    ----------
    kind : str
        A kind, or "any".
    metric : Glob or None
        At least one metric of the pattern must fit; None: any pattern does, also one without.
    confidence : float
        Least confidence of the pattern, 0..1.
    """

    kind: str
    metric: Glob | None = None
    confidence: float = 0.0

    def __str__(self) -> str:
        metric = f":{self.metric.text}" if self.metric else ""
        confidence = f"@{self.confidence!r}" if self.confidence else ""
        return f"{self.kind}{metric}{confidence}"

    def covers(self, pattern: Pattern) -> bool:
        """Whether the rule speaks of this pattern at all."""
        return (
            self.kind in (ANY, pattern.kind)
            and (self.metric is None or any(map(self.metric.matches, pattern.metrics)))
            and pattern.confidence >= self.confidence
        )

    def names(self, pattern: Pattern) -> bool:
        """Whether it names kind and metric of this pattern in full, without "any" or a wildcard."""
        return (
            self.kind == pattern.kind
            and self.metric is not None
            and self.metric.is_literal
            and self.metric.text in pattern.metrics
        )

    def matches(self, pattern: Pattern, *, alpha: float | None = None) -> bool:
        """Whether this rule fails a session that has this pattern, baseline and marks aside.

        Parameters
        ----------
        pattern : Pattern
        alpha : float or None
            Greatest Holm-adjusted p-value of a shift; None: what the cooling found gateable.

        Notes
        -----
        What is only mentioned (level "notice") never fails. Growth of memory, and shifts of a
        series like a random walk, fail only if the rule names kind and metric in full. Whatever
        else the cooling found not gateable never fails.
        """
        if pattern.level == "notice" or not self.covers(pattern):
            return False
        if pattern.gate_p is not None and alpha is not None and pattern.gate_p > alpha:
            return False
        return self.names(pattern) if _is_doubtful(pattern) else pattern.gateable


def known_kinds(others: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """Return all kinds that a rule may name: ours, then those of third parties' detectors.

    Parameters
    ----------
    others : mapping of str to iterable of str
        Kinds by the name of the detector that gives them.
    """
    return tuple(dict.fromkeys((*KINDS, *(kind for kinds in others.values() for kind in kinds))))


def _is_doubtful(pattern: Pattern) -> bool:
    """Whether it may be nothing but the way of the world, so that the user must ask for it."""
    if pattern.kind != PatternKind.PHASE_TRANSITION:
        return False
    return pattern.subkind == "growth" or pattern.evidence.get("rho", 0.0) >= RANDOM_WALK


def marked(text: str, start: int, end: int) -> str:
    """Write a text in ASCII with one part between ``>>`` and ``<<``."""
    before, part, after = (ascii(t)[1:-1] for t in (text[:start], text[start:end], text[end:]))
    return f"{before}>>{part}<<{after}"


def parse_rule(text: str, kinds: Iterable[str] = KINDS, *, option: str = OPTION) -> Rule:
    """Parse one rule.

    Parameters
    ----------
    text : str
        ``KIND[:METRIC_GLOB][@CONFIDENCE]``; blanks at the ends are ignored.
    kinds : iterable of str
        All kinds there are; "any" is always allowed.
    option : str
        Where the rule comes from, for the message.

    Returns
    -------
    Rule

    Raises
    ------
    CrackleError
        Naming the option, the rule with the wrong part marked, and what is allowed there.

    Notes
    -----
    The confidence stands after the last ``@``; in a glob write ``?`` for a metric's own ``@``.

    Examples
    --------
    >>> parse_rule("phase-transition:memory.*@0.95").confidence
    0.95
    """
    text = text.strip()
    head, has_confidence, confidence = text.rpartition("@")
    if not has_confidence:
        head = text
    kind, has_metric, metric = head.partition(":")

    def wrong(start: int, end: int, allowed: str) -> CrackleError:
        return CrackleError(f"{option} {marked(text, start, end)}: {allowed}")

    known = (*kinds, ANY)
    if kind not in known:
        raise wrong(0, len(kind), f"the kind must be one of {', '.join(known)}")
    glob = None
    if has_metric:
        try:
            glob = Glob(metric)
        except CrackleError as error:
            raise wrong(len(kind) + 1, len(head), str(error)) from None
    least = 0.0
    if has_confidence:
        least = _confidence(confidence)
        if not 0 <= least <= 1:
            raise wrong(len(head) + 1, len(text), "the confidence must be a number from 0 to 1")
    return Rule(kind, glob, least)


def _confidence(text: str) -> float:
    if not (text.isascii() and set(text) <= set("0123456789.eE-+")):
        return -1.0  # float() would take "nan", "1_0" and digits of other scripts
    try:
        return float(text) + 0.0  # -0.0 is 0
    except ValueError:
        return -1.0


def parse_rules(
    texts: Iterable[str], kinds: Iterable[str] = KINDS, *, option: str = OPTION
) -> tuple[Rule, ...]:
    """Parse all rules; a rule given twice counts once.

    Raises
    ------
    CrackleError
        For the first that is wrong, as `parse_rule` says.
    """
    known = tuple(kinds)
    return tuple(dict.fromkeys(parse_rule(text, known, option=option) for text in texts))
