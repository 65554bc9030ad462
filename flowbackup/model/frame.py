"""A frame on its way: its header (facts that never change) and its descriptor (where it lies).

A frame's payload is what stands in a slot: the chunks one behind the other, packed or as they are,
then the chunk index.  `payload_bytes` counts both; the digest is over exactly these bytes.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import NamedTuple

from flowbackup.model.ids import FrameId
from flowbackup.units import MIB

CONTENT_BYTES_MAX = 256 * MIB
"""No frame has more content, and none unfolds into more."""


class FrameKind(IntEnum):
    """What the payload holds.  The numbers stand on media: never reuse one."""

    DATA = 1
    MANIFEST = 2
    CATALOG = 3


class Codec(IntFlag):
    """How the payload is packed and sealed.  The numbers stand on media: never reuse one."""

    PLAIN = 0
    ZSTD = 1
    SEALED = 2


class FrameHeader(NamedTuple):
    """The same on every level of every chain.

    session, stream, sequence: the FrameId.  object_id: the object whose version this frame
    belongs to.  content_bytes: length of the chunks before they are packed.
    digest: `frame_digest` of the payload.
    """

    session: bytes
    stream: int
    sequence: int
    kind: int
    codec: int
    object_id: bytes
    payload_bytes: int
    content_bytes: int
    chunk_count: int
    digest: bytes

    @property
    def frame_id(self) -> FrameId:
        return FrameId(self.session, self.stream, self.sequence)


class Route(NamedTuple):
    """A frame's place in what one sender of a session sends: edges judge order by it.  A frame that
    is made in the session has its own numbers for that; one that is copied keeps its identity, and
    gets a route beside it."""

    stream: int
    sequence: int


class FrameDescriptor(NamedTuple):
    """A frame that lies in a slot of a slab: what actors pass to each other instead of bytes.

    Whoever holds a descriptor may read the slot until he has released the frame; nobody writes to
    it after it was sealed.  copied: its route, where it was not made in this session.
    """

    header: FrameHeader
    slab: str
    slot: int
    copied: Route | None = None

    @property
    def route(self) -> Route:
        return self.copied or Route(self.header.stream, self.header.sequence)
