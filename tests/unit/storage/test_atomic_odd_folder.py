from __future__ import annotations

import errno
from dataclasses import replace

import pytest

from pytest_crackle.storage.atomic import _SYSTEM, write_atomic


def test_a_folder_that_cannot_be_made_is_an_error_and_no_endless_search(tmp_path):
    def never(name):
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", name)

    def is_there(name):
        raise FileExistsError(errno.EEXIST, "File exists", name)

    # procfs says "not found" of a folder that it will not make, below one that is there
    system = replace(
        _SYSTEM, mkdir=lambda name: is_there(name) if name == str(tmp_path) else never(name)
    )
    with pytest.raises(FileNotFoundError):
        write_atomic(tmp_path / "nowhere" / "x", "text", system=system)
