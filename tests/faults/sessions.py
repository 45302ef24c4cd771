"""Cases, their sessions with and without ``--crackle``, and what of them must be the same."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

from pytest_crackle.model.metrics import BUILTIN

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "ON",
    "QUICK",
    "TALLY",
    "TIMED_OUT",
    "Case",
    "Ledger",
    "Session",
    "Tally",
    "Twins",
    "run_all",
]

HERE = Path(__file__).parent
PROBE = (HERE / "probe.py").read_text("utf-8")
QUICK = ("-p", "no:cacheprovider", "-p", "no:asyncio", "-p", "no:hypothesispytest")
ON = ("--crackle", "--crackle-json=report.json", "--crackle-records=run.jsonl")
TIMED_OUT = 997


@dataclass(frozen=True)
class Case:
    """One situation.

    Attributes
    ----------
    name : str
    tests : str
        The test file.
    conftest : str
    args, on : tuple of str
        For both sessions; for the one with crackle.
    files : dict of str to str
        Further files, ``{name: text}``.
    env : dict of str to str
    complete : bool or None
        What the report says of the run; None: there is no report to be.
    alone : bool
        No twin without crackle.
    same_output : bool
        Whether two runs of it print the same at all.
    python : tuple of str
        Flags of the interpreter: a process of its own, not a fork.
    """

    name: str
    tests: str
    conftest: str = ""
    args: tuple[str, ...] = ()
    on: tuple[str, ...] = ON
    files: dict[str, str] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    complete: bool | None = True
    alone: bool = False
    same_output: bool = True
    python: tuple[str, ...] | None = None
    plugins: tuple[str, ...] = ("-p", "no:rerunfailures")
    timeout: float = 180.0
    kill_after: float | None = None


@dataclass
class Tally:
    """What the harness compared, printed at the end."""

    sessions: int = 0
    cases: int = 0
    tests: int = 0
    expected: int = 0
    found: int = 0
    values: int = 0
    lost: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    fuzzed: dict[str, tuple[int, int]] = field(default_factory=dict)

    def fuzz(self, what: str, examples: int, taken: int) -> None:
        """Add examples, and how many of them were taken and not refused."""
        before = self.fuzzed.get(what, (0, 0))
        self.fuzzed[what] = (before[0] + examples, before[1] + taken)

    def count(self, what: str, number: int = 1) -> None:
        """Add to a count of another kind."""
        self.counts[what] = self.counts.get(what, 0) + number


TALLY = Tally()


@dataclass
class Ledger:
    """What the witness saw: values by (node id, worker), complete attempts only."""

    done: dict[tuple[str, str], dict[str, float]] = field(default_factory=dict)
    begun: set[str] = field(default_factory=set)
    reports: list[list[Any]] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> Ledger:
        """Replay the notes."""
        ledger = cls()
        open_: dict[tuple[str, str], dict[str, float]] = {}
        lines = path.read_text("ascii").splitlines() if path.exists() else []
        for line in lines:
            event, nodeid, worker, *facts = json.loads(line)
            key = (nodeid, worker)
            if event == "begin":
                open_[key] = {}
                ledger.begun.add(nodeid)
            elif event == "done":
                ledger.done[key] = open_.get(key, {})
            elif event == "report":
                ledger.reports.append([nodeid, *facts])
            elif key in open_:
                name, value = facts
                open_[key][name] = value + (open_[key].get(name, 0.0) if event == "add" else 0.0)
        return ledger


@dataclass
class Session:
    """One session that ran."""

    folder: Path
    status: int
    seconds: float

    @property
    def stdout(self) -> str:
        """What it printed."""
        return (self.folder / "stdout.txt").read_bytes().decode("utf-8", "backslashreplace")

    @property
    def stderr(self) -> str:
        """What it complained about."""
        return (self.folder / "stderr.txt").read_bytes().decode("utf-8", "backslashreplace")

    @property
    def ledger(self) -> Ledger:
        """What the witness saw."""
        return Ledger.read(self.folder / "probe.jsonl")

    @property
    def has_report(self) -> bool:
        """Whether there is a JSON report."""
        return (self.folder / "report.json").is_file()

    @property
    def report(self) -> dict[str, Any]:
        """The JSON report."""
        return json.loads((self.folder / "report.json").read_text("utf-8"))  # type: ignore[no-any-return]

    @property
    def journal(self) -> list[dict[str, Any]]:
        """The lines of the journal that are whole."""
        text = (self.folder / "run.jsonl").read_text("utf-8")
        return [json.loads(line) for line in text.splitlines(keepends=True) if line[-1] == "\n"]

    def own(self) -> list[str]:
        """The lines that are ours."""
        return _split(self.stdout)[0]

    def others(self) -> list[str]:
        """The lines of everybody else, with what differs from run to run made equal."""
        return [_same(line, self.folder) for line in _split(self.stdout)[1]]


@dataclass
class Twins:
    """The sessions of a case."""

    case: Case
    on: Session
    off: Session | None


def _split(text: str) -> tuple[list[str], list[str]]:
    ours: list[str] = []
    others: list[str] = []
    inside = in_section = False
    for line in text.split("\n"):
        if re.match(r"=+ crackle report =+$|crackle[: ]", line):
            inside, in_section = True, in_section or line.startswith("=")
        elif inside and (line.startswith(("=", "!", "INTERNALERROR>")) or not (in_section or line)):
            inside = in_section = False
        (ours if inside else others).append(line)
    return ours, others


def _same(line: str, folder: Path) -> str:
    line = line.replace(str(folder), "FOLDER").replace(f"<Dir {folder.name}>", "<Dir FOLDER>")
    line = re.sub(r"\d+\.\d+ ?s\b|\(\d+:\d\d:\d\d\)", "TIME", line)
    line = re.sub(r"0x[0-9a-f]+|\(\d{9,}\)", "ADDRESS", line)
    line = re.sub(r"\bgw\d+\b", "gwN", line)
    return re.sub(r"=+", "=", line)


def shape(lines: Iterable[str], *, with_workers: bool) -> list[str]:
    """What two runs have in common: all lines, or those that do not depend on who came first."""
    # of the traceback of a crash of pytest itself we may be one of the frames
    kept = [line for line in lines if line.strip() and not line.startswith("INTERNALERROR>   ")]
    if not with_workers:
        return kept
    skip = re.compile(r"[.FEsxXRu,]+( +\[ *\d+%\])?$|bringing up|created:|ready:|replacing crashed")
    return sorted(line for line in kept if not skip.match(line))


def _lay_out(case: Case, folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "pytest.ini").write_text(case.files.get("pytest.ini", "[pytest]\n"))
    (folder / "conftest.py").write_text(PROBE + dedent(case.conftest))
    (folder / "test_it.py").write_text(dedent(case.tests))
    for name, text in case.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(dedent(text), encoding="utf-8")


def run_all(cases: Sequence[Case], root: Path) -> dict[str, Twins]:
    """Run every case with crackle and, but for those alone, without."""
    jobs: list[tuple[Case, Path, list[str]]] = []
    for case in cases:
        for side in ("on1", "off") if not case.alone else ("on1",):
            folder = root / case.name / side
            _lay_out(case, folder)
            extra = case.on if side == "on1" else ()
            jobs.append((case, folder, [*QUICK, *case.plugins, *case.args, *extra]))
    forks = [job for job in jobs if job[0].python is None]
    sessions = dict(zip([f for _, f, _ in forks], _in_forks(forks), strict=True))
    for case, folder, args in jobs:
        if case.python is not None:
            sessions[folder] = _in_a_process(case, folder, args)
    TALLY.sessions += len(jobs)
    TALLY.cases += len(cases)
    return {
        case.name: Twins(
            case, sessions[root / case.name / "on1"], sessions.get(root / case.name / "off")
        )
        for case in cases
    }


def _environment() -> dict[str, str]:
    import os

    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "GITHUB_", "PYTHON"))}
    return env | {"COLUMNS": "100"}


def _in_forks(jobs: Sequence[tuple[Case, Path, list[str]]]) -> list[Session]:
    if not jobs:
        return []
    asked = [
        {
            "folder": str(folder),
            "args": args,
            "env": case.env,
            "timeout": case.timeout,
            "kill_after": case.kill_after,
        }
        for case, folder, args in jobs
    ]
    done = subprocess.run(
        [sys.executable, str(HERE / "zygote.py")],
        input=json.dumps(asked),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        cwd=str(jobs[0][1]),
        env=_environment(),
    )
    results = json.loads(done.stdout)
    return [
        Session(folder, int(status), seconds)
        for (_, folder, _), (status, seconds) in zip(jobs, results, strict=True)
    ]


def _in_a_process(case: Case, folder: Path, args: list[str]) -> Session:
    with (folder / "stdout.txt").open("wb") as out, (folder / "stderr.txt").open("wb") as err:
        done = subprocess.run(
            [sys.executable, *(case.python or ()), "-m", "pytest", *args],
            cwd=folder,
            stdout=out,
            stderr=err,
            stdin=subprocess.DEVNULL,
            env=_environment() | case.env,
            check=False,
            timeout=case.timeout,
        )
    return Session(folder, done.returncode, 0.0)


# ---------------------------------------------------------------------- the comparison


def custom(metrics: dict[str, float]) -> dict[str, float]:
    """Leave out the built-in metrics."""
    return {name: value for name, value in metrics.items() if name not in BUILTIN}


def check_ledger(twins: Twins, *, crashed: Iterable[str] = (), each: bool = False) -> None:
    """The JSON report holds what the witness saw, no less and no more."""
    session, ledger = twins.on, twins.on.ledger
    wanted = {(node, worker if each else ""): v for (node, worker), v in ledger.done.items()}
    for nodeid in crashed:
        wanted.setdefault((nodeid, ""), {})
    tests = session.report["tests"]
    got = {
        (test["nodeid"], (test["worker"] or "") if each else ""): custom(test["metrics"])
        for test in tests
    }
    TALLY.tests += len(ledger.begun)
    TALLY.expected += len(wanted)
    TALLY.found += len(got)
    TALLY.values += sum(map(len, wanted.values()))
    TALLY.lost += [f"{twins.case.name}: {key}" for key in wanted.keys() - got.keys()]
    assert len(got) == len(tests), "a test has two entries"
    assert got == wanted


def check_journal(twins: Twins, *, crashed: Iterable[str] = ()) -> None:
    """The journal holds what the witness saw (the last line of a test counts)."""
    wanted = {node: values for (node, _), values in twins.on.ledger.done.items()}
    for nodeid in crashed:
        wanted.setdefault(nodeid, {})
    got = {d["nodeid"]: custom(d["metrics"]) for d in twins.on.journal if "nodeid" in d}
    TALLY.expected += len(wanted)
    TALLY.found += len(got)
    TALLY.values += sum(map(len, wanted.values()))
    TALLY.lost += [f"{twins.case.name}: {key}" for key in wanted.keys() - got.keys()]
    assert got == wanted


def check_undisturbed(twins: Twins) -> None:
    """Exit status, reports of others and output are those of the session without crackle."""
    on, off = twins.on, twins.off
    assert on.status != TIMED_OUT, on.stdout[-2000:]
    passed_through = re.sub(r'File ".*pytest_crackle.*\n.*yield.*\n', "", on.stderr)
    assert "pytest_crackle" not in passed_through, on.stderr
    if off is None:
        return
    assert on.status == off.status, on.stdout[-3000:] + on.stderr[-2000:]
    assert ("INTERNALERROR>" in on.stdout) is ("INTERNALERROR>" in off.stdout), on.stdout
    assert on.stdout.count("Traceback") == off.stdout.count("Traceback"), on.stdout
    with_workers = any(a.startswith(("-n", "--tx")) for a in twins.case.args)
    seen = [sorted(s.ledger.reports, key=repr) for s in (on, off)]
    places = [
        [json.loads(_same(json.dumps(r), s.folder)) for r in reports]
        for s, reports in zip((on, off), seen, strict=True)
    ]
    assert places[0] == places[1]
    if twins.case.same_output:
        assert shape(on.others(), with_workers=with_workers) == shape(
            off.others(), with_workers=with_workers
        )
        said = [_same(session.stderr, session.folder).split("\n") for session in (on, off)]
        if "Traceback" in off.stderr:
            said = [lines[-2:] for lines in said]  # we are one of the frames that it went through
        assert said[0] == said[1]
