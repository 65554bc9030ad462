"""The place that the user named: links on the way to it are his and are followed."""

from __future__ import annotations

import os

from flowbackup.errors import RestoreError
from flowbackup.model.entry import Entry, EntryKind
from flowbackup.restore.settings import RestoreSettings


def open_target(target: bytes, first: Entry, settings: RestoreSettings) -> tuple[int, bytes]:
    """A descriptor of the directory to restore into (-1 in a dry run where it does not exist), and
    the name there of a version that is a single file (b"" for a tree).  Raises RestoreError."""
    place, name = os.path.abspath(target), b""
    if not first.path and first.kind != EntryKind.DIRECTORY:
        if os.path.isdir(place):
            name = settings.root_name or settings.under.rpartition(b"/")[2]
        else:
            place, name = os.path.split(place)
        if not name:
            raise RestoreError(
                f"{os.fsdecode(target)} is a directory, and what is restored is a file",
                remedy="name a file as the target",
            )
    try:
        if not settings.dry_run:
            os.makedirs(place, exist_ok=True)
        elif not os.path.lexists(place):
            return -1, name
        return os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC), name
    except (FileExistsError, NotADirectoryError):
        raise RestoreError(
            f"cannot restore into {os.fsdecode(place)}: it is not a directory",
            remedy="name a directory, or use `flowbackup cat` for one file into a pipe",
        ) from None
    except OSError as error:
        raise RestoreError(
            f"cannot restore into {os.fsdecode(place)}: {error.strerror}",
            remedy="name a directory that this user may write to",
        ) from error
