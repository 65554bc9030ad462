"""The written form of where content is cut into chunks."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from flowbackup.model.chunk import CHUNK_BYTES
from flowbackup.model.chunking import Chunking, ChunkingKind
from flowbackup.spec.fields import Size
from flowbackup.spec.written import Written
from flowbackup.units import KIB, MIB, format_size

SIZES_FIXED = (64 * KIB, 16 * MIB)
"""Below, a chunk's name and place are a part of its size that counts."""
SIZES_FASTCDC = (64 * KIB, 4 * MIB)
MIN_FASTCDC = (1 * KIB, 1 * MIB)
MAX_FASTCDC = (64 * KIB, 16 * MIB)
"""What pyfastcdc takes, and no chunk so small that its name counts."""
SPREAD = 4
"""Times smaller and larger than the average, where nothing else is written."""


class ChunkingSpec(Written):
    """Where the content of an object is cut."""

    kind: Literal["fixed", "fastcdc"] = Field(
        default="fixed", description="At multiples of a size, or where the content says so, which "
        "finds again what has moved within a file.",
    )  # fmt: skip
    size: Size = Field(
        default=CHUNK_BYTES, description="Of each chunk; of fastcdc, on average over the smallest."
    )
    min: Size | None = Field(default=None, description="No smaller ones, but at the end of a file.")
    max: Size | None = Field(default=None, description="No larger ones.")

    @model_validator(mode="after")
    def _sizes_fit(self) -> ChunkingSpec:
        if self.kind == "fixed":
            if self.min is not None or self.max is not None:
                raise ValueError("has chunks of one size, and a min or max|Write kind: fastcdc")
            _check("size", self.size, SIZES_FIXED)
            return self
        chunking = self.decided
        _check("size", chunking.size_bytes, SIZES_FASTCDC)
        _check("min", chunking.min_bytes, MIN_FASTCDC)
        _check("max", chunking.max_bytes, MAX_FASTCDC)
        if not chunking.min_bytes < chunking.size_bytes < chunking.max_bytes:
            raise ValueError(
                "has sizes that do not rise|Write a min below size, and a max above it"
            )  # fmt: skip
        return self

    @property
    def decided(self) -> Chunking:
        """With what was not written."""
        if self.kind == "fixed":
            return Chunking(size_bytes=self.size)
        return Chunking(
            ChunkingKind.FASTCDC, self.size,
            min(self.size // SPREAD, MIN_FASTCDC[1]) if self.min is None else self.min,
            self.size * SPREAD if self.max is None else self.max,
        )  # fmt: skip


def _check(key: str, size_bytes: int, limits: tuple[int, int]) -> None:
    least, most = limits
    if not least <= size_bytes <= most:
        raise ValueError(
            f"has chunks of {key} {format_size(size_bytes)}"
            f"|Write {format_size(least)} to {format_size(most)}"
        )
