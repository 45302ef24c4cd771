"""What is never written: environment, command line, printed and logged text, failures."""

from __future__ import annotations

import sys

import pytest

from tests.faults.sessions import TALLY, Case, check_undisturbed, run_all

pytestmark = pytest.mark.skipif(not hasattr(sys, "abiflags"), reason="the zygote forks")

SECRET = "hunter2-5f1c9"
SUITE = f"""
    import logging, os, sys, warnings, pytest

    @pytest.mark.parametrize("i", range(30))
    def test_a(i, record_metric):
        record_metric("level", 5.0 * (i > 15))
        password = "{SECRET}"
        print(password)
        print(password, file=sys.stderr)
        logging.getLogger().warning(password)
        warnings.warn(password)
        assert i % 10, password

    @pytest.mark.skip(reason="{SECRET}")
    def test_skipped(): pass

    def test_property(record_property): record_property("token", "{SECRET}")
"""
FORMS = ("json", "html", "md", "gitlab", "openmetrics", "records", "history")


def test_reports_hold_neither_environment_nor_arguments_nor_output(tmp_path):
    case = Case(
        "secrets",
        SUITE,
        args=("-W", f"ignore:{SECRET}x", "-o", f"cache_dir=no/{SECRET}"),
        env={"TOKEN": SECRET, "GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": "summary.md"},
        on=(
            "--crackle",
            "--crackle-cooling=fast",
            *(f"--crackle-{form}=out/report.{form}" for form in FORMS),
        ),
    )
    twins = run_all([case], tmp_path)["secrets"]
    check_undisturbed(twins)
    folder = twins.on.folder
    written = [*folder.glob("out/*"), folder / "summary.md"]
    assert len(written) == len(FORMS) + 1
    for path in written:
        data = path.read_bytes()
        assert SECRET.encode() not in data, path
        assert data
        TALLY.count("files written without a word of environment, arguments or output")
