"""Frames to write in tests: payloads in page-aligned memory, as slots have them."""

from __future__ import annotations

from mmap import mmap
from random import Random
from typing import NamedTuple

from flowbackup.model.digest import frame_digest
from flowbackup.model.frame import Codec, FrameHeader, FrameKind
from flowbackup.model.ids import new_id


class SampleFrame(NamedTuple):
    """A header and its payload."""

    header: FrameHeader
    payload: memoryview


def sample_id(number: int) -> bytes:
    """An identifier that is the same in every run."""
    return new_id(1_700_000_000_000 + number, number.to_bytes(10, "big"))


def sample_frame(
    payload_bytes: int, sequence: int = 0, *, kind: int = FrameKind.DATA, seed: int = 0
) -> SampleFrame:
    """A frame of noise; equal arguments give equal frames."""
    memory = memoryview(mmap(-1, max(1, payload_bytes)))[:payload_bytes]
    memory[:] = Random(f"{seed}/{sequence}/{payload_bytes}").randbytes(payload_bytes)
    header = FrameHeader(
        sample_id(1),
        seed,
        sequence,
        kind,
        Codec.PLAIN,
        sample_id(100 + sequence),
        payload_bytes,
        payload_bytes // 2,
        payload_bytes % 7,
        frame_digest(memory),
    )
    return SampleFrame(header, memory)
