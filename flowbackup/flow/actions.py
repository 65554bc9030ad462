"""What a machine wants done.  The shell around it does these in the order given."""

from __future__ import annotations

from typing import NamedTuple

from flowbackup.model.frame import FrameDescriptor
from flowbackup.model.ids import FrameId


class Write(NamedTuple):
    """Give the frame to the device's writer, behind all earlier ones."""

    frame: FrameDescriptor


class Commit(NamedTuple):
    """Make everything that was given to the writer durable."""


class Forward(NamedTuple):
    """Send the frame over an edge to the receiver of this epoch.  floor: what lies in the stream
    from this sequence up to the frame has been released by the receiver; so one that has all below
    the floor, from memory or from earlier forwards, may take the frame next."""

    edge: str
    epoch: int
    floor: int
    frame: FrameDescriptor


class Release(NamedTuple):
    """Tell the predecessor that the frame is safe in this subtree; its slot may be used again."""

    edge: str
    epoch: int
    frame: FrameId


class Ask(NamedTuple):
    """A frame is missing: the predecessor shall send again from this sequence."""

    edge: str
    epoch: int
    stream: int
    sequence: int


class Refuse(NamedTuple):
    """The frame was not taken.  fatal: the sender broke the protocol, the session must stop;
    otherwise nothing happened: the sender is out of date (a zombie), or this agent is broken."""

    edge: str
    frame: FrameId
    reason: str
    fatal: bool


class Break(NamedTuple):
    """This agent can keep its promise no more: no device and no successor is left to it."""

    reason: str


Action = Write | Commit | Forward | Release | Ask | Refuse | Break
