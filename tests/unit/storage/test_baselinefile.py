from __future__ import annotations

import io
import os
import sys

import pytest

from pytest_crackle.model.errors import CrackleError
from pytest_crackle.storage import baselinefile
from pytest_crackle.storage.baselinefile import read_baseline_text, write_baseline_text


def test_what_is_written_is_read_back(tmp_path):
    path = tmp_path / "crackle.json"
    assert read_baseline_text(path) == ""
    write_baseline_text(path, '{"a": 1}\n')
    assert read_baseline_text(path) == '{"a": 1}\n'
    assert [one.name for one in tmp_path.iterdir()] == ["crackle.json"]


def test_a_byte_order_mark_is_taken_off(tmp_path):
    path = tmp_path / "b.json"
    path.write_bytes(b"\xef\xbb\xbf{}")
    assert read_baseline_text(path) == "{}"


def test_a_file_that_is_too_large_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(baselinefile, "MAX_SIZE", 10)
    path = tmp_path / "b.json"
    path.write_text("x" * 10)
    assert read_baseline_text(path) == "x" * 10
    path.write_text("x" * 11)
    with pytest.raises(CrackleError, match=r"b\.json: 11 bytes; at most 10 are read"):
        read_baseline_text(path)


def test_what_is_no_text_file_is_refused_with_its_name(tmp_path):
    path = tmp_path / "b.json"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(CrackleError, match=r"b\.json: not UTF-8"):
        read_baseline_text(path)
    with pytest.raises(CrackleError, match="Not a directory"):
        read_baseline_text(path / "below")


@pytest.mark.skipif(sys.platform == "win32", reason="opening a folder fails otherwise there")
def test_a_folder_or_a_device_is_refused(tmp_path):
    with pytest.raises(CrackleError, match="not a regular file"):
        read_baseline_text(tmp_path)
    os.mkfifo(tmp_path / "fifo")  # must not wait for a writer
    with pytest.raises(CrackleError, match="not a regular file"):
        read_baseline_text(tmp_path / "fifo")
    with pytest.raises(CrackleError, match="not a regular file"):
        read_baseline_text(type(tmp_path)("/dev/zero"))


def test_a_name_that_cannot_be_opened_is_refused(tmp_path):
    with pytest.raises(CrackleError, match="null"):
        read_baseline_text(tmp_path / "a\0b")


def test_an_error_of_reading_names_the_file(tmp_path, monkeypatch):
    path = tmp_path / "b.json"
    path.write_text("{}")

    class Broken(io.BytesIO):
        def read(self, size=-1):
            raise OSError("the disk is gone")

    monkeypatch.setattr(baselinefile, "open_regular", lambda name, size: Broken())
    with pytest.raises(CrackleError, match=r"b\.json: the disk is gone"):
        read_baseline_text(path)


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right of their own there")
def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real.json").write_text("old")
    (tmp_path / "link.json").symlink_to("real.json")
    write_baseline_text(tmp_path / "link.json", "new")
    assert (tmp_path / "link.json").is_symlink()
    assert (tmp_path / "real.json").read_text() == "new"
