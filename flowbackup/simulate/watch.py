"""What is written down while a session is simulated: how full, how far, at moments of its time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from flowbackup.simulate.clock import Clock
from flowbackup.simulate.prediction import Sample
from flowbackup.simulate.station import Station

SAMPLES_MAX = 400
FIRST_SECONDS = 0.1


class Watch:
    """Takes samples; when there are many, every second one goes and the next come half as often."""

    def __init__(
        self, stations: Sequence[Station], released: Callable[[], int], clock: Clock
    ) -> None:
        self.samples: list[Sample] = []
        self._stations = stations
        self._released = released
        self._clock = clock
        self._every_seconds = FIRST_SECONDS
        self._taken_at = 0.0
        self._held = [0.0] * len(stations)
        self._fill = (0.0,) * len(stations)

    def start(self) -> None:
        self.take()
        self._clock.after(self._every_seconds, self.start)

    def take(self) -> None:
        """One more, now."""
        if self.samples and self.samples[-1].seconds >= self._clock.seconds:
            return
        self.samples.append(
            Sample(
                self._clock.seconds,
                self._mean_fill(),
                tuple(tuple(sorted(s.device.durable_bytes.items())) for s in self._stations),
                tuple(tuple(sorted(s.bytes_released.items())) for s in self._stations),
                self._released(),
            )
        )
        if len(self.samples) > SAMPLES_MAX:
            del self.samples[1:-1:2]
            self._every_seconds *= 2

    def _mean_fill(self) -> tuple[float, ...]:
        """Since the sample before; as there, where no time has passed for the machines."""
        seconds = self._clock.now - self._taken_at
        if seconds > 0:
            held = [station.held_seconds() for station in self._stations]
            pairs = zip(self._held, held, strict=True)
            self._fill = tuple((after - before) / seconds for before, after in pairs)
            self._held, self._taken_at = held, self._clock.now
        return self._fill
