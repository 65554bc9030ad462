"""What was ticked in a tree, as patterns of `flowbackup restore`."""

from __future__ import annotations

import os
from collections.abc import Sequence

from flowbackup.units import paths_meant

_MAGIC = b"*?["


def include_words(paths: Sequence[str]) -> list[str]:
    """--include PATTERN for each of them; none for the whole object."""
    if "" in paths or "/" in paths:
        return []
    return [f"--include={pattern}" for path in paths for pattern in _patterns(path)]


def exclude_words(paths: Sequence[str]) -> list[str]:
    """--exclude PATTERN for each of them."""
    return [f"--exclude={pattern}" for path in paths if path for pattern in _patterns(path)]


def _patterns(path: str) -> list[str]:
    """Of a path that is no UTF-8 the page has the text only."""
    return [os.fsdecode(exact_pattern(meant)) for meant in paths_meant(os.fsencode(path))]


def exact_pattern(path: bytes) -> bytes:
    """A pattern that matches this whole path and no other one.

    A pattern without a slash is one of names, wherever they are; so that of a name at the top
    gets a slash, in a bracket beside its first letter, which no path begins with."""
    plain = path.strip(b"/")
    escaped = b"".join(b"[%c]" % byte if byte in _MAGIC else b"%c" % byte for byte in plain)
    if b"/" in plain:
        return escaped
    first = plain[:1]
    rest = escaped[3:] if first in (b"*", b"?", b"[") else escaped[1:]
    return (b"[]/]" if first == b"]" else b"[/" + first + b"]") + rest
