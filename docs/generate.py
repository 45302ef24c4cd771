"""Write the reference pages that are made from the code: ``python docs/generate.py``.

A test compares them with the code, so that they cannot drift.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import fields, is_dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evidence_names import evidence_of_subkinds

from pytest_crackle.cli.main import _parser as command_line
from pytest_crackle.cooling.profiles import Profile
from pytest_crackle.firing.meters.ready import READY, ready_meters
from pytest_crackle.model.metrics import BUILTIN
from pytest_crackle.model.units import format_value
from pytest_crackle.options import add_options

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

HERE = Path(__file__).parent
MADE = "<!-- Made by docs/generate.py from the code; do not edit. -->"


def main() -> int:
    """Write all pages; with ``--check`` only tell which are out of date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    is_check = parser.parse_args().check
    stale = []
    for name, text in pages().items():
        file = HERE / "reference" / name
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            stale.append(f"docs/reference/{name}")
            if not is_check:
                file.write_text(text, encoding="utf-8", newline="\n")
    if is_check and stale:
        sys.stderr.write(f"out of date, run python docs/generate.py: {', '.join(stale)}\n")
    return int(is_check and bool(stale))


def pages() -> dict[str, str]:
    """Return the generated pages by file name."""
    return {
        "options.md": options_page(),
        "metrics.md": metrics_page(),
        "cooling-rates.md": rates_page(),
        "kinds.md": kinds_page(),
        "command-line.md": command_line_page(),
        "report-schema.md": schema_page("report"),
        "records-schema.md": schema_page("records"),
    }


def meanings() -> dict[str, Any]:
    """Read what the code's names mean, in words."""
    return json.loads((HERE / "meanings.json").read_text(encoding="utf-8"))  # type: ignore[no-any-return] # ours


def page(title: str, *paragraphs: str) -> str:
    """Put a page together."""
    return "\n\n".join([MADE, f"# {title}", *(p.strip("\n") for p in paragraphs)]) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
    )


def code(text: str) -> str:
    """Write text as code."""
    return f"`{text}`" if text else ""


# ------------------------------------------------------------------ options and ini keys


class _Declared:
    """Stands in for pytest's parser and remembers what is declared."""

    def __init__(self) -> None:
        self.options: list[tuple[str, dict[str, Any]]] = []
        self.keys: list[tuple[str, str, str, Any]] = []

    def getgroup(self, _name: str, _description: str = "") -> _Declared:
        return self

    def addoption(self, *names: str, **settings: Any) -> None:  # noqa: ANN401 - as argparse takes it
        self.options.append((names[-1], settings))

    def addini(self, name: str, help: str, type: str, default: object = None) -> None:  # noqa: A002 - pytest's names
        self.keys.append((name, help, type, default))


def options_page() -> str:
    """Tell all options and ini keys as they are declared."""
    declared = _Declared()
    add_options(declared)  # type: ignore[arg-type] # it takes what it needs of a parser
    keys = {name for name, *_ in declared.keys}
    options = []
    for name, settings in declared.options:
        metavar = settings.get("metavar", "")
        key = settings["dest"] if settings["dest"] in keys else "-"
        if settings.get("action") == "store_false":
            key = "-"
        options.append(
            [
                code(f"{name}={metavar}" if metavar else name),
                settings["help"],
                code(key) if key != "-" else key,
            ]
        )
    ini = [
        [code(name), text, kind, code(_default(value)) or "empty"]
        for name, text, kind, value in declared.keys
    ]
    return page(
        "Options and ini keys",
        "The command line beats the ini file, which beats the default. Keys stand in"
        " `[tool.pytest.ini_options]` or `[tool.pytest]` of `pyproject.toml`, in `pytest.ini` or"
        " `tox.ini`. A path of an option counts from where pytest is called, that of a key from the"
        " root folder. A wrong value is a usage error (exit status 4) that says what is allowed."
        " `PYTEST_CRACKLE=0` in the environment switches everything off.",
        "## Options",
        table(["option", "meaning", "ini key"], options),
        "## Ini keys",
        table(["key", "meaning", "type", "default"], ini),
    )


def _default(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None or value in ("", []) else str(value)


# ------------------------------------------------------------------ metrics and cooling rates


def metrics_page() -> str:
    """Tell the built-in metrics."""
    told = meanings()["metrics"]
    rows = [[code(name), info.unit, info.kind, told[name]] for name, info in BUILTIN.items()]
    return page(
        "Built-in metrics",
        "Seconds (`s`), bytes (`B`) and plain numbers (`1`) inside; reports choose readable units."
        " A *level* is read after the test and its changes persist; a *count* and a *time* are of"
        " the test alone. A metric that cannot be measured where the tests run is missing and is no"
        " error.",
        table(["metric", "unit", "kind", "meaning"], rows),
        "## Meters that are off until asked for",
        "`--crackle-meters=+NAME[,+NAME]`; third parties"
        " [add their own](../howto/write-a-meter.md).",
        table(["name", "metrics", "what it does"], _opt_in()),
    )


def _opt_in() -> Iterator[list[str]]:
    for name in READY:
        (meter,) = ready_meters([name])
        first = (type(meter).__doc__ or "").partition("\n")[0]
        yield [code(name), ", ".join(map(code, meter.metrics)), first]


def rates_page() -> str:
    """Tell the limits of the three cooling rates."""
    told = meanings()["limits"]
    columns = [dict(_limits(rate)) for rate in (Profile.fast(), Profile.normal(), Profile.slow())]
    rows = [[told[name], *(column[name] for column in columns)] for name in columns[0]]
    return page(
        "Cooling rates",
        "As in pottery: fast cooling gives many fine cracks (for exploring), slow cooling gives few"
        " large ones (for gates). A pattern needs significance, a minimum effect and, where it is"
        " about time, a minimum cost.",
        table(["limit", "fast", "normal", "slow"], rows),
    )


def _limits(profile: object) -> Iterator[tuple[str, str]]:
    for field in fields(profile):  # type: ignore[arg-type] # a dataclass
        value = getattr(profile, field.name)
        if is_dataclass(value):
            yield from ((f"{field.name}.{name}", text) for name, text in _limits(value))
        elif field.name != "rate":
            yield field.name, _limit(field.name, value)


def _limit(name: str, value: float | None) -> str:
    if value is None:
        return "never"
    if name in {"jump", "leak", "leak_rate", "growth"}:
        return format_value(value, "B")
    return f"{value * 100:g} %" if name.endswith("_share") else f"{value:g}"


# ------------------------------------------------------------------ kinds, sub-kinds, evidence


def kinds_page() -> str:
    """Tell each sub-kind with what the code gives as its evidence."""
    told = meanings()
    found = evidence_of_subkinds(told["computed"])
    known = {name for subkinds in told["kinds"].values() for name in subkinds}
    if known != found.keys():
        raise SystemExit(f"meanings.json: sub-kinds that differ: {sorted(known ^ found.keys())}")
    paragraphs = [
        "`evidence` of a pattern holds finite numbers in base units (seconds, bytes). Which of them"
        " a pattern has depends on what was found; the tables tell all that there can be.",
    ]
    for kind, subkinds in told["kinds"].items():
        rows = [
            [f"**{name}**", meaning, ", ".join(code(key) for key in sorted(found[name]))]
            for name, meaning in subkinds.items()
        ]
        paragraphs += [f"## {kind}", table(["sub-kind", "what it says", "evidence"], rows)]
    keys = sorted({key for keys in found.values() for key in keys})
    rows = [[code(key), told["evidence"][key]] for key in keys]
    paragraphs += ["## What the evidence means", table(["name", "meaning"], rows)]
    return page("Kinds, sub-kinds and their evidence", *paragraphs)


# ------------------------------------------------------------------ command line


def command_line_page() -> str:
    """Tell the commands as their parser knows them."""
    parser = command_line()
    return page(
        "Command line",
        "`pytest-crackle COMMAND`, also `python -m pytest_crackle COMMAND`: the same cooling, gate"
        " and writers without a pytest session. `-` reads standard input where a FILE is asked"
        " for.",
        table(
            ["exit status", "when"],
            [
                ["0", "fine"],
                ["1", "the gate failed"],
                ["2", "bad input or usage: one line that says where and why"],
            ],
        ),
        *_commands(parser, "pytest-crackle"),
    )


def _commands(parser: argparse.ArgumentParser, name: str) -> Iterator[str]:
    for action in parser._actions:  # noqa: SLF001 - argparse has no public way to ask
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - as above
            helps = {choice.dest: choice.help or "" for choice in action._choices_actions}  # noqa: SLF001 - as above
            for command, sub in action.choices.items():
                full = f"{name} {command}"
                text = sub.description or helps.get(command, "")
                yield f"## {full}"
                yield text[:1].upper() + text[1:].removesuffix(".") + "." if text else ""
                rows = list(_arguments(sub))
                if rows:
                    yield table(["argument", "meaning"], rows)
                yield from _commands(sub, full)


def _arguments(parser: argparse.ArgumentParser) -> Iterator[list[str]]:
    for action in parser._actions:  # noqa: SLF001 - as above
        if isinstance(action, argparse._HelpAction | argparse._SubParsersAction):  # noqa: SLF001 - as above
            continue
        metavar = action.metavar if isinstance(action.metavar, str) else ""
        if not metavar and action.choices:
            metavar = "|".join(map(str, action.choices))
        name = ", ".join(action.option_strings) or metavar or action.dest
        if action.option_strings and action.nargs != 0:
            name += f" {metavar or action.dest.upper()}"
        if action.nargs == "+":
            name += "..."
        yield [
            code(name) + (" (required)" if action.required and action.option_strings else ""),
            action.help or "",
        ]


# ------------------------------------------------------------------ schemas


def schema_page(name: str) -> str:
    """Tell the keys of a published schema."""
    schema = json.loads((files("pytest_crackle") / "schemas" / f"{name}-1.json").read_text("utf-8"))
    rows = list(_properties(schema, "", schema))
    return page(
        f"Format: {name}",
        schema["description"] + f" The schema itself is printed by `pytest-crackle schema {name}`.",
        "A key in brackets need not be there. Additions raise the minor version only.",
        table(["key", "type", "meaning"], rows),
    )


def _properties(schema: dict[str, Any], path: str, root: dict[str, Any]) -> Iterator[list[str]]:
    schema = _resolved(schema, root)
    for part in [schema, *schema.get("oneOf", ()), *schema.get("anyOf", ())]:
        part = _resolved(part, root)  # noqa: PLW2901 - a reference for what it refers to
        needed = part.get("required", ())
        for key, inner in part.get("properties", {}).items():
            inner = _resolved(inner, root)  # noqa: PLW2901 - as above
            full = f"{path}.{key}" if path else key
            shown = code(full) if key in needed else f"[{code(full)}]"
            yield [shown, _type(inner), inner.get("description", "")]
            yield from _properties(inner, full, root)
            if isinstance(items := inner.get("items"), dict):
                yield from _properties(items, f"{full}[]", root)


def _resolved(schema: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in schema:
        return schema
    found: dict[str, Any] = root
    for step in schema["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return {**found, **{key: value for key, value in schema.items() if key != "$ref"}}


def _type(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return ", ".join(json.dumps(value) for value in schema["enum"])
    kinds = schema.get("type", "")
    return " or ".join(kinds) if isinstance(kinds, list) else str(kinds)


if __name__ == "__main__":
    sys.exit(main())
