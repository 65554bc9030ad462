"""Where the content of files is cut into chunks."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from flowbackup.model.chunk import CHUNK_BYTES
from flowbackup.model.json_values import plain_text, whole_number


class ChunkingKind(StrEnum):
    """fixed: at multiples of a size in the file, which costs nothing, and finds again what was
    changed in place.  fastcdc: where the content says so, which also finds again what has moved
    within a file, as behind an insertion."""

    FIXED = "fixed"
    FASTCDC = "fastcdc"


@dataclass(frozen=True, slots=True)
class Chunking:
    """size_bytes: of every chunk but the last of a file; on average with fastcdc, which keeps them
    between min_bytes and max_bytes.  What is cut otherwise is not found again."""

    kind: ChunkingKind = ChunkingKind.FIXED
    size_bytes: int = CHUNK_BYTES
    min_bytes: int = 0
    max_bytes: int = 0

    @property
    def chunk_bytes_max(self) -> int:
        """No chunk is longer."""
        return self.max_bytes or self.size_bytes

    def within(self, frame_bytes: int) -> Chunking:
        """The same, or chunks of a frame's size where a frame would not hold one."""
        if self.kind is ChunkingKind.FIXED and self.size_bytes > frame_bytes:
            return Chunking(size_bytes=frame_bytes)
        return self

    def to_json(self) -> dict[str, Any]:
        """As it stands in the record of a version."""
        value: dict[str, Any] = {"kind": self.kind.value, "size": self.size_bytes}
        if self.kind is ChunkingKind.FASTCDC:
            value |= {"min": self.min_bytes, "max": self.max_bytes}
        return value

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Chunking:
        """Raises KeyError, TypeError or ValueError for what is none."""
        return cls(
            ChunkingKind(plain_text(value["kind"])),
            whole_number(value["size"]),
            whole_number(value.get("min", 0)),
            whole_number(value.get("max", 0)),
        )


FIXED = Chunking()
