"""The code blocks of the documents, and the rules by which they are tried.

A comment in the line before a block says what is done with it: ``<!-- test: file NAME -->`` writes
it into the page's folder, ``<!-- test: same FILE as NAME -->`` does so too and compares it with a
file of the repository, ``<!-- test: skip REASON -->`` leaves it out, ``<!-- test: status N -->``
gives the exit status that is not 0. Standing alone, ``<!-- test: project FOLDER -->`` begins the
rest of the page in a copy of that folder, and ``<!-- test: do COMMAND -->`` is what the prose says
was done. What is not said goes by language: ``sh`` and ``console``
are run, ``python`` is executed (with pytest if it has tests), data are parsed, and ``text`` right
after ``sh`` is what that printed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        ROOT / "SECURITY.md",
        *(page for page in (ROOT / "docs").rglob("*.md") if "_build" not in page.parts),
    ]
)
DIRECTIVE = re.compile(r"<!-- test: (?P<verb>\w+) ?(?P<rest>.*?) -->$")
ALONE = ("project", "do")
FENCE = re.compile(r"(?P<ticks>`{3,})(?P<language>[^`]*)$")

NUMBER = re.compile(r"(?<![\w-])[<+~-]?\d[\d,]*(\.\d+)?(e[+-]?\d+)?")
UNIT = re.compile(r"#( (ns|us|ms|s|min|h|B|KiB|MiB|GiB|%)(?!\w)|x(?!\w))")
COMMIT = re.compile(r"(?<![\w-])(?=[a-f]*\d)[0-9a-f]{7,8}\b")
DATE = re.compile(r"\b\d{4}-\d\d-\d\d(T[\d:]+Z| \d\d:\d\d)?\b")
SPARK = re.compile("[▁-█]+")
RULER = re.compile(r"([=-])\1{2,}")
ANSI = re.compile(r"\x1b\[[0-9;]*m")
GAP = "[...]"


@dataclass
class Block:
    """A fenced block, or a comment that stands alone (`language` is "" then)."""

    page: Path
    line: int
    language: str
    text: str
    verb: str = ""
    rest: str = ""
    follows: bool = False
    """Whether only blank lines lie between it and the block before."""

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks_of(page: Path) -> list[Block]:
    """Read the blocks of a page in their order."""
    found: list[Block] = []
    lines = page.read_text(encoding="utf-8").splitlines()
    said: tuple[str, str] | None = None
    since_block = False
    number = 0
    while number < len(lines):
        line = lines[number].strip()
        number += 1
        if match := DIRECTIVE.match(line):
            if match["verb"] in ALONE:
                found.append(Block(page, number, "", "", match["verb"], match["rest"]))
            else:
                said = (match["verb"], match["rest"])
            continue
        fence = FENCE.match(line)
        if not fence:
            if line:
                since_block = False
                assert said is None, f"{page}:{number}: a block must follow the test comment"
            continue
        start, indent = number, len(lines[number - 1]) - len(lines[number - 1].lstrip())
        while lines[number].strip() != fence["ticks"]:
            number += 1
        text = "\n".join(line[indent:] for line in lines[start:number]) + "\n"
        verb, rest = said or ("", "")
        language = fence["language"].partition(" ")[0].strip()
        found.append(Block(page, start, language, text, verb, rest, since_block))
        number, said, since_block = number + 1, None, True
    return found


def commands_of(block: Block) -> list[tuple[str, str | None]]:
    """Split a block into commands and what each is expected to print (None: not said)."""
    if block.language == "sh":
        joined = block.text.replace("\\\n", " ")
        return [(line, None) for line in joined.splitlines() if line.split("#")[0].strip()]
    found: list[tuple[str, str | None]] = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], ""))
        elif found:
            command, printed = found[-1]
            if command.endswith("\\"):
                found[-1] = (command[:-1] + line.removeprefix("> "), printed)
            else:
                found[-1] = (command, f"{printed}{line}\n")
    return found


def essence(text: str) -> str:
    """Leave out of an output what differs from run to run and from screen to screen."""
    text = ANSI.sub("", text)
    text = SPARK.sub("~", text)
    text = DATE.sub("#", COMMIT.sub("#", text))
    text = RULER.sub(r"\1", text)
    text = re.sub(r"\[ *\d+% *\]", "", text)  # pytest's progress
    text = re.sub(r"(?m)^[.=]+ *$", "", text)
    text = " ".join(text.split())  # a line may break between a number and its unit
    text = UNIT.sub("#", NUMBER.sub("#", text))
    return re.sub(r"# \+- #|# each|# to #", "#", text)


def is_like(expected: str, printed: str) -> bool:
    """Tell whether an output is the expected one but for figures and line breaks."""
    parts = [re.escape(essence(part)) for part in expected.split(GAP)]
    return re.fullmatch(r" ?.*? ?".join(parts), essence(printed), re.DOTALL) is not None
