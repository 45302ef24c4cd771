"""What the user asked for: command line beats ini beats default, resolved here and nowhere else."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_crackle.model.errors import CrackleError
from pytest_crackle.options import OUTPUTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

__all__ = ["Settings", "settings_of"]

RATES: Final = ("fast", "normal", "slow")
CI_MODES: Final = ("auto", "none", "github")


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user asked for. Paths are absolute, fixed when the session is configured."""

    cooling: str
    detectors: tuple[str, ...]
    meters: tuple[str, ...]
    outputs: dict[str, Path]
    root: Path
    ci: str
    fail_on: tuple[str, ...]
    dry_run: bool
    budgets: tuple[str, ...]
    baseline: Path | None
    accept: tuple[str, ...]
    reason: str
    history: Path | None
    classic_metrics: tuple[str, ...]
    max_patterns: int
    properties: bool
    junit: bool


def _text(config: pytest.Config, name: str) -> str:
    value = config.getoption(f"crackle_{name}", None)
    return str(config.getini(f"crackle_{name}") if value is None else value)


def _names(config: pytest.Config, name: str) -> tuple[str, ...]:
    value = config.getoption(f"crackle_{name}", None)
    parts: Sequence[str] = config.getini(f"crackle_{name}") if value is None else [value]
    return tuple(name.strip() for part in parts for name in part.split(",") if name.strip())


def _lines(config: pytest.Config, name: str) -> tuple[str, ...]:
    value = config.getoption(f"crackle_{name}", None)
    lines: Sequence[str] = config.getini(f"crackle_{name}") if value is None else value
    return tuple(line.strip() for line in lines if line.strip())


def _one_of(option: str, value: str, allowed: Sequence[str]) -> str:
    if value not in allowed:
        raise CrackleError(f"{option}: {value!a} is not one of {', '.join(allowed)}")
    return value


def _meters(
    names: Sequence[str], known: Sequence[str], more: Sequence[str], *, lost: bool
) -> tuple[str, ...]:
    chosen = list(known)
    if names and not names[0].startswith(("+", "-")):
        chosen = []
    for given in names:
        name = given.lstrip("+-")
        if lost and name not in (*known, *more):
            continue  # it may be one of those that were switched off
        _one_of("--crackle-meters", name, (*known, *more))
        if given.startswith("-"):
            chosen = [meter for meter in chosen if meter != name]
        elif name not in chosen:
            chosen.append(name)
    return tuple(chosen)


def settings_of(
    config: pytest.Config,
    meters: Sequence[str],
    more_meters: Sequence[str] = (),
    *,
    lost_meters: bool = False,
) -> Settings:
    """Resolve command line, ini and defaults.

    Parameters
    ----------
    config : pytest.Config
    meters : sequence of str
        The names of the meters that are on by default.
    more_meters : sequence of str
        The names of those that are not.
    lost_meters : bool
        Pass over names that are not known: a plugin that offers meters was switched off.

    Returns
    -------
    Settings

    Raises
    ------
    CrackleError
        Naming the option, the value and what is allowed.
    """
    maximum = _text(config, "max")
    if not (maximum.isascii() and maximum.isdigit()):
        raise CrackleError(f"--crackle-max: {maximum!a} is not a whole number of at least 0")
    folder = config.invocation_params.dir
    root = config.rootpath
    outputs = {name: path for name in OUTPUTS if (path := _path(config, name, folder, root))}
    if "html" in outputs and _text(config, "html").endswith(("/", os.sep)):
        outputs["html-folder"] = outputs.pop("html")
    accept = config.getoption("crackle_accept", None) or []
    settings = Settings(
        cooling=_one_of("--crackle-cooling", _text(config, "cooling"), RATES),
        detectors=_names(config, "detectors"),
        meters=_meters(_names(config, "meters"), meters, more_meters, lost=lost_meters),
        outputs=outputs,
        root=root,
        ci=_one_of("--crackle-ci", _text(config, "ci"), CI_MODES),
        fail_on=_lines(config, "fail_on"),
        dry_run=bool(config.option.crackle_dry_run),
        budgets=_lines(config, "budgets"),
        baseline=_path(config, "baseline", folder, root),
        accept=tuple(name.strip() for part in accept for name in part.split(",") if name.strip()),
        reason=config.getoption("crackle_reason", "") or "",
        history=_path(config, "history", folder, root),
        classic_metrics=tuple(config.getini("crackle_classic_metrics")),
        max_patterns=int(maximum),
        properties=bool(config.getini("crackle_properties")),
        junit=bool(config.getini("crackle_junit")),
    )
    if settings.accept and settings.baseline is None:
        raise CrackleError("--crackle-accept needs --crackle-baseline=PATH to write to")
    if settings.accept and not settings.reason.strip():
        raise CrackleError("--crackle-accept needs --crackle-reason=TEXT: why is it accepted?")
    return settings


def _path(config: pytest.Config, name: str, folder: Path, root: Path) -> Path | None:
    """Resolve a path: an option's from where pytest was called, an ini key's from the rootdir."""
    given = config.getoption(f"crackle_{name}", None)
    text = given if given is not None else str(config.getini(f"crackle_{name}"))
    if not text:
        return None
    if "\0" in text:
        raise CrackleError(f"--crackle-{name}: a path has no NUL character: {text!a}")
    return (folder if given is not None else root) / Path(text).expanduser()
