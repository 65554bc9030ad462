"""Hostile media, second half: pages, roots and entries.  OUTSIDE is put for the guarded folder."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa

from flowbackup.frame.columns import SCHEMA, batch_of
from flowbackup.frame.envelope import fold
from flowbackup.frame.page import PageRef, encode_page, encode_root
from flowbackup.model.chunk import ChunkRef
from flowbackup.model.entry import Entry, EntryKind, Extent
from flowbackup.model.ids import FrameId
from tests.faults.forge import ROOT, SESSION, Recipe, directory, file, folded, raw_of, ref

HUGE = (1 << 63) - 1
CAPABILITY = bytes.fromhex("0100000200200000000000000000000000000000")
"""cap_net_raw=ep"""


def entries(*found: Entry) -> Recipe:
    return Recipe(entries=found)


def other_page(make: Callable[[], bytes]) -> Recipe:
    """A page of any bytes; its digest is right everywhere."""
    return Recipe(page=lambda page: make())


def raw_page(change: Callable[[bytes], bytes]) -> Recipe:
    """A page whose Arrow stream was changed."""
    return Recipe(page=lambda page: folded(change(raw_of(page))))


def bomb() -> bytes:
    """A gigabyte of zeros, understated."""
    packed = pa.Codec("zstd").compress(bytes(1 << 30), asbytes=True)
    return struct.pack("<4sI", b"FBP1", 4096) + packed


def zeros(size_bytes: int) -> bytes:
    """As many zeros as it says."""
    return folded(bytes(size_bytes))


def many_rows(count: int) -> bytes:
    """Entries without end and content, which pack to little."""
    page = batch_of([ROOT])
    columns = [pa.concat_arrays([column] * 1000) for column in page.columns]
    columns = [pa.concat_arrays([column] * (count // 1000)) for column in columns]
    columns[0] = pa.array([b"%07d" % number for number in range(count)], pa.binary())
    return fold(pa.RecordBatch.from_arrays(columns, schema=SCHEMA))


def columns(count: int) -> bytes:
    """More columns than anybody wants."""
    fields = [pa.field(f"c{number}", pa.null()) for number in range(count)]
    arrays = [pa.nulls(1)] * count
    batch = batch_of([ROOT])
    schema = pa.schema([*SCHEMA, *fields])
    return fold(pa.RecordBatch.from_arrays([*batch.columns, *arrays], schema=schema))


def nested(depth: int) -> bytes:
    """A column of lists of lists."""
    kind = pa.null()
    for _ in range(depth):
        kind = pa.list_(kind)
    batch = batch_of([ROOT])
    return fold(batch.append_column(pa.field("deep", kind), pa.nulls(1, kind)))


def stream(*batches: pa.RecordBatch, compression: str | None = None) -> bytes:
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_stream(sink, batches[0].schema, options=options) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return folded(sink.getvalue().to_pybytes())


def compressed() -> bytes:
    """A column of 64 MiB of zeros that a second compression hides from the first limit."""
    batch = batch_of([ROOT])
    filler = pa.array([bytes(64 << 20)], pa.binary())
    return stream(batch.append_column(pa.field("filler", pa.binary()), filler), compression="zstd")


def dictionaries() -> bytes:
    column = pa.array(["x"]).dictionary_encode()
    return stream(batch_of([ROOT]).append_column(pa.field("more", column.type), column))


def lying_offsets(raw: bytes) -> bytes:
    """The last of the chunk lists, which stand there as lengths, leads far away."""
    page = bytearray(raw)
    lengths = pa.ipc.open_stream(page).read_next_batch().column("chunks").buffers()[1]
    end = lengths.address - pa.py_buffer(page).address + lengths.size
    page[end - 4 : end] = struct.pack("<i", 2**31 - 2)
    return bytes(page)


def lying_length(raw: bytes) -> bytes:
    """Every 3 of the metadata, the number of rows among them, becomes 2^40."""
    rows = struct.pack("<q", 3)
    assert rows in raw
    return raw.replace(rows, struct.pack("<q", 1 << 40))


def page_refs(change: Callable[[PageRef], Sequence[PageRef]]) -> Recipe:
    return Recipe(root_pages=lambda pages: list(change(pages[0])))


def numbered(page: PageRef, count: int) -> list[PageRef]:
    """Pages that all lie where the first lies, with digests of their own."""
    return [
        page._replace(ref=page.ref._replace(digest=number.to_bytes(32, "big")))
        for number in range(count)
    ]


def in_itself(page: PageRef) -> list[PageRef]:
    """The root as a page of the root: its own digest it cannot know."""
    return [page._replace(ref=page.ref._replace(offset=page.ref.size))]


def sparse(path: bytes, size: int, *holes: tuple[int, int], **changes: Any) -> Entry:
    return file(path, size=size, holes=tuple(Extent(*hole) for hole in holes), **changes)


def parts(count: int) -> list[Entry]:
    """One file in very many parts of a chunk each."""
    return [file(b"p", part=number, size=4 * count) for number in range(count)]


def with_attribute(name: bytes, value: bytes = b"x") -> Recipe:
    return entries(file(b"x", xattrs=((name, value),)))


def link(path: bytes, target: bytes | None) -> Entry:
    return Entry(path, EntryKind.SYMLINK, 0o777, target=target)


def to(path: bytes, first: bytes, **changes: Any) -> Entry:
    """A further name of a file."""
    return file(path, hard_link=first, chunks=(), links=2, **changes)


FAR = ChunkRef(bytes(32), 4, FrameId(SESSION, 0, 0), 0)
LONG = b"/".join([b"a"] * 10**6)

PAGES: dict[str, Recipe] = {
    "a page of a gigabyte in a few bytes": other_page(bomb),
    "a page of 256 MiB of zeros": other_page(lambda: zeros(256 << 20)),
    "a page of 2^32 - 1 bytes": other_page(lambda: b"FBP1" + b"\xff" * 4 + bytes(50)),
    "a page of no bytes": other_page(lambda: b"FBP1" + bytes(4)),
    "a page of a million empty entries": other_page(lambda: many_rows(1_000_000)),
    "a page of compressed buffers": other_page(compressed),
    "a page with a dictionary": other_page(dictionaries),
    "a page of two batches": other_page(lambda: stream(*[batch_of([ROOT])] * 2)),
    "a page of 1,000 batches": other_page(lambda: stream(*[batch_of([ROOT])] * 1000)),
    "a page whose list offsets lie": Recipe(
        entries=[file(b"x")], page=lambda page: folded(lying_offsets(raw_of(page)))
    ),
    "a page of 2^40 rows without bodies": Recipe(
        entries=[file(b"x")], page=lambda page: folded(lying_length(raw_of(page)))
    ),
    "a page that is a root": other_page(lambda: encode_root([])),
    "a root that is a page": Recipe(root=lambda root: encode_page([ROOT])),
    "a root of no pages": page_refs(lambda page: []),
    "a root that lists a page for ever": page_refs(lambda page: [page] * 10**6),
    "a root of 10^6 pages": page_refs(lambda page: numbered(page, 10**6)),
    "a root that is its own page": page_refs(in_itself),
    "a root whose pages are out of order": page_refs(
        lambda page: [page._replace(first_path=b"b"), *numbered(page, 1)]
    ),
    "a root whose page is somewhere else": page_refs(
        lambda page: [page._replace(ref=page.ref._replace(offset=2**31))]
    ),
    "a part without its first": entries(file(b"p", part=1)),
}  # fmt: skip

NAMES: dict[str, Recipe] = {
    "a name with a slash at its end": entries(file(b"a/")),
    "a name with a NUL": entries(file(b"a\0b")),
    "a name that is a dot": entries(file(b".")),
    "a name that is two dots": entries(file(b"..")),
    "a name that climbs": entries(directory(b"a"), file(b"a/../../outside/evil")),
    "an empty name within": entries(directory(b"a"), file(b"a//b")),
    "an absolute name": entries(file(b"OUTSIDE/evil")),
    "a name of 10^6 parts": entries(file(LONG)),
    "a name of 10^6 bytes": entries(file(b"n" * 10**6)),
    "a file in a directory that nobody made": entries(file(b"no/where")),
    "a root that is listed as a file": Recipe(page=lambda p: encode_page([file(b""), file(b"x")])),
    "a name twice": Recipe(page=lambda page: encode_page([ROOT, file(b"a"), file(b"a")])),
    "a link and then a file through it": entries(link(b"a", b"OUTSIDE"), file(b"a/evil")),
    "a link and then a file of its name": Recipe(
        page=lambda page: encode_page([ROOT, link(b"a", b"OUTSIDE/secret"), file(b"a")])
    ),
    "a hard link to the outside": entries(to(b"l", b"../outside/secret")),
    "a hard link to an absolute name": entries(to(b"l", b"OUTSIDE/secret")),
    "a hard link to itself": entries(to(b"l", b"l")),
    "hard links in a circle": entries(to(b"k", b"l"), to(b"l", b"k")),
    "a hard link to a link out of it": entries(
        link(b"a", b"OUTSIDE/secret")._replace(links=2), to(b"l", b"a")
    ),
    "a hard link through a link": entries(link(b"a", b"OUTSIDE"), to(b"l", b"a/secret")),
    "a hard link to a directory": entries(directory(b"d", links=2), to(b"l", b"d")),
    "a hard link to what is not there": entries(to(b"l", b"nothing")),
}

ENTRIES: dict[str, Recipe] = {
    "an entry of a kind that nobody knows": entries(file(b"x", kind=99)),
    "a link without a target": entries(link(b"x", None)),
    "a link with a NUL in its target": entries(link(b"x", b"a\0b")),
    "a link of 100,000 bytes": entries(link(b"x", b"t" * 100_000)),
    "a file of negative size": entries(file(b"x", size=-1)),
    "a file of 8 EiB of content": entries(file(b"x", size=HUGE)),
    "holes that overlap": entries(sparse(b"x", 12, (0, 4), (2, 6))),
    "a hole of negative size": entries(sparse(b"x", 4, (4, -4))),
    "a hole at a negative place": entries(sparse(b"x", 8, (-4, 4))),
    "a hole that ends beyond 2^63": entries(sparse(b"x", HUGE, (4, HUGE))),
    "a hole behind the end": entries(sparse(b"x", 4, (8, 4))),
    "holes in the wrong order": entries(sparse(b"x", 12, (8, 4), (0, 4))),
    "less content than size": entries(file(b"x", size=5)),
    "more content than size": entries(file(b"x", size=3)),
    "a chunk that is not what it says": entries(
        file(b"x", chunks=(ref(0)._replace(digest=bytes(32)),))
    ),
    "a reference to 2^32 - 1 bytes": entries(
        file(b"x", size=2**32 - 1, chunks=(ref(0)._replace(size=2**32 - 1),))
    ),
    "a chunk in a frame that is not there": entries(
        file(b"x", chunks=(FAR._replace(frame=FrameId(SESSION, 9, 2**63)),))
    ),
    "a chunk in the record": entries(
        file(b"x", chunks=(FAR._replace(frame=FrameId(SESSION, 0, 2)),))
    ),
    "an attribute without a name": with_attribute(b""),
    "an attribute with a NUL": with_attribute(b"user.a\0b"),
    "an attribute of nobody": with_attribute(b"evil"),
    "an attribute of 10^6 bytes": with_attribute(b"user.x", b"v" * 10**6),
    "an ACL that is none": with_attribute(b"system.posix_acl_access"),
    "a capability that is none": with_attribute(b"security.capability"),
    "a device that cannot be": entries(
        Entry(b"x", EntryKind.BLOCK_DEVICE, 0o600, rdev=2**64 - 1)
    ),
}  # fmt: skip

ALLOWED: dict[str, Recipe] = {
    "a page of 60,000 columns": other_page(lambda: columns(60_000)),
    "a page with 60 lists in each other": other_page(lambda: nested(60)),
    "a file of 8 EiB that is all hole": entries(
        sparse(b"x", HUGE, (0, HUGE), chunks=())
    ),
    "times at the ends of time": entries(
        file(b"x", mtime_ns=HUGE), file(b"y", mtime_ns=-HUGE - 1),
        link(b"z", b"t")._replace(mtime_ns=-HUGE - 1),
    ),
    "a file in 3,000 parts": entries(*parts(3000)),
    "setuid, of an owner who is not here": entries(
        file(b"x", mode=0o6755, uid=54_321, owner=b"no-such-user", gid=54_321)
    ),
    "root here, who had another name there": entries(
        file(b"x", mode=0o4755, uid=0, owner=b"no-such-user", group=b"no-such-group")
    ),
    "an owner with a NUL in his name": entries(file(b"x", uid=5, owner=b"a\0b")),
    "a mode of 2^32 - 1": entries(file(b"x", mode=2**32 - 1)),
    "a capability": with_attribute(b"security.capability", CAPABILITY),
    "a trusted attribute": with_attribute(b"trusted.overlay.opaque", b"y"),
    "links to everywhere": entries(
        link(b"a", b"OUTSIDE"), link(b"b", b"/"), link(b"c", b"../outside/secret"), link(b"d", b"d")
    ),
    "a FIFO, a socket and a device": entries(
        Entry(b"a", EntryKind.FIFO, 0o600), Entry(b"b", EntryKind.SOCKET, 0o600),
        Entry(b"c", EntryKind.CHARACTER_DEVICE, 0o600, rdev=os.makedev(1, 3)),
    ),
    "a sparse file of a gigabyte": entries(sparse(b"x", 1 << 30, (4, (1 << 30) - 4))),
}  # fmt: skip
"""What may be asked of a restore, strange as it is: nothing need be said of it."""
