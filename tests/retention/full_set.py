"""A set of two media: the first one is full, and what is needed of its sparse segments has room on
the second one only."""

from __future__ import annotations

from pathlib import Path

from flowbackup.catalog.rows import VersionRow
from flowbackup.units import KIB
from tests.media.media_samples import EMPTY_BYTES
from tests.retention.keeping import Keeping, Tree

Kept = list[tuple[VersionRow, Tree]]
MEDIA_BYTES = EMPTY_BYTES + 2040 * KIB
FILLER_BYTES = 100 * KIB
"""Room for the records of two prunes, and for nothing else."""


def full_set(folder: Path, **devices: int) -> tuple[Keeping, Kept]:
    """With the versions that are kept; the others are forgotten, and one was told before, so that
    the record of that lies in a segment, too.  devices: others, with the size of their media."""
    keeping = Keeping(folder, "disk", *devices, media_bytes={"disk": MEDIA_BYTES} | devices)
    filler = keeping.media()[0] / "filler"
    filler.write_bytes(bytes(FILLER_BYTES))
    gone: list[VersionRow] = []
    for number, size in enumerate((100_000, 120_000, 160_000)):
        keeping.write(f"stays{number}", size)
        keeping.write("changes", 200_000)
        gone.append(keeping.backup())
    keeping.forget(gone[0])
    keeping.prune(max_unused=None)
    keeping.write("stays3", 250_000)
    kept: Kept = []
    for size in (200_000, 50_000):
        keeping.write("changes", size)
        kept.append((keeping.backup(), dict(keeping.tree)))
    assert len(keeping.media()) == 2
    filler.unlink()
    keeping.forget(*gone[1:])
    return keeping, kept
