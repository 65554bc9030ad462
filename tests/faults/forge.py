"""Media made by somebody who can compute every checksum: right digests around whatever is told.

A `Recipe` says what one object holds and what is to be wrong with it, from the entries down to the
footer; `forged` makes the medium.  Everything that is not changed is as the package writes it.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from flowbackup.frame.index import encode_index
from flowbackup.frame.page import PageRef, encode_page, encode_root
from flowbackup.media.labels.label import LABEL_MARK, Label, pack_label
from flowbackup.media.labels.twice import COPY_BYTES
from flowbackup.media.layout import (
    NO_CHAIN,
    IndexRow,
    RecordHeader,
    RecordKind,
    SegmentName,
    frame_record,
    pack_header,
    pack_index,
    plain_record,
)
from flowbackup.media.segments.segment import segment_file_name
from flowbackup.model.chunk import ChunkRef, ChunkSpan
from flowbackup.model.digest import chunk_digest, frame_digest, header_checksum
from flowbackup.model.entry import Entry, EntryKind
from flowbackup.model.frame import Codec, FrameHeader, FrameKind
from flowbackup.model.ids import FrameId, id_text
from flowbackup.model.record import VersionRecord
from flowbackup.testing.frames import sample_id
from flowbackup.units import round_up

BLOCK = 512
MEDIUM, SESSION, OBJECT = sample_id(7), sample_id(8), sample_id(9)
ROOT = Entry(b"", EntryKind.DIRECTORY, 0o755)
GOOD = b"good"
"""The name and the content of the one file of a recipe that should come back whatever lies beside
it."""

Json = dict[str, Any]


@dataclass
class Record:
    """A record before it is linked to the one before: header and payload."""

    header: RecordHeader
    payload: bytes = b""

    @property
    def total_bytes(self) -> int:
        return BLOCK + round_up(len(self.payload), BLOCK)


def same(value: Any) -> Any:
    return value


@dataclass
class Recipe:
    """entries: beside the root and the good file, in path order.  contents: chunks that entries may
    refer to, by `ref`.  Each function takes what would be written and returns what is: page and
    root their bytes, root_pages the rows of the root, record and label their JSON, spans the chunk
    index of the data frame, frames the headers and payloads of all frames, records those of the
    whole segment with index and footer, rows those of the index, linked the headers as they are
    packed one by one, data the bytes of the file."""

    entries: Sequence[Entry] = ()
    contents: Sequence[bytes] = (b"harm",)
    page: Callable[[bytes], bytes] = same
    root: Callable[[bytes], bytes] = same
    root_pages: Callable[[list[PageRef]], list[PageRef]] = same
    record: Callable[[Json], Json] = same
    record_text: Callable[[bytes], bytes] = same
    spans: Callable[[list[ChunkSpan]], list[ChunkSpan]] = same
    frames: Callable[[list[Record]], list[Record]] = same
    rows: Callable[[list[IndexRow]], list[IndexRow]] = same
    records: Callable[[list[Record]], list[Record]] = same
    linked: Callable[[RecordHeader], RecordHeader] = same
    data: Callable[[bytes], bytes] = same
    label: Callable[[Json], Json] = same
    label_text: Callable[[bytes], bytes] = same
    place: Callable[[Path], None] = field(default=lambda place: None)
    sealed: bool = True


def ref(number: int, contents: Sequence[bytes] = (b"harm",)) -> ChunkRef:
    """A reference to a chunk of `contents`, as a recipe lays them out behind the good one."""
    chunks = (GOOD, *contents)
    offset = sum(map(len, chunks[: number + 1]))
    chunk = chunks[number + 1]
    return ChunkRef(chunk_digest(chunk), len(chunk), FrameId(SESSION, 0, 0), offset)


def file(path: bytes, **changes: Any) -> Entry:
    """A file of four harmful bytes."""
    return Entry(path, EntryKind.FILE, 0o644, size=4, chunks=(ref(0),))._replace(**changes)


def directory(path: bytes, **changes: Any) -> Entry:
    return ROOT._replace(path=path, **changes)


def forged(place: Path, recipe: Recipe) -> None:
    """Makes the medium of a recipe in the directory `place`."""
    (place / "segments").mkdir(parents=True)
    label = Label(MEDIUM, "forged", "default", BLOCK, 1)
    text = json.dumps(recipe.label(json.loads(label.to_json()))).encode()
    (place / "flowbackup.label").write_bytes(packed_label(recipe.label_text(text)))
    name = SegmentName(MEDIUM, 1, 0, BLOCK)
    data = recipe.data(linked(segment_records(recipe, name, label), recipe.linked))
    (place / "segments" / segment_file_name(1, 0, sealed=recipe.sealed)).write_bytes(data)
    recipe.place(place)


def packed_label(text: bytes) -> bytes:
    """Two good copies of a label around any text; the package's own where the text is its own."""
    body = (LABEL_MARK + struct.pack("<I", len(text)) + text).ljust(COPY_BYTES - 8, b"\0")
    body = body[: COPY_BYTES - 8]
    return (body + struct.pack("<Q", header_checksum(body))) * 2


def segment_records(recipe: Recipe, name: SegmentName, label: Label) -> list[Record]:
    """All records of the segment, not yet linked."""
    frames = recipe.frames(frame_records(recipe, name))
    begin = plain(name, RecordKind.SEGMENT, label.to_json())
    commit = plain(name, RecordKind.COMMIT, b"", sequence=1, chunk_count=len(frames))
    records = [begin, *frames, commit]
    if recipe.sealed:
        records += tail(recipe, name, records)
    return recipe.records(records)


def tail(recipe: Recipe, name: SegmentName, records: Sequence[Record]) -> list[Record]:
    """Index and footer."""
    rows, offset = [], 0
    for ordinal, record in enumerate(records):
        if record.header.is_frame:
            rows.append(IndexRow(offset, ordinal, record.header.frame()))
        offset += record.total_bytes
    count = len(rows)
    payload = pack_index(recipe.rows(rows))
    index = plain(name, RecordKind.INDEX, payload, chunk_count=len(payload) // 96)
    return [index, plain(name, RecordKind.FOOTER, b"", sequence=offset, chunk_count=count)]


def frame_records(recipe: Recipe, name: SegmentName) -> list[Record]:
    """Data, manifest and catalog frame."""
    chunks = (GOOD, *recipe.contents)
    content = b"".join(chunks)
    spans, place = [], 0
    for chunk in chunks:
        spans.append(ChunkSpan(chunk_digest(chunk), place, len(chunk)))
        place += len(chunk)
    data = content + encode_index(recipe.spans(spans))
    good = ChunkRef(chunk_digest(GOOD), len(GOOD), FrameId(SESSION, 0, 0), 0)
    entries = [ROOT, Entry(GOOD, EntryKind.FILE, 0o644, size=len(GOOD), chunks=(good,))]
    entries = sorted((*entries, *recipe.entries), key=lambda e: e.path.replace(b"/", b"\0"))
    page = recipe.page(encode_page(entries))
    page_ref = ChunkRef(chunk_digest(page), len(page), FrameId(SESSION, 0, 1), 0)
    root = recipe.root(encode_root(recipe.root_pages([PageRef(b"", len(entries), page_ref)])))
    root_ref = ChunkRef(chunk_digest(root), len(root), FrameId(SESSION, 0, 1), len(page))
    manifest = (
        page
        + root
        + encode_index(
            [
                ChunkSpan(page_ref.digest, 0, len(page)),
                ChunkSpan(root_ref.digest, len(page), len(root)),
            ]
        )
    )
    version = VersionRecord(
        OBJECT, SESSION, "client", "object", b"/source", 1, 2, "success", len(entries), 1, 4, 4, 4,
        0, root_ref,
    )  # fmt: skip
    text = json.dumps(recipe.record(json.loads(version.to_json()))).encode()
    text = recipe.record_text(text)
    return [
        frame(name, FrameKind.DATA, 0, data, len(content), len(spans)),
        frame(name, FrameKind.MANIFEST, 1, manifest, len(page) + len(root), 2),
        frame(name, FrameKind.CATALOG, 2, text, len(text), 0),
    ]


def frame(
    name: SegmentName, kind: FrameKind, sequence: int, payload: bytes, content: int, chunks: int
) -> Record:
    header = FrameHeader(
        SESSION, 0, sequence, kind, Codec.PLAIN, OBJECT, len(payload), content, chunks,
        frame_digest(payload),
    )  # fmt: skip
    return Record(frame_record(name, 0, NO_CHAIN, header), payload)


def plain(name: SegmentName, kind: RecordKind, payload: bytes, **fields: int) -> Record:
    return Record(plain_record(name, 0, NO_CHAIN, kind, SESSION, payload, **fields), payload)


def linked(
    records: Sequence[Record], change: Callable[[RecordHeader], RecordHeader] = same
) -> bytes:
    """The bytes of a segment: each record with its ordinal and the chain value of the one before,
    after which `change` may still have its way."""
    data, chain = [], NO_CHAIN
    for ordinal, record in enumerate(records):
        header = change(record.header._replace(ordinal=ordinal, previous=chain))
        packed, chain = pack_header(header)
        padding = bytes(-len(record.payload) % BLOCK)
        data.append(packed.ljust(BLOCK, b"\0") + record.payload + padding)
    return b"".join(data)


def folded(raw: bytes) -> bytes:
    """A page of any bytes."""
    return struct.pack("<4sI", b"FBP2", len(raw)) + pa.Codec("zstd").compress(raw, asbytes=True)


def raw_of(page: bytes) -> bytes:
    """What a page unfolds into."""
    size = struct.unpack_from("<I", page, 4)[0]
    return bytes(pa.Codec("zstd").decompress(page[8:], size))


def text_of(value: bytes) -> str:
    return id_text(value)


assert packed_label(Label(MEDIUM, "a", "b", BLOCK, 1).to_json()) == pack_label(
    Label(MEDIUM, "a", "b", BLOCK, 1)
)
