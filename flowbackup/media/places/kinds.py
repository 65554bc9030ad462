"""The table from a place to whoever reaches its files."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from types import MappingProxyType

from flowbackup.media.failure import StoreError
from flowbackup.media.places.bucket import BucketFiles
from flowbackup.media.places.directory import DirectoryFiles
from flowbackup.media.places.port import Files
from flowbackup.media.places.tape.tape_files import TapeFiles
from flowbackup.model.location import DIRECTORY, S3, TAPE, kind_at

FILES: Mapping[str, Files] = MappingProxyType(
    {DIRECTORY: DirectoryFiles(), S3: BucketFiles(), TAPE: TapeFiles()}
)


def files_at(location: str) -> Files:
    """For a place, and for everything below it.  Raises OSError for a kind that a package brings:
    sessions write and read its media, and nobody looks at files of them."""
    kind = kind_at(location)
    if kind not in FILES:
        raise StoreError(
            errno.ENOTSUP, f'sessions write and read media of kind "{kind}", and no command sees '
            "their files", remedy="leave it out here, and look at another copy",
        )  # fmt: skip
    return FILES[kind]


def is_blank(location: str) -> bool:
    """Nothing is there but what a new file system brings: a medium may be made.  False where that
    cannot be seen."""
    try:
        return set(files_at(location).names(location)) <= {"lost+found"}
    except FileNotFoundError:
        return True
    except OSError:
        return False
