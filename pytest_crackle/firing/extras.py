"""The meters of others and the opt-in ones: started before each test, stopped after it, guarded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_crackle.model.errors import CrackleError
from pytest_crackle.model.metrics import BUILTIN, real_number

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

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

    def start(self) -> None:
        """Start every meter that still works; what an interrupted test left running is stopped."""
        if self._running:
            self.stop({}, {})
        for meter in self._meters:
            try:
                meter.start()
            except (KeyboardInterrupt, SystemExit):
                raise
            except BaseException as error:  # noqa: BLE001 - pytest.fail and pytest.skip as well
                self._switch_off(meter, error)
            else:
                self._running.append(meter)

    def stop(self, metrics: dict[str, float], units: dict[str, list[str]]) -> None:
        """Stop what runs; add its values to `metrics` and their units to `units`."""
        running, self._running = self._running, []
        for meter in reversed(running):
            try:
                values = {name: _number(meter, name, value) for name, value in meter.stop().items()}
            except (KeyboardInterrupt, SystemExit):
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


def _number(meter: Meter, name: str, value: object) -> float:
    if name not in meter.metrics:
        raise CrackleError(f"stop() gave {name!a}, which the meter does not declare")
    return real_number("metric {!a}", name, value)
