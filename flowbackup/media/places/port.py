"""What is asked of the files of media, wherever they are.

Paths are places with names behind them, joined by "/".  Everything raises OSError, which says what
was refused; FileNotFoundError and FileExistsError mean what they say.
"""

from __future__ import annotations

from typing import Protocol


class Files(Protocol):
    """The files of one kind of place."""

    def read(self, path: str, bytes_max: int) -> bytes:
        """The beginning of a file, from the device and not from memory."""

    def names(self, folder: str) -> list[str]:
        """What lies directly in a folder, in no order."""

    def sizes(self, folder: str) -> dict[str, int]:
        """Name -> bytes of what lies directly in a folder."""

    def has(self, path: str) -> bool:
        """Is there something of that name?"""

    def free_bytes(self, location: str) -> int:
        """Room for more; -1 where nobody can say."""

    def identity(self, place: str) -> tuple[int, int]:
        """Changes when another file system, or another directory, comes to a place."""

    def absence(self, location: str) -> tuple[str, str]:
        """Why no medium is found at a place where none is, and what to do."""
