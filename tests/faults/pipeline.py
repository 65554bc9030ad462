"""A chain of three stages in one process: the real machines of flow/, the real media agents and
writers, over system calls that a test gives.  Only actors, shared memory and the clock are
replaced: messages are delivered at once, and who works next is drawn by a seed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import takewhile
from mmap import mmap
from pathlib import Path
from random import Random
from unittest.mock import patch

from flowbackup.errors import DeviceError
from flowbackup.flow.actions import Action, Ask, Break, Commit, Forward, Refuse, Release, Write
from flowbackup.flow.buffer import BufferMachine
from flowbackup.flow.commit import GroupCommit
from flowbackup.flow.outbox import Outbox
from flowbackup.flow.sender import Lane, SenderMachine, in_place
from flowbackup.frame.record_frame import record_frame
from flowbackup.media.calls import SystemCalls
from flowbackup.media.devices.directory import DirectoryDevice
from flowbackup.media.labels.label import init_medium
from flowbackup.media.segments import record_file
from flowbackup.model.device import DeviceTarget
from flowbackup.model.frame import FrameDescriptor
from flowbackup.model.ids import FrameId
from flowbackup.process import identify
from flowbackup.runtime.actors import media_agent
from flowbackup.runtime.actors.media_agent import MediaAgent
from flowbackup.runtime.edges.pumps import JOBS_PER_CALL
from flowbackup.runtime.edges.wiring import Job, MediaAgentSettings, SlabSettings
from flowbackup.testing.crash_disk import Stopped
from flowbackup.testing.frames import SampleFrame
from tests.faults.objects import SLOT_BYTES, STREAM

STAGES = ("first", "second", "third")
SLOTS = 8
BLOCK_BYTES = 512
SEGMENT_BYTES = 80_000
RESERVE_STEP_BYTES = 32_768
"""Small, so that a session has several segments and reserves several times in each."""
SYNC_BYTES = 9_000
SYNC_SECONDS = 0.5
STEPS_MAX = 20_000
SESSION_RECORD = b'{"record": "session of a test"}'
_THIS_PROCESS = identify()


class Slots:
    """The memory of the chain, which all stages share."""

    def __init__(self) -> None:
        self._memory = [memoryview(mmap(-1, SLOT_BYTES)) for _ in range(SLOTS)]

    def payload(self, number: int, size_bytes: int) -> memoryview:
        return self._memory[number][:size_bytes]

    def remove(self) -> None:
        pass

    def close(self) -> None:
        pass


@dataclass
class Stage:
    """One media agent and its buffer.

    durable: the frames that its device has acknowledged.  failure: why it takes no more of them.
    is_stopped: the process of the media agent has ended.  is_coupled: frames still reach it.
    """

    name: str
    edge: str
    machine: BufferMachine
    device: DirectoryDevice
    agent: MediaAgent
    jobs: deque[Job] = field(default_factory=deque)
    calls: int = 0
    durable: dict[FrameId, None] = field(default_factory=dict)
    failure: DeviceError | None = None
    is_stopped: bool = False
    is_coupled: bool = True
    is_sealed: bool = False

    @property
    def is_working(self) -> bool:
        return self.failure is None and not self.is_stopped


def make_media(places: Sequence[Path]) -> None:
    for place, name in zip(places, STAGES, strict=True):
        init_medium(str(place), name=name, block_bytes=BLOCK_BYTES)


def target_of(place: Path, name: str) -> DeviceTarget:
    return DeviceTarget(name, "directory", str(place), BLOCK_BYTES)


@contextmanager
def small_steps(*, threads: bool = False) -> Iterator[None]:
    """Several reservations in a segment.  threads: every record is large enough for a thread."""
    aside = 0 if threads else record_file.ASIDE_BYTES_MIN
    with (
        patch.object(record_file, "RESERVE_STEP_MIN", RESERVE_STEP_BYTES),
        patch.object(record_file, "ASIDE_BYTES_MIN", aside),
    ):
        yield


class Pipeline:
    """One session.  `run` ends when nothing is left to do; `acknowledged` are the frames of which
    the client was told that they are safe."""

    def __init__(
        self, places: Sequence[Path], calls: Sequence[SystemCalls],
        frames: Sequence[SampleFrame], *, seed: int = 0, loses_node: bool = False,
    ) -> None:  # fmt: skip
        """loses_node: a media agent that is stopped takes its buffer with it."""
        self._random = Random(seed)
        self._loses_node = loses_node
        self._now = 0.0
        self._slots = Slots()
        self._unsent = deque(frames)
        self._session = frames[0].header.session
        self._slot_of: dict[FrameId, int] = {}
        self.acknowledged: dict[FrameId, None] = {}
        edges = [f"to {name}" for name in STAGES]
        self.stages = [
            self._stage(self._session, place, name, edge, following, these)
            for place, name, edge, following, these in zip(
                places, STAGES, edges, [*edges[1:], ""], calls, strict=True
            )
        ]
        self._sender = SenderMachine(
            self._session,
            [Lane(edges[0], STREAM, 0, SLOTS)],
            {edges[0]: in_place(range(SLOTS))},
        )

    def run(self) -> None:
        """Raises AssertionError for what no fault may lead to, and everything that a machine or an
        agent does not answer for."""
        try:
            steps = 0
            while self._step():
                steps += 1
                assert steps < STEPS_MAX, "the session does not end"
            for stage in self.stages:
                self._finish(stage)
        finally:
            for stage in self.stages:
                if not stage.is_stopped:
                    stage.agent.close()
                stage.device.close()

    def _stage(
        self, session: bytes, place: Path, name: str, edge: str, following: str,
        calls: SystemCalls,
    ) -> Stage:  # fmt: skip
        target = target_of(place, name)
        device = DirectoryDevice(target, segment_bytes=SEGMENT_BYTES, calls=calls)
        slab = SlabSettings("slots", SLOTS, SLOT_BYTES, _THIS_PROCESS)
        with (
            patch.object(media_agent, "open_device", lambda _: device),
            patch.object(media_agent, "open_slab", lambda *_: self._slots),
        ):
            agent = MediaAgent(MediaAgentSettings(name, session, target, slab, 0, "a test", 0))
            agent.open()
            agent.map()
        machine = BufferMachine(
            slots=SLOTS, bytes_max=SLOTS * SLOT_BYTES,
            commit=GroupCommit(SYNC_BYTES, SYNC_SECONDS),
            successors=[Outbox(following)] if following else [],
        )  # fmt: skip
        return Stage(name, edge, machine, device, agent)

    def _step(self) -> bool:
        """One thing happens.  False when the session is over."""
        head = self.stages[0]
        if self._sender.is_empty and not (self._unsent and head.is_coupled):
            return False
        busy = [stage for stage in self.stages if stage.jobs and stage.is_working]
        if self._unsent and head.is_coupled and self._random.random() < 0.5 and self._send():
            return True
        if busy:
            self._work(self._random.choice(busy))
        elif not self._send():
            self._now += SYNC_SECONDS
            for stage in self.stages:
                self._perform(stage, stage.machine.ticked(self._now))
        return True

    def _send(self) -> bool:
        """Fills a slot, if there are a frame and credit for it."""
        head = self.stages[0]
        lent = self._sender.lend([head.edge]) if self._unsent and head.is_coupled else None
        if lent is None:
            return False
        header, payload = self._unsent.popleft()
        self._slots.payload(lent.slot, len(payload))[:] = payload
        self._slot_of[header.frame_id] = lent.slot
        forward = self._sender.filled(FrameDescriptor(header, "slots", lent.slot))
        assert forward is not None
        self._offer(forward)
        return True

    def _work(self, stage: Stage) -> None:
        """A media agent answers one call."""
        count = self._random.randint(1, min(len(stage.jobs), JOBS_PER_CALL))
        jobs = [stage.jobs.popleft() for _ in range(count)]
        try:
            written = stage.agent.write(stage.calls, jobs)
        except Stopped:
            self._stop(stage)
            return
        stage.calls += 1
        stage.durable.update(dict.fromkeys(written.durable))
        self._perform(stage, stage.machine.committed(written.durable, stage.machine.device_epoch))
        if written.failure is not None:
            stage.failure = written.failure
            self._perform(stage, stage.machine.device_failed())

    def _stop(self, stage: Stage) -> None:
        stage.is_stopped = True
        if self._loses_node:
            self._uncouple(stage, "its node was lost")
        else:
            self._perform(stage, stage.machine.device_failed())

    def _finish(self, stage: Stage) -> None:
        if stage.is_stopped:
            return
        try:
            stage.agent.finish(*record_frame(self._session, SESSION_RECORD))
            stage.is_sealed = stage.failure is None
        except DeviceError as error:
            stage.failure = stage.failure or error
        except Stopped:
            stage.is_stopped = True
        stage.durable.update(
            dict.fromkeys(d.header.frame_id for d in stage.agent.durable_since(0).frames)
        )

    def _perform(self, stage: Stage, actions: Iterable[Action]) -> None:
        for action in actions if stage.is_coupled else ():
            match action:
                case Write(frame):
                    stage.jobs.append(Job(frame))
                case Commit():
                    stage.jobs.append(Job(None))
                case Forward():
                    self._offer(action)
                case Release(frame=frame):
                    self._release(stage, frame)
                case Break(reason):
                    self._uncouple(stage, reason)
                case Ask() | Refuse():
                    raise AssertionError(f"{stage.name}: nothing was lost on the way: {action}")

    def _offer(self, forward: Forward) -> None:
        stage = next(stage for stage in self.stages if stage.edge == forward.edge)
        actions = stage.machine.offered(stage.edge, 0, forward.floor, forward.frame, self._now)
        self._perform(stage, actions)

    def _release(self, stage: Stage, frame: FrameId) -> None:
        place = self.stages.index(stage)
        if place:
            before = self.stages[place - 1]
            self._perform(before, before.machine.released(stage.edge, frame, 0))
            return
        holders = [stage.name for stage in self.stages if frame in stage.durable]
        owing = [stage.name for stage in self._coupled() if stage.is_working]
        assert holders and set(owing) <= set(holders), f"{frame}: {owing} owe it, {holders} have it"
        assert self._sender.released(stage.edge, frame, self._slot_of.pop(frame), 0)
        self.acknowledged[frame] = None

    def _coupled(self) -> Iterator[Stage]:
        return takewhile(lambda stage: stage.is_coupled, self.stages)

    def _uncouple(self, stage: Stage, reason: str) -> None:
        """The predecessor gives the stage up, as it does when a call to its buffer fails."""
        stage.is_coupled = False
        stage.jobs.clear()
        place = self.stages.index(stage)
        if place:
            before = self.stages[place - 1]
            self._perform(before, before.machine.successor_detached(stage.edge))
        else:
            self._sender.head_lost(stage.edge, reason)
