"""A kind that nobody here knows, in every writer."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from pytest_crackle.reporting import github, gitlab, jsonreport, markdown, openmetrics
from pytest_crackle.reporting.page import htmlreport
from pytest_crackle.reporting.text import render_text
from tests.sample_report import sample_report


def reports() -> list[Any]:
    sample = sample_report()
    cooling = replace(sample.cooling, detectors=("query-hogs",))
    changes: list[dict[str, Any]] = [
        {"subkind": ""},
        {"subkind": "odd"},
        {"subkind": "odd", "metrics": (), "at": None, "evidence": {}},
        {"subkind": "", "location": None, "explained_by": None, "cost_seconds": None},
    ]
    patterns = [
        tuple(replace(p, kind="query-hogs", **change) for p in sample.patterns)
        for change in changes
    ]
    return [replace(sample, patterns=some, cooling=cooling) for some in patterns]


@pytest.mark.parametrize("report", reports())
def test_every_writer_shows_it_by_its_own_name(report):
    texts = [
        "\n".join(line.text for line in render_text(report, 100, verbosity))
        for verbosity in (-1, 0, 1, 2)
    ]
    texts.append(markdown.render_markdown(report))
    texts.append(htmlreport.render_html(report))
    texts.append(gitlab.render_gitlab(report, repository="/r", rootdir="/r"))
    texts.append(openmetrics.render_openmetrics(report))
    texts.append(github.render_annotations(report, repository="/r", rootdir="/r"))
    texts.append(github.render_step_summary(report))
    assert all("query-hogs" in text for text in texts[2:])
    assert not any("None" in text for text in texts[:4])
    shown = texts[2]
    assert "()" not in shown
    assert not any(line.rstrip().endswith(" in") for line in shown.splitlines() if "what " in line)


@pytest.mark.parametrize("report", reports())
def test_it_survives_the_json_report(report):
    text = jsonreport.dumps(report)
    again = jsonreport.from_json(json.loads(text))
    assert again.patterns == report.patterns


def test_running_it_again_names_the_detector():
    text = "\n".join(line.text for line in render_text(reports()[0], 100, 1))
    assert "run again    pytest --crackle --crackle-detectors=query-hogs tests/api" in text
    ours = "\n".join(line.text for line in render_text(sample_report(), 100, 1))
    assert "--crackle-detectors" not in ours
