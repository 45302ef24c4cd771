"""Write the expected reports anew: ``python -m tests.golden.update``; then read the difference."""

from __future__ import annotations

from pathlib import Path

from pytest_crackle.reporting.markdown import render_markdown
from pytest_crackle.reporting.text import render_text
from tests.sample_report import sample_report

HERE = Path(__file__).parent
WIDTHS = (80, 100)
VERBOSITIES = {"quiet": -1, "default": 0, "verbose": 1}


def expected_files() -> dict[str, str]:
    """Render the sample in every form that is kept as a file."""
    report, files = sample_report(), {}
    for width in WIDTHS:
        for name, verbosity in VERBOSITIES.items():
            lines = render_text(report, width, verbosity)
            text = "".join(f"{line.style:4} | {line.text}".rstrip() + "\n" for line in lines)
            files[f"report-{width}-{name}.txt"] = text
    lines = render_text(report, 80, 0, encoding="ascii")
    files["report-80-ascii.txt"] = "".join(f"{line.text}\n" for line in lines)
    files["report.md"] = render_markdown(report)
    return files


def main() -> None:
    """Write the files."""
    for name, text in expected_files().items():
        (HERE / name).write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
