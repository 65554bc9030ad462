"""Clients that die or stop."""

from __future__ import annotations

import signal
from collections.abc import Callable

from tests.runtime.losses.moments import COMMITTED, FRAME, Moment
from tests.runtime.losses.scenario import COMPLETE, Expected, Scenario
from tests.runtime.losses.world import World

MIDDLE = 14
"""A frame of a device: it is of the second object, when the first is durable."""


def _end_client(number: signal.Signals) -> Callable[[World], None]:
    """When what it said of its first object was heard."""

    def act(world: World) -> None:
        world.be_heard()
        world.signal("Client", "web", number)

    return act


CLIENT_KILLED = Scenario(
    "client killed", Moment("disk3", FRAME, MIDDLE), _end_client(signal.SIGKILL),
    Expected((COMPLETE, COMPLETE, COMPLETE), 1, (3, 0), "client web died", reads_all=False),
)  # fmt: skip
SCENARIOS = (
    CLIENT_KILLED,
    Scenario(
        "client killed", Moment("disk1", COMMITTED, 6), _end_client(signal.SIGKILL),
        Expected((COMPLETE, COMPLETE, COMPLETE), 1, (3, 0), "client web died", reads_all=False),
    ),
    Scenario(
        "client stopped", Moment("disk1", FRAME, MIDDLE), _end_client(signal.SIGSTOP),
        Expected((COMPLETE, COMPLETE, COMPLETE), 1, (3, 0), "did not answer", reads_all=False),
    ),
)  # fmt: skip
