"""Patterns on paths, as in fnmatch: `*` any bytes, `?` one byte, `[a-z]` one of a range.

A pattern without a slash is one of names, wherever they are; with a slash it is one of whole paths,
and `*` runs over slashes.  Names are bytes: nothing is decoded, so every name can be matched.
"""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Callable, Sequence

from flowbackup.units import paths_meant

Matcher = Callable[[bytes], bool]


def patterns_meant(typed: Sequence[str]) -> tuple[bytes, ...]:
    """Patterns for all that what was typed may mean; see `paths_meant`."""
    return tuple(meant for text in typed for meant in paths_meant(os.fsencode(text)))


def path_matcher(patterns: Sequence[bytes], *, ignore_case: bool = False) -> Matcher:
    """Whether any of the patterns matches a path.  ignore_case: of the letters A to Z."""
    plain = [pattern.strip(b"/") for pattern in patterns]
    whole = [_compiled(pattern, ignore_case) for pattern in plain if b"/" in pattern]
    names = [_compiled(pattern, ignore_case) for pattern in plain if b"/" not in pattern]

    def matches(path: bytes) -> bool:
        name = path.rpartition(b"/")[2]
        return any(p.match(path) for p in whole) or any(p.match(name) for p in names)

    return matches


def like_pattern(pattern: bytes) -> bytes:
    """A pattern of SQL's LIKE for whole paths that matches everything that this one does, and
    perhaps more: for a quick first look."""
    plain = pattern.strip(b"/")
    like = bytearray(b"" if b"/" in plain else b"%")
    place = 0
    while place < len(plain):
        found, place = _like_piece(plain, place)
        like += found
    return bytes(like)


def _like_piece(pattern: bytes, place: int) -> tuple[bytes, int]:
    """What stands for the piece of a pattern at `place`, and where the next one begins."""
    byte = pattern[place : place + 1]
    if byte == b"*":
        return b"%", place + 1
    if byte == b"?":
        return b"_", place + 1
    if byte == b"[":
        # As in fnmatch: a bracket right behind "[" or "[!" is one of those that are meant.
        first = place + 2 if pattern[place + 1 : place + 2] == b"!" else place + 1
        end = pattern.find(b"]", first + 1)
        if end >= 0:
            return b"_", end + 1
    # What LIKE takes for something else may be any byte: who reads it may know no escapes.
    return (b"_" if byte in b"%_\\" else byte), place + 1


def _compiled(pattern: bytes, ignore_case: bool) -> re.Pattern[bytes]:
    # Latin-1 maps every byte to itself, so names of any encoding match byte by byte.
    translated = fnmatch.translate(pattern.decode("latin-1")).encode("latin-1")
    return re.compile(translated, re.DOTALL | (re.IGNORECASE if ignore_case else 0))
