"""Who waits for a slot in the simulation, since when, and for whom it was."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from flowbackup.simulate.clock import Clock

NOBODY = ""
"""For whom one waited that did not come: it was lost."""


class Waiting:
    """Of one sender.  seconds: how long it has waited, by the name of whom it was for."""

    def __init__(self, clock: Clock, go_on: Callable[[], None]) -> None:
        """go_on: what it does when it need not wait any more."""
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._clock = clock
        self._go_on = go_on
        self._since: float | None = None

    def begin(self) -> None:
        """There is no slot: it waits from now on."""
        self._since = self._clock.now

    def end(self, whom: str) -> None:
        """Somebody gave a slot back, or is lost: it goes on, if it waited."""
        if self._since is not None:
            self.seconds[whom] += self._clock.now - self._since
            self._since = None
            self._go_on()
