"""The table from a place to whoever reaches its files."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from flowbackup.media.places.bucket import BucketFiles
from flowbackup.media.places.directory import DirectoryFiles
from flowbackup.media.places.port import Files
from flowbackup.media.places.tape.tape_files import TapeFiles
from flowbackup.model.location import DIRECTORY, S3, TAPE, kind_at

FILES: Mapping[str, Files] = MappingProxyType(
    {DIRECTORY: DirectoryFiles(), S3: BucketFiles(), TAPE: TapeFiles()}
)


def files_at(location: str) -> Files:
    """For a place, and for everything below it."""
    return FILES[kind_at(location)]


def is_blank(location: str) -> bool:
    """Nothing is there but what a new file system brings: a medium may be made.  False where that
    cannot be seen."""
    try:
        return set(files_at(location).names(location)) <= {"lost+found"}
    except FileNotFoundError:
        return True
    except OSError:
        return False
