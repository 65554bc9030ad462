"""The device port: what media agents ask of a device, and what they may rely on.

Every implementation passes `flowbackup.testing.device_conformance`.  A package brings one by an
entry point of the group `flowbackup.devices`, which names a DeviceKind: that of `url: NAME://...`
in graphs.  Calls block; one thread uses a writer at a time.  There is no verb to overwrite or to
delete: freeing is a right of its own (`freeing`), which no device gives.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Protocol

from flowbackup.model.device import DeviceTarget, FramePlace, MediumInfo
from flowbackup.model.frame import FrameHeader
from flowbackup.model.queue import Ticket, Waiting


@dataclass(slots=True)
class WriterStatistics:
    """bytes_written: everything put on the device, padding and records included; bytes_payload:
    frames only; both count what was begun.  syncs: successful commits.  write_seconds: for which
    `append` and `commit` waited for the device, without syncs.

    A writer counts in its own, in place, because a new one for each record would cost as much as a
    quarter of an append; what it gives away is a copy."""

    bytes_written: int = 0
    bytes_payload: int = 0
    frames: int = 0
    syncs: int = 0
    segments: int = 0
    write_seconds: float = 0.0
    sync_seconds: float = 0.0

    def __add__(self, more: WriterStatistics) -> WriterStatistics:
        names = (field.name for field in fields(self))
        return WriterStatistics(**{n: getattr(self, n) + getattr(more, n) for n in names})


@dataclass(frozen=True, slots=True)
class StoredFrame:
    """A frame found on a medium: its header and its place."""

    header: FrameHeader
    place: FramePlace


class FrameWriter(Protocol):
    """Appends frames to a medium for one session and epoch."""

    def append(self, header: FrameHeader, payload: memoryview) -> FramePlace:
        """Takes one frame; it is not durable yet, and may still be under way to the device when
        this returns.  `payload` is page-aligned, of `header.payload_bytes` bytes, backed by a slot
        (so bytes behind it up to the next block border may be written as padding only after
        zeroing a private copy).  It must stay as it is until `commit`, `finish` or `close` has
        returned or raised; none of them leaves a write under way.

        Raises DamageError if the payload does not match its digest (nothing of it was written; the
        writer goes on), and DeviceError for everything the device refuses, of this frame or of one
        before; after a DeviceError the writer is poisoned: every further call raises, and nothing
        since the last commit may be believed.  One exception: a device found full before the frame
        was begun (errno ENOSPC or EDQUOT) refuses this frame only; `commit` and `finish` still
        work, in room that was kept for them."""

    def commit(self) -> tuple[StoredFrame, ...]:
        """Waits for all frames, writes a commit record and syncs.  Returns the frames that this
        made durable, and before them those for which a change of the medium has done so already.
        Raises DeviceError; a failed sync is never tried again in place."""

    def finish(self) -> WriterStatistics:
        """Commits, writes index and footer, seals the segment.  Raises DeviceError."""

    def close(self) -> None:
        """Lets go of the files without sealing; safe to repeat, never raises."""

    def statistics(self) -> WriterStatistics:
        """What was done so far."""


class FrameReader(Protocol):
    """Reads one medium, or all that are there of a set.  May be used by several threads at once."""

    def info(self) -> MediumInfo:
        """What the label says, of a set that of its newest medium."""

    def frames(self) -> Iterator[StoredFrame]:
        """All committed frames, by segment and offset, from indexes where sealed, by scanning
        where not.  Raises DamageError at the first unreadable index (see `scan`)."""

    def written_by(self, session: bytes) -> Iterator[StoredFrame]:
        """The committed frames of the segments that a session wrote, in the order of writing, as
        far as they are sound, and durable when they are told.  For what a writer could not tell any
        more before it died.  Raises DeviceError."""

    def read(self, header: FrameHeader | None, place: FramePlace) -> tuple[FrameHeader, memoryview]:
        """Header and payload at a place, digests checked before anything is parsed; the payload
        stays as long as somebody holds a view of it.  With a `header`, the one found must equal it.
        Raises DamageError, DeviceError."""


class DeviceQueue(Protocol):
    """Where sessions stand that want a device.  It gives an order; only `Device.lock` decides."""

    def standing(self) -> tuple[Waiting, ...]:
        """Everybody whose process lives, the first one first.  Raises DeviceError."""

    def enter(self, ticket: Ticket, holder: str) -> None:
        """Stands there until `leave` or the end of the process, once at a time; `holder` is text
        for people.  Raises DeviceError."""

    def leave(self) -> None:
        """Safe to repeat, never raises."""


class WritableDevice(Protocol):
    """A place that holds a medium, or a set of them of which the newest is written; as far as who
    writes there needs it."""

    name: str

    def info(self) -> MediumInfo:
        """Reads the label, of a set that of its newest medium.  Raises DeviceError: missing (with
        what to do), foreign, not mounted; DamageError, FormatError."""

    def media(self) -> tuple[MediumInfo, ...]:
        """Every medium that is there now, the newest last; also those that writers of this device
        have begun.  Raises as `info`."""

    def lock(self, holder: str) -> None:
        """Exclusive until `close`.  `holder` is text for people.  Raises DeviceLockedError naming
        the present holder."""

    def holder(self) -> str:
        """Who else writes to the medium now, "" if nobody does as far as this machine can tell.
        Takes no lock, never raises."""

    def queue(self) -> DeviceQueue:
        """A new place to stand in the queue of the medium; nothing is touched yet."""

    def check_writable(self, need_bytes: int, *, frame_bytes: int = 0) -> None:
        """Permission and space, and that a medium can hold a frame of that size, without writing
        one.  Raises DeviceError."""

    def writer(self, session: bytes, epoch: int) -> FrameWriter:
        """A writer that begins a new segment with its first frame, and on a set of media the next
        medium where a frame would not fit on the one before.  Needs the lock.  epoch: above 0 for
        one that follows a writer of the same session that is dead; the first of a device cuts what
        that one has left back to its last commit.  Raises DeviceError."""

    def close(self) -> None:
        """Gives the lock back; safe to repeat."""


class Device(WritableDevice, Protocol):
    """The whole of it: what is written is read here, too."""

    def reader(self, *, cached: bool = True) -> FrameReader:
        """A reader of what is committed now.  cached=False: bytes come from the device, and not
        from memory that has them still."""


class DeviceKind(Protocol):
    """What makes devices of one kind; a class of devices mostly, whose call makes one."""

    def __call__(self, target: DeviceTarget) -> Device:
        """At most looks whether something is there.  target.location: the whole of the url; so is
        that of the media which the device tells of, since they are found again by it.  Raises
        GraphError for a url that cannot be meant."""

    def is_blank(self, target: DeviceTarget) -> bool:
        """Nothing is there, so that a first medium may be made.  False where it cannot be seen."""

    def make_first(self, target: DeviceTarget, pool: str) -> MediumInfo:
        """Gives a blank place its first medium.  Raises DeviceError."""
