"""Every code block of README and docs runs, or says why it cannot."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from configparser import ConfigParser
from pathlib import Path

import pytest

from tests.docs_blocks import ALONE, PAGES, ROOT, Block, blocks_of, commands_of, is_like

TRIES = 3  # real times: on a machine that does much else a wait may drown
SHOWN = {"", "text", "{toctree}", "{eval-rst}", "{include}"}
RUN = {"sh", "console", "python"}
PARSED = {"toml", "ini", "yaml", "json"}
MOST_SKIPPED = 0.35


class Trial:
    """One page, tried from top to bottom in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def environment(self) -> dict[str, str]:
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTEST", "GITHUB", "CI", "COV"))
        }
        bin_folder = Path(sys.executable).parent
        return {
            **inherited,
            "PATH": f"{bin_folder}{os.pathsep}{inherited['PATH']}",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # the tests' own plugins have no part in it
            "PYTEST_ADDOPTS": "-p crackle -p xdist",
            "PYTHONDONTWRITEBYTECODE": "1",
            "COLUMNS": "100",
        }

    def run(self, command: str, status: int, expected: str | None) -> None:
        for attempt in range(1, TRIES + 1):
            done = subprocess.run(
                ["bash", "-e", "-c", command],
                cwd=self.folder,
                env=self.environment(),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                encoding="utf-8",
                check=False,
            )
            is_told = not expected or is_like(expected, done.stdout)
            if done.returncode == status and is_told:
                return
            if attempt == TRIES:
                told = f"$ {command}\n{done.stdout}\n--- exit status {done.returncode}; expected:"
                pytest.fail(f"{told} {status}\n{expected or ''}")

    def try_block(self, block: Block, after: Block | None) -> None:
        if block.verb == "project":
            shutil.rmtree(self.folder)
            source, _, below = block.rest.partition(" below ")
            shutil.copytree(ROOT / source, self.folder / below)
            (self.folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        elif block.verb == "do":
            self.run(block.rest, 0, None)
        elif block.verb in {"file", "same"}:
            source, _, name = block.rest.rpartition(" as ")
            if source:
                assert block.text == (ROOT / source).read_text(encoding="utf-8"), source
            file = self.folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.text, encoding="utf-8")
        if block.verb == "skip" or not block.language:
            return
        if block.language in PARSED:
            parse(block)
        elif block.language == "python" and block.verb not in {"file", "same"}:
            self.try_python(block, after.text if after else None)
        elif block.language in {"sh", "console"}:
            status = int(block.rest) if block.verb == "status" else 0
            commands = commands_of(block)
            for place, (command, printed) in enumerate(commands, 1):
                last = place == len(commands)
                told = after.text if last and after and printed is None else printed
                self.run(command, status if last else 0, told)

    def try_python(self, block: Block, printed: str | None) -> None:
        name = "test_block.py" if "def test_" in block.text else "block.py"
        (self.folder / name).write_text(block.text, encoding="utf-8")
        command = f"pytest -q --crackle {name}" if name.startswith("test_") else f"python {name}"
        self.run(command, 0, printed)
        (self.folder / name).unlink()


def parse(block: Block) -> None:
    """Parse a block of data."""
    if block.language == "toml":
        tomllib.loads(block.text)
    elif block.language == "json":
        json.loads(block.text)
    elif block.language == "ini":
        ConfigParser().read_string(block.text)
    else:
        yaml = pytest.importorskip("yaml")
        yaml.safe_load(block.text)


def printed_of(blocks: list[Block], place: int) -> Block | None:
    """Return the text block that shows what the block at `place` prints."""
    following = blocks[place + 1] if place + 1 < len(blocks) else None
    is_output = following and following.language == "text" and following.follows
    return following if is_output and following and following.verb != "skip" else None


def has_blocks_to_try(page: Path) -> bool:
    return any(b.verb != "skip" and b.language in RUN | PARSED for b in blocks_of(page))


@pytest.mark.docs
@pytest.mark.skipif("sys.platform != 'linux'", reason="descriptors and bash")
@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if has_blocks_to_try(page)],
    ids=lambda page: page.relative_to(ROOT).as_posix(),
)
def test_every_block_of_the_page_does_what_it_says(page, tmp_path):
    trial = Trial(tmp_path / "page")
    trial.folder.mkdir()
    blocks = blocks_of(page)
    for place, block in enumerate(blocks):
        try:
            trial.try_block(block, printed_of(blocks, place))
        except (Exception, pytest.fail.Exception) as error:
            error.add_note(f"in {block.place}")
            raise


def test_every_block_is_tried_or_says_why_not(capsys):
    blocks = [block for page in PAGES for block in blocks_of(page) if block.verb not in ALONE]
    unknown = [
        b.place for b in blocks if b.verb != "skip" and b.language not in SHOWN | RUN | PARSED
    ]
    assert not unknown, f"a language that is not tried needs <!-- test: skip REASON -->: {unknown}"
    skipped = [block for block in blocks if block.verb == "skip"]
    assert all(len(block.rest.split()) >= 3 for block in skipped), "a reason has some words"
    code = [block for block in blocks if block.language not in SHOWN]
    with capsys.disabled():
        sys.stdout.write(
            f"\n{len(code)} code blocks in {len(PAGES)} pages: {len(code) - len(skipped)} tried, "
            f"{len(skipped)} skipped for a stated reason; "
            f"{len(blocks) - len(code)} shown (outputs, formulas)\n"
        )
    assert len(skipped) <= MOST_SKIPPED * len(code)


def test_a_wrong_output_is_seen():
    """The comparison can fail: names and words count, figures and line breaks do not."""
    told = "WARN  10 tests take 202 ms +- 0.9 %, a wait, 2.0 s of\n   9 s. [CR-c7ce49]\n"
    assert is_like(told, "WARN  9 tests take 1.2 s each, a wait, 10 s of 12 s. [CR-c7ce49]")
    assert is_like("setup 1.2 s each, 5 s", "setup 35.5 ms to\n      67.4 ms, 41\n   ms")
    assert not is_like(told, told.replace("wait", "weight"))
    assert not is_like(told, told.replace("c7ce49", "c7ce40"))
    assert not is_like(told, told + "WARN  another line")
    assert is_like("[...]\nWARN a\n[...]", "x\nWARN a\ny\nz\n")
    assert not is_like("[...]\nWARN a\n[...]", "x\nWARN b\ny\n")


def test_markers_of_untried_text_are_few():
    """`[...]` leaves out, so a page may not leave out everything."""
    for page in PAGES:
        for block in blocks_of(page):
            if block.language in {"text", "console"}:
                rest = re.sub(r"\[\.\.\.\]", "", block.text).strip()
                assert rest, block.place
