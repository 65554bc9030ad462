"""How the places of media are written, and which kind of device each of them means.

A place is a text: an absolute path, or something with a scheme, as in `s3://bucket/prefix`.  The
catalog remembers nothing else of a device, so whatever finds its media again stands in that text.
"""

from __future__ import annotations

import os

DIRECTORY = "directory"
KIND_OF_SCHEME: dict[str, str] = {}
"""The one table from what stands before "://" to the kind of the device."""


def kind_at(location: str) -> str:
    """The kind of the device at a place; "directory" for every path."""
    scheme, mark, _ = location.partition("://")
    return KIND_OF_SCHEME.get(scheme, DIRECTORY) if mark else DIRECTORY


def is_directory(location: str) -> bool:
    """Is it a path of the file system?"""
    return kind_at(location) == DIRECTORY


def whole_place(written: str) -> str:
    """A place as it was written for a command, in full: a path from here, another one without a
    last slash."""
    return os.path.abspath(written) if is_directory(written) else written.rstrip("/")
