"""From patterns, rules, budgets and the baseline to one verdict."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from pytest_crackle.gating.baseline import Baseline, removable, standing, times_worse
from pytest_crackle.gating.gaps import stopped, unjudged
from pytest_crackle.gating.markers import Ignores
from pytest_crackle.gating.spending import check_budgets
from pytest_crackle.model.report import Gate
from pytest_crackle.model.units import count_of, format_count

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from pytest_crackle.gating.baseline import Entry, Standing
    from pytest_crackle.gating.budgets import Budget
    from pytest_crackle.gating.rules import Rule
    from pytest_crackle.gating.spending import Spending
    from pytest_crackle.model.pattern import Level, Pattern
    from pytest_crackle.model.report import CoolingInfo, SessionInfo, Verdict
    from pytest_crackle.model.table import MetricTable

__all__ = ["GatePlan", "Judgement", "exit_status", "judge", "not_evaluated"]

_MOST_NAMED: Final = 3


@dataclass(frozen=True, slots=True)
class GatePlan:
    """What the user wants the session to fail on, parsed.

    Attributes
    ----------
    rules : tuple of Rule
    budgets : tuple of Budget
    baseline : Baseline or None
    dry_run : bool
        Say what would fail, and let it pass.
    alpha : float or None
        Greatest Holm-adjusted p-value of a shift that fails: the alpha of the cooling profile.
    kinds : mapping of str to tuple of str
        The kinds of patterns that third parties' detectors give, by the detector's name.
    """

    rules: tuple[Rule, ...] = ()
    budgets: tuple[Budget, ...] = ()
    baseline: Baseline | None = None
    dry_run: bool = False
    alpha: float | None = None
    kinds: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Judgement:
    """What came of it.

    Attributes
    ----------
    patterns : tuple of Pattern
        With level and `accepted` set; those that fail come first, the others keep their order.
    gate : Gate
    removable : tuple of str
        Ids in the baseline that no longer occur.
    """

    patterns: tuple[Pattern, ...]
    gate: Gate
    removable: tuple[str, ...] = ()


def exit_status(gate: Gate, status: int) -> int:
    """Return the exit status that a session of this status ends with: 0 may become 1, no other."""
    return 1 if gate.fails_session and status == 0 else status


def not_evaluated(session: SessionInfo) -> str | None:
    """Say why a run is not the whole suite, which no rule judges and no baseline takes in.

    Parameters
    ----------
    session : SessionInfo

    Returns
    -------
    str or None
        None for a whole run.
    """
    if not session.complete:
        return f"not evaluated: {session.incomplete_because or 'the run is incomplete'}"
    if session.partial_because:
        return f"not evaluated: {session.partial_because}"
    return None


def judge(
    patterns: Sequence[Pattern],
    plan: GatePlan,
    *,
    table: MetricTable,
    session: SessionInfo,
    cooling: CoolingInfo,
    today: date,
    faults: Sequence[str] = (),
) -> Judgement:
    """Judge a session.

    Parameters
    ----------
    patterns : sequence of Pattern
        As the cooling gave them.
    plan : GatePlan
    table : MetricTable
    session : SessionInfo
    cooling : CoolingInfo
    today : date
        For entries of the baseline that expire.
    faults : sequence of str
        Sentences of the cooling: ``"detector NAME failed: ..."``; any other concerns all rules.

    Returns
    -------
    Judgement

    Notes
    -----
    In this order: what fails, fails. A budget or a detector that should have judged and could not
    fails closed. A run of a part of the suite is not judged by rules, and that fails nothing. If
    nothing at all could be judged, the gate fails closed. What is left passes; `Gate.notes` say
    what of it was not judged. O(tests x budgets + tests of all patterns).
    """
    partial = not_evaluated(session)
    spending = check_budgets(plan.budgets, table, whole=partial is None)
    ignores = Ignores(table)
    bench = _Bench(plan, ignores, today, evaluates=partial is None)
    judged = [bench.judge(pattern) for pattern in patterns]
    failed = tuple(pattern.id for pattern in judged if pattern.level == "fail")
    told = Gate(
        rules=tuple(map(str, plan.rules)),
        budgets=_budgets(plan, spending),
        failed=failed,
        breaches=spending.breaches,
        dry_run=plan.dry_run,
        worse=tuple(bench.worse),
        expired=tuple(bench.expired),
    )
    gone: tuple[str, ...] = ()
    if plan.baseline is not None and partial is None and not faults:
        gone = removable(plan.baseline, patterns, cooling, table.columns, table.nodeids)
    judged.sort(key=lambda pattern: pattern.level != "fail")
    facts = _Facts(plan, spending, partial, unjudged(plan, table, cooling, patterns))
    # a run of a part of the suite has no verdict of rules that a fault could spoil
    broken = () if partial else stopped(plan, cooling, faults)
    verdict, closed, reason = _verdict(told, facts, judged, (*spending.problems, *broken))
    gate = replace(
        told,
        verdict=verdict,
        reason=reason,
        fails_session=closed and not plan.dry_run,
        notes=(*ignores.problems, *(facts.notes(broken) if verdict in ("pass", "fail") else ())),
    )
    return Judgement(tuple(judged), gate, gone)


def _budgets(plan: GatePlan, spending: Spending) -> tuple[str, ...]:
    """Those of the session as configured, then those of marks that were judged."""
    return tuple(dict.fromkeys([*map(str, plan.budgets), *spending.judged]))


# ---------------------------------------------------------------------- patterns


class _Bench:
    """Judges one pattern after the other; knows which were worse than accepted, or expired."""

    def __init__(self, plan: GatePlan, ignores: Ignores, today: date, *, evaluates: bool) -> None:
        self.rules, self.alpha = plan.rules, plan.alpha
        self.baseline = plan.baseline or Baseline()
        self.ignores, self.today, self.evaluates = ignores, today, evaluates
        self.worse: list[str] = []
        self.expired: list[str] = []

    def judge(self, pattern: Pattern) -> Pattern:
        """Set level and `accepted`, and say in the details what the baseline has to do with it."""
        if pattern.level == "fail":
            pattern = replace(pattern, level="warn")  # only a rule of the user's may say that
        pattern, ignored = self.ignores.apply(pattern)
        entry = self.baseline.entry(pattern)
        if entry is not None:
            stands = standing(self.baseline, pattern, self.today)
            # effects in a part of the suite are not those in the whole
            if stands == "accepted" or (stands == "worse" and not self.evaluates):
                level: Level = "note" if pattern.level in ("fail", "warn") else pattern.level
                return replace(pattern, accepted=True, level=level)
            pattern = replace(
                pattern, details=(*pattern.details, self._note(entry, pattern, stands))
            )
        fails = self.evaluates and not ignored
        if fails and any(rule.matches(pattern, alpha=self.alpha) for rule in self.rules):
            return replace(pattern, level="fail")
        return pattern

    def _note(self, entry: Entry, pattern: Pattern, stands: Standing) -> str:
        """Note that an acceptance no longer holds; return the line that says so."""
        if stands == "expired":
            self.expired.append(pattern.id)
            return f"accepted by {entry.who} until {entry.expires}, which is over: {entry.reason}"
        self.worse.append(pattern.id)
        times = format_count(times_worse(entry, pattern))
        return f"{times} times as bad as when {entry.who} accepted it on {entry.day}"


# ---------------------------------------------------------------------- the verdict


@dataclass(frozen=True, slots=True)
class _Facts:
    """What could be judged, and what could not."""

    plan: GatePlan
    spending: Spending
    partial: str | None
    unjudged: tuple[str | None, ...]
    """For each rule why it could not be judged, or None."""

    @property
    def is_silent(self) -> bool:
        """Whether there is nothing to judge by."""
        spending = self.spending
        told = (*spending.judged, *spending.problems, *self.plan.budgets)
        return not (self.plan.rules or told)

    @property
    def judged_any(self) -> bool:
        """Whether at least one rule or budget could be judged."""
        rules = self.partial is None and None in self.unjudged
        return rules or bool(self.spending.judged)

    @property
    def gaps(self) -> tuple[str, ...]:
        """What could not be judged, and why."""
        rules = [why for why in self.unjudged if why] if self.partial is None else []
        return tuple(dict.fromkeys((*rules, *self.spending.unjudged)))

    def notes(self, broken: Sequence[str]) -> tuple[str, ...]:
        """What a verdict does not cover."""
        return (*self.spending.problems, *broken, *(self.gaps if self.partial is None else ()))


def _verdict(
    told: Gate, facts: _Facts, patterns: Sequence[Pattern], broken: Sequence[str]
) -> tuple[Verdict, bool, str | None]:
    """Return the verdict, whether it fails the session, and the reason."""
    if facts.is_silent:
        return "none", False, None
    if told.failed or told.breaches:
        return "fail", True, _blame(told, facts, patterns)
    if broken:
        return "inconclusive", True, f"could not be evaluated: {_few(broken)}"
    if facts.partial is not None and (facts.plan.rules or not facts.judged_any):
        return "inconclusive", False, facts.partial
    if not facts.judged_any:
        return "inconclusive", True, f"nothing could be judged: {_few(facts.gaps)}"
    return "pass", False, _keeps(told, facts.gaps if facts.partial is None else ())


def _blame(told: Gate, facts: _Facts, patterns: Sequence[Pattern]) -> str:
    parts = []
    if told.failed:
        kinds = Counter(pattern.kind for pattern in patterns if pattern.level == "fail")
        counts = (f"{count_of(n, 'pattern')} of kind {kind}" for kind, n in kinds.items())
        names = [f"{n}, worse than accepted" if n in told.worse else n for n in told.failed]
        parts.append(f"{', '.join(counts)} ({_few(names)})")
    if told.breaches:
        worst, budgets = told.breaches[0], len({breach.budget for breach in told.breaches})
        over = f"{count_of(budgets, 'budget')} exceeded"
        over += f" in {len(told.breaches):,} places" if len(told.breaches) > 1 else ""
        parts.append(f"{over}, worst by {worst.subject} ({worst.budget})")
    if facts.partial is not None and facts.plan.rules:
        parts.append(f"rules {facts.partial}")
    return "; ".join(parts)


def _keeps(told: Gate, gaps: Sequence[str]) -> str | None:
    """Say what passes, where it is not the whole gate; None where it is."""
    if not gaps:
        return None
    parts = ["no pattern fails"] if told.rules else []
    parts += ["no budget is exceeded"] if told.budgets else []
    return f"{' and '.join(parts)}; not judged: {_few(gaps)}"


def _few(texts: Sequence[str], between: str = "; ") -> str:
    more = len(texts) - _MOST_NAMED
    shown = between.join(texts[:_MOST_NAMED])
    return f"{shown}{between}{more} more" if more > 0 else shown
