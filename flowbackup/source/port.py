"""What reading asks of the world: empty slots, and somebody who takes the filled ones; and what it
asks of those who bring a source of their own.

A package brings one by an entry point of the group `flowbackup.sources`, whose name is what graphs
write as `source:`, and whose object is a SourceMaker.  Every implementation passes
`flowbackup.testing.source_conformance`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
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


class Source(Protocol):
    """What a data object without a path is read from: one file, of which nobody knows the size
    before its end."""

    def absence(self) -> str:
        """Why it cannot be read now, "" where nothing speaks against it.  Asked before anything is
        written; looks and does not read."""

    def pieces(self) -> Generator[bytes | memoryview, None, None]:
        """All of it from the beginning, in pieces of any size; each stays as it is until the next
        one is asked for.  Runs in a thread of its own, on the node of the client.  Its end is a
        good one.  Whatever it raises ends the object, which is no version then, and is told to the
        user.  It is closed before its end where the session ends before."""


SourceMaker = Callable[[Mapping[str, str | int | float | bool]], Source]
"""Makes one from the `options:` of an object.  Raises ValueError, in words for the user, for what
it does not understand."""
