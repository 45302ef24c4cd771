"""What is planted in examples/ is found, and nothing else; and the gate treats it as promised."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLANTED = {
    ("conservation", "plateau"): "tests/test_mail.py",
    ("clustering", "group"): "fixture warehouse",
    ("correlation", "driver"): "db.queries",
    ("phase-transition", "leak"): "test_parcel_is_on_its_way",
    ("conservation", "broken"): "test_price_list_is_read[nord-3] breaks it",
}
# what is wrong, more of it: file, old text, new text
WORSE = {
    "plateau": ("shop/mail.py", "sleep(0.25)", "sleep(0.75)"),
    "group": ("tests/conftest.py", "in range(8):  # eight branches", "in range(32):"),
    "driver": ("shop/reports.py", "warehouse.stock(a)", "max(warehouse.stock(a) for _ in '12345')"),
    "leak": ("tests/test_carrier.py", '"P1", ', '"P1", *(f"P9{i}" for i in range(12)), '),
    "broken": ("shop/prices.py", 'supplier == "nord-3"', 'supplier in ("nord-3", "sued-6")'),
}

pytestmark = pytest.mark.skipif("sys.platform != 'linux'", reason="descriptors need Linux")


class Shop:
    """A copy of the example suite."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for part in ("shop", "tests"):
            shutil.copytree(ROOT / "examples" / part, folder / part)
        (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")

    def run(self, *options: str) -> tuple[int, str]:
        """Run it whole; return exit status and output."""
        command = [sys.executable, "-m", "pytest", "--crackle", "--crackle-json=report.json"]
        command += ["-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-p", "no:asyncio"]
        done = subprocess.run(
            [*command, *options],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    @property
    def report(self):
        """The JSON report of the last run."""
        return json.loads((self.folder / "report.json").read_text("utf-8"))

    def failed(self):
        """The sub-kinds of the patterns that failed the gate."""
        report = self.report
        ids = report["gate"]["failed"]
        return sorted(p["subkind"] for p in report["patterns"] if p["id"] in ids)

    def edit(self, subkind: str) -> None:
        """Make one of the planted faults worse."""
        name, old, new = WORSE[subkind]
        file = self.folder / name
        text = file.read_text("utf-8")
        assert old in text, "examples/ changed: adapt this test"
        file.write_text(text.replace(old, new), encoding="utf-8")


# real times: on a machine that does much else the fixed wait may drown
@pytest.mark.calibration
def test_exactly_what_is_planted_is_found(tmp_path):
    shop = Shop(tmp_path)
    status, output = shop.run("--crackle-fail-on=any", "--crackle-dry-run")
    assert status == 0, output
    found = {(p["kind"], p["subkind"]): p["summary"] for p in shop.report["patterns"]}
    assert found.keys() == PLANTED.keys(), output
    assert len(shop.report["patterns"]) == len(PLANTED)
    for what, part in PLANTED.items():
        assert part in found[what]
    assert len(shop.failed()) == len(PLANTED), "each would fail the gate"


@pytest.mark.calibration
def test_planted_faults_fail_are_accepted_pass_and_fail_when_they_are_worse(tmp_path):
    """Some ten sessions of 12 s: the whole life of an accepted pattern, five times."""
    shop = Shop(tmp_path)
    gate = ["--crackle-fail-on=any", "--crackle-baseline=baseline.json"]
    status, output = shop.run(*gate)
    assert status == 1, output
    assert shop.failed() == sorted(subkind for _, subkind in PLANTED)

    status, output = shop.run(*gate, "--crackle-accept=all", "--crackle-reason=as adopted")
    assert status == 0, output
    entries = json.loads((tmp_path / "baseline.json").read_text("utf-8"))["accepted"]
    assert len(entries) == len(PLANTED)
    status, output = shop.run(*gate)
    assert status == 0, output
    assert all(pattern["accepted"] for pattern in shop.report["patterns"])
    assert len(shop.report["patterns"]) == len(PLANTED), "accepted is not hidden"

    for number, subkind in enumerate(WORSE):
        worse = Shop(tmp_path / f"worse{number}")
        shutil.copy(tmp_path / "baseline.json", worse.folder)
        worse.edit(subkind)
        status, output = worse.run(*gate)
        assert status == 1, output
        assert subkind in worse.failed(), output
        assert "worse than accepted" in output
