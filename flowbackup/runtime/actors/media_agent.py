"""The MediaAgent actor: blocking I/O of ONE device, in a process of its own that may hang or die.

Two groups of calls: `data` (everything that writes, one at a time and in the order in which it was
sent) and `control` (questions, answered while a write is under way).
"""

from __future__ import annotations

import mmap
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from flowbackup.errors import DeviceError, DeviceLockedError, ProtocolError
from flowbackup.media.devices.second_try import SecondTryWriter
from flowbackup.media.open import open_device
from flowbackup.media.port import Device, FrameWriter, WriterStatistics
from flowbackup.model.device import DeviceTarget, MediumInfo
from flowbackup.model.frame import FrameDescriptor, FrameHeader
from flowbackup.model.ids import FrameId, id_text
from flowbackup.process import END_SECONDS_MAX, ProcessIdentity, end_process, identify
from flowbackup.runtime.edges.slab import Slabs, open_slab
from flowbackup.runtime.edges.turns import ThreadTurns
from flowbackup.runtime.edges.wiring import Durable, Job, MediaAgentSettings, Told, Written
from flowbackup.runtime.engines.port import in_group

CONCURRENCY_GROUPS = {"data": 2, "control": 1}
"""Two calls may be under way with data: one writes, one waits for its turn behind it."""
LEAVE_SECONDS_MAX = 60.0
"""How long a device may take for the frame under way before it is left as a dead one is."""
STOP_SECONDS_MAX = 0.6
"""How long questions may wait for a device that is to end; the session asks no longer either."""
CLOSE_SECONDS_MAX = 5.0
"""What is still being written then is left to the end of the process."""
GIVE_BACK_SECONDS_MAX = 5.0
LOOK_SECONDS = 0.02
"""How long, and how often, it is tried whether one that was ended has given its device back."""


class MediaAgent:
    """One media agent of a session.  `open`, `map`, then writes; `finish` or `close` in the end.
    Agents that begin together `look` and `lock` before, in the order of their media.

    What a failed sync or write has spoilt goes to a new segment, once.  Any other failure is the
    last: no frame behind a refused one is written, so that what the medium holds of a stream has no
    holes."""

    def __init__(self, settings: MediaAgentSettings) -> None:
        self._settings = settings
        self._device: Device = open_device(settings.target)
        self._writer: SecondTryWriter | None = None
        self._slabs = Slabs(settings.slab.memory)
        self._durable: list[Durable] = []
        self._media: dict[bytes, MediumInfo] = {}
        self._turns = ThreadTurns()
        self._writing = threading.Lock()
        self._leaving = False
        self._failure: DeviceError | None = None

    @in_group("data")
    def look(self) -> MediumInfo:
        """Which medium is there.  Raises DeviceError."""
        return self._device.info()

    @in_group("data")
    def lock(self) -> None:
        """Locks the device.  Raises DeviceError, DeviceLockedError."""
        self._device.lock(self._settings.holder)

    @in_group("data")
    def open(self) -> tuple[ProcessIdentity, tuple[MediumInfo, ...]]:
        """Locks the device, if that was not done, and checks that it can take the session.  Returns
        its media, the one that is written last.  Raises DeviceError, DeviceLockedError; nothing has
        been written then."""
        return self._open()

    @in_group("data")
    def take_over(
        self, before: ProcessIdentity | None, device_id: bytes
    ) -> tuple[tuple[ProcessIdentity, tuple[MediumInfo, ...]], Told]:
        """As `open`, in the place of a media agent that is dead or as good as dead: ends it, cuts
        its segment back to the last commit, and tells what this session has on the device, in the
        order of writing.  before: its process.  Raises DeviceError, DeviceLockedError: it cannot be
        ended, or another device is there than `device_id`."""
        name = self._settings.target.name
        if before is not None and not end_process(before, END_SECONDS_MAX):
            raise DeviceError(
                f'device "{name}": its media agent, process {before.pid}, cannot be ended',
                remedy="the device hangs: look for I/O errors in the log of the system",
                device=name,
            )
        found = self._device.info()
        if found.device_id != device_id:
            raise DeviceError(
                f'device "{name}": another medium is there than before, {id_text(found.medium)}',
                remedy="mount the right disk there, and run `flowbackup repair`",
                device=name,
            )
        self._lock_after()
        return self._open(), self._written(self._device)

    @in_group("data")
    def map(self) -> None:
        """Maps the slab that the head buffer of this node has made."""
        slab = self._settings.slab
        path = Path(slab.path)
        self._slabs.add(path, open_slab(path, slab.memory))

    @in_group("data")
    def left_on(self, target: DeviceTarget) -> Told:
        """What this session made durable on a device that failed, as its medium says, in the order
        of writing; nothing where it cannot be read any more.  Its media agent must have ended."""
        try:
            return self._written(open_device(target))
        except DeviceError:
            return Told()

    @in_group("data")
    def write(self, call: int, jobs: Sequence[Job]) -> Written:
        """Writes frames and commits, in order.  call: the buffer's number of this call, from 0.  A
        failing device is told in the answer, beside what it had made durable before."""
        writer = self._open_writer()
        durable: list[FrameId] = []
        with self._turns.take(call), self._writing:
            try:
                for job in jobs:
                    if self._failure is not None or self._leaving:
                        break
                    if job.frame is None:
                        durable += self._commit(writer)
                    else:
                        self._append(writer, job.frame)
            except DeviceError as error:
                durable += self._fail(writer, error)
            return Written(tuple(durable), None if self._leaving else self._failure)

    @in_group("data")
    def finish(self, header: FrameHeader, payload: bytes) -> WriterStatistics:
        """Writes the frame with the session's record, seals the segment; a device that was found
        full is sealed without the record.  Raises DeviceError."""
        writer = self._open_writer()
        with self._writing:
            if self._failure is None:
                try:
                    self._append_record(writer, header, payload)
                except DeviceError as error:
                    self._fail(writer, error)
                    writer.finish()
                    raise
            statistics = writer.finish()
            self._failure = self._failure or DeviceError("the session has been finished")
            return statistics

    @in_group("control")
    def stop(self) -> None:
        """Ends behind the frame under way, and makes durable what has been written: the session was
        told to end.  `finish` may follow; what fails is told by that."""
        self._leaving = True
        if not self._writing.acquire(timeout=STOP_SECONDS_MAX):
            return
        try:
            if self._writer is not None and self._failure is None:
                self._commit(self._writer)
        except DeviceError as error:
            self._failure = error
        finally:
            self._writing.release()

    @in_group("control")
    def leave(self) -> WriterStatistics:
        """Ends behind the frame under way, seals what it has without the session's record, which is
        not known yet, and gives the device back: its medium may be taken away.  Nobody looks into a
        slot any more when this has returned.  Raises DeviceError, and then neither is sure."""
        self._leaving = True
        if not self._writing.acquire(timeout=LEAVE_SECONDS_MAX):
            raise DeviceError(
                f"one frame has taken {LEAVE_SECONDS_MAX:.0f} s", device=self._settings.target.name
            )
        try:
            writer = self._open_writer()
            if self._failure is None:
                self._commit(writer)
            statistics = writer.finish()
            writer.close()
            if self._device is not None:
                self._device.close()
            return statistics
        finally:
            self._writing.release()

    @in_group("control")
    def durable_since(self, index: int) -> Told:
        """The frames that became durable behind the first `index` ones."""
        frames = tuple(self._durable[index:])
        names = dict.fromkeys(frame.place.medium for frame in frames)
        media = tuple(self._media[name] for name in names if name in self._media)
        failure = self._writer.failure if self._writer is not None else None
        made_good = f"{failure.message}; its frames are in a new segment" if failure else ""
        return Told(frames, media, made_good)

    @in_group("control")
    def statistics(self) -> WriterStatistics:
        return self._writer.statistics() if self._writer is not None else WriterStatistics()

    @in_group("control")
    def close(self) -> None:
        """Gives device and memory back; what was not committed is not believed by anyone."""
        if not self._writing.acquire(timeout=CLOSE_SECONDS_MAX):
            return
        try:
            if self._writer is not None:
                self._writer.close()
            self._device.close()
            self._slabs.remove()
        finally:
            self._writing.release()

    def abandon(self) -> None:
        """From any thread, where nobody can end it: it begins no frame and no commit more, and
        gives the device back when it comes out of the call that is under way."""
        self._leaving = True
        threading.Thread(target=self._give_back, name="abandoned", daemon=True).start()

    def _give_back(self) -> None:
        with self._writing, suppress(DeviceError):
            if self._writer is not None:
                self._writer.close()
            self._device.close()

    def _lock_after(self) -> None:
        """Locks the device that an agent of this session had: one that is a thread of this process
        and not a process that is dead gives it back when it comes out of its last call."""
        latest = time.monotonic() + GIVE_BACK_SECONDS_MAX
        while True:
            try:
                return self._device.lock(self._settings.holder)
            except DeviceLockedError as error:
                is_own = error.holder.startswith(self._settings.holder)
                if not is_own or time.monotonic() > latest:
                    raise
            time.sleep(LOOK_SECONDS)

    def _open(self) -> tuple[ProcessIdentity, tuple[MediumInfo, ...]]:
        settings = self._settings
        self._device.lock(settings.holder)
        self._device.check_writable(settings.need_bytes, frame_bytes=settings.slab.slot_bytes)
        self._hear_media()
        self._writer = SecondTryWriter(
            lambda: self._device.writer(settings.session, settings.epoch),
            lambda: self._device.reader().written_by(settings.session),
        )
        return identify(), tuple(self._media.values())

    def _written(self, device: Device) -> Told:
        frames = list(device.reader().written_by(self._settings.session))
        media = device.media() if frames else ()
        return Told(tuple(Durable(frame.header, frame.place) for frame in frames), media)

    def _open_writer(self) -> FrameWriter:
        if self._writer is None:
            raise ProtocolError(f"media agent {self._settings.agent} is not open")
        return self._writer

    def _append(self, writer: FrameWriter, frame: FrameDescriptor) -> None:
        slab = self._slabs.named(frame.slab)
        writer.append(frame.header, slab.payload(frame.slot, frame.header.payload_bytes))

    def _append_record(self, writer: FrameWriter, header: FrameHeader, payload: bytes) -> None:
        # Page-aligned memory, as the writer wants it.  It goes when nobody looks at it any more: an
        # error on its way up still does, and closing it then would hide that error.
        memory = memoryview(mmap.mmap(-1, max(len(payload), 1)))
        memory[: len(payload)] = payload
        writer.append(header, memory[: len(payload)])
        self._commit(writer)

    def _fail(self, writer: FrameWriter, error: DeviceError) -> list[FrameId]:
        """A device that was found full has kept room for a commit of what it had taken before;
        every other failure has poisoned the writer, which then refuses."""
        self._failure = error
        try:
            return self._commit(writer)
        except DeviceError:
            return []

    def _hear_media(self) -> None:
        """Of which the newest may have been begun just now.  One that cannot be looked at any more
        is told of by what fails next, and by the medium itself in a rebuild."""
        with suppress(DeviceError):
            self._media |= {info.medium: info for info in self._device.media()}

    def _commit(self, writer: FrameWriter) -> list[FrameId]:
        stored = writer.commit()
        if any(frame.place.medium not in self._media for frame in stored):
            self._hear_media()
        self._durable += [Durable(frame.header, frame.place) for frame in stored]
        return [frame.header.frame_id for frame in stored]
