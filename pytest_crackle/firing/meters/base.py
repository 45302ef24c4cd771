"""What a meter is: the few lines that a third party writes, and that our own opt-in meters are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Meter"]


class Meter(Protocol):
    """Measure something of each test; made once in every process that runs tests.

    Its making must be free of side effects: a meter that nobody asked for by
    ``--crackle-meters=+name`` is made, asked for its name, and never started.

    Notes
    -----
    The cost of `start` and `stop` falls between the tests and is in no duration; what runs while
    the test does (a handler, a listener, a tracer) is the test's own time. A meter that raises, or
    whose `stop` gives anything but finite numbers of metrics that it declared, is switched off for
    the rest of the session and told in one line. `firing.extras` calls: meters start in the order
    in which they are given to the recorder, as the last thing before the clocks of the set-up, and
    stop in reverse order as the first thing after the clocks of the teardown. A test that was
    interrupted has its `stop` called late, before the next `start` or at the end of the session,
    and its values dropped. What a test records under the same name itself takes the place of the
    meter's value; of two meters that declare the same metric the later one is switched off.

    Examples
    --------
    >>> class Temperature:
    ...     name = "temperature"
    ...     metrics = {"cpu.temperature": ("°C", "level")}
    ...
    ...     def start(self):
    ...         pass
    ...
    ...     def stop(self):
    ...         return {"cpu.temperature": read_sensor()}
    """

    @property
    def name(self) -> str:
        """The name for ``--crackle-meters``: 1 to 200 printable characters, no comma."""

    @property
    def metrics(self) -> Mapping[str, tuple[str, str]]:
        """Unit and kind ("value", "count", "level") of every metric that `stop` may give."""

    def start(self) -> None:
        """Begin: called before the set-up of each test, a rerun included."""

    def stop(self) -> Mapping[str, float]:
        """End: called once after the teardown; what could not be measured is left out, never 0."""
