"""How much a medium may still take: what its file system has free, or less where it is limited."""

from __future__ import annotations

import os

from flowbackup.media.labels.label import (
    LOCK_NAME,
    QUEUE_NAME,
    SEGMENTS_NAME,
    Label,
    free_bytes,
)
from flowbackup.media.locks.holder import HOLDER_BYTES_MAX
from flowbackup.media.places.kinds import files_at

_NOT_COUNTED = frozenset({LOCK_NAME, QUEUE_NAME, SEGMENTS_NAME})


def room_on(label: Label, location: str) -> int:
    """Bytes that files on a medium may still take.  Raises OSError."""
    free = free_bytes(location)
    if label.membership is None or not label.membership.media_bytes:
        return free
    left = max(0, label.membership.media_bytes - medium_bytes(location))
    return left if free < 0 else min(free, left)


def medium_bytes(location: str) -> int:
    """What the files of a medium take together, with room for the text of a lock, which differs
    from session to session.  Raises OSError."""
    total = HOLDER_BYTES_MAX
    for folder in (location, os.path.join(location, SEGMENTS_NAME)):
        sizes = files_at(location).sizes(folder)
        total += sum(size for name, size in sizes.items() if name not in _NOT_COUNTED)
    return total
