"""What a restore agent reads into, and what sends it on: the SpreadMachine under one lock.

Two threads meet here: the one that reads (blocking, in `borrow`) and the actor's event loop (offers
and replies).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Mapping

from flowbackup.errors import FlowbackupError, InterruptedSessionError, PeerLostError, ProtocolError
from flowbackup.flow.actions import Forward
from flowbackup.flow.spread import SpreadMachine
from flowbackup.model.frame import FrameDescriptor
from flowbackup.runtime.edges.wiring import Reply

WAIT_SECONDS = 1.0
"""How long the reader sleeps at most before it looks again whether it was cancelled."""


class SpreadSink:
    """The slots of one restore agent and the ways out of them."""

    def __init__(self, machine: SpreadMachine, forward: Callable[[Forward], None]) -> None:
        """forward: hands a frame to the edge's pump; called from both threads, does not block."""
        self._machine = machine
        self._forward = forward
        self._changed = threading.Condition()
        self._failure: FlowbackupError | None = None

    def borrow(self, groups: Collection[str]) -> int:
        """A slot for a frame that goes to these groups; blocks until one is free.  Raises
        PeerLostError when nobody is left who would take it, or what has failed."""
        with self._changed:
            while True:
                if self._failure is not None:
                    raise self._failure
                if not self._machine.groups.intersection(groups):
                    raise PeerLostError(f"no agent of {', '.join(sorted(groups))} is left")
                slot = self._machine.lend()
                if slot is not None:
                    return slot
                self._changed.wait(WAIT_SECONDS)

    def give_back(self, slot: int) -> None:
        """The frame could not be read."""
        with self._changed:
            self._machine.give_back(slot)

    def send(
        self, frame: FrameDescriptor, groups: Iterable[str], named: Mapping[str, str]
    ) -> None:  # fmt: skip
        """The slot that was lent has been filled.  See SpreadMachine."""
        with self._changed:
            self._send(self._machine.filled(frame, groups, named))

    def wait_released(self) -> None:
        """Blocks until everything sent is safe.  Raises what has made that impossible."""
        with self._changed:
            while not self._machine.is_empty:
                if self._failure is not None:
                    raise self._failure
                self._changed.wait(WAIT_SECONDS)

    def replied(self, edge: str, reply: Reply, epoch: int = 0) -> None:
        """An agent, of this epoch, has released frames, or asks for some again."""
        with self._changed:
            for frame in reply.released:
                self._machine.released(edge, frame, epoch)
            for stream, sequence in reply.asks:
                self._send(self._machine.asked(edge, stream, sequence, epoch))
            self._changed.notify_all()

    def head_restarted(self, edge: str, epoch: int, switch: Callable[[], None]) -> None:
        """See SlotSink."""
        with self._changed:
            switch()
            self._send(self._machine.restarted(edge, epoch))

    def edge_failed(self, edge: str, error: FlowbackupError) -> None:
        """An agent is gone: another one of its group gets what it had not released."""
        with self._changed:
            if isinstance(error, ProtocolError):
                self._failure = error
            self._send(self._machine.lost(edge))
            self._changed.notify_all()

    def cancel(self) -> None:
        """The next `borrow` or wait raises InterruptedSessionError."""
        with self._changed:
            self._failure = InterruptedSessionError("the session was cancelled")
            self._changed.notify_all()

    def _send(self, forwards: Iterable[Forward]) -> None:
        for forward in forwards:
            self._forward(forward)
