"""Taking away a tree that was restored for a look: however deep it is, and whatever its modes."""

from __future__ import annotations

import os
import stat

_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def remove_tree(place: bytes) -> None:
    """Removes a directory and everything in it, by descriptors and without following a link.
    Raises OSError."""
    parent, name = os.path.split(os.path.abspath(place))
    here = os.open(os.path.realpath(parent), _FLAGS)
    way = [name]
    try:
        here = _down(here, name)
        while way:
            below = _emptied(here)
            if below is not None:
                here = _down(here, below)
                way.append(below)
                continue
            here = _moved(here, b"..")
            os.rmdir(way.pop(), dir_fd=here)
    finally:
        os.close(here)


def _emptied(directory: int) -> bytes | None:
    """Removes what is no directory; the name of one that is left."""
    found = None
    for name in map(os.fsencode, os.listdir(directory)):
        if stat.S_ISDIR(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode):
            found = name
        else:
            os.unlink(name, dir_fd=directory)
    return found


def _down(directory: int, name: bytes) -> int:
    """Into a directory that its restored mode may forbid to its owner."""
    # Not through a link: what is there was found to be a directory, and is ours.
    os.chmod(name, 0o700, dir_fd=directory)
    return _moved(directory, name)


def _moved(directory: int, name: bytes) -> int:
    other = os.open(name, _FLAGS, dir_fd=directory)
    os.close(directory)
    return other
