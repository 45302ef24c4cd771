"""Names of what is set up: pytest makes fixtures of set-up methods and gives them other names."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["as_written"]

_MADE_UP: Final = re.compile(r"_(?:xunit|unittest)_(setup_\w+?|setUpClass|skip)_fixture_(.+)", re.S)
_OF_A_MODULE: Final = frozenset({"setup_module", "setup_function"})


def as_written(name: str, module: str) -> str:
    """Return the name of a fixture as its author knows it.

    Parameters
    ----------
    name : str
    module : str
        The module of the test that set it up: classes of one name in two modules are two.

    Returns
    -------
    str
        With ``::`` if it is no fixture but a method or function that is run as one.

    Examples
    --------
    >>> as_written("_xunit_setup_method_fixture_TestTree", "tests/test_css.py")
    'tests/test_css.py::TestTree.setup_method'
    >>> as_written("_xunit_setup_module_fixture_tests.test_css", "tests/test_css.py")
    'tests/test_css.py::setup_module'
    >>> as_written("warehouse", "tests/test_css.py")
    'warehouse'
    """
    made_up = _MADE_UP.fullmatch(name) if name.startswith("_") else None
    if made_up is None:
        return name
    call, owner = made_up.groups()
    return f"{module}::{call}" if call in _OF_A_MODULE else f"{module}::{owner}.{call}"
