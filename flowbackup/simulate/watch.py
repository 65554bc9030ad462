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

    def start(self) -> None:
        self.take()
        self._clock.after(self._every_seconds, self.start)

    def take(self) -> None:
        """One more, now."""
        if self.samples and self.samples[-1].seconds >= self._clock.seconds:
            self.samples.pop()
        self.samples.append(
            Sample(
                self._clock.seconds,
                tuple(station.machine.frames_held for station in self._stations),
                tuple(tuple(sorted(s.device.durable_bytes.items())) for s in self._stations),
                self._released(),
            )
        )
        if len(self.samples) > SAMPLES_MAX:
            del self.samples[1:-1:2]
            self._every_seconds *= 2
