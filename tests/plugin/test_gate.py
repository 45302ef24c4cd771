"""The gate, end to end: exit statuses, and the one line that says why."""

from __future__ import annotations

import pytest

LEAK = """
    import os, pytest
    KEPT = []

    @pytest.mark.parametrize("i", range(30))
    def test_quiet(i): pass

    @pytest.mark.parametrize("i", range(8))
    def test_leak(i): KEPT.append(os.dup(2))

    @pytest.mark.parametrize("i", range(30))
    def test_after(i): pass
"""
QUIET = """
    import pytest

    @pytest.mark.parametrize("i", range(30))
    def test_quiet(i): pass
"""
LINUX = pytest.mark.skipif("sys.platform == 'win32'", reason="no descriptors to count there")


@pytest.fixture
def crackle(crackle):
    """Run in a process of its own: these suites leak descriptors."""
    crackle.isolated = True
    return crackle


def gate_line(result):
    """The verdict, which is the last line of the report."""
    lines = result.stdout.lines
    start = max(place for place, line in enumerate(lines) if "crackle gate" in line)
    wrapped = [line.strip() for line in lines[start:-1] if not line.startswith("=")]
    return " ".join(wrapped)


@LINUX
def test_a_leak_is_found_and_fails_the_session(crackle):
    crackle.pytester.makepyfile(LEAK)
    result = crackle.run("--crackle-fail-on=phase-transition:fds")
    assert result.ret == 1
    result.assert_outcomes(passed=68)
    (pattern,) = [p for p in crackle.report["patterns"] if p["metrics"] == ["fds"]]
    assert pattern["level"] == "fail"
    assert pattern["test_count"] == 8
    assert all("test_leak" in nodeid for nodeid in pattern["tests"])
    assert gate_line(result).startswith("FAIL crackle gate")
    assert "exit status 1" in gate_line(result)
    assert crackle.report["gate"]["failed"] == [pattern["id"]]
    assert crackle.report["session"]["exitstatus"] == 1


@LINUX
def test_a_dry_run_says_so_and_keeps_the_status(crackle):
    crackle.pytester.makepyfile(LEAK)
    result = crackle.run("--crackle-fail-on=any", "--crackle-dry-run")
    assert result.ret == 0
    assert "dry run" in gate_line(result)


def test_a_quiet_suite_passes(crackle):
    crackle.pytester.makepyfile(QUIET)
    result = crackle.run("--crackle-fail-on=any")
    assert result.ret == 0
    assert gate_line(result).startswith("PASS crackle gate")


@LINUX
@pytest.mark.parametrize("options", [[], ["-n2"]])
def test_without_a_gate_nothing_changes(crackle, options):
    crackle.pytester.makepyfile(LEAK)
    if options:
        pytest.importorskip("xdist")
    result = crackle.run(*options, subprocess=True)
    assert result.ret == 0
    assert crackle.report["gate"]["verdict"] == "none"
    assert any(p["metrics"] == ["fds"] for p in crackle.report["patterns"])


@LINUX
def test_the_gate_changes_only_0_to_1(crackle):
    crackle.pytester.makepyfile(LEAK)
    crackle.pytester.makepyfile(test_bad="def test_bad(): assert 0")
    assert crackle.run("--crackle-fail-on=any").ret == 1
    assert crackle.run("--crackle-fail-on=any", "--no-such-option").ret == 4
    crackle.pytester.makepyfile(test_interrupt="def test_x(): raise KeyboardInterrupt")
    assert crackle.run("--crackle-fail-on=any", subprocess=True).ret == 2


def test_no_tests_keeps_its_own_status(crackle):
    crackle.pytester.makepyfile(test_empty="")
    assert crackle.run().ret == 5
    assert crackle.run("--crackle-fail-on=any").ret == 5


def test_an_interrupted_run_is_incomplete_and_not_judged(crackle):
    crackle.pytester.makepyfile(LEAK)
    crackle.pytester.makepyfile(test_z="def test_z(): raise KeyboardInterrupt")
    result = crackle.run("--crackle-fail-on=any", subprocess=True)
    assert result.ret == 2
    report = crackle.report
    assert report["session"]["complete"] is False
    assert report["gate"]["verdict"] == "inconclusive"
    assert "not evaluated" in gate_line(result)


def test_an_interrupted_run_accepts_nothing(crackle):
    crackle.pytester.makepyfile(LEAK)
    crackle.pytester.makepyfile(test_z="def test_z(): raise KeyboardInterrupt")
    accept = ("--crackle-accept=all", "--crackle-reason=known", "--crackle-baseline=base.json")
    result = crackle.run(*accept, subprocess=True)
    assert result.ret == 2
    assert crackle.report["patterns"]
    assert not (crackle.pytester.path / "base.json").exists()


@pytest.mark.parametrize("options", [["-x"], ["--maxfail=1"]])
def test_a_run_that_stopped_early_is_incomplete(crackle, options):
    crackle.pytester.makepyfile(
        """
        def test_a(): assert 0
        def test_b(): pass
        """
    )
    result = crackle.run("--crackle-fail-on=any", *options)
    assert result.ret == 1
    assert crackle.report["session"]["complete"] is False
    assert "not evaluated" in gate_line(result)


def test_a_selection_is_not_judged(crackle):
    crackle.pytester.makepyfile(QUIET)
    result = crackle.run("--crackle-fail-on=any", "-k", "0 or 1")
    assert result.ret == 0
    assert "not evaluated" in gate_line(result)
    assert "-k" in gate_line(result)


def test_a_gate_whose_detector_fails_fails_closed(crackle):
    crackle.pytester.makepyfile(QUIET)
    crackle.pytester.makeconftest(
        """
        from pytest_crackle.cooling.detectors import clustering

        def broken(self, suite, profile): raise RuntimeError("broken on purpose")

        clustering.Clustering.detect = broken
        """
    )
    result = crackle.run("--crackle-fail-on=any", subprocess=True)
    assert result.ret == 1
    assert "broken on purpose" in gate_line(result) or "clustering" in gate_line(result)
    assert "Traceback" not in result.stdout.str()
    assert any("broken on purpose" in fault for fault in crackle.report["faults"])
    result = crackle.run(subprocess=True)
    assert result.ret == 0


def test_a_budget_fails_the_session_and_not_the_test(crackle):
    crackle.pytester.makepyfile(
        """
        def test_a(record_metric): record_metric("db.queries", 60)
        def test_b(record_metric): record_metric("db.queries", 5)
        """
    )
    result = crackle.run("--crackle-budget=db.queries <= 50")
    assert result.ret == 1
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*test_a*"])
    assert "exit status 1" in gate_line(result)
    assert crackle.run("--crackle-budget=db.queries <= 60").ret == 0


def test_budgets_and_ignores_on_tests(crackle):
    crackle.pytester.makepyfile(
        """
        import pytest

        @pytest.mark.crackle(budget=["db.queries <= 3"])
        def test_a(record_metric): record_metric("db.queries", 4)
        """
    )
    result = crackle.run("--strict-markers")
    assert result.ret == 1
    assert "exit status 1" in gate_line(result)


@LINUX
def test_accept_then_pass_then_worse(crackle):
    crackle.pytester.makepyfile(LEAK)
    baseline = ["--crackle-baseline=baseline.json", "--crackle-fail-on=any"]
    accepted = crackle.run(*baseline, "--crackle-accept=all", "--crackle-reason=known")
    assert accepted.ret == 0
    assert crackle.file("baseline.json").exists()
    assert crackle.run(*baseline).ret == 0
    assert any(p["accepted"] for p in crackle.report["patterns"])
    crackle.pytester.makepyfile(LEAK.replace("range(8)", "range(24)"))
    assert crackle.run(*baseline).ret == 1
    crackle.pytester.makepyfile(QUIET)
    result = crackle.run(*baseline)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*can be removed*"])


@pytest.mark.parametrize("quiet", [[], ["-q"]])
def test_accepting_what_is_not_there_is_told_at_any_verbosity(crackle, quiet):
    crackle.pytester.makepyfile(QUIET)
    baseline = ["--crackle-baseline=baseline.json", "--crackle-accept=CR-999999"]
    result = crackle.run(*baseline, "--crackle-reason=known", *quiet)
    assert "nothing accepted: no pattern 'CR-999999' in this run" in result.stdout.str()
    assert not crackle.file("baseline.json").exists()


@LINUX
def test_a_run_of_another_file_does_not_say_that_an_accepted_pattern_is_gone(crackle):
    crackle.pytester.makepyfile(test_leak=LEAK, test_quiet=QUIET)
    baseline = ["--crackle-baseline=baseline.json", "--crackle-fail-on=any"]
    crackle.run(*baseline, "--crackle-accept=all", "--crackle-reason=known")
    result = crackle.run(*baseline, "test_quiet.py")
    assert result.ret == 0
    assert "can be removed" not in result.stdout.str()
