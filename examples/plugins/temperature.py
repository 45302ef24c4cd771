"""A meter: how warm the processor is after each test, where the system tells."""

from contextlib import suppress
from pathlib import Path

SENSOR = Path("/sys/class/thermal/thermal_zone0/temp")


class Temperature:
    name = "temperature"  # for --crackle-meters=+temperature
    metrics = {"cpu.temperature": ("°C", "level")}  # noqa: RUF012 - read only

    def start(self):
        """Nothing to begin; a meter that counts would reset its counter here."""

    def stop(self):
        with suppress(OSError, ValueError):
            return {"cpu.temperature": int(SENSOR.read_text()) / 1000}
        return {}  # what cannot be measured is left out, never 0


def pytest_crackle_meters(config):
    return [Temperature()]
