from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
import threading
from dataclasses import fields, replace

import pytest

from pytest_crackle.storage.atomic import _SYSTEM, write_atomic

CALLS = [
    field.name for field in fields(_SYSTEM) if field.name not in ("has_locks", "split", "join")
]


class Killed(BaseException):
    """The process is gone."""


def failing_at(k, error, *, dead_after=False):
    """Return the system with the k-th call raising, and all later ones too if the process died."""
    count = 0

    def wrapped(function):
        def call(*args):
            nonlocal count
            count += 1
            if count == k or (dead_after and count > k):
                raise error
            return function(*args)

        return call

    system = replace(_SYSTEM, **{name: wrapped(getattr(_SYSTEM, name)) for name in CALLS})
    return system, lambda: count


def only_files(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_new_file_an_old_file_and_a_missing_folder(tmp_path):
    path = tmp_path / "a" / "b" / "c" / "report.json"
    write_atomic(path, "one\n")
    assert path.read_bytes() == b"one\n"
    write_atomic(str(path), "two é \ud800")
    assert path.read_bytes() == "two é \\ud800".encode()
    assert only_files(path.parent) == ["report.json"]


@pytest.mark.parametrize("is_new", [True, False])
@pytest.mark.parametrize(
    "error", [Killed(), OSError(errno.ENOSPC, "No space left"), KeyboardInterrupt()]
)
def test_at_every_kill_point_the_file_is_whole(tmp_path, is_new, error):
    path, old, new = tmp_path / "report.json", "old " * 1000, "new " * 50_000
    dead = isinstance(error, Killed)
    for k in range(1, 100):
        for leftover in tmp_path.iterdir():
            leftover.unlink()
        if not is_new:
            path.write_text(old)
        system, count = failing_at(k, error, dead_after=dead)
        with contextlib.suppress(Killed, OSError, KeyboardInterrupt):
            write_atomic(path, new, system=system)
        if count() < k:  # it ran through
            break
        if path.exists():
            assert path.read_text() in ({new} if is_new else {old, new})
        if not dead:
            assert set(only_files(tmp_path)) <= {"report.json"}
    else:
        pytest.fail("it never ran through")
    assert path.read_text() == new
    assert k > 5


def test_short_writes_are_continued(tmp_path):
    system = replace(_SYSTEM, write=lambda fd, data: os.write(fd, data[:7]))
    write_atomic(tmp_path / "x", "0123456789" * 5, system=system)
    assert (tmp_path / "x").read_text() == "0123456789" * 5


@pytest.mark.skipif(sys.platform == "win32", reason="modes of POSIX")
def test_the_mode_is_the_one_that_open_gives(tmp_path):
    before = os.umask(0o027)
    try:
        write_atomic(tmp_path / "new", "x")
        with open(tmp_path / "by_open", "w"):  # noqa: PTH123 - open is what is compared with
            pass
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("new", "by_open")]
    assert modes == [0o640, 0o640]
    (tmp_path / "new").chmod(0o604)
    write_atomic(tmp_path / "new", "y")
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o604


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_links_are_followed_and_stay(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real/report.json")
    write_atomic(tmp_path / "link", "x")
    write_atomic(tmp_path / "link", "y")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "report.json").read_text() == "y"
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OSError, match="loop"):
        write_atomic(tmp_path / "loop", "x")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
def test_what_is_no_regular_file_is_written_to_and_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    got = []
    reader = threading.Thread(target=lambda: got.append((tmp_path / "pipe").read_text()))
    reader.start()
    write_atomic(tmp_path / "pipe", "through")
    reader.join()
    assert got == ["through"]
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_errors_name_the_file_and_keep_their_kind(tmp_path):
    with pytest.raises(IsADirectoryError) as caught:
        write_atomic(tmp_path, "x")
    assert caught.value.filename == str(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError) as other:
        write_atomic(tmp_path / "file" / "x", "x")
    assert other.value.filename == str(tmp_path / "file" / "x")


def test_a_target_that_is_held_for_a_moment_is_tried_again(tmp_path):
    tries: list[str] = []
    slept: list[float] = []

    def held(source, target):
        tries.append(source)
        if len(tries) < 4:
            raise PermissionError(errno.EACCES, "held")
        os.rename(source, target)  # noqa: PTH104 - stands for the function of os

    system = replace(_SYSTEM, replace=held, sleep=slept.append, has_locks=True)
    write_atomic(tmp_path / "x", "x", system=system)
    assert (len(tries), len(slept)) == (4, 3)
    with pytest.raises(PermissionError):
        write_atomic(
            tmp_path / "y", "x", system=replace(system, replace=_always_held, sleep=slept.append)
        )
    assert only_files(tmp_path) == ["x"]


def _always_held(source, target):
    raise PermissionError(errno.EACCES, "held")


def test_functions_that_a_test_left_patched_are_not_used(tmp_path, monkeypatch):
    def broken(*args, **kwargs):
        raise AssertionError("patched")

    for name in (
        "open",
        "write",
        "close",
        "replace",
        "unlink",
        "mkdir",
        "makedirs",
        "urandom",
        "stat",
    ):
        monkeypatch.setattr(os, name, broken)
    try:
        write_atomic(str(tmp_path) + "/a/b", "x")
    finally:
        monkeypatch.undo()
    assert (tmp_path / "a" / "b").read_text() == "x"


def test_what_somebody_planted_at_the_temporary_name_is_not_written_to(tmp_path):
    guessed = replace(_SYSTEM, urandom=bytes)  # a name that could be known
    (tmp_path / "victim").write_text("theirs")
    (tmp_path / f".crackle-{bytes(8).hex()}.tmp").hardlink_to(tmp_path / "victim")
    with pytest.raises(FileExistsError):
        write_atomic(tmp_path / "report.json", "ours", system=guessed)
    assert (tmp_path / "victim").read_text() == "theirs"
    assert not (tmp_path / "report.json").exists()
