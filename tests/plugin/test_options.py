"""Options, ini keys, and what a wrong value says."""

from __future__ import annotations

import pytest

PASSING = "def test_a(): pass"


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (
            "--crackle-cooling=tepid",
            "*--crackle-cooling: 'tepid' is not one of fast, normal, slow*",
        ),
        ("--crackle-detectors=nose", "*--crackle-detectors: *clustering*, not 'nose'"),
        ("--crackle-meters=+odometer", "*--crackle-meters: 'odometer' is not one of duration*"),
        ("--crackle-ci=gitea", "*--crackle-ci: 'gitea' is not one of auto, none, github*"),
        ("--crackle-max=-1", "*--crackle-max: '-1' is not a whole number*"),
        ("--crackle-fail-on=shift", "*shift*phase-transition*"),
        ("--crackle-fail-on=any@2", "*--crackle-fail-on any@>>2<<:*from 0 to 1"),
        ("--crackle-budget=duration", "*duration*"),
        ("--crackle-accept=all", "*--crackle-accept needs --crackle-baseline*"),
    ],
)
def test_a_wrong_value_is_a_usage_error_in_one_line(crackle, option, said):
    crackle.pytester.makepyfile(PASSING)
    result = crackle.run(option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {said}"])
    assert "Traceback" not in result.stderr.str()
    assert not crackle.file("report.json").exists()


def test_the_ini_key_switches_it_on_and_the_command_line_off(crackle):
    crackle.pytester.makepyfile(PASSING)
    crackle.pytester.makeini("[pytest]\ncrackle = true\ncrackle_json = out/report.json\n")
    crackle.run(on=False)
    assert crackle.file("out/report.json").exists()
    crackle.file("out/report.json").unlink()
    result = crackle.run("--no-crackle", on=False)
    assert not crackle.file("out/report.json").exists()
    assert not [line for line in result.stdout.lines if line.startswith(("crackle", "= crackle"))]


def test_native_toml_types_are_taken(crackle):
    crackle.pytester.makepyfile(PASSING)
    if not hasattr(pytest, "version_tuple") or pytest.version_tuple < (9, 0):
        pytest.skip("the table [tool.pytest] came with pytest 9")
    crackle.pytester.makepyprojecttoml(
        """
        [tool.pytest]
        crackle = true
        crackle_cooling = "slow"
        crackle_detectors = ["conservation", "clustering"]
        crackle_max = 3
        crackle_fail_on = ["any@0.95"]
        crackle_json = "report.json"
        """
    )
    crackle.run(on=False)
    report = crackle.report
    assert report["cooling"]["rate"] == "slow"
    assert sorted(report["cooling"]["detectors"]) == ["clustering", "conservation"]
    assert report["gate"]["rules"] == ["any@0.95"]


def test_the_command_line_beats_the_ini(crackle):
    crackle.pytester.makepyfile(PASSING)
    crackle.pytester.makeini("[pytest]\ncrackle_cooling = slow\n")
    crackle.run("--crackle-cooling=fast")
    assert crackle.report["cooling"]["rate"] == "fast"


def test_the_environment_switches_everything_off(crackle, monkeypatch):
    monkeypatch.setenv("PYTEST_CRACKLE", "0")
    crackle.pytester.makepyfile(PASSING)
    result = crackle.run("--crackle-fail-on=any")
    assert result.ret == 0
    assert not crackle.file("report.json").exists()
    assert not crackle.file("run.jsonl").exists()


def test_without_crackle_there_is_no_output_no_file_and_no_hook(crackle):
    crackle.pytester.makepyfile(PASSING)
    crackle.pytester.makeconftest(
        """
        def pytest_collection_finish(session):
            manager = session.config.pluginmanager
            for hook in ("pytest_runtest_setup", "pytest_runtest_makereport",
                         "pytest_runtest_logreport", "pytest_fixture_setup"):
                for impl in getattr(manager.hook, hook).get_hookimpls():
                    assert "crackle" not in type(impl.plugin).__module__, hook
                    assert "crackle" not in str(impl.plugin), hook
        """
    )
    result = crackle.run("--crackle-json=report.json", on=False)
    result.assert_outcomes(passed=1)
    assert not crackle.file("report.json").exists()


def test_installed_but_off_it_loads_three_modules(crackle):
    crackle.pytester.makepyfile(
        """
        import sys

        def test_a():
            loaded = sorted(name for name in sys.modules if name.startswith("pytest_crackle"))
            assert loaded == ["pytest_crackle", "pytest_crackle.options", "pytest_crackle.plugin"]
        """
    )
    crackle.run(on=False, subprocess=True).assert_outcomes(passed=1)


def test_help_names_every_option(crackle):
    text = crackle.run("--help", on=False, subprocess=True).stdout.str()
    for name in (
        "cooling",
        "detectors",
        "meters",
        "json",
        "records",
        "md",
        "gitlab",
        "openmetrics",
    ):
        assert f"--crackle-{name}=" in text
    for name in ("fail-on", "budget", "baseline", "accept", "reason", "dry-run", "max", "ci"):
        assert f"--crackle-{name}" in text


def test_collect_only_measures_nothing(crackle):
    crackle.pytester.makepyfile(PASSING)
    crackle.run("--collect-only")
    assert not crackle.file("report.json").exists()


def test_paths_are_fixed_when_the_session_begins(crackle):
    crackle.pytester.makepyfile(
        """
        import os, shutil

        def test_a(tmp_path):
            os.chdir(tmp_path)
            shutil.rmtree(tmp_path)
        """
    )
    result = crackle.run(subprocess=True)
    assert result.ret == 0
    assert crackle.report["tests"][0]["outcome"] == "passed"
    assert len(crackle.journal) == 3


@pytest.mark.parametrize("option", ["--crackle-json", "--crackle-records", "--crackle-md"])
def test_an_output_that_cannot_be_written_is_one_line_and_changes_no_status(crackle, option):
    crackle.pytester.makepyfile(PASSING)
    crackle.file("a_file").write_text("x")
    crackle.file("a_folder").mkdir()
    for path in ("a_file/below.json", "a_folder"):
        result = crackle.run(f"{option}={path}")
        assert result.ret == 0
        lines = [line for line in result.stdout.lines if path.split("/")[0] in line]
        assert len(lines) == 1, result.stdout.str()
        assert "Traceback" not in result.stdout.str()


def test_the_journal_outlives_a_killed_session(crackle):
    crackle.pytester.makepyfile(
        """
        import os, signal

        def test_a(record_metric): record_metric("x", 1)
        def test_b(): os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    crackle.run(subprocess=True)
    assert not crackle.file("report.json").exists()
    assert list(crackle.records) == ["test_a"]
    assert crackle.records["test_a"]["metrics"]["x"] == 1.0
    assert "end" not in crackle.journal[-1]
