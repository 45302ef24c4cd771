"""Generated pages are up to date, links lead somewhere, nothing is loaded from elsewhere."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib

import pytest

from tests.docs_blocks import PAGES, ROOT

LINK = re.compile(r"!?\[[^\]]*\]\((?P<target>[^)\s]+)\)")
HEADING = re.compile(r"(?m)^#+ (?P<title>.+)$")


def anchors_of(page):
    """The anchors of a page's headings, as the site and code hosts make them."""
    titles = HEADING.findall(page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def test_generated_reference_pages_are_those_of_the_code():
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "generate.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_of_the_page_lead_to_files_and_headings(page):
    text = re.sub(r"(?ms)^```.*?^```", "", page.read_text(encoding="utf-8"))
    for match in LINK.finditer(text):
        target, _, anchor = match["target"].partition("#")
        if target.startswith("https://"):
            continue
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), f"{page.name}: {target}"
        assert not anchor or anchor in anchors_of(file), f"{page.name}: {target}#{anchor}"


def test_every_page_is_in_a_table_of_contents():
    named = set()
    for page in (ROOT / "docs").rglob("*.md"):
        for toctree in re.findall(r"(?s)```\{toctree\}(.*?)```", page.read_text(encoding="utf-8")):
            entries = [line.strip() for line in toctree.splitlines()]
            named |= {
                (page.parent / f"{entry}.md").resolve()
                for entry in entries
                if entry and not entry.startswith(":")
            }
    pages = {page for page in PAGES if page.is_relative_to(ROOT / "docs")}
    assert pages - named == {ROOT / "docs" / "index.md"}
    assert named <= pages


def test_every_fragment_of_the_changes_is_of_a_kind_that_is_written():
    """What has another name is left out of the release without a word."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    towncrier = settings["tool"]["towncrier"]
    kinds = {kind["directory"] for kind in towncrier["type"]}
    assert (ROOT / towncrier["template"]).exists()
    for fragment in (ROOT / towncrier["directory"]).glob("*.md"):
        assert fragment.name.split(".")[1:] in [[kind, "md"] for kind in kinds], fragment.name


def test_the_architecture_page_names_every_module_at_the_top():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    package = ROOT / "pytest_crackle"
    modules = [file.name for file in package.glob("*.py") if not file.name.startswith("__")]
    folders = [f"{file.parent.name}/" for file in package.glob("*/__init__.py")]
    assert [name for name in (*modules, *folders) if f"`{name}`" not in text] == []


@pytest.mark.docs
def test_the_site_builds_without_a_warning_and_loads_nothing_from_elsewhere(tmp_path):
    pytest.importorskip("sphinx")
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", str(ROOT / "docs"), "site"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    pages = list((tmp_path / "site").rglob("*.html"))
    assert len(pages) > 30
    loads = re.compile(r"""<(?:script|link|img|iframe)[^>]+(?:src|href)=["'](?:https?:)?//""")
    imports = re.compile(r"""(?:@import|url\()\s*["']?(?:https?:)?//""")
    for page in pages:
        assert not loads.search(page.read_text(encoding="utf-8")), page.name
    for style in (tmp_path / "site").rglob("*.css"):
        assert not imports.search(style.read_text(encoding="utf-8")), style.name
    index = (tmp_path / "site" / "searchindex.js").read_text(encoding="utf-8")
    assert "plateau" in index, "the search knows the words of the pages"
