"""The files of media in directories."""

from __future__ import annotations

import os

from flowbackup.media.regular import open_regular


class DirectoryFiles:
    """Files of the operating system."""

    def read(self, path: str, bytes_max: int) -> bytes:
        """See Files."""
        with open(open_regular(path), "rb", buffering=0) as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            return file.read(bytes_max) or b""

    def names(self, folder: str) -> list[str]:
        """See Files."""
        return os.listdir(folder)

    def sizes(self, folder: str) -> dict[str, int]:
        """See Files."""
        with os.scandir(folder) as entries:
            return {entry.name: entry.stat(follow_symlinks=False).st_size for entry in entries}

    def has(self, path: str) -> bool:
        """See Files."""
        return os.path.lexists(path)

    def free_bytes(self, location: str) -> int:
        """See Files."""
        space = os.statvfs(location)
        return space.f_bavail * space.f_frsize

    def identity(self, place: str) -> tuple[int, int]:
        """See Files."""
        status = os.stat(place)
        return status.st_dev, status.st_ino

    def absence(self, location: str) -> tuple[str, str]:
        """See Files."""
        remedy = f"mount the disk, or make a medium with `flowbackup device init {location}`"
        if not os.path.lexists(location):
            return f"{location} does not exist", remedy
        if not os.path.isdir(location):
            return f"{location} is not a directory", "name a directory"
        if not os.listdir(location):
            return f"{location} is empty: no medium is there, or its disk is not mounted", remedy
        return "", ""
