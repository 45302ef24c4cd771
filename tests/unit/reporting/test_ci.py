from __future__ import annotations

import json
from dataclasses import replace

import pytest

from pytest_crackle.model.pattern import Location
from pytest_crackle.model.report import Gate, MetricSummary
from pytest_crackle.reporting.github import render_annotations, render_step_summary
from pytest_crackle.reporting.gitlab import render_gitlab
from pytest_crackle.reporting.openmetrics import render_openmetrics
from pytest_crackle.reporting.places import path_in_repository
from tests.sample_report import breaching, quiet_report, sample_report, small_report


def with_first(**changes):
    report = sample_report()
    return replace(report, patterns=(replace(report.patterns[0], **changes),))


@pytest.mark.parametrize(
    ("file", "repository", "rootdir", "path"),
    [
        ("tests/a.py", "", "", "tests/a.py"),
        ("tests/a.py", "/r", "/r", "tests/a.py"),
        ("tests/a.py", "/r/", "/r/sub", "sub/tests/a.py"),
        ("../shared/a.py", "/r", "/r/sub", "shared/a.py"),
        ("../a.py", "/r", "/r", None),
        ("/r/sub/a.py", "/r", "/r/sub", "sub/a.py"),
        ("/elsewhere/a.py", "/r", "/r", None),
        ("/elsewhere/a.py", "", "", None),
        ("../a.py", "", "", None),
        ("tests\\a.py", "C:\\r", "C:\\r\\sub", "sub/tests/a.py"),
        ("D:\\a.py", "C:\\r", "C:\\r", None),
        ("", "", "", None),
        ("a.py", "/repo", "/repository", None),
    ],
)
def test_paths_start_at_the_root_of_the_repository(file, repository, rootdir, path):
    assert path_in_repository(file, repository, rootdir) == path


def test_failures_are_errors_warnings_warnings_and_notes_nothing():
    lines = render_annotations(sample_report()).splitlines()
    assert [line.split(" ")[0] for line in lines] == ["::error", *["::warning"] * 3]
    name = sample_report().patterns[0].id
    place = "file=tests/api/test_orders.py,line=170"
    assert lines[0].startswith(f"::error {place},title=crackle phase transition {name}::tests/api/")
    assert lines[1].startswith("::warning title=crackle conservation law ")


def test_message_and_properties_are_escaped_as_the_toolkit_does():
    report = with_first(
        summary="50 %\r\n::set-env name=x::y", id="a:b,c%\n", location=Location("t:1,%/a.py", 3)
    )
    (line,) = render_annotations(report).splitlines()
    head, _, message = line[2:].partition("::")
    assert head.startswith("error file=t%3A1%2C%25/a.py,line=3,title=")
    assert head.endswith("a%3Ab%2Cc%25\\n")
    assert message == "50 %25\\r\\n::set-env name=x::y"


def test_at_most_ten_of_a_kind():
    report = breaching(sample_report(), 40)
    lines = render_annotations(replace(report, patterns=report.patterns[1:4] * 20)).splitlines()
    errors = [line for line in lines if line.startswith("::error")]
    warnings = [line for line in lines if line.startswith("::warning")]
    assert len(errors) == len(warnings) == 10
    assert errors[-1] == "::error title=crackle::31 more in the crackle report"
    assert warnings[-1] == "::warning title=crackle::51 more in the crackle report"


def test_accepted_patterns_and_dry_runs_are_no_errors():
    assert render_annotations(with_first(accepted=True)) == ""
    report = replace(sample_report(), gate=Gate(verdict="fail", dry_run=True))
    assert render_annotations(report).startswith("::warning file=")
    assert render_annotations(quiet_report()) == ""


def test_the_step_summary_is_markdown():
    assert render_step_summary(sample_report()).startswith("### crackle report\n")


def test_gitlab_has_a_place_and_a_stable_fingerprint_for_each():
    entries = json.loads(render_gitlab(sample_report(), repository="/r", rootdir="/r/sub"))
    assert len(entries) == 6
    assert [entry["fingerprint"] for entry in entries] == [p.id for p in sample_report().patterns]
    assert entries[0] == {
        "description": sample_report().patterns[0].summary,
        "check_name": "crackle-phase-transition",
        "fingerprint": sample_report().patterns[0].id,
        "severity": "major",
        "location": {"path": "sub/tests/api/test_orders.py", "lines": {"begin": 170}},
    }
    assert entries[1]["location"] == {
        "path": "sub/tests/mail/test_bounce.py",
        "lines": {"begin": 1},
    }
    assert {entry["severity"] for entry in entries} == {"major", "minor", "info"}
    assert json.loads(render_gitlab(quiet_report())) == []
    assert json.loads(render_gitlab(with_first(accepted=True))) == []
    assert json.loads(render_gitlab(small_report([], sample_report().patterns[1:2]))) == []


def parse_openmetrics(text):
    """Read families and samples by the grammar, as far as we use it."""
    assert text.endswith("# EOF\n")
    families: dict[str, dict[str, str]] = {}
    samples: dict[tuple[str, str], float] = {}
    for line in text.splitlines()[:-1]:
        if line.startswith("# "):
            _, what, name, rest = line.split(" ", 3)
            family = families.setdefault(name, {})
            assert what not in family, "metadata once a family"
            family[what] = rest
            continue
        name, _, rest = line.partition("{") if "{" in line else line.partition(" ")
        labels, _, value = rest.rpartition("} ") if "{" in line else ("", "", rest)
        assert list(families)[-1] == name, "samples stand with their family"
        assert (name, labels) not in samples
        samples[name, labels] = float(value)
    return families, samples


def test_openmetrics_can_be_parsed():
    families, samples = parse_openmetrics(render_openmetrics(sample_report()))
    assert all(family["TYPE"] == "gauge" for family in families.values())
    assert all(name.endswith(family.get("UNIT", "")) for name, family in families.items())
    assert samples["crackle_tests", ""] == 2000
    assert samples["crackle_gate_failed", ""] == 1
    assert samples["crackle_patterns", 'kind="conservation",level="warn"'] == 2
    assert samples["crackle_metric_median_bytes", 'metric="payload"'] == 1_400_000
    assert not any("memory.rss" in labels and "suite" in name for name, labels in samples)


def test_openmetrics_escapes_labels_and_leaves_out_what_is_not_finite():
    metrics = (
        MetricSummary('a"b\\c\nd', "1", "value", 1, 1.0, 2.0),
        MetricSummary("huge", "s", "time", 1, float("inf"), float("nan")),
    )
    text = render_openmetrics(small_report([], metrics=metrics))
    assert '{metric="a\\"b\\\\c\\\\nd"} 2' in text
    assert "huge" not in text
