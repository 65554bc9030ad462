"""Media that mean harm, read by recover.py: nothing outside the target, an end, and a reason."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from flowbackup.frame.columns import SCHEMA, batch_of
from flowbackup.frame.envelope import fold
from flowbackup.frame.index import INDEX_RECORD_BYTES
from flowbackup.frame.seal import seal
from flowbackup.media.labels.twice import COPY_BYTES
from flowbackup.model.chunk import ChunkSpan
from flowbackup.model.digest import chunk_digest, frame_digest, header_checksum
from flowbackup.model.entry import Entry, EntryKind, Extent
from flowbackup.model.frame import FrameKind
from flowbackup.model.ids import FrameId
from tests.judge import Recovery, check_here, program, recovered, recovered_here
from tests.media.crafted import CONTENT, OBJECT, ROOT, SESSION, USER, Crafted, file, page
from tests.media.media_samples import only_segment

RAW_OVER_LIMIT = b"FBP1" + (1 << 30).to_bytes(4, "little") + b"zstd"


@pytest.fixture
def crafted(tmp_path: Path) -> Crafted:
    return Crafted(tmp_path / "m")


def restore(crafted: Crafted) -> Recovery:
    """Whatever it said, nothing stands beside the target."""
    inside = crafted.place.parent
    before = {path for path in inside.iterdir() if path.name != "target"}
    recovery = recovered_here([crafted.place], inside / "target")
    assert {path for path in inside.iterdir() if path.name != "target"} == before
    return recovery


def names(crafted: Crafted) -> list[str]:
    target = crafted.place.parent / "target"
    return sorted(str(path.relative_to(target)) for path in target.rglob("*"))


@pytest.mark.parametrize(
    "path", [b"/evil", b"..", b"../evil", b"a/../../evil", b".", b"a//b", b"a/", b"./x", b"x\0y"]
)
def test_names_that_lead_elsewhere(crafted: Crafted, path: bytes) -> None:
    good = file(crafted, b"zz")
    crafted.finish(page(ROOT, file(crafted, path)), page(good))
    recovery = restore(crafted)
    assert recovery.exit_code == 1
    assert recovery.problems == (f"c/n@1: there can be no entry {path!r}",)
    assert names(crafted) == ["zz"]


def test_a_hard_link_to_a_name_that_leads_elsewhere(crafted: Crafted) -> None:
    evil = file(crafted, b"a", hard_link=b"../m/flowbackup.label", chunks=(), links=2)
    crafted.finish(page(ROOT, evil))
    assert restore(crafted).exit_code == 1
    assert names(crafted) == []


def test_a_link_and_then_a_file_or_a_hard_link_through_it(crafted: Crafted) -> None:
    outside = crafted.place.parent / "outside"
    outside.mkdir()
    (outside / "kept").write_text("kept")
    link = Entry(b"a", EntryKind.SYMLINK, **USER, target=bytes(outside))
    through = file(crafted, b"a/evil")
    linked = file(crafted, b"b", hard_link=b"a/kept", chunks=(), links=2)
    below = ROOT._replace(path=b"a/folder")
    crafted.finish(page(ROOT, link, through, below, linked))
    recovery = restore(crafted)
    assert recovery.exit_code == 1
    assert [line.split(":")[0] for line in recovery.problems] == ["a/evil", "a/folder", "b"]
    assert [path.name for path in outside.iterdir()] == ["kept"]
    assert names(crafted) == ["a"]


def test_a_name_twice_and_a_page_twice(crafted: Crafted) -> None:
    one, other = file(crafted, b"a"), file(crafted, b"a", mode=0o777)
    again = page(ROOT, one)
    crafted.finish(again, page(other), again)
    recovery = restore(crafted)
    assert recovery.problems == (
        "c/n@1: there can be no entry b'a'",
        "c/n@1: the list of its pages is lost: it has a page twice",
    )
    assert (crafted.place.parent / "target" / "a").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(
    "changes",
    [
        {"size": len(CONTENT) + 1},
        {"size": -1},
        {"holes": (Extent(-5, 5),)},
        {"holes": (Extent(0, 8), Extent(4, 8))},
        {"holes": (Extent(5, -5),)},
        {"holes": (Extent(100, 1),), "size": 101},
        {"part": 1},
    ],
    ids=["longer", "negative", "hole before", "over each other", "negative hole", "gap", "part"],
)
def test_a_file_that_cannot_be_is_not_left_behind(
    crafted: Crafted, changes: dict[str, object]
) -> None:
    crafted.finish(page(ROOT, file(crafted, b"a", **changes), file(crafted, b"b")))
    recovery = restore(crafted)
    assert [line.split(":")[0] for line in recovery.problems] == ["a"]
    assert names(crafted) == ["b"]


@pytest.mark.parametrize("changes", [{"offset": 2**32 - 1}, {"size": 2**32 - 1}, {"sequence": 99}])
def test_references_that_lead_nowhere(crafted: Crafted, changes: dict[str, int]) -> None:
    good = file(crafted, b"a")
    (ref,) = good.chunks
    frame = ref.frame._replace(sequence=changes.pop("sequence", ref.frame.sequence))
    crafted.finish(page(ROOT, good._replace(chunks=(ref._replace(frame=frame, **changes),))))
    assert restore(crafted).exit_code == 1
    assert names(crafted) == []


def other_type() -> pa.RecordBatch:
    batch = batch_of([ROOT])
    return batch.set_column(0, "path", pa.array(["text"]))


def dictionary() -> pa.RecordBatch:
    batch = batch_of([ROOT])
    return batch.set_column(0, "path", batch.column(0).dictionary_encode())


def null() -> pa.RecordBatch:
    batch = batch_of([ROOT])
    return pa.RecordBatch.from_arrays(
        [pa.nulls(1, pa.binary()), *batch.columns[1:]], names=SCHEMA.names
    )


def folded(stream: bytes) -> bytes:
    packed = pa.Codec("zstd").compress(stream, asbytes=True)
    return b"FBP1" + len(stream).to_bytes(4, "little") + packed


def with_compressed_buffers() -> bytes:
    stream = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(stream, SCHEMA, options=options) as writer:
        writer.write_batch(batch_of([ROOT._replace(path=b"x" * 4096)]))
    return folded(stream.getvalue().to_pybytes())


def with_an_extension_type() -> bytes:
    stream = pa.BufferOutputStream()
    marked = pa.schema([*SCHEMA, pa.field("z", pa.int8(), metadata={"ARROW:extension:name": "z"})])
    with pa.ipc.new_stream(stream, marked) as writer:
        columns = [*batch_of([ROOT]).columns, pa.array([1], pa.int8())]
        writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=marked))
    return folded(stream.getvalue().to_pybytes())


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: RAW_OVER_LIMIT, "no page, or too long"),
        (lambda: b"PK\3\4", "no page, or too long"),
        (lambda: folded(b""), "cannot be read"),
        (lambda: folded(b"\xff" * 99), "cannot be read"),
        (lambda: fold(batch_of([ROOT]).select(["path"])), "columns of other types"),
        (lambda: fold(other_type()), "columns of other types"),
        (lambda: fold(dictionary()), "a page"),
        (lambda: fold(null()), "there can be no entry None"),
        (with_compressed_buffers, "unfolds without a limit"),
        (with_an_extension_type, "types that run code"),
    ],
)
def test_pages_that_are_none(crafted: Crafted, make: Callable[[], bytes], reason: str) -> None:
    crafted.finish(make())
    recovery = restore(crafted)
    assert recovery.exit_code == 1
    assert reason in recovery.problems[0]
    assert names(crafted) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"object_id": "no id"},
        {"object_id": 7},
        {"client": None, "name": ["deep"]},
        {"finished_ns": 10**400},
        {"finished_ns": -1},
        {"source": "not base64"},
        {"root": {}},
        {"root": []},
        {
            "root": {
                "digest": "",
                "size": -1,
                "session": "",
                "stream": 0,
                "sequence": 0,
                "offset": 0,
            }
        },
        {"record": "version", "client": "\ud800", "name": "\x1b[2J"},
    ],
)
def test_records_that_cannot_be(crafted: Crafted, changes: dict[str, object]) -> None:
    crafted.finish(page(ROOT), **changes)
    for command in ("list", "check"):
        log = program().Log(quiet=True)
        assert program().run(command, [], [str(crafted.place)], log) in (0, 1)
    assert recovered_here([crafted.place], crafted.place.parent / "target", "all").exit_code in (
        0, 1,
    )  # fmt: skip


def test_records_that_are_too_deep(crafted: Crafted) -> None:
    crafted.put(FrameKind.CATALOG, b"[" * 100_000)
    crafted.finish(page(ROOT))
    recovery = restore(crafted)
    assert "cannot be understood" in recovery.problems[0]
    assert (crafted.place.parent / "target").is_dir()


def relabelled(place: Path, **changes: object) -> None:
    """The same label with other values and a checksum that fits, in both copies."""
    path = place / "flowbackup.label"
    data = path.read_bytes()
    text = json.loads(data[12 : 12 + int.from_bytes(data[8:12], "little")])
    changed = json.dumps({**text, **changes}).encode()
    body = (b"FBLABEL\n" + len(changed).to_bytes(4, "little") + changed).ljust(
        COPY_BYTES - 8, b"\0"
    )
    path.write_bytes((body + header_checksum(body).to_bytes(8, "little")) * 2)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"format": [2, 0]}, "too new"),
        ({"critical": ["encryption"]}, "too new"),
        ({"block_bytes": 0}, "block size"),
        ({"block_bytes": 1 << 40}, "block size"),
        ({"block_bytes": "512"}, "block size"),
        ({"medium": 5}, "label cannot be read"),
        ({"format": {}}, "label cannot be read"),
        ({"documents": [1]}, "label cannot be read"),
    ],
)
def test_labels_that_cannot_be(crafted: Crafted, changes: dict[str, object], reason: str) -> None:
    crafted.finish(page(ROOT))
    relabelled(crafted.place, **changes)
    (problem,) = check_here([crafted.place]).problems
    assert reason in problem


def test_documents_that_lead_elsewhere_are_not_read(crafted: Crafted) -> None:
    crafted.finish(page(ROOT))
    relabelled(crafted.place, documents={"/dev/zero": "", "..": "", "\0": "", "x": 3})
    assert len(check_here([crafted.place]).problems) == 4


def test_what_is_no_regular_file_is_not_opened(crafted: Crafted) -> None:
    crafted.finish(page(ROOT, file(crafted, b"a")))
    os.mkfifo(crafted.place / "segments" / "00000002-0001.seg")
    (crafted.place / "segments" / "00000003-0001.seg").symlink_to("/dev/zero")
    (crafted.place / "segments" / "00000004-0001.part").mkdir()
    (crafted.place / "segments" / "notes\x1b.txt").touch()
    recovery = restore(crafted)
    assert len(recovery.problems) == 4
    assert names(crafted) == ["a"]
    (crafted.place / "flowbackup.label").unlink()
    os.mkfifo(crafted.place / "flowbackup.label")
    assert any(
        "label: it is no regular file" in line for line in check_here([crafted.place]).problems
    )


def sign(data: bytearray, begin: int) -> None:
    """Makes chain value and checksum of a header fit what stands in it."""
    data[begin + 168 : begin + 184] = frame_digest(data[begin : begin + 168])
    checksum = header_checksum(data[begin : begin + 184])
    data[begin + 184 : begin + 192] = checksum.to_bytes(8, "little")


@pytest.mark.parametrize(
    ("offset", "value"),
    [(8, b"\2\0"), (16, b"\x80\0\0\0"), (12, b"\x63\0")],
    ids=["newer major", "unknown critical feature", "unknown kind"],
)
def test_a_medium_of_a_newer_program_is_refused_and_others_are_read(
    tmp_path: Path, offset: int, value: bytes
) -> None:
    for name in ("old", "new"):
        crafted = Crafted(tmp_path / name)
        crafted.finish(page(ROOT, file(crafted, b"a")))
    path = only_segment(tmp_path / "new")
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    for begin in range(512, len(data), 512):
        if data[begin : begin + 8] == b"\x89FBK\r\n\x1a\n":
            data[begin + offset : begin + offset + len(value)] = value
            sign(data, begin)
    path.write_bytes(data)
    recovery = recovered([tmp_path / "new", tmp_path / "old"], tmp_path / "target")
    assert recovery.exit_code == 1
    assert "use a newer program" in recovery.problems[0]
    assert (tmp_path / "target" / "a").read_bytes() == CONTENT


def test_an_unknown_owner_is_never_root_and_root_only_root() -> None:
    def look_up(name: str) -> tuple[str, str, int]:
        return ("", "", {"root": 0, "someone": 1234}[name])

    number_here = program().number_here
    assert number_here(0, b"root", look_up) == 0
    assert number_here(0, b"", look_up) == 0
    assert number_here(0, b"toor", look_up) == 65534
    assert number_here(77, b"root", look_up) == 77
    assert number_here(77, b"someone", look_up) == 1234
    assert number_here(77, b"nobody here", look_up) == 77
    assert number_here(2**32 - 1, b"", look_up) == 65534


def test_a_frame_that_names_its_chunks_wrongly(crafted: Crafted) -> None:
    memory = memoryview(bytearray(CONTENT + bytes(INDEX_RECORD_BYTES)))
    frame = FrameId(SESSION, 0, 77)
    spans = [ChunkSpan(chunk_digest(b"something else"), 0, len(CONTENT))]
    header = seal(memory, spans, frame, FrameKind.DATA, OBJECT, len(CONTENT))
    crafted.writer.append(header, memory)
    crafted.finish(page(ROOT))
    (problem,) = check_here([crafted.place]).problems
    assert "the chunk at 0 of the payload does not match" in problem


def test_an_index_that_does_not_list_the_frames(crafted: Crafted) -> None:
    crafted.finish(page(ROOT, file(crafted, b"a")))
    path = only_segment(crafted.place)
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    footer = len(data) - 512
    index = int.from_bytes(data[footer + 72 : footer + 80], "little")
    size = int.from_bytes(data[index + 96 : index + 100], "little")
    data[index + 512] ^= 1
    data[index + 120 : index + 136] = frame_digest(data[index + 512 : index + 512 + size])
    sign(data, index)
    data[footer + 152 : footer + 168] = data[index + 168 : index + 184]
    sign(data, footer)
    path.write_bytes(data)
    (problem,) = check_here([crafted.place]).problems
    assert "the index does not list its frames" in problem


def test_what_appears_in_the_target_meanwhile_is_not_written(crafted: Crafted) -> None:
    crafted.finish(page(ROOT, file(crafted, b"a"), file(crafted, b"b")))
    kept, target = crafted.place.parent / "kept", crafted.place.parent / "target"
    kept.write_text("kept")
    log = program().Log(quiet=True)
    library = program().Library([str(crafted.place)], log)
    tree = program().Tree(library, library.versions[0], str(target))
    os.link(kept, target / "a")
    (target / "b").symlink_to(kept)
    tree.write()
    assert len(log.problems) == 2
    assert kept.read_text() == "kept"


def test_a_target_that_hands_down_rights_hands_down_none(crafted: Crafted) -> None:
    crafted.finish(page(ROOT, file(crafted, b"a")))
    target = crafted.place.parent / "target"
    target.mkdir()
    everybody = b"".join(
        struct.pack("<HHI", tag, 7, number)
        for tag, number in (
            (1, 2**32 - 1),
            (2, 12_345),
            (4, 2**32 - 1),
            (16, 2**32 - 1),
            (32, 2**32 - 1),
        )
    )
    try:
        os.setxattr(target, "system.posix_acl_default", struct.pack("<I", 2) + everybody)
    except OSError as error:
        pytest.skip(f"no ACLs here: {error.strerror}")
    assert restore(crafted).exit_code == 0
    assert os.listxattr(target / "a") == []
