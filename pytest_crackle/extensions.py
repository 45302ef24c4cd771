"""What third parties give through our hooks: gathered once, checked, each part guarded.

A part is one hook of one plugin. One that raises, or returns what cannot be used, is switched off
and told in one line; the other parts of the same plugin, and all other plugins, go on.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.detectors.foreign import ForeignDetector
from pytest_crackle.firing.meters.foreign import check_meter
from pytest_crackle.model.errors import a_value
from pytest_crackle.model.metrics import BUILTIN, check_metric_name, real_number
from pytest_crackle.model.pattern import Pattern
from pytest_crackle.model.units import count_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import pluggy
    import pytest

    from pytest_crackle.firing.meters.base import Meter
    from pytest_crackle.model.record import Record
    from pytest_crackle.model.report import Report
    from pytest_crackle.model.table import MetricTable

__all__ = ["ENTRY_POINTS", "HOOKS", "Extensions", "installed"]

ENTRY_POINTS: Final = "pytest_crackle"
"""The group of entry points whose plugins the command line asks; a session asks pytest's."""
METERS: Final = "pytest_crackle_meters"
DERIVE: Final = "pytest_crackle_derive"
DETECTORS: Final = "pytest_crackle_detectors"
PATTERNS: Final = "pytest_crackle_patterns"
REPORT: Final = "pytest_crackle_report"
HOOKS: Final = (METERS, DERIVE, DETECTORS, PATTERNS, REPORT)
_LEVELS: Final = ("fail", "warn", "note", "notice")


class _Part:
    """One hook of one plugin."""

    def __init__(self, hook: str, plugin: str, caller: pluggy.HookCaller) -> None:
        self.hook, self.plugin, self.call = hook, plugin, caller

    def __str__(self) -> str:
        return f"{self.hook} of {self.plugin}"


class Extensions:
    """All parts of third parties, as they were known when the session was configured.

    Parameters
    ----------
    manager : pluggy.PluginManager or None
        None: nobody extends anything.
    config : pytest.Config or None
        None on the command line.

    Attributes
    ----------
    faults : list of str
        A line for each part that was switched off.
    """

    def __init__(
        self, manager: pluggy.PluginManager | None = None, config: pytest.Config | None = None
    ) -> None:
        self.faults: list[str] = []
        self._manager, self._config = manager, config
        self._parts = {hook: self._parts_of(hook) for hook in HOOKS}
        self._counts = {hook: len(self._plugins(hook)) for hook in HOOKS}
        self._off: set[str] = set()

    # ------------------------------------------------------------------ parts

    def _plugins(self, hook: str) -> list[object]:
        """Return the plugins with this hook, in the order in which pluggy calls them."""
        caller: pluggy.HookCaller | None = getattr(self._manager and self._manager.hook, hook, None)
        return [] if caller is None else [impl.plugin for impl in caller.get_hookimpls()[::-1]]

    def _parts_of(self, hook: str) -> list[_Part]:
        parts = []
        for plugin in self._plugins(hook):
            # a manager for each: so a plugin is called alone, and the one that raises is known
            from pytest_crackle.manager import new_manager  # noqa: PLC0415 - only if there are any

            alone = new_manager()
            alone.register(plugin)
            parts.append(_Part(hook, self._name(plugin), getattr(alone.hook, hook)))
        return parts

    def _name(self, plugin: object) -> str:
        """Return what the user knows a plugin by: a conftest.py by its path from the rootdir."""
        name = (self._manager and self._manager.get_name(plugin)) or ""
        if not name or name.isdigit():  # an object that was registered without a name
            return type(plugin).__qualname__
        if self._config is not None:
            path, root = Path(name), self._config.rootpath
            if path.is_absolute() and path.is_relative_to(root):
                return path.relative_to(root).as_posix()
        return name

    @contextmanager
    def _guarded(self, part: _Part, where: str = "") -> Iterator[None]:
        try:
            yield
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - pytest.fail and sys.exit as well
            self._parts[part.hook].remove(part)
            self._off.add(part.hook)
            text = " ".join(f"{type(error).__name__}: {error}".split())
            self.faults.append(f"{part}, switched off{where}: {text}"[:300])

    def lost(self, hook: str) -> bool:
        """Whether a part of this hook was switched off, so that names may be missing."""
        return hook in self._off

    def miss(self, fault: str) -> None:
        """Tell a plugin that could not be loaded: names of any hook may be missing."""
        self.faults.append(fault[:300])
        self._off.update(HOOKS)

    def note_late_ones(self) -> None:
        """Tell hooks that were never called, because their conftest.py was loaded too late."""
        for hook in HOOKS:
            plugins = self._plugins(hook)
            known = {part.plugin for part in self._parts[hook]}
            if len(plugins) > self._counts[hook] and hook not in self._off:
                late = [name for name in map(self._name, plugins) if name not in known]
                self.faults.append(
                    f"{hook} of {', '.join(late)} was not called: it was loaded after the session "
                    "had begun; put it into the conftest.py at the rootdir"
                )

    # ------------------------------------------------------------------ what they give

    def meters(self, taken: Iterable[str]) -> list[Meter]:
        """Gather meters whose names are not taken."""
        found: dict[str, Meter] = {}
        for part in self._parts[METERS][:]:
            with self._guarded(part):
                offered = [check_meter(m) for m in self._offered(part, "meters")]
                _check_names((m.name for m in offered), {*taken, *found})
                found.update((meter.name, meter) for meter in offered)
        return list(found.values())

    def detectors(self) -> list[ForeignDetector]:
        """Gather detectors."""
        found: dict[str, ForeignDetector] = {}
        for part in self._parts[DETECTORS][:]:
            with self._guarded(part):
                offered = [ForeignDetector(d) for d in self._offered(part, "detectors")]  # type: ignore[arg-type] # it checks that
                _check_names((d.name for d in offered), found)
                found.update((detector.name, detector) for detector in offered)
        return list(found.values())

    def _offered(self, part: _Part, what: str) -> list[object]:
        offered: list[object] = []
        for given in part.call(config=self._config):
            if isinstance(given, str) or not hasattr(given, "__iter__"):
                raise TypeError(f"it gave {a_value(given)}, not a list of {what}")
            offered += given
        for one in offered:
            if isinstance(one, type):
                raise TypeError(f"it gave the class {one.__name__}, not an object made of it")
        return offered

    def derive(self, record: Record) -> None:
        """Add derived metrics to a record; what it has already stays."""
        for part in self._parts[DERIVE][:]:
            with self._guarded(part, f" at {record['nodeid']}"):
                copy = {**record, "metrics": dict(record["metrics"])}
                derived: dict[str, float] = {}
                for given in part.call(record=copy):
                    if not hasattr(given, "items"):
                        raise TypeError(f"it gave {a_value(given)}, not a mapping of metrics")
                    derived.update((name, _derived(name, value)) for name, value in given.items())
                record["metrics"] = {**derived, **record["metrics"]}

    def derives(self) -> Callable[[Record], None] | None:
        """Return `derive`, or None where nobody derives anything."""
        return self.derive if self._parts[DERIVE] else None

    def patterns(
        self, patterns: Sequence[Pattern], table: MetricTable
    ) -> tuple[tuple[Pattern, ...], tuple[str, ...]]:
        """Let each plugin leave out and annotate patterns.

        Returns
        -------
        tuple of Pattern, tuple of str
            In the order that they had; and a note for each plugin that left some out.
        """
        notes = []
        kept = tuple(patterns)
        for part in self._parts[PATTERNS][:]:
            with self._guarded(part):
                # copies: what a plugin changes in place is seen, or comes to nothing
                copies = [replace(pattern, evidence=dict(pattern.evidence)) for pattern in kept]
                for given in part.call(patterns=copies, table=table, config=self._config):
                    before, kept = kept, _filtered(kept, given)
                    if gone := len(before) - len(kept):
                        notes.append(f"{count_of(gone, 'pattern')} left out by {part}")
        return kept, tuple(notes)

    def report(self, report: Report) -> list[str]:
        """Hand the finished report to all who want it; return a line for each who failed."""
        known = len(self.faults)
        for part in self._parts[REPORT][:]:
            with self._guarded(part):
                part.call(report=report, config=self._config)
        return self.faults[known:]


def installed() -> Extensions:
    """Gather what installed packages offer in the entry-point group, for the command line.

    Returns
    -------
    Extensions
        With a fault for each package that could not be loaded. Without any, pluggy is not loaded.
    """
    points = entry_points(group=ENTRY_POINTS)
    if not points:
        return Extensions()
    from pytest_crackle.manager import new_manager  # noqa: PLC0415 - as said above

    manager = new_manager()
    faults = []
    for point in sorted(points, key=lambda point: point.name):
        try:
            manager.register(point.load(), point.name)
            manager.check_pending()  # a hook that is none of ours: a slip of the pen
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever a third party does wrong
            if manager.has_plugin(point.name):
                manager.unregister(name=point.name)
            text = " ".join(f"{type(error).__name__}: {error}".split())
            faults.append(f"plugin {point.name} ({point.value}) not loaded: {text}")
    extensions = Extensions(manager)
    for fault in faults:
        extensions.miss(fault)
    return extensions


def _check_names(names: Iterable[str], taken: Iterable[str]) -> None:
    seen = set(taken)
    for name in names:
        if name in seen:
            raise ValueError(f"the name {name!a} is taken")
        seen.add(name)


def _derived(name: object, value: object) -> float:
    if check_metric_name(name) in BUILTIN:
        raise ValueError(f"{name} is a built-in metric")
    return real_number("metric {!a}", name, value)


def _filtered(patterns: Sequence[Pattern], given: Iterable[object]) -> tuple[Pattern, ...]:
    """Take over what a filter gave.

    Raises
    ------
    TypeError, ValueError
        If it gave anything but these patterns with another summary, other details or less weight.
    """
    if not hasattr(given, "__iter__"):
        raise TypeError(f"it gave {a_value(given)}, not a list of patterns")
    known = {pattern.id: pattern for pattern in patterns}
    kept: dict[str, Pattern] = {}
    for new in given:
        if not isinstance(new, Pattern):
            raise TypeError(f"it gave {a_value(new)}, not a Pattern")
        old = known.get(new.id)
        if old is None or new.id in kept:
            raise ValueError(f"it gave a pattern that it was not given, or twice: {new.id!a}")
        kept[new.id] = _annotated(old, new)
    return tuple(kept[pattern.id] for pattern in patterns if pattern.id in kept)


def _annotated(old: Pattern, new: Pattern) -> Pattern:
    allowed = replace(
        old,
        summary=new.summary,
        details=new.details,
        level=new.level,
        gateable=new.gateable,
    )
    if allowed != new:
        raise ValueError(f"it changed the evidence of {old.id}")
    if new.level not in _LEVELS or _LEVELS.index(new.level) < _LEVELS.index(old.level):
        raise ValueError(f"it raised the level of {old.id} from {old.level} to {new.level!a}")
    if new.gateable and not old.gateable:
        raise ValueError(f"it made {old.id} gateable")
    texts: list[object] = [new.summary, *new.details]
    if not all(isinstance(text, str) and text.strip() for text in texts) or "\n" in new.summary:
        raise ValueError(f"summary and details of {old.id} must be sentences")
    return new
