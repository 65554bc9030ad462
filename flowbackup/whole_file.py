"""Small files that are written again and again, and read meanwhile."""

from __future__ import annotations

import os


def write_whole(path: str | os.PathLike[str], data: bytes) -> None:
    """Takes the place of a file in one step: whoever reads it finds all of it, or what was there
    before; one at a time.  What a crash of the machine leaves may be neither.  Raises OSError."""
    made = f"{os.fspath(path)}.new"
    with open(made, "wb") as file:
        file.write(data)
    os.replace(made, path)
