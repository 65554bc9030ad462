"""Chunks into slots: fills one slot after the other, and seals each as a frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from flowbackup.frame.cipher import Cipher
from flowbackup.frame.index import INDEX_RECORD_BYTES, OpenIndex
from flowbackup.frame.packing import Pack
from flowbackup.frame.seal import seal
from flowbackup.model.chunk import ChunkRef
from flowbackup.model.digest import chunk_digest
from flowbackup.model.frame import FrameKind
from flowbackup.source.hashing import HashCrew
from flowbackup.source.pieces import PiecePacker
from flowbackup.source.port import FrameSink, OpenSlot
from flowbackup.units import MIB

Find = Callable[[Sequence[bytes]], list[ChunkRef | None]]
"""Says of chunks, by their digests, where they lie already; asked for many at once."""

SETTLE_BYTES = 4 * MIB
"""After so much it is asked where content is to be packed, so that this need not wait for the end
of the frame."""


class FrameFiller:
    """Lends room in a slot, notes what was put there, and sends the slot when it is full.

    Two ways to fill: `room`, then `add` (hashed at once: small files), or `room`, then `add_later`
    (hashed by the crew), then `collect`.  `between` is called after each frame, when no slot is
    open, so that other frames may be put in between.  What `find` knows is not sent: it is taken
    out of the slot again, and referred to where it lies.  With `pack` the crew packs what stays
    there piece by piece, while more is read; with `cipher` each frame is encrypted.
    """

    def __init__(
        self,
        sink: FrameSink,
        kind: FrameKind,
        object_id: bytes,
        frame_bytes: int,
        crew: HashCrew,
        cipher: Cipher | None = None,
        between: Callable[[], None] = lambda: None,
        pack: Pack | None = None,
        find: Find | None = None,
    ) -> None:
        self._sink = sink
        self._kind = kind
        self._object_id = object_id
        self._frame_bytes = frame_bytes
        self._crew = crew
        self._between = between
        self._find = find
        self._pack = pack
        self._cipher = cipher
        self._name = partial(chunk_digest, key=cipher.name_key if cipher else b"")
        self._slot_bytes = 0
        self._hashing = crew.batch(is_urgent=True)
        self._pieces = PiecePacker(pack, crew, frame_bytes)
        self._slot: OpenSlot | None = None
        self._memory = memoryview(b"")
        self._used = 0
        # Of chunks that stay where they are, and of those that were added later since then.
        self._index = OpenIndex()
        self._offsets: list[int] = []
        self._sizes: list[int] = []
        self._digests: list[bytes] = []
        self._refs: list[ChunkRef] = []
        self.content_bytes = 0
        self.payload_bytes = 0

    def room(self, size: int) -> memoryview:
        """Writable memory for a chunk of `size` bytes or more: all that is left of the frame, which
        is a new one where the open one cannot take the chunk."""
        if self._slot is None:
            self._open()
        elif not self.fits(size):
            self._gather()  # It may leave room.
            if not self.fits(size):
                self.flush()
                self._open()
        elif self._find and self._pack and self._unsettled_bytes >= SETTLE_BYTES:
            self._gather()
        return self._memory[self._used : self._frame_bytes]

    def name_of(self, data: bytes) -> bytes:
        """The digest that `data` would have as a chunk."""
        return self._name(data)

    def put(self, data: bytes) -> ChunkRef:
        """A chunk that is in memory already; copies it."""
        self.room(len(data))[: len(data)] = data
        return self.add(len(data))

    def fits(self, size: int) -> bool:
        """Whether the open slot, or a new one, takes one more chunk of `size` bytes."""
        used = self._used + size
        return used <= self._frame_bytes and (self._slot is None or self._index_fits(used))

    def add(self, size: int) -> ChunkRef:
        """The first `size` bytes of `room` are a chunk; hashes it."""
        slot, offset = self._slot, self._used
        assert slot is not None
        digest = self._crew.at_once(self._name, self._memory[offset : offset + size])
        if self._find is not None:
            (known,) = self._find((digest,))
            if known is not None:
                return known
        assert not self._sizes, "what was added later is collected before"
        self._index.add(digest, offset, size)
        self._used += size
        self._pieces.settled(self._memory, self._used)
        return ChunkRef(digest, size, slot.frame, offset)

    def add_later(self, size: int) -> None:
        """As `add`, but the crew hashes it, and `collect` gives the reference."""
        offset = self._used
        self._note(b"", size)
        place = len(self._sizes) - 1
        self._hashing.add(self._name, self._digests, place, self._memory[offset : offset + size])
        if self._find is None:
            self._pieces.settled(self._memory, self._used)

    def collect(self) -> list[ChunkRef]:
        """References of all chunks that were added later since the last call, in order."""
        self._gather()
        refs, self._refs = self._refs, []
        return refs

    def index_room(self, size: int) -> int:
        """How many more chunks, `size` bytes of content altogether, the open slot's index takes."""
        left = self._slot_bytes - self._used - size
        return left // INDEX_RECORD_BYTES - self._chunks

    def flush(self) -> None:
        """Seals and sends the open slot, if there is one with content."""
        if self._slot is None:
            return
        self._gather()
        if not len(self._index):
            self.abandon()
            return
        slot, memory = self._slot, self._memory
        packed = self._pieces.finish(memory, self._used)
        header = seal(
            memory, self._index, slot.frame, self._kind, self._object_id, self._used, packed,
            self._cipher,
        )  # fmt: skip
        self.content_bytes += self._used
        self.payload_bytes += header.payload_bytes
        self._forget()
        del memory
        self._sink.send(slot, header)
        self._between()

    def abandon(self) -> None:
        """Gives the open slot back unsent.  Safe to repeat."""
        slot = self._slot
        if slot is not None:
            self._hashing.drain()
            self._pieces.abandon()
            self._forget()
            self._sink.give_back(slot)

    def _open(self) -> None:
        self._slot = self._sink.borrow()
        self._memory = self._slot.memory
        self._slot_bytes = len(self._memory) - (self._cipher.more_bytes if self._cipher else 0)

    def _index_fits(self, content_bytes: int) -> bool:
        index_bytes = (self._chunks + 1) * INDEX_RECORD_BYTES
        return content_bytes + index_bytes <= self._slot_bytes

    def _note(self, digest: bytes, size: int) -> None:
        self._offsets.append(self._used)
        self._sizes.append(size)
        self._digests.append(digest)
        self._used += size

    def _settle(self) -> None:
        """Those that were noted stay where they are."""
        for digest, offset, size in zip(self._digests, self._offsets, self._sizes, strict=True):
            self._index.add(digest, offset, size)
        self._offsets, self._sizes, self._digests = [], [], []

    @property
    def _chunks(self) -> int:
        return len(self._index) + len(self._sizes)

    @property
    def _unsettled_bytes(self) -> int:
        """Of chunks of which nobody has asked yet whether they are known."""
        return self._used - self._offsets[0] if self._offsets else 0

    def _gather(self) -> None:
        if self._slot is None or not self._sizes:
            return
        self._hashing.drain()
        if self._find is not None:
            self._take_out(self._find(self._digests))
            return
        frame = self._slot.frame
        for digest, size, offset in zip(self._digests, self._sizes, self._offsets, strict=True):
            self._refs.append(ChunkRef(digest, size, frame, offset))
        self._settle()

    def _take_out(self, found: list[ChunkRef | None]) -> None:
        """Of the chunks since the last call, those that are known leave the slot; the others move
        together."""
        assert self._slot is not None
        frame, memory = self._slot.frame, self._memory
        added = list(zip(self._digests, self._sizes, found, strict=True))
        self._used = place = self._offsets[0]
        self._offsets, self._sizes, self._digests = [], [], []
        for digest, size, known in added:
            if known is None:
                if place != self._used:
                    memory[self._used : self._used + size] = memory[place : place + size]
                self._refs.append(ChunkRef(digest, size, frame, self._used))
                self._note(digest, size)
            else:
                self._refs.append(known)
            place += size
        self._settle()
        self._pieces.settled(self._memory, self._used)

    def _forget(self) -> None:
        self._slot = None
        self._memory = memoryview(b"")
        self._used = 0
        self._index = OpenIndex()
        self._offsets, self._sizes, self._digests = [], [], []
