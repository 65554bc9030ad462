"""Entries of which every field may be anything that its column can hold."""

from __future__ import annotations

from random import Random

from flowbackup.model.chunk import ChunkRef
from flowbackup.model.entry import Entry, Extent
from flowbackup.model.ids import FrameId
from tests.faults.forge import ROOT, SESSION, ref

PATHS = (
    b"", b"a", b"a/b", b"a/b/c", b"b", b"..", b"a/..", b"/", b"/evil", b"a//b", b"x\0y", b"\xff",
    b"n" * 300, b"good", b".", b"../outside/secret",
)  # fmt: skip
TARGETS = (None, b"", b"a", b"..", b"../../outside", b"/", b"x\0y", b"t" * 5000)
SIZES = (0, 1, 4, 8, 12, 2**31, 2**40, 2**63 - 1, -1, -(2**63))
NUMBERS = (0, 1, 0o644, 0o4755, 54_321, 2**31, 2**32 - 1)
LARGE = (0, 1, 259, 2**32, 2**63, 2**64 - 1)
NAMES = (b"", b"root", b"nobody", b"x\0y", b"\xff", b"n" * 300)
ATTRIBUTES = (b"", b"user.x", b"trusted.x", b"security.capability", b"evil", b"user.a\0b")
VALUES = (b"", b"x", b"v" * 5000)


def wild_entry(random: Random) -> Entry:
    """Mostly a plain file, with a few fields that are not."""
    wild = Entry(
        path=random.choice(PATHS), kind=random.choice((1, 1, 1, 2, 2, 3, 4, 5, 6, 7)),
        mode=random.choice(NUMBERS), uid=random.choice(NUMBERS), gid=random.choice(NUMBERS),
        owner=random.choice(NAMES), group=random.choice(NAMES), size=random.choice(SIZES),
        mtime_ns=random.choice(SIZES), ctime_ns=random.choice(SIZES), inode=random.choice(LARGE),
        device=random.choice(LARGE), links=random.choice(LARGE), target=random.choice(TARGETS),
        hard_link=random.choice((None, *PATHS)), rdev=random.choice(LARGE),
        xattrs=tuple(
            (random.choice(ATTRIBUTES), random.choice(VALUES)) for _ in range(random.randrange(3))
        ),
        holes=tuple(
            Extent(random.choice(SIZES), random.choice(SIZES)) for _ in range(random.randrange(3))
        ),
        chunks=tuple(wild_chunk(random) for _ in range(random.randrange(3))),
        part=random.choice((0, 0, 0, 0, 1, 2**32 - 1)),
    )  # fmt: skip
    tame = ROOT._replace(path=wild.path, kind=1, size=4, chunks=(ref(0),))
    keep = [random.random() < 0.3 for _ in wild]
    fields = zip(wild, tame, keep, strict=True)
    return Entry(*(ours if wanted else theirs for ours, theirs, wanted in fields))


def wild_chunk(random: Random) -> ChunkRef:
    good = ref(0)
    return random.choice(
        (
            good,
            good._replace(size=random.choice((0, 1, 2**32 - 1))),
            good._replace(offset=random.choice((0, 1, 2**32 - 1))),
            good._replace(frame=FrameId(SESSION, 0, random.choice((1, 2, 2**63, 2**64 - 1)))),
            good._replace(digest=bytes(32)),
        )
    )
