"""The report as Markdown, for a step summary or a comment: one table, its cells wrap there."""

from __future__ import annotations

import re
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from pytest_crackle.model.units import count_of, format_value
from pytest_crackle.reporting.escape import printable
from pytest_crackle.reporting.figures import LABELS, kind_name, q_text
from pytest_crackle.reporting.gateline import gate_sentence
from pytest_crackle.reporting.layout import shorten
from pytest_crackle.reporting.tables import MOST_ROWS, Column, render_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_crackle.model.pattern import Pattern
    from pytest_crackle.model.report import Report

__all__ = ["MOST_BYTES", "escape_markdown", "render_markdown"]

MOST_BYTES: Final = 64 << 10
"""GitHub refuses a step summary of more than 1 MiB whole; nobody reads a tenth of that."""
_FRAME: Final = 500
"""Bytes for what stands around the rows, and ten for what stands around the cells of each."""
_MOST_CELL: Final = 600
_MOST_LISTED: Final = 20
_LONGEST_NAME: Final = 120
_COLUMNS: Final[tuple[Column, ...]] = (
    ("level", "left"),
    ("id", "left"),
    ("pattern", "left"),
    ("tests", "right"),
    ("q", "right"),
    ("what", "left"),
)
_PADDING: Final = re.compile(r"( ) +|(?<=-{3})-+(?=-*:?\|)")
# what Markdown, GitHub's dialect included, may take for markup: emphasis, code, links, images,
# HTML, tables, strike-through, formulas, headings; at the start of a line also lists
_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]()#!|~$])|^([-+=])|^(\d+)([.)])")
_ENTITIES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_ENTITY: Final = re.compile("[&<>]")
# a bare address becomes a link unless its colon or dot is an entity
_ADDRESS: Final = re.compile(r"(?i)\b(https?|ftp|mailto|xmpp|www)([:.])")
# mentions, issues and emoji are found in the finished text, escaped or not: only code stops that
_REFERENCES: Final = re.compile(r"((?:@[A-Za-z0-9][\w/-]*|#\d+|:[a-z0-9_+-]+:)+)")


def escape_markdown(text: str) -> str:
    r"""Write foreign text so that Markdown shows it as it is.

    Examples
    --------
    >>> escape_markdown("test_x[<b>|@me]")
    'test\\_x\\[&lt;b&gt;\\|`@me`\\]'
    """
    parts = _REFERENCES.split(printable(text))
    return "".join(f"`{part}`" if i % 2 else _plain(part) for i, part in enumerate(parts))


def _plain(text: str) -> str:
    text = _ADDRESS.sub(r"\1\0\2", text)  # a mark that no printable text has, until & is done
    text = _ENTITY.sub(lambda match: _ENTITIES[match[0]], text)
    text = _SPECIAL.sub(_backslashed, text)
    return text.replace("\0:", "&#58;").replace("\0.", "&#46;")


def _backslashed(match: re.Match[str]) -> str:
    special, mark, number, point = match.groups()
    return f"{number}\\{point}" if number else f"\\{special or mark}"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 3]}..."


def render_markdown(report: Report, *, max_patterns: int = MOST_ROWS) -> str:
    """Write the report as Markdown.

    Parameters
    ----------
    report : Report
    max_patterns : int
        Most patterns in the table; never more than 50.

    Returns
    -------
    str
        At most 64 KiB in UTF-8; what does not fit is counted.

    Notes
    -----
    O(patterns shown); a row holds at most 600 characters of a sentence.
    """
    head = "\n".join(["### crackle report", "", _status(report), ""])
    tail = "\n".join([*_breaches(report), *_lists(report)])
    rows = [_row(pattern) for pattern in report.patterns[: max(0, min(max_patterns, MOST_ROWS))]]
    room = MOST_BYTES - len(f"{head}{tail}".encode()) - _FRAME
    sizes = accumulate(len(" | ".join(row).encode()) + _FRAME // 50 for row in rows)
    fitting = [row for row, size in zip(rows, sizes, strict=True) if size <= room]
    return "\n".join([head, *_table(report, fitting), tail]).rstrip("\n") + "\n"


def _status(report: Report) -> str:
    size = f"{count_of(report.table.n_tests, 'test')}, {count_of(len(report.metrics), 'metric')}"
    lines = [f"{size}, cooling {escape_markdown(report.cooling.rate)}: **{report.found}**"]
    gate = gate_sentence(report)
    if gate is not None:
        lines.append(f"**{escape_markdown(f'{_cut(gate.verdict, _MOST_CELL)}{gate.ending}')}**")
    session = report.session
    if not session.complete:
        reason = session.incomplete_because or "not all tests finished"
        lines.append(f"Incomplete run: {escape_markdown(_cut(reason, _MOST_CELL))}")
    elif session.partial_because:
        lines.append(f"Partial run: {escape_markdown(_cut(session.partial_because, _MOST_CELL))}")
    return "\n\n".join(lines)


def _table(report: Report, rows: Sequence[Sequence[str]]) -> list[str]:
    lines = []
    if rows:
        # padding is for tables that are read as text
        lines = [_PADDING.sub(r"\1", line) for line in render_table(_COLUMNS, rows, "github")]
        lines += ["", "q: expected share of false alarms; fact: measured, not inferred.", ""]
    if more := len(report.patterns) - len(rows):
        lines += [f"{count_of(more, 'pattern')} not shown.", ""]
    return lines


def _row(pattern: Pattern) -> list[str]:
    accepted = " (accepted)" if pattern.accepted else ""
    return [
        LABELS[pattern.level] + accepted,
        escape_markdown(_cut(pattern.id, _LONGEST_NAME)),
        escape_markdown(_cut(kind_name(pattern.kind), _LONGEST_NAME)),
        f"{len(pattern.tests):,}",
        escape_markdown(q_text(pattern)),
        escape_markdown(_cut(pattern.summary, _MOST_CELL)),
    ]


def _breaches(report: Report) -> list[str]:
    breaches = report.gate.breaches
    lines = []
    for breach in breaches[:_MOST_LISTED]:
        value, limit = (format_value(v, breach.unit) for v in (breach.value, breach.limit))
        subject = shorten(printable(breach.subject), _LONGEST_NAME)
        text = f"{subject}: {breach.metric} is {value}, allowed {limit} ({breach.budget})"
        lines.append(f"- {escape_markdown(_cut(text, _MOST_CELL))}")
    if len(breaches) > _MOST_LISTED:
        lines.append(f"- {len(breaches) - _MOST_LISTED:,} more over budget")
    return ["Over budget:", "", *lines, ""] if lines else []


def _lists(report: Report) -> list[str]:
    lines = []
    for title, texts in (
        ("Also", report.cooling.notes),
        ("Faults of crackle itself", report.faults),
        ("In the baseline, but no more found", report.removable),
    ):
        if texts:
            shown = (_cut(text, _MOST_CELL) for text in texts[:_MOST_LISTED])
            listed = [f"- {escape_markdown(text)}" for text in shown]
            if len(texts) > _MOST_LISTED:
                listed.append(f"- {len(texts) - _MOST_LISTED:,} more")
            lines += [f"{title}:", "", *listed, ""]
    return lines
