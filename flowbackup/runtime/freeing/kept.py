"""Why a segment stays, and reasons that the media themselves give."""

from __future__ import annotations

from flowbackup.catalog.catalog import Catalog
from flowbackup.errors import DamageError
from flowbackup.media.freeing import SealedSegment


class Kept(Exception):
    """A segment stays."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason
        self.text = text


def damaged(error: DamageError) -> Kept:
    """It cannot be read as it was written."""
    return Kept("damaged", f"{error.message}; `flowbackup verify` says more")


def unlisted_frames(catalog: Catalog, medium: bytes, found: SealedSegment) -> int:
    """How many frames are known to lie in the segment and are not listed there.  Raises Kept where
    it is the other way round: what versions of others need nobody can tell here."""
    known = catalog.frames_in(medium, found.segment, found.epoch)
    listed = {(row.frame.frame_id, row.offset) for row in found.rows}
    if listed - known:
        raise Kept(
            "unknown",
            f"the catalog does not know {len(listed - known)} of its frames; "
            "`flowbackup rebuild` with this device takes them over",
        )
    return len(known - listed)
