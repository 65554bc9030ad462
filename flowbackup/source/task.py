"""What a reader is told of one object."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from flowbackup.frame.cipher import Cipher
from flowbackup.model.chunking import FIXED, Chunking
from flowbackup.model.source_rules import EVERYTHING, SourceRules
from flowbackup.source.stream import Stream


@dataclass(frozen=True, slots=True)
class ObjectTask:
    """What to read.  path: of the tree or file; frame_bytes: content of a frame, which a slot has
    room for besides the index; rules: what of a tree is left out; clock: nanoseconds since 1970,
    for the end of the record; stream: what is read instead of a path, not begun yet; chunking:
    where content is cut; zstd_level: at which it is packed, 0 for not at all; cipher: encrypts
    every frame."""

    session: bytes
    object_id: bytes
    client: str
    name: str
    path: bytes
    frame_bytes: int
    started_ns: int
    rules: SourceRules = EVERYTHING
    clock: Callable[[], int] = time.time_ns
    stream: AbstractContextManager[Stream] | None = None
    chunking: Chunking = FIXED
    zstd_level: int = 0
    cipher: Cipher | None = None
