"""Manifest pages: any entries read back equal, equal entries give equal bytes, an insertion moves
one page, and hostile bytes are damage."""

from __future__ import annotations

import pickle
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowbackup.errors import DamageError
from flowbackup.frame.columns import SCHEMA, batch_of
from flowbackup.frame.envelope import RAW_BYTES_MAX, fold
from flowbackup.frame.page import (
    ENTRIES_MAX,
    ENTRIES_MIN,
    PageCutter,
    PageRef,
    decode_page,
    decode_root,
    encode_page,
    encode_root,
    joined,
    page_table,
)
from flowbackup.model.chunk import ChunkRef
from flowbackup.model.entry import Entry, EntryKind, Extent, path_order
from flowbackup.model.ids import FrameId

FRAME = FrameId(b"s" * 16, 0, 3)

names = st.binary(min_size=1, max_size=12).filter(
    lambda name: b"/" not in name and b"\0" not in name and name not in (b".", b"..")
)
paths = st.lists(names, max_size=4).map(b"/".join)
u32 = st.integers(0, 2**32 - 1)
u64 = st.integers(0, 2**64 - 1)
i64 = st.integers(-(2**63), 2**63 - 1)
size = st.integers(0, 2**63 - 1)
refs = st.builds(
    ChunkRef,
    st.binary(min_size=32, max_size=32),
    u32,
    st.builds(FrameId, st.binary(min_size=16, max_size=16), u32, u64),
    u32,
)
entries = st.builds(
    Entry,
    path=paths,
    kind=st.sampled_from([int(kind) for kind in EntryKind]),
    mode=st.integers(0, 0o7777),
    uid=u32,
    gid=u32,
    owner=st.binary(max_size=8),
    group=st.binary(max_size=8),
    size=size,
    mtime_ns=i64,
    ctime_ns=i64,
    inode=u64,
    device=u64,
    links=u64,
    target=st.none() | st.binary(max_size=20),
    hard_link=st.none() | paths,
    rdev=u64,
    xattrs=st.lists(st.tuples(st.binary(max_size=9), st.binary(max_size=9)), max_size=3).map(tuple),
    holes=st.lists(st.builds(Extent, size, size), max_size=3).map(tuple),
    problem=st.text(max_size=9),
    chunks=st.lists(refs, max_size=3).map(tuple),
    part=st.just(0),
)


def in_order(found: Iterable[Entry]) -> list[Entry]:
    by_path = {entry.path: entry for entry in found}
    return [by_path[path] for path in sorted(by_path, key=path_order)]


def plain(path: bytes) -> Entry:
    return Entry(path, EntryKind.FILE, size=3, chunks=(ChunkRef(bytes(32), 3, FRAME, 0),))


def pages_of(found: Sequence[Entry], cutter: PageCutter) -> list[list[Entry]]:
    pages: list[list[Entry]] = []
    for entry in found:
        if cutter.begins_page(entry) or not pages:
            pages.append([])
        pages[-1].append(entry)
    return pages


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(entries, min_size=1, max_size=8).map(in_order))
def test_any_entries_read_back_equal(page: list[Entry]) -> None:
    data = encode_page(page)
    assert decode_page(data) == page
    assert page_table(data).num_rows == len(page)
    assert encode_page(decode_page(data)) == data


def test_equal_entries_give_equal_bytes_however_they_were_made() -> None:
    page = [plain(b"file%d" % number) for number in range(10)]
    copy = [Entry(*list(entry)) for entry in page]
    assert encode_page(page) == encode_page(copy)


def test_an_insertion_changes_one_page() -> None:
    before = in_order(plain(b"d%02d/file%04d" % (n % 20, n)) for n in range(20_000))
    after = in_order([*before, plain(b"d07/an inserted file")])
    old = [encode_page(page) for page in pages_of(before, PageCutter())]
    new = [encode_page(page) for page in pages_of(after, PageCutter())]
    assert len(old) > 8
    assert len(set(new) - set(old)) <= 2
    assert len(set(old) - set(new)) <= 2


def test_pages_keep_their_bounds() -> None:
    found = in_order(plain(b"file%06d" % n) for n in range(30_000))
    pages = pages_of(found, PageCutter())
    assert [entry for page in pages for entry in page] == found
    assert all(ENTRIES_MIN <= len(page) <= ENTRIES_MAX for page in pages[:-1])
    assert 400 < len(found) / len(pages) < 2000


def test_heavy_entries_make_short_pages() -> None:
    heavy = [plain(b"%04d" % n)._replace(xattrs=((b"user.x", bytes(60_000)),)) for n in range(50)]
    pages = pages_of(heavy, PageCutter(200_000))
    assert all(len(page) == 3 for page in pages[:-1])


def test_parts_of_a_big_file_become_one_entry() -> None:
    first = plain(b"big")._replace(size=9, mtime_ns=5)
    second = plain(b"big")._replace(part=1, size=9)
    last = plain(b"big")._replace(part=2, size=8, problem="changed", holes=(Extent(6, 2),))
    page = [plain(b"a"), first, second, last, plain(b"c")]
    assert decode_page(encode_page(page)) == page
    whole = list(joined(page))
    assert [entry.path for entry in whole] == [b"a", b"big", b"c"]
    assert whole[1] == first._replace(
        size=8, problem="changed", chunks=first.chunks * 3, holes=(Extent(6, 2),)
    )


def test_a_part_without_its_first_is_damage() -> None:
    with pytest.raises(DamageError, match="without its first part"):
        list(joined([plain(b"a"), plain(b"b")._replace(part=1)]))


@given(st.lists(st.builds(PageRef, paths, u32, refs), max_size=6, unique_by=lambda p: p.ref.digest))
def test_a_root_reads_back_equal(pages: list[PageRef]) -> None:
    pages.sort(key=lambda page: path_order(page.first_path))
    assert decode_root(encode_root(pages)) == pages


def test_a_root_out_of_order_is_damage() -> None:
    ref = ChunkRef(bytes(32), 1, FRAME, 0)
    other = ref._replace(digest=b"o" * 32)
    with pytest.raises(DamageError, match="out of order"):
        decode_root(encode_root([PageRef(b"b", 1, ref), PageRef(b"a", 1, other)]))


def test_a_root_that_lists_a_page_for_ever_is_damage() -> None:
    ref = ChunkRef(bytes(32), 1, FRAME, 0)
    with pytest.raises(DamageError, match="twice"):
        decode_root(encode_root([PageRef(b"a", 1, ref)] * 1000))


def without(column: str) -> bytes:
    return fold(batch_of([plain(b"a")]).drop_columns([column]))


def with_null() -> bytes:
    batch = batch_of([plain(b"a")])
    place = SCHEMA.get_field_index("size")
    return fold(batch.set_column(place, pa.field("size", pa.int64()), pa.array([None], pa.int64())))


def bomb() -> bytes:
    return struct.pack("<4sI", b"FBP1", RAW_BYTES_MAX + 1) + bytes(100)


def understated() -> bytes:
    data = encode_page([plain(b"a")])
    return data[:4] + struct.pack("<I", 64) + data[8:]


def streamed(*batches: pa.RecordBatch, compression: str | None = None) -> bytes:
    """A page of any Arrow stream."""
    stream = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_stream(stream, batches[0].schema, options=options) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return folded(stream.getvalue())


def folded(raw: pa.Buffer) -> bytes:
    """As format 1.1 had it, with offsets as they are."""
    packed = pa.Codec("zstd").compress(raw, asbytes=True)
    return struct.pack("<4sI", b"FBP1", raw.size) + packed


def with_column(column: pa.Array, metadata: dict[bytes, bytes] | None = None) -> bytes:
    batch = batch_of([plain(b"a")])
    field = pa.field("more", column.type, metadata=metadata)
    return streamed(batch.append_column(field, column))


def a_schema_alone() -> bytes:
    return folded(SCHEMA.serialize())


BAD_PATHS = (b"/a", b"a/", b"a//b", b".", b"..", b"a/../b", b"./a", b"a\0b")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"FBP1",
        b"FBP3" + encode_page([plain(b"a")])[4:],
        encode_page([plain(b"a")])[:-1],
        bomb(),
        understated(),
        without("path"),
        without("chunks"),
        with_null(),
        fold(batch_of([plain(b"a")]).slice(0, 0)),
        encode_root([]),
        encode_page([plain(b"b"), plain(b"a")]),
        encode_page([plain(b"a"), plain(b"a")]),
        encode_page([plain(b"a.b"), plain(b"a/b")]),
        encode_page([plain(b"a")._replace(kind=99)]),
        encode_page([plain(b"a")._replace(size=-1)]),
        encode_page([plain(b"a")._replace(holes=(Extent(-5, 1),))]),
        encode_page([plain(b"%06d" % number) for number in range(ENTRIES_MAX + 1)]),
        streamed(batch_of([plain(b"a")]), compression="zstd"),
        streamed(batch_of([plain(b"a")]), batch_of([plain(b"b")])),
        with_column(pa.array(["x"]).dictionary_encode()),
        with_column(pa.array([b"x"]), {b"ARROW:extension:name": b"arrow.json"}),
        a_schema_alone(),
        *(encode_page([plain(path)]) for path in BAD_PATHS),
        *(encode_page([plain(b"x")._replace(hard_link=path)]) for path in BAD_PATHS),
    ],
)
def test_malformed_pages_are_damage(data: bytes) -> None:
    with pytest.raises(DamageError):
        decode_page(data)


@given(st.integers(0, 10**6), st.integers(1, 255))
def test_a_changed_byte_is_damage_or_a_page_but_never_a_crash(place: int, change: int) -> None:
    data = bytearray(encode_page([plain(b"a"), plain(b"b")]))
    data[place % len(data)] ^= change
    try:
        decode_page(bytes(data))
    except DamageError:
        return


def test_a_page_is_never_unpickled(tmp_path: Path) -> None:
    """Arrow once made Python objects of pickled extension types while it read a schema."""
    trap = pickle.dumps(Trap(str(tmp_path / "sprung")))
    name = {b"ARROW:extension:name": b"arrow.py_extension_type"}
    data = with_column(pa.array([b"x"]), name | {b"ARROW:extension:metadata": trap})
    with pytest.raises(DamageError, match="no plain one"):
        decode_page(data)
    assert list(tmp_path.iterdir()) == []


class Trap:
    """Makes a file when it is unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (Path(self.path),)


def test_columns_of_a_newer_version_are_ignored() -> None:
    batch = batch_of([plain(b"a")])
    newer = batch.append_column(pa.field("mood", pa.string()), pa.array(["fine"]))
    assert decode_page(fold(newer)) == [plain(b"a")]


def test_a_value_that_no_column_takes_names_the_path() -> None:
    with pytest.raises(ValueError, match="here"):
        encode_page([plain(b"here")._replace(uid=2**40)])
