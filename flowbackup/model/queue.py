"""The queue of a device: tickets, who stands there, and what one sees who looks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Ticket(NamedTuple):
    """A place in the queues of all devices that a session takes: the same in each, so that of two
    sessions the same one comes first everywhere.  The lower one does."""

    number: int
    session: bytes


class Waiting(NamedTuple):
    """Somebody who stands in a queue.  holder: who, in words."""

    ticket: Ticket
    holder: str


@dataclass(frozen=True, slots=True)
class DoorView:
    """What is to be seen at a device.  holder: who writes to it now, "" for nobody as far as its
    machine can tell.  standing: everybody in its queue."""

    device: str
    medium: bytes
    holder: str
    standing: tuple[Waiting, ...] = ()
