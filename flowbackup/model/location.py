"""How the places of media are written, and which kind of device each of them means.

A place is a text: an absolute path, or something with a scheme, as in `s3://bucket/prefix`.  The
catalog remembers nothing else of a device, so whatever finds its media again stands in that text.
"""

from __future__ import annotations

import os
import re

DIRECTORY = "directory"
KIND_OF_SCHEME: dict[str, str] = {}
"""The one table from what stands before "://" to the kind of the device."""
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")


def kind_at(location: str) -> str:
    """The kind of the device at a place; "directory" for every path.  A scheme that is not in the
    table is the name of a kind that an installed package brings."""
    scheme, mark, _ = location.partition("://")
    is_path = not mark or not _SCHEME.fullmatch(scheme)
    return DIRECTORY if is_path else KIND_OF_SCHEME.get(scheme, scheme)


def is_directory(location: str) -> bool:
    """Is it a path of the file system?"""
    return kind_at(location) == DIRECTORY


def whole_place(written: str) -> str:
    """A place as it was written for a command, in full: a path from here, another one without a
    last slash."""
    return os.path.abspath(written) if is_directory(written) else written.rstrip("/")
