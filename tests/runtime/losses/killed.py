"""Media agents and buffers that are killed: others go on in their place, under a higher epoch, and
what was not released comes again from memory."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator

from tests.runtime.losses.moments import COMMIT, COMMITTED, FRAME, SEAL, SYNC, Moment
from tests.runtime.losses.processes import MIDDLE
from tests.runtime.losses.scenario import COMPLETE, Expected, Scenario
from tests.runtime.losses.world import DEVICES, World

AGENTS = dict(zip(DEVICES, ("g0.disk1", "g1.disk2", "g2.disk3"), strict=True))
WHOLE = Expected((COMPLETE, COMPLETE, COMPLETE), 0, (3, 3), "died")
MOMENTS = {
    "disk1": [(FRAME, 1), (FRAME, MIDDLE), (SYNC, 6), (COMMITTED, 6), (SEAL, 1)],
    "disk2": [(FRAME, 1), (COMMIT, 5), (COMMITTED, 6)],
    "disk3": [(FRAME, MIDDLE), (SYNC, 6), (COMMITTED, 6), (SEAL, 1)],
}
"""Of a media agent.  Each kind comes at two levels at least."""


def sent(kind: str, name: str, number: signal.Signals) -> Callable[[World], None]:
    """The signal goes to the process of that actor."""
    return lambda world: world.signal(kind, name, number)


def _agents() -> Iterator[Scenario]:
    for level, (device, agent) in enumerate(AGENTS.items()):
        kill = sent("MediaAgent", agent, signal.SIGKILL)
        for point, nth in MOMENTS[device]:
            yield Scenario(
                f"media agent of level {level} killed", Moment(device, point, nth), kill, WHOLE,
                unsealed=(device,), agent_killed=True,
            )  # fmt: skip


def _buffers() -> Iterator[Scenario]:
    for level, (device, agent) in enumerate(AGENTS.items()):
        for point, nth in ((FRAME, MIDDLE), (COMMITTED, 6)):
            yield Scenario(
                f"buffer of level {level} killed", Moment(device, point, nth),
                sent("Buffer", agent, signal.SIGKILL), WHOLE, unsealed=(device,),
            )  # fmt: skip


STOPPED = Scenario(
    "media agent of level 1 stopped", Moment("disk2", FRAME, MIDDLE),
    sent("MediaAgent", AGENTS["disk2"], signal.SIGSTOP),
    Expected((COMPLETE, COMPLETE, COMPLETE), 0, (3, 3), "did not answer"), unsealed=("disk2",),
)  # fmt: skip
SCENARIOS = (*_agents(), *_buffers(), STOPPED)
