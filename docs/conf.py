"""Settings of the documentation site; build it with ``tox -e docs``."""

from __future__ import annotations

import re
from importlib.metadata import version as version_of
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "pytest-crackle"
author = "The pytest-crackle developers"
project_copyright = "The pytest-crackle developers, MIT licence"
release = version = version_of("pytest-crackle")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
root_doc = "index"
language = "en"
smartquotes = False  # they make a dash of the two hyphens of an option
default_role = "code"  # numpydoc: single backticks are names

myst_heading_anchors = 3
myst_enable_extensions = ["fieldlist"]

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings say types, shapes and units
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True

# Nothing is loaded from elsewhere: no fonts, no scripts, no badges. A test looks for it.
html_theme = "furo"
html_title = f"pytest-crackle {release}"
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_static_path = ["_static"]
html_css_files = ["site.css"]

NAMES = re.compile(r"(\w+(?:, \w+)+) : (.+)")


def setup(app: Sphinx) -> None:
    """Take part in the building, before napoleon does."""
    app.connect("autodoc-process-docstring", one_attribute_a_line, priority=400)


def one_attribute_a_line(*event: object) -> None:
    """Split "kind, subkind : str", which napoleon does for parameters and not for attributes."""
    lines = event[-1]
    assert isinstance(lines, list)
    split: list[str] = []
    for line in lines:
        match = NAMES.fullmatch(line)
        split += [f"{name} : {match[2]}" for name in match[1].split(", ")] if match else [line]
    lines[:] = split
