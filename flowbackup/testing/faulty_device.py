"""A Device around another one whose n-th call fails: the seam above the media house."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator

from flowbackup.errors import DeviceError
from flowbackup.media.port import (
    Device,
    DeviceQueue,
    FrameReader,
    FrameWriter,
    StoredFrame,
    WriterStatistics,
)
from flowbackup.model.device import FramePlace, MediumInfo
from flowbackup.model.frame import FrameHeader


class FailingCall:
    """Counts calls by name and fails one of them, and after it all others of the same writer.

    verb: info, lock, queue, check_writable, append, commit, finish, frames, read; "" counts all.
    """

    def __init__(self, nth: int, number: int = errno.EIO, verb: str = "") -> None:
        self.nth = nth
        self.number = number
        self.verb = verb
        self.made: list[str] = []
        self._seen = 0

    def pass_by(self, verb: str, device: str) -> None:
        """Raises DeviceError if this is the call."""
        self.made.append(verb)
        if self.verb not in ("", verb):
            return
        self._seen += 1
        if self._seen == self.nth:
            raise DeviceError(
                f'device "{device}": {verb} failed: {os.strerror(self.number)}',
                remedy="this failure was asked for",
                device=device,
                errno=self.number,
            )


class FaultyWriter:
    """A FrameWriter that is poisoned by the failing call, as the port demands."""

    def __init__(self, writer: FrameWriter, call: FailingCall, device: str) -> None:
        self._writer = writer
        self._call = call
        self._device = device
        self._failure: DeviceError | None = None

    def append(self, header: FrameHeader, payload: memoryview) -> FramePlace:
        self._pass_by("append")
        return self._writer.append(header, payload)

    def commit(self) -> tuple[StoredFrame, ...]:
        self._pass_by("commit")
        return self._writer.commit()

    def finish(self) -> WriterStatistics:
        self._pass_by("finish")
        return self._writer.finish()

    def close(self) -> None:
        self._writer.close()

    def statistics(self) -> WriterStatistics:
        return self._writer.statistics()

    def _pass_by(self, verb: str) -> None:
        if self._failure is not None:
            raise self._failure
        try:
            self._call.pass_by(verb, self._device)
        except DeviceError as error:
            self._failure = error
            raise


class FaultyReader:
    """A FrameReader that fails when its call comes."""

    def __init__(self, reader: FrameReader, call: FailingCall, device: str) -> None:
        self._reader = reader
        self._call = call
        self._device = device

    def info(self) -> MediumInfo:
        return self._reader.info()

    def frames(self) -> Iterator[StoredFrame]:
        self._call.pass_by("frames", self._device)
        yield from self._reader.frames()

    def written_by(self, session: bytes) -> Iterator[StoredFrame]:
        self._call.pass_by("written_by", self._device)
        yield from self._reader.written_by(session)

    def read(self, header: FrameHeader | None, place: FramePlace) -> tuple[FrameHeader, memoryview]:
        self._call.pass_by("read", self._device)
        return self._reader.read(header, place)


class FaultyDevice:
    """A Device whose calls pass by `call` first."""

    def __init__(self, device: Device, call: FailingCall) -> None:
        self.name = device.name
        self._device = device
        self._call = call

    def info(self) -> MediumInfo:
        self._call.pass_by("info", self.name)
        return self._device.info()

    def media(self) -> tuple[MediumInfo, ...]:
        return self._device.media()

    def lock(self, holder: str) -> None:
        self._call.pass_by("lock", self.name)
        self._device.lock(holder)

    def holder(self) -> str:
        return self._device.holder()

    def queue(self) -> DeviceQueue:
        self._call.pass_by("queue", self.name)
        return self._device.queue()

    def check_writable(self, need_bytes: int, *, frame_bytes: int = 0) -> None:
        self._call.pass_by("check_writable", self.name)
        self._device.check_writable(need_bytes, frame_bytes=frame_bytes)

    def writer(self, session: bytes, epoch: int) -> FaultyWriter:
        return FaultyWriter(self._device.writer(session, epoch), self._call, self.name)

    def reader(self, *, cached: bool = True) -> FaultyReader:
        return FaultyReader(self._device.reader(cached=cached), self._call, self.name)

    def close(self) -> None:
        self._device.close()
