"""Closing and opening payloads: the only place that knows how the inside of a frame is packed.

Whether the content is packed, and all of it encrypted, says the header's codec; everybody else asks
for the opened content and its spans.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from flowbackup.errors import DamageError, FormatError
from flowbackup.frame.cipher import Cipher
from flowbackup.frame.index import INDEX_RECORD_BYTES, OpenIndex, decode_index, encode_index
from flowbackup.frame.key_ring import NO_KEYS, KeyRing
from flowbackup.frame.packing import Packed, packed_content, unpacked_content
from flowbackup.model.chunk import ChunkRef, ChunkSpan
from flowbackup.model.digest import chunk_digest, frame_digest
from flowbackup.model.frame import Codec, FrameHeader, FrameKind
from flowbackup.model.ids import FrameId


class Content(NamedTuple):
    """The chunks of a frame, opened.  name_key: with which they are named, b"" for none."""

    data: memoryview
    name_key: bytes = b""

    def chunk(self, ref: ChunkRef) -> memoryview:
        """The chunk that `ref` names, its BLAKE3 checked.  Raises DamageError."""
        return chunk_of(self.data, ref, self.name_key)


class OpenedFrame(NamedTuple):
    """A payload whose digest was right.  content: the chunks; records: the chunk index, not yet
    parsed, because a restore that has references needs none.  Views of the payload, but for content
    that was packed or sealed.  name_key: see Content."""

    header: FrameHeader
    content: memoryview
    records: memoryview
    name_key: bytes = b""

    def spans(self) -> list[ChunkSpan]:
        """Where the chunks lie in `content`.  Raises DamageError."""
        return decode_index(self.records, self.header.chunk_count, self.header.content_bytes)

    def held(self) -> Content:
        return Content(self.content, self.name_key)


def seal(
    memory: memoryview,
    spans: Sequence[ChunkSpan] | OpenIndex,
    frame: FrameId,
    kind: FrameKind,
    object_id: bytes,
    content_bytes: int,
    packed: Sequence[Packed] = (),
    cipher: Cipher | None = None,
) -> FrameHeader:
    """Writes the index behind the content that stands at the beginning of `memory`, and names it
    all by its digest.  Nobody may write to the payload after that.  packed: the pieces of the
    content as a packer gave them, which take its place if they are smaller.  cipher: encrypts it
    all.  Raises ValueError when content and index do not fit."""
    index = spans.data if isinstance(spans, OpenIndex) else encode_index(spans)
    room = len(memory) - (cipher.more_bytes if cipher else 0)
    if content_bytes + len(index) > room:
        raise ValueError(
            f"a payload of {content_bytes + len(index)} bytes is over the slot's {room}"
        )
    small = packed_content(memory[:content_bytes], packed) if packed else []
    place = 0 if small else content_bytes
    for piece in small:
        memory[place : place + piece.size] = memoryview(piece).cast("B")
        place += piece.size
    payload_bytes = place + len(index)
    memory[place:payload_bytes] = index
    codec = (Codec.ZSTD if small else Codec.PLAIN) | (Codec.SEALED if cipher else Codec.PLAIN)
    header = FrameHeader(
        session=frame.session,
        stream=frame.stream,
        sequence=frame.sequence,
        kind=kind,
        codec=int(codec),
        object_id=object_id,
        payload_bytes=payload_bytes,
        content_bytes=content_bytes,
        chunk_count=len(spans),
        digest=b"",
    )
    if cipher is not None:
        payload_bytes = cipher.seal(memory, payload_bytes, header)
    digest = frame_digest(memory[:payload_bytes])
    return header._replace(payload_bytes=payload_bytes, digest=digest)


def check_frame(header: FrameHeader, payload: bytes | memoryview) -> memoryview:
    """The payload, if it is what was sealed; needs no key.  Raises DamageError, and FormatError for
    a codec of a newer version."""
    view = memoryview(payload)
    if header.codec not in _CODECS:
        raise FormatError(
            f"frame {header.frame_id} is packed with codec {header.codec}",
            remedy="read it with a newer flowbackup",
        )
    if len(view) != header.payload_bytes:
        raise DamageError(
            f"frame {header.frame_id} has {len(view)} bytes, expected {header.payload_bytes}"
        )
    if not header.codec and _index_at(header, len(view)) != header.content_bytes:
        raise _wrong_lengths(header)
    if frame_digest(view) != header.digest:
        raise DamageError(f"frame {header.frame_id} does not match its digest")
    return view


def open_frame(
    header: FrameHeader, payload: bytes | memoryview, keys: KeyRing = NO_KEYS
) -> OpenedFrame:
    """The content of a payload and where its chunks lie.

    Checks length and digest before anything is believed, and unpacks no more than the header says;
    the views stay valid as long as the payload.  Raises as `check_frame`, and WrongKeyError for
    what none of the keys opens."""
    view = check_frame(header, payload)
    name_key = b""
    try:
        if header.codec & Codec.SEALED:
            view, name_key = keys.opened(header, view)
        index_at = _index_at(header, len(view))
        content = view[: max(index_at, 0)]
        if index_at >= 0 and header.codec & Codec.ZSTD:
            content = unpacked_content(content, header.content_bytes)
    except DamageError as error:
        raise DamageError(f"frame {header.frame_id}: {error.message}") from error
    if index_at < 0 or len(content) != header.content_bytes:
        raise _wrong_lengths(header)
    return OpenedFrame(header, content, view[index_at:], name_key)


_CODECS = (Codec.PLAIN, Codec.ZSTD, Codec.SEALED, Codec.ZSTD | Codec.SEALED)


def _index_at(header: FrameHeader, plain_bytes: int) -> int:
    return plain_bytes - header.chunk_count * INDEX_RECORD_BYTES


def _wrong_lengths(header: FrameHeader) -> DamageError:
    return DamageError(
        f"frame {header.frame_id}: {header.content_bytes} bytes of content and an index of "
        f"{header.chunk_count} chunks do not make {header.payload_bytes} bytes"
    )


def chunk_of(content: memoryview, ref: ChunkRef, name_key: bytes = b"") -> memoryview:
    """The chunk that `ref` names, out of the opened content of its frame, its BLAKE3 checked.
    Raises DamageError."""
    if ref.offset + ref.size > len(content):
        raise DamageError(
            f"chunk {ref.digest.hex()[:16]} ends at byte {ref.offset + ref.size} of frame "
            f"{ref.frame}, which has {len(content)} bytes of content"
        )
    chunk = content[ref.offset : ref.offset + ref.size]
    if chunk_digest(chunk, name_key) != ref.digest:
        raise DamageError(f"chunk {ref.digest.hex()[:16]} in frame {ref.frame} is not what it was")
    return chunk
