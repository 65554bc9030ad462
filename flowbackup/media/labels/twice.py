"""A text that stands twice in its file, so that a torn or rotten sector takes one copy only.

One copy: mark, u32 length, JSON, zeros, XXH3-64 of all that; 4096 bytes, one sector of most disks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from flowbackup.errors import DamageError
from flowbackup.model.digest import header_checksum

COPY_BYTES = 4096
COPIES = 2
MARK_BYTES = 8
_BEGIN = MARK_BYTES + 4
TEXT_BYTES_MAX = COPY_BYTES - _BEGIN - 8

T = TypeVar("T")


def pack_twice(mark: bytes, text: bytes) -> bytes:
    """The bytes of the file.  text: at most TEXT_BYTES_MAX bytes."""
    body = mark + len(text).to_bytes(4, "little") + text
    body = body.ljust(COPY_BYTES - 8, b"\0")
    return (body + header_checksum(body).to_bytes(8, "little")) * COPIES


def parse_twice(
    data: bytes, mark: bytes, what: str, parse: Callable[[bytes], T]
) -> tuple[T, tuple[str, ...]]:
    """The value in the bytes of a file, and what is wrong with its copies, one line each; one good
    copy is enough.  what: "label", for messages.

    Raises DamageError if none is good, and what `parse` raises besides."""
    found: list[T] = []
    faults: list[str] = []
    for number in range(COPIES):
        copy = data[number * COPY_BYTES : (number + 1) * COPY_BYTES]
        try:
            found.append(parse(_text_of(copy, mark)))
        except DamageError as error:
            faults.append(f"copy {number + 1} of the {what}: {error.message}")
    if not found:
        raise DamageError(f"no copy of the {what} can be read: " + "; ".join(faults))
    if any(value != found[0] for value in found):
        faults.append(f"the copies of the {what} differ")
    if len(data) != COPIES * COPY_BYTES:
        faults.append(f"the {what} has {len(data)} bytes, expected {COPIES * COPY_BYTES}")
    return found[0], tuple(faults)


def _text_of(copy: bytes, mark: bytes) -> bytes:
    if len(copy) < COPY_BYTES or not copy.startswith(mark):
        raise DamageError("it is cut off or its mark is wrong")
    body, checksum = copy[:-8], int.from_bytes(copy[-8:], "little")
    if header_checksum(body) != checksum:
        raise DamageError("its checksum does not match")
    size = int.from_bytes(body[MARK_BYTES:_BEGIN], "little")
    if size > TEXT_BYTES_MAX:
        raise DamageError("its length is not possible")
    return body[_BEGIN : _BEGIN + size]
