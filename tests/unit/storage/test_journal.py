"""The journal: one whole line at a time, from the process that was configured, or a reason."""

from __future__ import annotations

import json
import os

import pytest

from pytest_crackle.storage.journal import Journal, append_text

RECORD = {"nodeid": "a.py::test[\u65e5\ud800]", "metrics": {"x": 1.5}}


@pytest.fixture
def journal(tmp_path):
    made = Journal(tmp_path / "new" / "run.jsonl")
    made.begin({"host": "here"})
    return made


def lines(journal):
    return [json.loads(line) for line in journal.path.read_text("ascii").splitlines()]


def test_a_journal_has_a_header_a_line_a_record_and_an_end(journal):
    assert journal.write(RECORD) is None
    journal.note_end("gw0", {"metrics": {"fds": 5.0}})
    assert journal.finish({"complete": True}) is None
    assert journal.path.read_bytes().endswith(b"\n")
    assert lines(journal) == [
        {"schema": "pytest-crackle/records/1", "session": {"host": "here"}},
        RECORD,
        {"end": {"complete": True, "workers": {"gw0": {"metrics": {"fds": 5.0}}}}},
    ]


def test_what_was_there_before_is_gone(journal):
    journal.write(RECORD)
    again = Journal(journal.path)
    again.begin({})
    assert len(lines(again)) == 1


def test_short_writes_are_continued(tmp_path, monkeypatch):
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:7]))
    journal = Journal(tmp_path / "run.jsonl")
    monkeypatch.undo()
    journal.begin({})
    assert journal.write(RECORD) is None
    append_text(str(tmp_path / "summary.md"), "one\n")
    assert lines(journal)[1] == RECORD


def test_a_line_that_cannot_be_written_is_told_with_its_file(journal):
    assert "Out of range float" in str(journal.write({"x": float("nan")}))
    journal.path.unlink()
    journal.path.mkdir()
    assert str(journal.path) in str(journal.write(RECORD))


def test_a_child_that_was_forked_writes_nothing(tmp_path, monkeypatch):
    pids = [4711]
    monkeypatch.setattr(os, "getpid", lambda: pids[-1])
    journal = Journal(tmp_path / "run.jsonl")
    monkeypatch.undo()
    journal.begin({})
    pids.append(4712)
    assert journal.write(RECORD) is None
    assert journal.finish({}) is None
    assert len(lines(journal)) == 1
