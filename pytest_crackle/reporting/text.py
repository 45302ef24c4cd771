"""The report as plain lines for a terminal; colour is put on whole lines by whoever prints them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pytest_crackle.model.units import count_of, format_value
from pytest_crackle.reporting.evidence import INDENT, evidence_lines
from pytest_crackle.reporting.figures import LABELS, q_text
from pytest_crackle.reporting.gateline import gate_fails, gate_sentence
from pytest_crackle.reporting.medium import NARROWEST, WIDEST, Line, Medium, joined
from pytest_crackle.reporting.overview import overview

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_crackle.model.pattern import Level, Pattern
    from pytest_crackle.model.report import Report
    from pytest_crackle.reporting.medium import Style

__all__ = ["Line", "render_text"]

_MOST_LINES: Final = 30
"""Of a report at the default verbosity with ten headlines or fewer."""
_DEFAULT_HEADLINES: Final = 10
_FEWEST_ROWS: Final = 3
_MOST_BREACHES: Final = 5
_MOST_NOTES: Final = 3
_MOST_FAULTS: Final = 3
_MOST_OF_GATE: Final = 5
_MANY: Final = 200
_STYLES: Final[dict[Level, Style]] = {
    "fail": "fail",
    "warn": "warn",
    "note": "note",
    "notice": "dim",
}


@dataclass(frozen=True, slots=True)
class _Wish:
    """What the reader asked for."""

    report: Report
    medium: Medium
    verbosity: int
    max_patterns: int
    accepting: str

    @property
    def most_headlines(self) -> int:
        """All of them at ``-vv``."""
        return len(self.report.patterns) if self.verbosity >= 2 else max(0, self.max_patterns)

    @property
    def most_lines(self) -> int:
        """More only for who asks for more headlines."""
        return _MOST_LINES + 3 * max(0, self.max_patterns - _DEFAULT_HEADLINES)


def render_text(
    report: Report,
    width: int = 80,
    verbosity: int = 0,
    unicode: bool = True,  # noqa: FBT001, FBT002 - named by every caller
    max_patterns: int = _DEFAULT_HEADLINES,
    *,
    encoding: str = "utf-8",
    accepting: str = "--crackle-accept=ID",
) -> list[Line]:
    """Write the report for a terminal.

    Parameters
    ----------
    report : Report
    width : int
        Columns; 60 to 200, others are taken as the nearest of these.
    verbosity : int
        -2: the gate's line, and only if it fails; -1: status, headlines and gate; 0: also the
        table and what was not tested, at most 30 lines; 1: evidence for each pattern; 2: all tests.
    unicode : bool
        Draw with bars and dots where the encoding has them.
    max_patterns : int
        Most headlines; all at verbosity 2.
    encoding : str
        Of the terminal; characters that it does not have are shown as escapes.
    accepting : str
        How a pattern is accepted here.

    Returns
    -------
    list of Line
        Printable, none wider than `width`; empty if there is nothing to say.

    Notes
    -----
    O(tests) for each pattern shown.
    """
    medium = Medium(min(max(width, NARROWEST), WIDEST), encoding, unicode)
    wish = _Wish(report, medium, verbosity, max_patterns, accepting)
    if verbosity <= -2:
        lines = _gate(wish) if gate_fails(report) else []
    elif not report.patterns and not report.gate.breaches:
        told = [*_notes(wish), *_removable(wish)]
        lines = [*_nothing(wish), *_faults(wish), *told, *_gate(wish)]
    elif verbosity == -1:
        headlines = _headlines(wish, wish.most_headlines)
        lines = [*_status(wish), *_faults(wish), *headlines, *_breaches(wish), *_gate(wish)]
    elif verbosity == 0:
        lines = _default(wish)
    else:
        lines = _verbose(wish)
    return [Line(medium.fit(line.text), line.style) for line in lines]


def _default(wish: _Wish) -> list[Line]:
    """Headlines, then the table, cut to the number of lines that people read."""
    head, breaches = [*_status(wish), *_faults(wish)], _breaches(wish)
    tail = [*_notes(wish), *_not_tested(wish), *_removable(wish)]
    end = _gate(wish)
    # two blank lines around the headlines, and the line that says what to do next
    room = wish.most_lines - sum(map(len, (head, breaches, tail, end))) - 3
    count = min(wish.most_headlines, len(wish.report.patterns))
    headlines = _headlines(wish, count)
    while count > 1 and len(headlines) > room:
        count -= 1
        headlines = _headlines(wish, count)
    table = _table(wish, count, room - len(headlines) - 1)
    last = [*tail, *_next(wish, count, max(0, len(table) - 2)), *end]
    return _spaced([head, [*headlines, *breaches], table, last])


def _spaced(blocks: Sequence[Sequence[Line]]) -> list[Line]:
    """Put a blank line between the blocks that have lines."""
    lines: list[Line] = []
    for block in blocks:
        lines += [Line(""), *block] if lines and block else block
    return lines


def _verbose(wish: _Wish) -> list[Line]:
    report, medium = wish.report, wish.medium
    blocks = [[*_status(wish), *_faults(wish)]]
    count = min(wish.most_headlines, len(report.patterns))
    for pattern in report.patterns[:count]:
        evidence = evidence_lines(report, pattern, medium, all_tests=wish.verbosity >= 2)
        blocks.append([*_headline(wish, pattern), *(Line(text) for text in evidence)])
    blocks += [_more(wish, count), _breaches(wish)]
    last = [*_notes(wish), *_not_tested(wish), *_removable(wish)]
    return _spaced([*blocks, [*last, *_next(wish, count, 0), *_gate(wish)]])


# ---------------------------------------------------------------------- the first lines


def _size(report: Report) -> str:
    metrics = count_of(len(report.metrics), "metric")
    return f"{count_of(report.table.n_tests, 'test')}, {metrics}"


def _seconds(report: Report) -> str:
    return f"{report.cooling.seconds:,.2f} s"


def _status(wish: _Wish) -> list[Line]:
    report = wish.report
    gate, failed = report.gate, set(report.gate.failed)
    parts = [report.found]
    n_failing = sum(pattern.id in failed for pattern in report.patterns)
    if n_failing:
        verb = "would fail" if gate.dry_run else "fails" if n_failing == 1 else "fail"
        parts.append(f"{n_failing:,} {verb} the gate")
    if accepted := sum(pattern.accepted for pattern in report.patterns):
        parts.append(f"{accepted:,} accepted")
    if gate.breaches:
        parts.append(f"{len(gate.breaches):,} over budget")
    text = f"{_size(report)}, cooling {report.cooling.rate} ({_seconds(report)}):"
    lines = wish.medium.lines(f"{text} {', '.join(parts)}", indent=4)
    if why := _shortfall(report):
        lines += wish.medium.lines(why, "warn", indent=4)
    return lines


def _shortfall(report: Report) -> str:
    """Say why this is not a whole run; empty if it is."""
    session = report.session
    if not session.complete:
        return f"incomplete run: {session.incomplete_because or 'not all tests finished'}"
    return f"partial run: {session.partial_because}" if session.partial_because else ""


def _nothing(wish: _Wish) -> list[Line]:
    """One line, whatever the reason is that there is nothing to tell."""
    report = wish.report
    if not report.table.n_tests:
        return [Line("crackle: no tests were measured")]
    parts = [f"crackle: {report.found} in {_size(report)} ({_seconds(report)})"]
    if why := _shortfall(report):
        parts.append(why)
    groups = _reasons(report)
    whole = [text for text, is_whole in groups if is_whole]
    if wish.verbosity >= 1:
        whole = [text for text, _ in groups]
    if whole:
        parts.append(f"not tested: {joined(whole, _MANY if wish.verbosity >= 1 else 2, '')}")
    most = _MANY if wish.verbosity >= 1 else None
    return wish.medium.lines("; ".join(parts), indent=4, most=most or 3)


def _faults(wish: _Wish) -> list[Line]:
    faults = wish.report.faults
    most = _MANY if wish.verbosity >= 1 else _MOST_FAULTS
    lines: list[Line] = []
    for fault in faults[:most]:
        lines += wish.medium.lines(f"crackle: {fault}", "warn", indent=4, most=2)
    if len(faults) > most:
        lines.append(Line(f"crackle: {len(faults) - most:,} more faults of its own: -v", "warn"))
    return lines


# ---------------------------------------------------------------------- patterns


def _headlines(wish: _Wish, count: int) -> list[Line]:
    lines = [line for p in wish.report.patterns[:count] for line in _headline(wish, p)]
    return [*lines, *_more(wish, count)]


def _headline(wish: _Wish, pattern: Pattern) -> list[Line]:
    medium = wish.medium
    style = "dim" if pattern.accepted else _STYLES[pattern.level]
    lines = medium.headline(f"{LABELS[pattern.level]}  ", pattern, style, indent=INDENT)
    tag = f"[{pattern.id}] (accepted)" if pattern.accepted else f"[{pattern.id}]"
    tag = medium.fit(tag, medium.width - INDENT)
    if len(medium.fit(f"{lines[-1].text} {tag}")) == len(lines[-1].text) + 1 + len(tag):
        lines[-1] = Line(f"{lines[-1].text} {tag}", style)
    else:
        lines.append(Line(f"{'':{INDENT}}{tag}", style))
    return lines


def _more(wish: _Wish, count: int) -> list[Line]:
    if (more := len(wish.report.patterns) - count) <= 0:
        return []
    noun = "more pattern" if count else "pattern"
    return [Line(f"note  {count_of(more, noun)}: -vv or --crackle-max={count + more}", "dim")]


def _breaches(wish: _Wish) -> list[Line]:
    report, medium = wish.report, wish.medium
    breaches = report.gate.breaches
    most = _MANY if wish.verbosity >= 1 else _MOST_BREACHES
    label, style = ("WARN", "warn") if report.gate.dry_run else ("FAIL", "fail")
    lines: list[Line] = []
    for breach in breaches[:most]:
        value, limit = (format_value(v, breach.unit) for v in (breach.value, breach.limit))
        subject = medium.shorten(breach.subject, medium.width - INDENT - 1)
        text = f"{label}  {subject}: {breach.metric} is {value}, allowed {limit} ({breach.budget})"
        lines += medium.lines(text, style, indent=INDENT, most=3)  # type: ignore[arg-type] # of two
    if len(breaches) > most:
        lines.append(Line(f"note  {len(breaches) - most:,} more over budget: -v", "dim"))
    return lines


def _table(wish: _Wish, count: int, room: int) -> list[Line]:
    """Draw the table of the patterns shown, or of the first of them, or none."""
    rows = min(count, room - 2)
    if rows < min(_FEWEST_ROWS, count) or not rows:
        return []
    patterns = wish.report.patterns[:rows]
    return [Line(text) for text in overview(wish.report, patterns, wish.medium)]


# ---------------------------------------------------------------------- the last lines


def _notes(wish: _Wish) -> list[Line]:
    notes = wish.report.cooling.notes
    most = _MANY if wish.verbosity >= 1 else _MOST_NOTES
    lines: list[Line] = []
    for note in notes[:most]:
        lines += wish.medium.lines(f"also  {note}", "dim", indent=INDENT, most=2)
    if len(notes) > most:
        lines.append(Line(f"also  {len(notes) - most:,} more notes: -v", "dim"))
    return lines


def _reasons(report: Report) -> list[tuple[str, bool]]:
    """Group what was not tested by reason; True where a whole detector was not used."""
    groups: dict[tuple[str, bool], list[str]] = {}
    for entry in report.cooling.not_tested:
        is_whole = entry.metric in ("", "*")
        what = entry.detector if is_whole else f"{entry.metric} for {entry.detector}"
        groups.setdefault((entry.reason, is_whole), []).append(what)
    return [
        (f"{joined(whats, 4, '')} ({reason})", is_whole)
        for (reason, is_whole), whats in groups.items()
    ]


def _not_tested(wish: _Wish) -> list[Line]:
    if not (groups := [text for text, _ in _reasons(wish.report)]):
        return []
    most = _MANY if wish.verbosity >= 1 else 2
    text = f"not tested: {joined(groups, most, 'reasons')}"
    return wish.medium.lines(text, "dim", indent=4, most=_MANY if wish.verbosity >= 1 else 2)


def _removable(wish: _Wish) -> list[Line]:
    if not (ids := wish.report.removable):
        return []
    verb = "occurs no more and" if len(ids) == 1 else "occur no more and"
    text = f"baseline: {joined(ids, 5, '')} {verb} can be removed"
    return wish.medium.lines(text, "dim", indent=4, most=2)


def _next(wish: _Wish, count: int, rows: int) -> list[Line]:
    """Say what the table means and what to do next, in one line."""
    is_cut, parts = 0 < rows < count, []
    if is_cut:
        parts.append(f"First {rows} rows;")
    if any(q_text(pattern)[-1].isdigit() for pattern in wish.report.patterns[:rows]):
        parts.append("q: expected share of false alarms.")
    if wish.report.patterns:
        steps = [] if wish.verbosity >= 1 else ["-v" if is_cut else "-v for evidence"]
        parts.append(f"Next: {', '.join([*steps, wish.accepting])}.")
    return wish.medium.lines(" ".join(parts), "dim", indent=4, most=2) if parts else []


def _gate(wish: _Wish) -> list[Line]:
    """Say the verdict; of a long one the middle is left out, never the exit status."""
    found = gate_sentence(wish.report)
    if found is None:
        return []
    lines = wish.medium.lines(found.text, found.style, indent=4, most=None)
    if len(lines) <= _MOST_OF_GATE:
        return lines
    lines = wish.medium.lines(found.verdict, found.style, indent=4, most=_MOST_OF_GATE - 1)
    return [*lines, Line(f"    {found.ending.removeprefix(': ')}", found.style)]
