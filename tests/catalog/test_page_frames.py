"""What a page refers to, without making entries, is what its entries refer to."""

from __future__ import annotations

import subprocess
import sys
from random import Random

import pytest

from flowbackup.catalog.page_frames import frames_of_page
from flowbackup.frame.page import decode_page, encode_page
from flowbackup.model.chunk import ChunkRef
from flowbackup.model.entry import Entry, EntryKind
from flowbackup.model.ids import FrameId

SESSIONS = (bytes(16), b"\xff" * 16, b"sixteen bytes ok")


def entry(number: int, chunks: tuple[ChunkRef, ...]) -> Entry:
    return Entry(
        path=b"file%06d" % number, kind=EntryKind.FILE, mode=0o644, uid=0, gid=0, size=0,
        mtime_ns=0, chunks=chunks,
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(20))
def test_each_frame_once(seed: int) -> None:
    random = Random(seed)
    frames = [
        FrameId(random.choice(SESSIONS), random.randrange(3), random.choice((0, 1, 2**40)))
        for _ in range(6)
    ]
    entries = [
        entry(number, tuple(
            ChunkRef(random.randbytes(32), 1, random.choice(frames), 0)
            for _ in range(random.choice((0, 0, 1, 5)))
        ))
        for number in range(random.choice((1, 40)))
    ]  # fmt: skip
    page = encode_page(entries)
    found = frames_of_page(page)
    assert len(found) == len(set(found))
    assert set(found) == {chunk.frame for e in decode_page(page) for chunk in e.chunks}


def test_it_imports_no_more_of_arrow_than_pages_do() -> None:
    program = (
        "import sys; from flowbackup.packages import spare_pandas; spare_pandas();"
        "from tests.catalog.test_page_frames import entry, frames_of_page, encode_page;"
        "frames_of_page(encode_page([entry(1, ())]));"
        "print({'pyarrow.compute', 'pyarrow.acero', 'pandas'} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert ran.stdout == b"set()\n"
