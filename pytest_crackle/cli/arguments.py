"""Arguments that several commands share, and what they stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pytest_crackle.model.errors import CrackleError

if TYPE_CHECKING:
    import argparse

    # argparse offers no public name for what add_subparsers gives
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001

__all__ = [
    "FORMS",
    "Commands",
    "add_cooling",
    "add_reading",
    "add_telling",
    "max_size",
    "names",
]

MIB: Final = 1 << 20
FORMS: Final = ("json", "html", "md", "gitlab", "openmetrics")


def add_reading(parser: argparse.ArgumentParser) -> None:
    """Add what limits the reading of files."""
    parser.add_argument(
        "--max-size",
        metavar="MIB",
        type=int,
        default=256,
        help="most MiB read of a file (256)",
    )


def add_cooling(parser: argparse.ArgumentParser) -> None:
    """Add how to cool, and how to read."""
    parser.add_argument("--cooling", default="normal", metavar="RATE", help="fast, normal or slow")
    parser.add_argument(
        "--detectors",
        default="",
        metavar="NAME[,NAME]",
        help="clustering, phase-transition, conservation, correlation (default), classic, none",
    )
    add_reading(parser)


def add_telling(parser: argparse.ArgumentParser) -> None:
    """Add how much is told, and into which files."""
    parser.add_argument("-v", "--verbose", action="count", default=0, help="more; twice: all")
    parser.add_argument("-q", "--quiet", action="count", default=0, help="less; twice: the gate")
    parser.add_argument("--max", type=int, default=10, metavar="N", help="most headlines (10)")
    for name in FORMS:
        parser.add_argument(f"--{name}", metavar="PATH", help=f"write {name} to PATH")


def names(text: str) -> tuple[str, ...]:
    """Split names at commas."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def max_size(chosen: argparse.Namespace) -> int:
    """Return the most bytes that are read of a file.

    Raises
    ------
    CrackleError
        If it is less than 1 MiB.
    """
    if chosen.max_size < 1:
        raise CrackleError(f"--max-size: {chosen.max_size} is not at least 1")
    return int(chosen.max_size) * MIB
