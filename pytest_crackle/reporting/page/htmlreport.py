"""The report as one HTML page, or as a page with its style sheet beside it."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Final

from pytest_crackle.model.units import count_of
from pytest_crackle.reporting.page.chartdata import ChartData
from pytest_crackle.reporting.page.htmlcharts import charts_of
from pytest_crackle.reporting.page.htmlmetrics import heat_map, metrics_table
from pytest_crackle.reporting.page.htmlparts import card, footer, glance, header, remarks
from pytest_crackle.reporting.page.htmlscript import SCRIPT
from pytest_crackle.reporting.page.htmlstyle import STYLE
from pytest_crackle.reporting.page.htmltable import tests_table

if TYPE_CHECKING:
    from pytest_crackle.model.report import Report

__all__ = ["render_html", "render_html_folder"]

_SMALL_PAGE: Final = 162_000
_BYTES_PER_TEST: Final = 68
_LARGEST_PAGE: Final = 4_000_000
"""Bytes: 2,000 tests in 298 kB and 50,000 in 3.6 MB, below 300 KiB and 4 MiB."""
_LEAST_TABLE: Final = 50_000
_MOST_CARDS: Final = 200
_MOST_CHARTED: Final = 40
_POINT_NAMES: Final = 600
"""Names of points on the whole page: some 100 bytes each."""
_TEST_NAMES: Final = 1200
"""Tests listed under all patterns together."""


def render_html(report: Report) -> str:
    """Write the report as a page that needs nothing else.

    Parameters
    ----------
    report : Report

    Returns
    -------
    str
        Readable without script and without style, as under a strict content security policy; its
        own policy allows its own script and style by their hashes, and nothing else. The same
        report gives the same text.

    Notes
    -----
    O(tests x (metrics + patterns)). 2,000 tests take less than 300 KiB, 50,000 less than 4 MiB:
    what was left out of the table is said there.
    """
    style = f"style-src {_source(STYLE)}"
    return _page(report, style, f"<style>{STYLE}</style>")


def render_html_folder(report: Report) -> tuple[tuple[str, str], ...]:
    """Write the report as a folder: styled even where inline style is refused (Jenkins).

    Parameters
    ----------
    report : Report

    Returns
    -------
    tuple of (str, str)
        File names, ``index.html`` and ``crackle.css``, and their texts.
    """
    page = _page(report, "style-src 'self'", '<link rel="stylesheet" href="crackle.css">')
    return (("index.html", page), ("crackle.css", STYLE))


def _source(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
    return f"'sha256-{digest}'"


def _page(report: Report, style_policy: str, style: str) -> str:
    policy = (
        f"default-src 'none'; img-src data:; {style_policy}; script-src {_source(SCRIPT)}; "
        "base-uri 'none'; form-action 'none'"
    )
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><title>crackle report</title>'
        f'<link rel="icon" href="data:,">{style}</head><body>{_body(report)}</body></html>\n'
    )


def _body(report: Report) -> str:
    top = (
        f"<header>{header(report)}</header><main>{_patterns(report)}{remarks(report)}"
        f"{_metrics(report)}"
    )
    bottom = f"</main>{footer(report)}<script>{SCRIPT}</script>"
    # what is left of the page is for the table of tests
    whole = min(_LARGEST_PAGE, _SMALL_PAGE + _BYTES_PER_TEST * report.table.n_tests)
    used = len(top.encode()) + len(bottom) + len(STYLE)
    return f"{top}{_tests(report, max(_LEAST_TABLE, whole - used))}{bottom}"


def _patterns(report: Report) -> str:
    patterns = report.patterns[:_MOST_CARDS]
    if not patterns:
        return f"<h2>Patterns</h2><p>{report.found.capitalize()}.</p>"
    charted = min(len(patterns), _MOST_CHARTED)
    data = ChartData(report, names_per_chart=max(15, min(300, _POINT_NAMES // charted)))
    most_tests = max(5, min(100, _TEST_NAMES // len(patterns)))
    cards = []
    for place, pattern in enumerate(patterns):
        charts = charts_of(data, pattern) if place < _MOST_CHARTED else []
        cards.append(card(data, pattern, charts, most_tests))
    overview = glance(report, patterns) if len(patterns) > 1 else ""
    more = len(report.patterns) - len(patterns)
    rest = f"<p>{count_of(more, 'more pattern')} in the JSON report.</p>" if more else ""
    return f"<h2>Patterns</h2>{overview}{''.join(cards)}{rest}"


def _metrics(report: Report) -> str:
    if not report.metrics:
        return ""
    data = ChartData(report)
    drawing = heat_map(data)
    if drawing:
        drawing = (
            "<h2>How metrics go together</h2><p>Spearman's rank correlation over the tests that "
            "record both. Tests of one file are alike, so a large number here is no finding by "
            f"itself.</p><figure>{drawing}</figure>"
        )
    return f"<h2>Metrics</h2>{metrics_table(data)}{drawing}"


def _tests(report: Report, room: int) -> str:
    if not report.table.n_tests:
        return ""
    table = tests_table(ChartData(report), room)
    return (
        f'<h2>Tests</h2>{table.html}<script type="application/json" id="data">{table.data}</script>'
    )
