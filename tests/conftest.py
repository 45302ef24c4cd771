from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

pytest_plugins = ["pytester"]

# What is green stays green: the same examples in every run. `tox -e property` looks for new ones.
with suppress(ModuleNotFoundError):  # `pytest --help` in a checkout works without it
    from hypothesis import settings

    settings.register_profile("same", derandomize=True)
    settings.load_profile("same")


@pytest.fixture(autouse=True)
def _no_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the tests run in must not show in what they test."""
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "PYTEST_CRACKLE", "NO_COLOR", "CI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "100")


class Crackle:
    """Run pytest with crackle in a folder of its own and read what it wrote."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self.pytester = pytester
        self.folder = pytester.path
        self.isolated = False

    def run(self, *args: str, subprocess: bool = False, on: bool = True) -> pytest.RunResult:
        """Run the suite; JSON report and journal are written beside it."""
        given = [*args]
        if on:
            given = [
                "--crackle",
                "--crackle-json=report.json",
                "--crackle-records=run.jsonl",
                *args,
            ]
        given += ["-p", "no:cacheprovider"]
        # plugins that a suite does not use cost start-up, or leave a server running behind
        for name, used in (
            ("asyncio", any("asyncio" in file.read_text() for file in self.folder.glob("*.py"))),
            ("rerunfailures", any(arg.startswith("--reruns") for arg in args)),
            ("hypothesispytest", False),
        ):
            if not used:
                given += ["-p", f"no:{name}"]
        run = (
            self.pytester.runpytest_subprocess
            if subprocess or self.isolated
            else self.pytester.runpytest_inprocess
        )
        return run(*given)

    @property
    def report(self) -> dict[str, Any]:
        """The JSON report of the last run."""
        return json.loads((self.folder / "report.json").read_text("utf-8"))  # type: ignore[no-any-return]

    @property
    def tests(self) -> dict[str, dict[str, Any]]:
        """The entries of the report by the last part of the node id."""
        return {test["nodeid"].partition("::")[2]: test for test in self.report["tests"]}

    @property
    def journal(self) -> list[dict[str, Any]]:
        """The lines of the journal."""
        return [json.loads(line) for line in (self.folder / "run.jsonl").read_text().splitlines()]

    @property
    def records(self) -> dict[str, dict[str, Any]]:
        """The test lines of the journal by the last part of the node id."""
        lines = self.journal
        return {d["nodeid"].partition("::")[2]: d for d in lines if "nodeid" in d}

    def file(self, name: str) -> Path:
        """A path in the folder of the run."""
        return self.folder / name


@pytest.fixture
def crackle(pytester: pytest.Pytester) -> Crackle:
    """See `Crackle`."""
    return Crackle(pytester)
