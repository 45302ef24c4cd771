"""The meters of others and the opt-in ones: started before each test, stopped after it, guarded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_crackle.model.errors import CrackleError, a_value
from pytest_crackle.model.metrics import BUILTIN, real_number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pytest_crackle.firing.meters.base import Meter

__all__ = ["Extras"]


class Extras:
    """Run meters around each test; one that fails is switched off and told in one line.

    Parameters
    ----------
    meters : sequence of Meter
        In the order in which they start; they stop in the reverse order.
    fault : callable
        Takes the place and the exception of a fault.
    """

    def __init__(
        self, meters: Sequence[Meter], fault: Callable[[str, BaseException], None]
    ) -> None:
        self._meters = list(meters)
        self._fault = fault
        self._running: list[Meter] = []
        owners: dict[str, str] = {}
        for meter in meters:
            if taken := [name for name in meter.metrics if name in owners]:
                reason = f"{taken[0]!a} is measured by the meter {owners[taken[0]]!a}"
                self._switch_off(meter, CrackleError(reason))
            else:
                owners.update(dict.fromkeys(meter.metrics, meter.name))

    def start(self) -> None:
        """Start every meter that still works; what an interrupted test left running is stopped."""
        if self._running:
            self.stop({}, {})
        for meter in self._meters:
            try:
                meter.start()
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # noqa: BLE001 - pytest.fail and sys.exit as well
                self._switch_off(meter, error)
            else:
                self._running.append(meter)

    def stop(self, metrics: dict[str, float], units: dict[str, list[str]]) -> None:
        """Stop what runs; add its values to `metrics` and their units to `units`."""
        running, self._running = self._running, []
        for meter in reversed(running):
            try:
                values = _values(meter, meter.stop())
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # noqa: BLE001 - as above
                self._switch_off(meter, error)
                continue
            metrics.update(values)
            for name in values:
                if name not in BUILTIN:
                    units[name] = list(meter.metrics[name])

    def _switch_off(self, meter: Meter, error: BaseException) -> None:
        self._meters = [other for other in self._meters if other is not meter]
        self._fault(f"meter {meter.name!a}, switched off", error)


def _values(meter: Meter, given: Mapping[str, float]) -> dict[str, float]:
    """Take over what a meter gave.

    Raises
    ------
    TypeError, CrackleError
        If it is anything but finite numbers of metrics that the meter declares.
    """
    if not hasattr(given, "items"):
        raise TypeError(f"stop() gave {a_value(given)}, not a mapping of metrics")
    values = {}
    for name, value in given.items():
        if name not in meter.metrics:
            raise CrackleError(f"stop() gave {name!a}, which the meter does not declare")
        values[name] = real_number("metric {!a}", name, value)
    return values
