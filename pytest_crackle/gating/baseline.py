"""The baseline: patterns that people have accepted, with a reason, reviewed like any other file."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

from pytest_crackle.gating.effects import effect_of, share_of, times
from pytest_crackle.model.errors import CrackleError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pytest_crackle.model.pattern import Pattern
    from pytest_crackle.model.report import CoolingInfo

__all__ = [
    "MAX_TEXT",
    "WORSE",
    "Baseline",
    "Entry",
    "Standing",
    "accept",
    "day_of",
    "prune",
    "removable",
    "standing",
    "times_worse",
]

WORSE: Final = 2.0
"""How many times the accepted effect is worse than accepted (the issue's own figure)."""
MAX_TEXT: Final = 2000
"""Most characters of a text in an entry."""
MOST_OF_A_SUBKIND: Final = 5
"""The cooling tells at most so many of a sub-kind (detectors.md 2); then silence says nothing."""
_SENSITIVITY: Final = {"slow": 0, "normal": 1, "fast": 2}
_STATE: Final = "state"
_OWNERS: Final = {
    "classic": "classic",
    **dict.fromkeys(("onward", "slower", "count", "changed", "flips"), "history"),
}
"""Detectors that are not named like the kinds of their patterns, by sub-kind."""

Standing = Literal["new", "accepted", "worse", "expired"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One accepted pattern.

    Attributes
    ----------
    id, kind : str
        Of the pattern; both must agree, for an id is short and a kind is not.
    summary : str
        The sentence when it was accepted, for the reviewer; never compared.
    reason, who : str
        Why it is accepted, and by whom.
    day : date
        When it was accepted.
    subkind : str
    metrics : tuple of str
    effect : float or None
        As `effect_of` had it then; None: it cannot become worse.
    share : float or None
        Share of the suite's time then, as `share_of` had it.
    cooling : str
        The cooling rate then; "" if unknown.
    file : str
        Where it was then: a run without tests of this file cannot tell that it is gone; "" if
        unknown.
    expires : date or None
        Last day on which it is accepted.
    extra : mapping of str to object
        Keys that people have added; kept as they are.
    """

    id: str
    kind: str
    summary: str
    reason: str
    who: str
    day: date
    subkind: str = ""
    metrics: tuple[str, ...] = ()
    effect: float | None = None
    share: float | None = None
    cooling: str = ""
    file: str = ""
    expires: date | None = None
    extra: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Baseline:
    """Accepted patterns, sorted by id."""

    entries: tuple[Entry, ...] = ()

    def entry(self, pattern: Pattern) -> Entry | None:
        """Return the entry of a pattern, or None. O(entries)."""
        for entry in self.entries:
            if entry.id == pattern.id:
                return entry if entry.kind == pattern.kind else None
        return None


def day_of(day: date) -> date:
    """Return the day of a date or a point in time: the two cannot be compared with each other."""
    return day.date() if isinstance(day, datetime) else day


def accept(
    baseline: Baseline,
    patterns: Sequence[Pattern],
    ids: Iterable[str],
    *,
    reason: str,
    who: str,
    today: date,
    expires: date | None = None,
    cooling: str = "",
) -> Baseline:
    """Accept patterns.

    Parameters
    ----------
    baseline : Baseline
    patterns : sequence of Pattern
        Those of the run.
    ids : iterable of str
        Ids of patterns, or "all": all that may fail a gate and are not accepted as they are now.
    reason, who : str
        Not blank.
    today : date
    expires : date, optional
        Last day on which they are accepted.
    cooling : str
        The cooling rate of the run.

    Returns
    -------
    Baseline
        With new entries, in place of older ones of the same id.

    Raises
    ------
    CrackleError
        If the run has no pattern of that id, or reason or who is blank.
    """
    reason, who = (" ".join(text.split())[:MAX_TEXT] for text in (reason, who))
    if not reason or not who:
        raise CrackleError(f"accepting a pattern needs a {'who' if reason else 'reason'}")
    chosen = _chosen(baseline, patterns, tuple(ids), day_of(today))
    entries = {entry.id: entry for entry in baseline.entries}
    for pattern in chosen:
        older = entries.get(pattern.id)
        entries[pattern.id] = Entry(
            id=pattern.id,
            kind=pattern.kind,
            summary=" ".join(pattern.summary.split())[:MAX_TEXT],
            reason=reason,
            who=who,
            day=day_of(today),
            subkind=pattern.subkind,
            metrics=tuple(sorted(pattern.metrics)),
            effect=effect_of(pattern),
            share=share_of(pattern),
            cooling=cooling,
            file=_file_of(pattern),
            expires=day_of(expires) if expires else None,
            extra=older.extra if older else MappingProxyType({}),
        )
    return replace(baseline, entries=tuple(entries[name] for name in sorted(entries)))


def _file_of(pattern: Pattern) -> str:
    anchor = pattern.at or next(iter(pattern.tests), "")
    return anchor.partition("::")[0][:MAX_TEXT].strip()


def _chosen(
    baseline: Baseline, patterns: Sequence[Pattern], ids: Sequence[str], today: date
) -> list[Pattern]:
    by_id = {pattern.id: pattern for pattern in patterns}
    chosen: dict[str, Pattern] = {}
    for name in ids:
        if name == "all":
            for pattern in patterns:
                if pattern.level != "notice" and standing(baseline, pattern, today) != "accepted":
                    chosen[pattern.id] = pattern
        elif name in by_id:
            chosen[name] = by_id[name]
        else:
            known = ", ".join(sorted(by_id)) or "none"
            raise CrackleError(f"no pattern {name!a} in this run; there are: {known}")
    return list(chosen.values())


def times_worse(entry: Entry, pattern: Pattern) -> float:
    """Return how many times the accepted effect a pattern has; 0 where that cannot be said."""
    return times(effect_of(pattern), share_of(pattern), entry.effect, entry.share)


def standing(baseline: Baseline, pattern: Pattern, today: date) -> Standing:
    """Say how a pattern stands to the baseline.

    Parameters
    ----------
    baseline : Baseline
    pattern : Pattern
    today : date

    Returns
    -------
    {"new", "accepted", "worse", "expired"}
        "worse" from twice the accepted effect on; "expired" from the day after `expires` on.
    """
    entry = baseline.entry(pattern)
    if entry is None:
        return "new"
    if entry.expires is not None and entry.expires < day_of(today):
        return "expired"
    return "worse" if times_worse(entry, pattern) >= WORSE else "accepted"


def prune(baseline: Baseline, removable: Iterable[str]) -> Baseline:
    """Return the baseline without the entries of these ids."""
    gone = frozenset(removable)
    return Baseline(tuple(entry for entry in baseline.entries if entry.id not in gone))


def removable(
    baseline: Baseline,
    patterns: Sequence[Pattern],
    cooling: CoolingInfo,
    recorded: Iterable[str],
    nodeids: Iterable[str] | None = None,
) -> tuple[str, ...]:
    """Return the ids of entries whose pattern is gone, and not only out of sight.

    Parameters
    ----------
    baseline : Baseline
    patterns : sequence of Pattern
        All of a whole run without faults.
    cooling : CoolingInfo
    recorded : iterable of str
        The metrics of the run.
    nodeids : iterable of str, optional
        Its tests; None: do not look whether the file of an entry was run.

    Returns
    -------
    tuple of str
        Sorted.

    Notes
    -----
    An entry stays where the run could not have told the pattern: its detector was not chosen, one
    of its metrics was not recorded or not tested, no test of its file ran (so an entry of a file
    that was deleted is for people to remove), the cooling was slower than at acceptance, or
    the run told as many of the sub-kind as are told at most.
    """
    told = {pattern.id for pattern in patterns}
    counts = Counter((pattern.kind, pattern.subkind) for pattern in patterns)
    metrics = {*recorded, _STATE}
    untested = {(one.detector, one.metric) for one in cooling.not_tested}
    files = None if nodeids is None else {nodeid.partition("::")[0] for nodeid in nodeids}
    rate = _SENSITIVITY.get(cooling.rate, 0)

    def is_gone(entry: Entry) -> bool:
        detector = _OWNERS.get(entry.subkind, entry.kind)
        return (
            entry.id not in told
            and detector in cooling.detectors
            and metrics.issuperset(entry.metrics)
            and not any((detector, metric) in untested for metric in (*entry.metrics, "*"))
            and (files is None or not entry.file or entry.file in files)
            and rate >= _SENSITIVITY.get(entry.cooling, 0)
            and counts[entry.kind, entry.subkind] < MOST_OF_A_SUBKIND
        )

    return tuple(entry.id for entry in baseline.entries if is_gone(entry))
