"""How much a medium may still take: what its file system has free, or less where it is limited."""

from __future__ import annotations

import os

from flowbackup.media.labels.label import LOCK_NAME, SEGMENTS_NAME, Label, free_bytes
from flowbackup.media.locks.holder import HOLDER_BYTES_MAX


def room_on(label: Label, location: str) -> int:
    """Bytes that files on a medium may still take.  Raises OSError."""
    free = free_bytes(location)
    if label.membership is None:
        return free
    return max(0, min(free, label.membership.media_bytes - medium_bytes(location)))


def medium_bytes(location: str) -> int:
    """What the files of a medium take together, with room for the text of a lock, which differs
    from session to session.  Raises OSError."""
    total = HOLDER_BYTES_MAX
    for folder in (location, os.path.join(location, SEGMENTS_NAME)):
        with os.scandir(folder) as entries:
            files = [e for e in entries if e.is_file(follow_symlinks=False) and e.name != LOCK_NAME]
            total += sum(entry.stat(follow_symlinks=False).st_size for entry in files)
    return total
