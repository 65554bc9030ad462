"""What reading asks of the world: empty slots, and somebody who takes the filled ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from flowbackup.model.frame import FrameHeader
from flowbackup.model.ids import FrameId


@dataclass(slots=True)
class OpenSlot:
    """A slot lent for filling.  frame: the identity that its frame will have.  memory: writable,
    page-aligned; it belongs to the borrower until `send` or `give_back`."""

    frame: FrameId
    memory: memoryview
    number: int


class FrameSink(Protocol):
    """Lends slots and takes sealed frames, one at a time and in the order of lending."""

    def borrow(self) -> OpenSlot:
        """The next free slot; blocks until there is credit.  Raises PeerLostError when no chain
        can take frames any more, InterruptedSessionError when the session was cancelled."""

    def send(self, slot: OpenSlot, header: FrameHeader) -> None:
        """Hands the sealed frame on; returns at once."""

    def give_back(self, slot: OpenSlot) -> None:
        """Returns a slot unfilled; its frame identity is lent again next time."""
