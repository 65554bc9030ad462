"""Hostile media, first half: lengths, records, indexes, labels and the files that hold them."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flowbackup.media.layout import IndexRow, RecordHeader, RecordKind
from flowbackup.model.chunk import ChunkSpan
from flowbackup.model.frame import FrameKind
from tests.faults.forge import BLOCK, SESSION, Json, Recipe, Record, text_of

U32, BEYOND = 2**32 - 1, 2**31
LARGE = 256 << 20
"""The longest payload that is allowed; the file is nowhere near."""


def header(kind: int, /, **fields: Any) -> Recipe:
    """A recipe whose records of one kind have other fields, under a right checksum."""
    return Recipe(linked=lambda h: h._replace(**fields) if h.kind == kind else h)


def rows(change: Callable[[list[IndexRow]], list[IndexRow]]) -> Recipe:
    return Recipe(rows=change)


def row(**fields: Any) -> Recipe:
    """The index tells something else of the first frame."""
    return rows(lambda r: [r[0]._replace(frame=r[0].frame._replace(**fields)), *r[1:]])


def spans(change: Callable[[list[ChunkSpan]], list[ChunkSpan]]) -> Recipe:
    return Recipe(spans=change)


def label(**keys: Any) -> Recipe:
    return Recipe(label=lambda value: value | keys)


def record(**keys: Any) -> Recipe:
    return Recipe(record=lambda value: value | keys)


def root_ref(**keys: Any) -> Recipe:
    return Recipe(record=lambda value: value | {"root": value["root"] | keys})


def grown(size_bytes: int) -> Recipe:
    """The file is made longer by a hole."""

    def grow(place: Path) -> None:
        try:
            os.truncate(segment(place), size_bytes)
        except OSError:
            os.truncate(segment(place), 1 << 40)

    return Recipe(place=grow)


def segment(place: Path) -> Path:
    return place / "segments" / "00000001-0000.seg"


def instead(name: str, make: Callable[[Path], None]) -> Recipe:
    """Something else stands where a file of the medium was."""

    def replace(place: Path) -> None:
        (place / name).unlink(missing_ok=True)
        make(place / name)

    return Recipe(place=replace)


def named(name: str) -> Recipe:
    """The good segment, and a copy of it under another name."""

    def copy(place: Path) -> None:
        (place / "segments" / name).write_bytes(segment(place).read_bytes())

    return Recipe(place=copy)


def text_beside(name: str) -> Recipe:
    """A FIFO is one of the texts that the label vouches for."""

    def make(place: Path) -> None:
        os.mkfifo(place / "README.txt")

    return Recipe(label=lambda value: value | {"documents": {name: "00" * 16}}, place=make)


def repeated(records: list[Record]) -> list[Record]:
    """The data frame twice under one name, with other content."""
    data = records[0]
    other = data.header._replace(digest=b"x" * 16)
    return [*records, Record(other, data.payload)]


def a_catalog_frame_of(count: int) -> Callable[[bytes], bytes]:
    return lambda text: b"[" + b"[],[]," * count + b"1]"


def device(path: Path) -> None:
    os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5))


def without_folder(place: Path) -> None:
    (place / "segments").rename(place / "elsewhere")
    os.mkfifo(place / "segments")


def far(h: RecordHeader) -> RecordHeader:
    return h._replace(payload_bytes=LARGE, padded_bytes=LARGE) if h.kind == FrameKind.DATA else h


def deep(value: Json) -> Json:
    return value | {"more": json.loads("[" * 500 + "]" * 500)}


def twice(key: str, other: object) -> Callable[[bytes], bytes]:
    """JSON that has a key twice; the second one counts for every parser of Python."""
    return lambda text: text.rstrip()[:-1] + f', "{key}": {json.dumps(other)}}}'.encode()


DATA, CATALOG, INDEX, FOOTER, COMMIT = (
    FrameKind.DATA, FrameKind.CATALOG, RecordKind.INDEX, RecordKind.FOOTER, RecordKind.COMMIT,
)  # fmt: skip

LENGTHS: dict[str, Recipe] = {
    "a payload of -1 bytes": header(DATA, payload_bytes=U32, padded_bytes=U32),
    "a payload of 2^31 bytes": header(DATA, payload_bytes=BEYOND, padded_bytes=BEYOND),
    "a payload larger than the file": Recipe(linked=far),
    "a payload of 0 bytes with a body": header(DATA, payload_bytes=0),
    "a padding of 2^31 bytes": header(DATA, padded_bytes=BEYOND),
    "more content than payload": header(DATA, content_bytes=U32),
    "2^31 chunks without a body": header(DATA, chunk_count=BEYOND),
    "no chunk where there are some": header(DATA, chunk_count=0),
    "a sequence of 2^63": header(DATA, sequence=2**63),
    "a sequence of 2^64 - 1": header(CATALOG, sequence=2**64 - 1),
    "an ordinal of 2^32 - 1": header(CATALOG, ordinal=U32),
    "a block of 0 bytes": header(DATA, block_bytes=0),
    "a block of 2^31 bytes": header(DATA, block_bytes=BEYOND),
    "another codec": header(DATA, codec=77),
    "content that is not packed as it says": header(DATA, codec=1),
    "packed content of 2^32 - 1 bytes": header(DATA, codec=1, content_bytes=U32),
    "packed content of 256 MiB": header(DATA, codec=1, content_bytes=LARGE),
    "packed content of a list of files": header(FrameKind.MANIFEST, codec=1, content_bytes=LARGE),
    "content that says that it is encrypted": header(DATA, codec=2),
    "a list of files that says that it is encrypted": header(FrameKind.MANIFEST, codec=3),
    "a record that says that it is encrypted": header(CATALOG, codec=2),
    "a kind that nobody knows": header(DATA, kind=99),
    "an optional kind instead of the data": header(DATA, kind=200),
    "an index of 2^32 - 1 rows": header(INDEX, chunk_count=U32),
    "an index of 256 MiB": header(INDEX, payload_bytes=LARGE, padded_bytes=LARGE),
    "a footer that counts 2^32 - 1 frames": header(FOOTER, chunk_count=U32),
    "a footer that points to itself": Recipe(
        linked=lambda h: h._replace(sequence=h.sequence + 2 * BLOCK) if h.kind == FOOTER else h
    ),
    "a footer that points to 2^63": header(FOOTER, sequence=2**63),
    "a footer that points behind the file": header(FOOTER, sequence=1 << 40),
    "a footer that points into a block": header(FOOTER, sequence=513),
    "a footer that points to the first record": header(FOOTER, sequence=0),
}

INDEXES: dict[str, Recipe] = {
    "an index whose rows are all the same": rows(lambda r: [r[0]] * 3),
    "an index of 20,000 rows of one frame": rows(lambda r: [r[0]] * 20_000),
    "an index whose rows overlap": rows(lambda r: [r[0], r[1]._replace(offset=r[0].offset), r[2]]),
    "an index in the wrong order": rows(lambda r: r[::-1]),
    "an index row at 2^63": rows(lambda r: [*r[:2], r[2]._replace(offset=2**63)]),
    "an index row within a block": rows(lambda r: [r[0]._replace(offset=513), *r[1:]]),
    "an index row of a payload of 2^32 - 1": row(payload_bytes=U32),
    "an index row of no kind": row(kind=0),
    "an index row of a footer": row(kind=int(RecordKind.FOOTER)),
    "an index row of a sequence of 2^64 - 1": row(sequence=2**64 - 1),
    "an index row of another frame": row(stream=5),
    "an index without rows": rows(lambda r: []),
    "chunks that overlap": spans(lambda s: [s[0], s[1]._replace(offset=1)]),
    "chunks in the wrong order": spans(lambda s: s[::-1]),
    "a chunk of 2^32 - 1 bytes": spans(lambda s: [s[0], s[1]._replace(size=U32)]),
    "a chunk of no bytes": spans(lambda s: [s[0]._replace(size=0), s[1]]),
    "a chunk at 2^32 - 1": spans(lambda s: [s[0], s[1]._replace(offset=U32)]),
    "a frame twice with other content": Recipe(frames=repeated),
}

TEXTS: dict[str, Recipe] = {
    "a label that is a list": Recipe(label_text=lambda text: b"[1, 2]"),
    "a label that is nested too deep": Recipe(label_text=lambda text: b"[" * 4000),
    "a label with a number of 4,000 digits": Recipe(
        label_text=lambda text: text.replace(b'"created_ns": 1', b'"created_ns": ' + b"9" * 3000)
    ),
    "a label with Infinity": label(created_ns=float("inf")),
    "a label with NaN": label(created_ns=float("nan")),
    "a label with blocks of 1e999": label(block_bytes=float("inf")),
    "a label of another format by a second key": Recipe(label_text=twice("format", [9, 0])),
    "a label of half a character": label(device="\ud800"),
    "a label whose UUID is a number": label(medium=5),
    "a label whose format is a number": label(format=1),
    "a label of the format 1.9e300": label(format=[1, 1e300]),
    "a label of another medium": label(medium=text_of(SESSION)),
    "a text with a NUL in its name": label(documents={"a\0b": "00"}),
    "a text outside of the medium": label(documents={"../outside/secret": "00"}),
    "a text that is the folder": label(documents={"..": "00"}),
    "a text that is a FIFO": text_beside("README.txt"),
    "a label of negative blocks": label(block_bytes=-512),
    "a record that is no object": Recipe(record_text=lambda text: b"5"),
    "a record nested too deep": Recipe(record_text=lambda text: b"[" * 100_000),
    "a record of a million lists": Recipe(record_text=a_catalog_frame_of(1_000_000)),
    "a record with Infinity": record(finished_ns=float("inf")),
    "a record with a number of 4,000 digits": record(finished_ns=int("9" * 4000)),
    "a record of the year 10^12": record(finished_ns=2**80),
    "a record whose id is a number": record(object_id=7),
    "a record whose name is a list": record(name=["a"]),
    "a record of half a character": record(name="\ud800"),
    "a record whose root is nothing": record(root=None),
    "a root of 2^63 bytes": root_ref(size=2**63),
    "a root of -1 bytes": root_ref(size=-1),
    "a root at -1": root_ref(offset=-1),
    "a root in itself": root_ref(sequence=2),
    "a root in a frame that is not there": root_ref(sequence=2**64 - 1),
    "a root in the stream -1": root_ref(stream=-1),
    "a root without a digest": root_ref(digest=""),
}

FILES: dict[str, Recipe] = {
    "a label that is a FIFO": instead("flowbackup.label", os.mkfifo),
    "a label that is a directory": instead("flowbackup.label", Path.mkdir),
    "a label that is a device": instead("flowbackup.label", device),
    "a label that is a link to itself": instead(
        "flowbackup.label", lambda path: path.symlink_to(path)
    ),
    "a segment that is a FIFO": instead("segments/00000001-0000.seg", os.mkfifo),
    "a segment that is a directory": instead("segments/00000001-0000.seg", Path.mkdir),
    "a segment that is a device": instead("segments/00000001-0000.seg", device),
    "a segment that is a link to /dev/zero": instead(
        "segments/00000001-0000.seg", lambda path: path.symlink_to("/dev/zero")
    ),
    "a segment of 8 EiB": grown((1 << 63) - 1),
    "a segment of 1 TiB": grown(1 << 40),
    "a segment of no bytes": grown(0),
    "a segment cut in its header": grown(100),
    "a folder of segments that is a FIFO": Recipe(place=without_folder),
    "a segment of the number 2^32": named("4294967296-0000.seg"),
    "a segment of the number 10^150": named("1" + "0" * 150 + "-0000.seg"),
    "a segment twice under two numbers": named("00000002-0000.seg"),
    "a segment twice under two epochs": named("00000001-0001.seg"),
    "a segment behind its own footer": Recipe(data=lambda data: data + data),
}

HARMLESS: dict[str, Recipe] = {
    "a commit of 2^32 - 1 frames": header(COMMIT, chunk_count=U32),
    "a segment unfinished and sealed": named("00000001-0000.part"),
}
"""What contradicts itself without consequence."""
