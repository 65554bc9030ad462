"""The edges of a source: from a client or a restore agent to the buffers that it feeds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from flowbackup.errors import FlowbackupError, PeerDiedError
from flowbackup.model.rate import RateSchedule
from flowbackup.runtime.edges.pumps import EdgePump
from flowbackup.runtime.edges.slab import Slab
from flowbackup.runtime.edges.transport import Transports
from flowbackup.runtime.edges.wiring import EdgeSettings, Failure, Handle, Reply


class Sink(Protocol):
    """What stands before the edges: see SlotSink."""

    def replied(self, edge: str, reply: Reply, epoch: int = 0) -> None: ...

    def head_restarted(self, edge: str, epoch: int, switch: Callable[[], None]) -> None: ...

    def edge_failed(self, edge: str, error: FlowbackupError) -> None: ...


class Heads:
    """One pump for each edge.  A head that is dead is waited for until the session has said whether
    another one goes on (`replace`) or nobody (`give_up`)."""

    def __init__(self, sink: Sink, transports: Transports, pumps: dict[str, EdgePump]) -> None:
        """pumps: by their edges, filled here; who sends looks for the present one there."""
        self._sink = sink
        self._transports = transports
        self._pumps = pumps
        self._failures: dict[str, tuple[Failure, FlowbackupError]] = {}

    @property
    def failures(self) -> tuple[Failure, ...]:
        """Of heads that are waited for."""
        return tuple(failure for failure, _ in self._failures.values())

    async def couple(self, edge: EdgeSettings, target: Handle, slab: Slab | None) -> None:
        self._pumps[edge.name] = await self._pump(edge, target, slab, 0)

    async def replace(self, edge: str, target: Handle, epoch: int, slab: Slab | None) -> None:
        """What the head before has not released goes to this one."""
        before = self._pumps[edge]
        before.stop()
        pump = await self._pump(before.settings, target, slab, epoch)
        pump.bytes_moved = before.bytes_moved
        self._failures.pop(edge, None)
        self._sink.head_restarted(edge, epoch, lambda: self._pumps.update({edge: pump}))

    def limit(self, edge: str, rate: RateSchedule) -> None:
        """See EdgePump.limit."""
        self._pumps[edge].limit(rate)

    def give_up(self, edge: str) -> None:
        """Nobody goes on behind this edge."""
        self._pumps[edge].stop()
        _, error = self._failures.pop(edge, (None, None))
        gone = PeerDiedError(f"buffer {self._pumps[edge].settings.target} is gone")
        self._sink.edge_failed(edge, error or gone)

    async def _pump(
        self, edge: EdgeSettings, target: Handle, slab: Slab | None, epoch: int
    ) -> EdgePump:  # fmt: skip
        transport = await self._transports.sending(edge, target, slab)

        def replied(name: str, reply: Reply) -> None:
            self._sink.replied(name, reply, epoch)

        def failed(name: str, error: FlowbackupError) -> None:
            if isinstance(error, PeerDiedError):
                self._failures[name] = Failure(name, epoch, str(error), is_lost=True), error
            else:
                self._sink.edge_failed(name, error)

        return EdgePump(edge, target, transport, replied, failed)
