"""Take the pictures of `docs/img` anew: ``python docs/pictures.py`` (needs Chromium).

``python docs/pictures.py SUITE NAME`` takes one of the page of another suite.
"""

from __future__ import annotations

import html
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "img"
WIDTH = 960
PAGE_HEIGHT, TERMINAL_HEIGHT = 2300, 790
STYLES = {
    "1": "font-weight:bold",
    "31": "color:#f55",
    "32": "color:#0f0",
    "33": "color:#ff0",
    "36": "color:#0ff",
}
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def main() -> None:
    """Run the example suite, or the one that is given, and take its pictures."""
    suite, name = sys.argv[1:] if len(sys.argv) == 3 else ("examples", "examples")
    options = ["--no-header", "--color=yes", "-p", "no:cacheprovider", "--crackle"]
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder, "page.html")
        printed = subprocess.run(
            [sys.executable, "-m", "pytest", *options, f"--crackle-html={page}", suite],
            cwd=ROOT,
            env={"PATH": "/usr/bin:/bin", "HOME": folder, "COLUMNS": "100"},
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        ).stdout
        take(page, IMAGES / f"page-{name}.png", PAGE_HEIGHT)
        if name == "examples":
            terminal = Path(folder, "terminal.html")
            terminal.write_text(as_terminal(printed), encoding="utf-8")
            take(terminal, IMAGES / f"terminal-{name}.png", TERMINAL_HEIGHT)


def as_terminal(printed: str) -> str:
    """Set what was printed on a dark page, in its colours."""
    text, n_open = "", 0
    for part in re.split(r"(\x1b\[[0-9;]*m)", printed):
        if not part.startswith("\x1b"):
            text += html.escape(part)
        elif style := ";".join(STYLES.get(code, "") for code in part[2:-1].split(";")).strip(";"):
            text, n_open = f'{text}<span style="{style}">', n_open + 1
        else:  # a reset
            text, n_open = text + "</span>" * n_open, 0
    return (
        '<!doctype html><meta charset="utf-8"><body style="background:#000;margin:20px">'
        f'<pre style="color:#fff;font:15px/18px monospace">{text}</pre>'
    )


def take(page: Path, image: Path, height: int) -> None:
    """Take a picture of a page."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise SystemExit(f"none of {', '.join(BROWSERS)} is installed")
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    command += [f"--window-size={WIDTH},{height}", f"--screenshot={image}", page.as_uri()]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
