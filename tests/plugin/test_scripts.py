"""The example scripts: the Python API without pytest, on builds and on a CSV file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "examples" / "scripts"
BLOCKED = ("pytest", "_pytest", "pluggy", "tabulate")
"""None in sys.modules makes an import fail."""
RUN = """
import runpy, sys
for name in {blocked}:
    sys.modules[name] = None
sys.argv = [{path!r}, *{args!r}]
runpy.run_path({path!r}, run_name="__main__")
"""


def run(name: str, *args: str) -> subprocess.CompletedProcess[str]:
    code = RUN.format(blocked=BLOCKED, path=str(SCRIPTS / name), args=args)
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8", check=False
    )


def test_ci_builds_are_cooled_without_pytest():
    done = run("cool_ci_builds.py")
    assert (done.returncode, done.stderr) == (0, "")
    disk, artifact = done.stdout.splitlines()
    assert "phase-transition: From jobs::package-1097 on, disk stays 12 GiB higher" in disk
    assert "conservation: artifact = 4,096 x files in 118 of 120 tests" in artifact
    assert "jobs::unit-1118" in artifact


def test_a_csv_file_is_cooled_without_pytest():
    done = run("cool_csv.py", str(SCRIPTS / "evaluation.csv"), "case")
    assert (done.returncode, done.stderr) == (0, "")
    law, pair = done.stdout.splitlines()
    assert "total_tokens = answer_tokens + prompt_tokens in 119 of 120 tests" in law
    assert "qa/small/033 breaks it" in law
    assert "answer_tokens and latency_s rise together" in pair


def test_cells_without_a_number_are_missing_and_words_are_markers(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    from cool_csv import records_of  # type: ignore[import-not-found]

    file = tmp_path / "a.csv"
    text = "\ufeffname,x,y,colour\na,1,2,red\nb, ,NaN,blue\nc,n/a,3\n"
    file.write_text(text, encoding="utf-8")
    first, *with_holes = records_of(file, "name")
    assert first["metrics"] == {"x": 1.0, "y": 2.0}
    assert [record["metrics"] for record in with_holes] == [{}, {"y": 3.0}]
    markers = [record["markers"] for record in (first, *with_holes)]
    assert markers == [["colour=red"], ["colour=blue"], []]


@pytest.mark.parametrize("name", ["cool", "MetricTable", "Profile", "Pattern", "Finding", "Report"])
def test_public_names_need_no_pytest(name):
    code = (
        f"import sys\nfor n in {BLOCKED}: sys.modules[n] = None\nfrom pytest_crackle import {name}"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_all_public_names_are_there():
    import pytest_crackle

    for name in pytest_crackle.__all__:
        assert getattr(pytest_crackle, name) is not None
    assert set(pytest_crackle.__all__) == set(pytest_crackle._HOMES)
    assert "__version__" in dir(pytest_crackle)
