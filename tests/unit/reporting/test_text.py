from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_crackle.model.pattern import Location
from pytest_crackle.model.report import Gate, NotTested, SessionInfo
from pytest_crackle.reporting.markdown import render_markdown
from pytest_crackle.reporting.page.htmlreport import render_html
from pytest_crackle.reporting.text import render_text
from tests.sample_report import breaching, quiet_report, sample_report, small_report


def text_of(report, *args, **more):
    return "\n".join(line.text for line in render_text(report, *args, **more))


def test_nothing_found_is_exactly_one_line():
    assert text_of(quiet_report()) == "crackle: no patterns in 2,000 tests, 9 metrics (0.31 s)"


def test_without_detectors_nobody_has_looked():
    report = quiet_report()
    report = replace(report, cooling=replace(report.cooling, detectors=()))
    told = "crackle: not looked for patterns in 2,000 tests, 9 metrics (0.31 s)"
    assert text_of(report) == told
    assert "**not looked for patterns**" in render_markdown(report)
    assert "Not looked for patterns." in render_html(report)


def test_too_few_tests_say_why():
    report = quiet_report(5)
    not_tested = (
        NotTested("clustering", "*", "5 tests, needs 6"),
        NotTested("correlation", "*", "5 tests, needs 6"),
        NotTested("phase-transition", "fds", "5 tests, needs 20"),
    )
    report = replace(report, cooling=replace(report.cooling, not_tested=not_tested))
    text = " ".join(text_of(report).split())
    assert text.endswith("not tested: clustering, correlation (5 tests, needs 6)")
    assert "fds for phase-transition (5 tests, needs 20)" in " ".join(
        text_of(report, 80, 1).split()
    )


def test_no_tests_is_no_pattern_report():
    assert text_of(small_report([])) == "crackle: no tests were measured"


@pytest.mark.parametrize("verbosity", [-2, -1, 0, 1, 2])
@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
def test_every_line_fits(width, verbosity):
    lines = render_text(sample_report(), width, verbosity)
    assert lines
    assert max(len(line.text) for line in lines) <= width
    assert all(line.text.isprintable() for line in lines)


@pytest.mark.parametrize("width", [60, 80, 100, 200])
@pytest.mark.parametrize("count", [1, 6, 10, 500])
def test_the_default_report_has_at_most_thirty_lines(width, count):
    report = sample_report()
    report = replace(report, patterns=(report.patterns * 84)[:count])
    lines = render_text(report, width)
    assert len(lines) <= 30
    assert lines[-1].text.lstrip().endswith("exit status 1")


def test_headlines_that_do_not_fit_are_counted():
    report = sample_report()
    report = replace(report, patterns=report.patterns * 10)
    lines = [line.text for line in render_text(report, 200, max_patterns=4)]
    assert sum(line.startswith(("FAIL  ", "WARN  ")) for line in lines) == 4
    assert "note  56 more patterns: -vv or --crackle-max=60" in lines
    assert "2,000 tests, 9 metrics, cooling normal (0.31 s): 60 patterns, 10 fail the gate" in lines
    assert "note  60 patterns: -vv or --crackle-max=60" in text_of(report, max_patterns=0)
    headlines = [line for line in render_text(report, 200, 2) if line.text.startswith("WARN")]
    assert len(headlines) == 3 * 10


def test_a_headline_carries_its_id_and_level():
    lines = render_text(sample_report(), 100)
    first = next(line for line in lines if line.text.startswith("FAIL  "))
    assert first.style == "fail"
    assert first.text.endswith(f"[{sample_report().patterns[0].id}]")
    styles = {line.text[:4]: line.style for line in lines}
    assert (styles["WARN"], styles["note"]) == ("warn", "note")


def test_an_accepted_pattern_is_shown_and_says_so():
    report = sample_report()
    accepted = replace(report.patterns[1], accepted=True, level="note")
    report = replace(report, patterns=(accepted,), gate=Gate())
    text = text_of(report, 100)
    assert f"[{accepted.id}] (accepted)" in text
    assert "1 pattern, 1 accepted" in text


def test_quiet_has_no_table_and_silent_only_a_failing_gate():
    quiet = render_text(sample_report(), 80, -1)
    assert not any(line.text.startswith("id ") for line in quiet)
    assert quiet[-1].text.endswith("exit status 1")
    assert [line.text[:4] for line in render_text(sample_report(), 80, -2)] == ["FAIL"]
    passing = replace(sample_report(), gate=Gate(rules=("any",), verdict="pass"))
    assert render_text(passing, 80, -2) == []
    assert render_text(quiet_report(), 80, -2) == []


def test_the_gate_stands_last_and_names_the_exit_status():
    lines = render_text(sample_report(), 120)
    assert lines[-1].text.startswith("FAIL crackle gate: 1 pattern of kind phase-transition (CR-")
    assert lines[-1].text.endswith(": exit status 1")
    assert lines[-1].style == "fail"


def test_a_narrow_table_loses_columns_in_order():
    def head(width):
        lines = [line.text for line in render_text(sample_report(), width)]
        return next((line.split("  ") for line in lines if line.startswith("id ")), [])

    def names(width):
        return [name.strip() for name in head(width) if name.strip()]

    assert names(100) == ["id", "pattern", "metric", "tests", "effect", "q", "run order"]
    assert names(80) == ["id", "pattern", "metric", "tests", "effect", "q"]


def test_run_orders_are_drawn_for_phase_transitions_of_one_series_only():
    assert "▁▁▁▁████████████████" in text_of(sample_report(), 100)
    assert "....@@@@@@@@@@@@@@@@" in text_of(sample_report(), 100, unicode=False)
    report = sample_report()
    table = report.table
    workers, table.workers = table.workers, ["gw0", "gw1"] * 1000
    try:
        assert "█" not in text_of(report, 100)
    finally:
        table.workers = workers


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp437", "no-such-encoding"])
def test_poor_terminals_get_plain_drawings(encoding):
    text = text_of(sample_report(), 100, 1, encoding=encoding)
    assert text.isascii()
    assert "\\u" not in text


def test_evidence_says_what_is_needed_to_look():
    lines = [line.text.strip() for line in render_text(sample_report(), 100, 1)]
    text = "\n".join(lines)
    assert "what         phase transition (jump) in memory.rss" in text
    assert "medians      before 118 MiB, after 430 MiB" in text
    assert "last before  tests/api/test_orders.py::test_39   118 MiB" in text
    assert "first after  tests/api/test_orders.py::test_refund   430 MiB  <- look here" in text
    assert "broken by    tests/api/test_list_b.py::test_list[case57]" in text
    assert "in common    fixture warehouse: all of these tests, and no others" in text
    assert "run again    pytest --crackle tests/api/test_orders.py" in text
    assert "seen again in a rerun: 60 %" in text
    assert "and 33 more (-vv lists them)" in text


def test_confidence_is_shown_only_when_asked_for_evidence():
    assert "rerun" not in text_of(sample_report())
    assert "rerun" in text_of(sample_report(), 100, 1)


def test_twice_verbose_lists_all_tests():
    text = text_of(sample_report(), 100, 2)
    plateau = sample_report().patterns[1]
    assert all(nodeid in text for nodeid in plateau.tests)
    assert "-vv" not in text


def test_a_command_is_quoted_for_the_shell():
    report = small_report(["tests/a b.py::test_x"])
    pattern = replace(sample_report().patterns[0], tests=("tests/a b.py::test_x",), at=None)
    text = text_of(replace(report, patterns=(pattern,)), 100, 1)
    assert "run again    pytest --crackle 'tests/a b.py'" in text


def test_hostile_names_are_shown_as_escapes():
    evil = "tests/t.py::test_x[\x1b]0;owned\x07\n::set-env::\u202e]"
    pattern = replace(
        sample_report().patterns[0],
        summary=f"From {evil} on, it grows.",
        tests=(evil,),
        at=evil,
        metrics=("m\x1b[2J",),
        location=Location(evil),
        details=("see\x07",),
    )
    report = small_report([evil], [pattern], faults=("oops \x1b[1m",), removable=("CR-\x07",))
    for verbosity in (-1, 0, 1, 2):
        lines = render_text(report, 100, verbosity)
        assert all(line.text.isprintable() for line in lines)
        assert "\\x1b" in "\n".join(line.text for line in lines)


def test_a_very_long_node_id_keeps_the_tests_name():
    nodeid = "tests/" + "deep/" * 20_000 + "test_a.py::test_refund"
    pattern = replace(
        sample_report().patterns[0],
        summary=f"From {nodeid} on, it grows.",
        tests=(nodeid,),
        at=nodeid,
    )
    for verbosity in (0, 1, 2):
        lines = render_text(small_report([nodeid], [pattern]), 80, verbosity)
        assert max(len(line.text) for line in lines) <= 80
        assert any("test_a.py::test_refund" in line.text for line in lines)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_sentence_of_two_long_ids_loses_of_the_ids_not_of_its_words(width):
    folder = "tests/api/v2/warehouse/regional/"
    first = f"{folder}test_orders_of_customers.py::TestRefunds::test_refund[eu-first-order-paid]"
    last = f"{folder}test_orders_of_customers.py::TestRefunds::test_refund[us-last-order-unpaid]"
    words = "366 tests leave 121 MiB in all (86.5 -> 207 MiB): a peak, not a leak."
    tests = (first, *(f"{folder}test_b.py::test_{i}" for i in range(20)), last)
    pattern = replace(
        sample_report().patterns[0],
        summary=f"From {first} to {last}, {words}",
        tests=tests,
        at=first,
    )
    lines = render_text(small_report(list(tests), [pattern]), width, -1)
    told = " ".join(" ".join(line.text for line in lines).split())
    assert words in told
    assert "test_refund[eu" in told
    assert "test_refund[us" in told


def test_incomplete_and_partial_runs_say_so():
    report = sample_report()
    session = SessionInfo(complete=False, incomplete_because="worker gw1 died")
    text = text_of(replace(report, session=session))
    assert "incomplete run: worker gw1 died" in text
    session = SessionInfo(partial_because="-k selected a part of the tests")
    text = text_of(replace(quiet_report(), session=session), 120)
    assert text.endswith("; partial run: -k selected a part of the tests")


def test_budgets_are_listed_worst_first_and_counted():
    lines = [line.text for line in render_text(breaching(quiet_report(), 8), 200)]
    listed = [line for line in lines if line.startswith("FAIL  tests/")]
    assert len(listed) == 5
    assert listed[0].endswith(
        "duration.call is 9.00 s, allowed 2.00 s (duration.call <= 2s in tests/*)"
    )
    assert "note  3 more over budget: -v" in lines
    assert lines[-1] == "FAIL crackle gate: 8 over budget: exit status 1"


def test_faults_and_removable_entries_are_told():
    report = replace(
        sample_report(), faults=("detector x failed: ValueError",), removable=("CR-1",)
    )
    text = text_of(report, 100)
    assert "crackle: detector x failed: ValueError" in text
    assert "baseline: CR-1 occurs no more and can be removed" in text


@pytest.mark.parametrize("verbosity", [-1, 0, 1, 2])
@pytest.mark.parametrize("report", [sample_report(), breaching(quiet_report(), 3)])
def test_blank_lines_stand_alone_and_never_at_the_ends(report, verbosity):
    texts = [line.text for line in render_text(report, 80, verbosity)]
    assert all(texts[i] or texts[i + 1] for i in range(len(texts) - 1))
    assert texts[0]
    assert texts[-1]
