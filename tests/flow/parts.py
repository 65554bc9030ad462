"""Frames and buffers for the tests of the flow, as small as they can be."""

from __future__ import annotations

from flowbackup.flow.buffer import BufferMachine
from flowbackup.flow.commit import GroupCommit
from flowbackup.flow.outbox import Outbox
from flowbackup.model.frame import Codec, FrameDescriptor, FrameHeader, FrameKind
from flowbackup.model.ids import FrameId

SESSION = bytes(16)


def frame(
    sequence: int, *, stream: int = 0, slot: int | None = None, size: int = 10,
    kind: FrameKind = FrameKind.DATA, object_number: int = 0, digest: bytes = b"",
) -> FrameDescriptor:  # fmt: skip
    header = FrameHeader(
        SESSION, stream, sequence, kind, Codec.PLAIN, object_number.to_bytes(16, "big"),
        size, size, 1, digest or sequence.to_bytes(16, "big"),
    )  # fmt: skip
    return FrameDescriptor(header, "slab", sequence if slot is None else slot)


def identity(sequence: int, stream: int = 0) -> FrameId:
    return FrameId(SESSION, stream, sequence)


def buffer(
    *successors: str | Outbox, slots: int = 8, sync_bytes: int = 1000, epoch: int = 0,
    durable: tuple[FrameId, ...] = (),
) -> BufferMachine:  # fmt: skip
    return BufferMachine(
        slots=slots, bytes_max=1000, commit=GroupCommit(sync_bytes, 0.5), epoch=epoch,
        successors=[Outbox(each) if isinstance(each, str) else each for each in successors],
        durable=durable,
    )  # fmt: skip
