"""Closing and opening payloads: the only place that knows how the inside of a frame is packed.

Compression and encryption will be packed here, told apart by the header's codec; everybody else
asks for the opened content and its spans.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from flowbackup.errors import DamageError, FormatError
from flowbackup.frame.index import INDEX_RECORD_BYTES, decode_index, encode_index
from flowbackup.model.chunk import ChunkRef, ChunkSpan
from flowbackup.model.digest import chunk_digest, frame_digest
from flowbackup.model.frame import Codec, FrameHeader, FrameKind
from flowbackup.model.ids import FrameId


class OpenedFrame(NamedTuple):
    """A payload whose digest was right.  content: the chunks; records: the chunk index, not yet
    parsed, because a restore that has references needs none.  Both are views of the payload."""

    header: FrameHeader
    content: memoryview
    records: memoryview

    def spans(self) -> list[ChunkSpan]:
        """Where the chunks lie in `content`.  Raises DamageError."""
        return decode_index(self.records, self.header.chunk_count, self.header.content_bytes)


def seal(
    memory: memoryview,
    spans: Sequence[ChunkSpan],
    frame: FrameId,
    kind: FrameKind,
    object_id: bytes,
    content_bytes: int,
) -> FrameHeader:
    """Writes the index behind the content that stands at the beginning of `memory`, and names it
    all by its digest.  Nobody may write to the payload after that.  Raises ValueError when content
    and index do not fit."""
    index = encode_index(spans)
    payload_bytes = content_bytes + len(index)
    if payload_bytes > len(memory):
        raise ValueError(f"a payload of {payload_bytes} bytes is over the slot's {len(memory)}")
    memory[content_bytes:payload_bytes] = index
    return FrameHeader(
        session=frame.session,
        stream=frame.stream,
        sequence=frame.sequence,
        kind=kind,
        codec=Codec.PLAIN,
        object_id=object_id,
        payload_bytes=payload_bytes,
        content_bytes=content_bytes,
        chunk_count=len(spans),
        digest=frame_digest(memory[:payload_bytes]),
    )


def open_frame(header: FrameHeader, payload: bytes | memoryview) -> OpenedFrame:
    """The content of a payload and where its chunks lie.

    Checks length and digest before anything is believed; the views stay valid as long as the
    payload.  Raises DamageError, and FormatError for a codec of a newer version."""
    view = memoryview(payload)
    if header.codec != Codec.PLAIN:
        raise FormatError(
            f"frame {header.frame_id} is packed with codec {header.codec}",
            remedy="read it with a newer flowbackup",
        )
    if len(view) != header.payload_bytes:
        raise DamageError(
            f"frame {header.frame_id} has {len(view)} bytes, expected {header.payload_bytes}"
        )
    index_bytes = header.chunk_count * INDEX_RECORD_BYTES
    if header.content_bytes + index_bytes != header.payload_bytes:
        raise DamageError(
            f"frame {header.frame_id}: {header.content_bytes} bytes of content and an index of "
            f"{header.chunk_count} chunks do not make {header.payload_bytes} bytes"
        )
    if frame_digest(view) != header.digest:
        raise DamageError(f"frame {header.frame_id} does not match its digest")
    return OpenedFrame(header, view[: header.content_bytes], view[header.content_bytes :])


def chunk_of(content: memoryview, ref: ChunkRef) -> memoryview:
    """The chunk that `ref` names, out of the opened content of its frame, its BLAKE3 checked.
    Raises DamageError."""
    if ref.offset + ref.size > len(content):
        raise DamageError(
            f"chunk {ref.digest.hex()[:16]} ends at byte {ref.offset + ref.size} of frame "
            f"{ref.frame}, which has {len(content)} bytes of content"
        )
    chunk = content[ref.offset : ref.offset + ref.size]
    if chunk_digest(chunk) != ref.digest:
        raise DamageError(f"chunk {ref.digest.hex()[:16]} in frame {ref.frame} is not what it was")
    return chunk
