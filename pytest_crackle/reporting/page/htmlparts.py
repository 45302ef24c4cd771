"""The HTML page around the charts: verdict, overview, a card for each pattern, settings."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

from pytest_crackle.model.pattern import PatternKind
from pytest_crackle.model.units import count_of, format_value
from pytest_crackle.reporting.escape import printable
from pytest_crackle.reporting.figures import (
    LABELS,
    confidence_text,
    effect_text,
    explanation_text,
    kind_name,
    q_text,
)
from pytest_crackle.reporting.gateline import gate_sentence
from pytest_crackle.reporting.layout import fit
from pytest_crackle.reporting.page.chartdata import short_name
from pytest_crackle.reporting.page.svgchart import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pytest_crackle.model.pattern import Pattern
    from pytest_crackle.model.report import Report
    from pytest_crackle.reporting.page.chartdata import ChartData

__all__ = ["card", "footer", "glance", "header", "remarks"]

_BEFORE_UNIT: Final = re.compile(r"(?<=\d) (?=(?:%|(?:[num]?s|min|h|[KMGT]iB|B)\b))")
_MOST_ROWS: Final = 200
_LONGEST_SENTENCE: Final = 1200
_LONGEST_NAME: Final = 160
_LONGEST_LINE: Final = 400
_MOST_BROKEN: Final = 10
_MOST_NUMBERS: Final = 100


def code(name: str, width: int = _LONGEST_NAME) -> str:
    """Write a name as code that breaks at its parts."""
    text = clean(short_name(name, width))
    return f"<code>{text.replace('/', '/<wbr>').replace('::', '::<wbr>')}</code>"


def _line(text: str) -> str:
    return clean(fit(text[: 2 * _LONGEST_LINE], _LONGEST_LINE, "…"))


def _items(lines: Iterable[str], tag: str = "ul") -> str:
    return f"<{tag}>{''.join(f'<li>{line}</li>' for line in lines)}</{tag}>"


# ---------------------------------------------------------------------- the head of the page


def header(report: Report) -> str:
    """Write the title, the size of the run, the verdict and what went wrong with the run itself."""
    session = report.session
    parts = [count_of(report.table.n_tests, "test"), count_of(len(report.metrics), "metric")]
    if session.duration > 0:
        parts.append(f"{format_value(session.duration, 's')}")
    if session.started:
        parts.append(f"run of {session.started[:16].replace('T', ' ')} UTC")
    out = [
        f"<h1>crackle report</h1><p>{clean(', '.join(parts))}: <strong>{report.found}</strong>, "
        f"cooling {clean(report.cooling.rate)} ({report.cooling.seconds:,.2f} s).</p>"
    ]
    sentence = gate_sentence(report)
    if sentence is not None:
        out.append(f'<p class="verdict {sentence.style}">{_line(sentence.text)}</p>')
    if not session.complete:
        why = session.incomplete_because or "not all tests finished"
        out.append(f'<p class="verdict warn">Incomplete run: {_line(why)}.</p>')
    if session.partial_because:
        out.append(f'<p class="verdict warn">Partial run: {_line(session.partial_because)}.</p>')
    out += [f'<p class="verdict warn">{_line(fault)}</p>' for fault in report.faults[:_MOST_ROWS]]
    return "".join(out)


def glance(report: Report, patterns: Sequence[Pattern]) -> str:
    """Write one row for each pattern, with a link to its card."""
    heads = ("level", "id", "pattern", "metric", "tests", "effect", "q")
    right = {"tests", "effect", "q"}
    number = ' class="n"'
    top = "".join(f'<th scope="col"{number if head in right else ""}>{head}</th>' for head in heads)
    rows = []
    for pattern in patterns:
        numbers = (f"{len(pattern.tests):,}", effect_text(report, pattern), q_text(pattern))
        rows.append(
            f'<tr><td>{_badge(pattern)}</td><td><a href="#{clean(pattern.id)}">'
            f"{clean(pattern.id)}</a></td><td>{_line(kind_name(pattern.kind))}</td>"
            f"<td>{_line(', '.join(pattern.metrics))}</td>"
            + "".join(f'<td class="n">{_line(text)}</td>' for text in numbers)
            + "</tr>"
        )
    return (
        f'<div class="scroll"><table class="glance"><thead><tr>{top}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _badge(pattern: Pattern) -> str:
    text = LABELS.get(pattern.level, "note")
    badge = f'<span class="badge {clean(pattern.level)}">{clean(text)}</span>'
    return f'{badge} <span class="badge accepted">accepted</span>' if pattern.accepted else badge


# ---------------------------------------------------------------------- a pattern


def card(data: ChartData, pattern: Pattern, charts: Sequence[str], most_tests: int) -> str:
    """Write a pattern: its sentence, charts, facts, what breaks it and its tests.

    Parameters
    ----------
    data : ChartData
    pattern : Pattern
    charts : sequence of str
        SVG elements.
    most_tests : int
        Names that are listed; the rest is counted.
    """
    figures = "".join(f"<figure>{chart}</figure>" for chart in charts)
    facts = "".join(
        f"<dt>{clean(name)}</dt><dd>{text}</dd>" for name, text in _facts(data, pattern)
    )
    tests = _tests(data, pattern, most_tests)
    numbers = _numbers(pattern, is_open=not charts)
    body = "body charted" if figures else "body"
    return (
        f'<article class="card" id="{clean(pattern.id)}">'
        f"<h3>{_badge(pattern)} {_sentence(pattern)} "
        f'<a class="dim" href="#{clean(pattern.id)}">{clean(pattern.id)}</a></h3>'
        f'<div class="{body}">{f"<div>{figures}</div>" if figures else ""}'
        f"<div><dl>{facts}</dl>{tests}{numbers}</div></div></article>"
    )


def _sentence(pattern: Pattern) -> str:
    """Write the summary with node ids as code, shortened where they are long."""
    named = [pattern.at or "", *pattern.exceptions[:_MOST_BROKEN], *pattern.tests[:_MOST_BROKEN]]
    named += pattern.tests[-_MOST_BROKEN:]
    names = sorted({name for name in named if name}, key=lambda name: (-len(name), name))
    parts = [pattern.summary]
    if names:
        parts = re.split(f"({'|'.join(map(re.escape, names))})", pattern.summary)
    known, out, room = set(names), [], _LONGEST_SENTENCE
    for part in parts:
        if part in known:
            out.append(code(part))
            continue
        text = fit(printable(part[: 2 * room]), max(room, 0), "…")
        room -= len(text)
        out.append(_typeset(clean(text)))
    return "".join(out)


def _typeset(html: str) -> str:
    """Draw arrows and signs in escaped text, and keep a number and its unit on one line."""
    html = html.replace(" -&gt; ", " → ").replace(" +- ", " ± ")
    return _BEFORE_UNIT.sub("&nbsp;", html)


def _facts(data: ChartData, pattern: Pattern) -> Iterator[tuple[str, str]]:
    report = data.report
    kind = kind_name(pattern.kind)
    sub = "" if pattern.subkind in kind else f" ({pattern.subkind})"
    where = f" in {' and '.join(pattern.metrics)}" if pattern.metrics else ""
    yield "what", _line(f"{kind}{sub}{where}")
    if effect := effect_text(report, pattern):
        yield "effect", _line(effect)
    if pattern.cost_seconds is not None and effect != format_value(pattern.cost_seconds, "s"):
        yield "concerns", _line(format_value(pattern.cost_seconds, "s"))
    q = q_text(pattern)
    words = {"fact": "a measured fact", "-": "not tested for significance"}
    yield "strength", _line(words.get(q, f"q {q} (expected share of false alarms)"))
    yield "seen again", _line(f"{confidence_text(pattern.confidence)}, in a rerun")
    if pattern.explained_by is not None:
        yield "in common", _line(explanation_text(pattern.explained_by))
    yield from _around(data, pattern)
    if pattern.location is not None:
        line = "" if pattern.location.line is None else f":{pattern.location.line}"
        yield "look at", code(f"{pattern.location.file}{line}")
    if pattern.exceptions:
        name = "broken by" if pattern.kind == PatternKind.CONSERVATION else "exceptions"
        yield name, _names(data, pattern, pattern.exceptions, _MOST_BROKEN)
    if pattern.details:
        lines = [_line(detail.removeprefix("Also: ")) for detail in pattern.details[:_MOST_BROKEN]]
        yield "also", "<br>".join(lines)


def _around(data: ChartData, pattern: Pattern) -> Iterator[tuple[str, str]]:
    """Name the last test before a change and the first after it, with their values."""
    if pattern.at is None or not pattern.metrics:
        return
    series = data.run_series(pattern, pattern.metrics[0])
    rows = set(data.rows_of([pattern.at]))
    place = next((i for i, row in enumerate(series.rows) if row in rows), None) if series else None
    if series is None or place is None:
        yield "begins at", code(pattern.at)
        return
    places = [("last before", place - 1)] if place else []
    for name, i in [*places, ("first after", place)]:
        value = series.values[i]
        shown = f" {clean(format_value(value, series.unit))}" if math.isfinite(value) else ""
        yield name, code(data.table.nodeids[series.rows[i]]) + shown


def _names(data: ChartData, pattern: Pattern, nodeids: Sequence[str], most: int) -> str:
    lines = []
    for nodeid in nodeids[:most]:
        values = []
        for row in data.rows_of([nodeid])[:1]:
            for metric in pattern.metrics[:3]:
                value = data.columns[metric][row] if metric in data.columns else math.nan
                values += [data.value_text(metric, value)] if math.isfinite(value) else []
        lines.append(f"{code(nodeid)} {clean(', '.join(values))}".rstrip())
    if len(nodeids) > most:
        lines.append(f"and {len(nodeids) - most:,} more, in the JSON report")
    return _items(lines)


def _tests(data: ChartData, pattern: Pattern, most: int) -> str:
    if not pattern.tests:
        return ""
    names = _names(data, pattern, pattern.tests, most)
    return f"<details><summary>{count_of(len(pattern.tests), 'test')}</summary>{names}</details>"


def _numbers(pattern: Pattern, *, is_open: bool) -> str:
    if not pattern.evidence:
        return ""
    rows = "".join(
        f'<tr><th scope="row">{_line(name)}</th><td class="n">{value:.6g}</td></tr>'
        for name, value in sorted(pattern.evidence.items())[:_MOST_NUMBERS]
    )
    return (
        f"<details{' open' if is_open else ''}>"
        "<summary>all numbers, in base units (seconds, bytes)</summary>"
        f'<table class="facts"><tbody>{rows}</tbody></table></details>'
    )


# ---------------------------------------------------------------------- what else there is to say


def remarks(report: Report) -> str:
    """Write budgets that are exceeded, notes, what was not tested and old acceptances."""
    out = []
    gate = report.gate
    if gate.breaches:
        rows = "".join(
            f"<tr><td>{_line(breach.budget)}</td><td>{code(breach.subject)}</td>"
            f'<td class="n">{_line(format_value(breach.value, breach.unit))}</td>'
            f'<td class="n">{_line(format_value(breach.limit, breach.unit))}</td></tr>'
            for breach in gate.breaches[:_MOST_ROWS]
        )
        more = len(gate.breaches) - _MOST_ROWS
        out.append(
            '<h2>Over budget</h2><div class="scroll"><table><thead><tr><th scope="col">budget</th>'
            '<th scope="col">who</th><th scope="col" class="n">spent</th>'
            f'<th scope="col" class="n">allowed</th></tr></thead><tbody>{rows}</tbody>'
            "</table></div>" + (f"<p>and {more:,} more</p>" if more > 0 else "")
        )
    notes = [*report.cooling.notes, *gate.notes]
    if report.removable:
        names = ", ".join(report.removable)
        notes.append(f"accepted patterns that no longer occur: {names}")
    if notes:
        out.append(
            f"<h2>Notes</h2>{_items([_typeset(_line(note)) for note in notes[:_MOST_ROWS]])}"
        )
    if missing := report.cooling.not_tested:
        lines = [
            _line(f"{one.detector}{'' if one.metric == '*' else f' of {one.metric}'}: {one.reason}")
            for one in missing[:_MOST_ROWS]
        ]
        more = len(missing) - _MOST_ROWS
        lines += [f"and {more:,} more"] if more > 0 else []
        title = f"Not tested, and why ({len(missing):,})"
        out.append(f"<details><summary>{title}</summary>{_items(lines)}</details>")
    return "".join(out)


def footer(report: Report) -> str:
    """Write settings and versions."""
    session, cooling, gate = report.session, report.cooling, report.gate
    parts = [f"pytest-crackle {report.version}"]
    for name, version in (("pytest", session.pytest), ("Python", session.python)):
        parts += [f"{name} {version}"] if version else []
    parts += [session.platform] if session.platform else []
    if shared := session.shared_by():
        parts.append(shared)
    parts.append(f"cooling {cooling.rate}: {', '.join(cooling.detectors) or 'no detectors'}")
    parts.append(f"{cooling.hypotheses:,} hypotheses tested")
    if gate.rules or gate.budgets:
        parts.append(f"gate: {', '.join([*gate.rules, *gate.budgets])}")
    return f"<footer><p>{_line('; '.join(parts))}</p></footer>"
