"""A chain of three levels in one process, message by message: the machines of flow/, the media
agents and writers are the real ones; what is on its way between them is a queue.  Between any two
events something may break, and what has died is started again as the session would do it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from random import Random
from unittest.mock import patch

from flowbackup.flow.actions import Action, Ask, Break, Commit, Forward, Refuse, Release, Write
from flowbackup.flow.buffer import BufferMachine
from flowbackup.flow.commit import GroupCommit
from flowbackup.flow.outbox import Outbox
from flowbackup.flow.sender import Lane, SenderMachine, in_place
from flowbackup.frame.record_frame import record_frame
from flowbackup.media.devices.directory import DirectoryDevice
from flowbackup.model.frame import FrameDescriptor
from flowbackup.model.ids import FrameId
from flowbackup.process import identify
from flowbackup.runtime.actors import media_agent
from flowbackup.runtime.actors.media_agent import MediaAgent
from flowbackup.runtime.edges.wiring import Job, MediaAgentSettings, SlabSettings, Told, Written
from flowbackup.testing.crash_disk import CrashDisk, Stopped
from flowbackup.testing.frames import SampleFrame
from tests.faults.objects import SLOT_BYTES, STREAM
from tests.faults.pipeline import (
    SEGMENT_BYTES,
    SESSION_RECORD,
    SLOTS,
    STAGES,
    SYNC_BYTES,
    SYNC_SECONDS,
    Slots,
    target_of,
)
from tests.faults.seam_parts import Level, Life, Message, Writer

EVENTS_MAX = 5_000
"""A session takes a few hundred events; one that needs so many does not end."""
_THIS_PROCESS = identify()


class Seam:
    """One session.  reads: of the source, each frame's.  kinds: what each event was.
    acknowledged: what the client was told is safe."""

    def __init__(
        self, places: Sequence[Path], frames: Sequence[SampleFrame], *, seed: int = 0,
        stop_at: tuple[int, int] = (0, 0), levels: int = len(STAGES),
    ) -> None:  # fmt: skip
        """stop_at: a level, from 0, and a system call, from 1, at which its first media agent is
        killed; 0 for none.  levels: that are there from the start; see `attach`."""
        self.random = Random(seed)
        self.now = 0.0
        self.memory = Slots()
        self.session = frames[0].header.session
        self.unread = deque(frames)
        self.reads: dict[FrameId, int] = {}
        self.kinds: list[str] = []
        self.acknowledged: dict[FrameId, None] = {}
        self.network: deque[Message] = deque()
        self.is_over = False
        self.client_is_dead = False
        self._slot_of: dict[FrameId, int] = {}
        edge = f"to {STAGES[0]}"
        self.sender = SenderMachine(
            self.session, [Lane(edge, STREAM, 0, SLOTS)], {edge: in_place(range(SLOTS))}
        )
        self._places = places
        self.levels = [self._level(number) for number in range(levels)]
        for level in self.levels:
            stop = stop_at[1] if stop_at[0] == level.number else 0
            self.live(level, self.hire(level, CrashDisk(stop_at=stop), 0))

    def attach(self) -> None:
        """One level more, behind the last one that is left, from the next frames on."""
        level = self._level(len(self.levels))
        source = self.source_of(level)
        if source is None:
            return
        self.live(level, self.hire(level, CrashDisk(), 0))
        self.levels.append(level)
        borders = self.sender.next_sequences()
        machine = source.life.machine
        level.begins = machine.successor_attached(self.outbox(level.edge, level), borders)

    def _level(self, number: int) -> Level:
        name = STAGES[number]
        return Level(number, name, f"to {name}", self._places[number])

    # How the session goes.

    def run(self, breaks: Callable[[int], None]) -> None:
        """breaks: called with the number of each event, before it.  Raises AssertionError for what
        no fault may lead to, and everything that a machine or a media agent does not answer for."""
        try:
            while self._is_going() and not self.is_over:
                assert len(self.kinds) < EVENTS_MAX, "the session does not end"
                breaks(len(self.kinds))
                if not self.is_over:
                    self.kinds.append(self._event())
            for level in self.levels:
                if level.owes and not self.is_over:
                    self._finish(level)
        finally:
            for level in self.levels:
                if not level.life.writer.is_dead:
                    level.life.writer.agent.close()

    def _is_going(self) -> bool:
        head = self.levels[0]
        left = [level.life.machine for level in self.levels if not level.is_lost]
        can_send = bool(self.unread) and not self.client_is_dead and not head.is_lost
        return bool(self.network) or can_send or not all(m.is_empty for m in left)

    def _event(self) -> str:
        """One thing happens; which, the seed says.  What is under way arrives in its order."""
        writers = [w for w in self._writers() if w.jobs]
        choices = ["read"] if self._lends() else []
        choices += ["arrive"] * 2 if self.network else []
        choices += ["write"] * len(writers)
        match self.random.choice(choices) if choices else "tick":
            case "read":
                return self._read()
            case "arrive":
                message = self.network.popleft()
                message.arrive()
                return message.kind
            case "write":
                return self._write(self.random.choice(writers))
        self.now += SYNC_SECONDS
        for level in self.levels:
            if not level.is_lost:
                self.perform(level.life, level.life.machine.ticked(self.now))
        return "tick"

    def _writers(self) -> list[Writer]:
        writers = [level.life.writer for level in self.levels if level.owes]
        return [writer for writer in writers if not writer.is_dead]

    # The client.

    def _lends(self) -> bool:
        head = self.levels[0]
        if self.client_is_dead or not self.unread or head.is_lost:
            return False
        lent = self.sender.lend([head.edge])
        if lent is not None:
            self.sender.give_back()
        return lent is not None

    def _read(self) -> str:
        lent = self.sender.lend([self.levels[0].edge])
        assert lent is not None
        header, payload = self.unread.popleft()
        self.reads[header.frame_id] = self.reads.get(header.frame_id, 0) + 1
        self.memory.payload(lent.slot, len(payload))[:] = payload
        self._slot_of[header.frame_id] = lent.slot
        forward = self.sender.filled(FrameDescriptor(header, "slots", lent.slot))
        self.forward(None, [forward] if forward is not None else [])
        return "read"

    def _acknowledge(self, release: Release) -> None:
        frame = release.frame
        slot = self._slot_of.get(frame, -1)
        if self.client_is_dead or not self.sender.released(
            release.edge, frame, slot, release.epoch
        ):
            return
        for level in self.levels:
            assert level.has(frame), f"{frame} is not on {level.name}"
        assert any(frame in level.durable for level in self.levels), f"{frame} is nowhere"
        self.acknowledged[frame] = None

    # Media agents.

    def hire(self, level: Level, disk: CrashDisk, epoch: int) -> Writer:
        """A media agent that holds its device; behind the first one it takes over what that has
        left.  Raises DeviceLockedError, DeviceError."""
        target = target_of(level.place, level.name)
        device = DirectoryDevice(target, segment_bytes=SEGMENT_BYTES, calls=disk)
        slab = SlabSettings("slots", SLOTS, SLOT_BYTES, _THIS_PROCESS)
        with (
            patch.object(media_agent, "open_device", lambda _: device),
            patch.object(media_agent, "open_slab", lambda *_: self.memory),
            # A zombie gives nothing back.
            patch.object(media_agent, "GIVE_BACK_SECONDS_MAX", 0.0),
        ):
            settings = MediaAgentSettings(level.name, self.session, target, slab, epoch, "seam", 0)
            agent, left = MediaAgent(settings), Told()
            if epoch:
                _, left = agent.take_over(None, device.info().device_id)
            else:
                agent.open()
            agent.map()
        found = [frame.header.frame_id for frame in left.frames]
        level.durable.update(dict.fromkeys(found))
        return Writer(agent, device, disk, epoch, found)

    def _write(self, writer: Writer) -> str:
        """One job; the answer is on its way then."""
        life = next(level.life for level in self.levels if level.life.writer is writer)
        job = writer.jobs.popleft()
        kind = "commit" if job.frame is None else "write"
        try:
            written = writer.agent.write(writer.calls, [job])
        except Stopped:
            writer.kill()
            self.restart_agent(life.level)
            return f"{kind}, stopped"
        writer.calls += 1
        assert written.failure is None, written.failure
        life.level.durable.update(dict.fromkeys(written.durable))
        if written.durable:
            self.post(writer, "report", partial(self.report, life, writer, written))
        return kind

    def _finish(self, level: Level) -> None:
        try:
            level.life.writer.agent.finish(*record_frame(self.session, SESSION_RECORD))
        except Stopped:
            # All frames are durable; what is missing is the record of the session.
            level.life.writer.kill()

    def report(self, life: Life, writer: Writer, written: Written) -> None:
        self.perform(life, life.machine.committed(written.durable, writer.epoch))

    def restart_agent(self, level: Level) -> None:
        """In the place of one that is dead."""
        life, old = level.life, level.life.writer
        if not level.owes or not old.is_dead:
            return
        writer = life.writer = self.hire(level, old.disk.reborn(), old.epoch + 1)
        self.perform(life, life.machine.device_restarted(writer.epoch, writer.found, self.now))

    # Buffers.

    def live(self, level: Level, writer: Writer, *, epoch: int = 0) -> Life:
        """A new self of a buffer, which knows nothing; its writer may be dead for a while yet."""
        following = self.following(level)
        successors = [self.outbox(following.edge, following)] if following else []
        machine = BufferMachine(
            slots=SLOTS, bytes_max=SLOTS * SLOT_BYTES,
            commit=GroupCommit(SYNC_BYTES, SYNC_SECONDS), successors=successors, epoch=epoch,
        )  # fmt: skip
        life = Life(level, epoch, machine, writer)
        level.lives.append(life)
        return life

    def outbox(self, edge: str, target: Level) -> Outbox:
        epoch = target.life.epoch if target.lives else 0
        return Outbox(edge, epoch=epoch, begins=target.begins)

    def following(self, level: Level) -> Level | None:
        """The next one that is not lost."""
        behind = self.levels[level.number + 1 :]
        return next((each for each in behind if not each.is_lost), None)

    def source_of(self, level: Level) -> Level | None:
        """The one before that is not lost; None for the client."""
        before = self.levels[: level.number]
        return next((each for each in reversed(before) if not each.is_lost), None)

    def perform(self, life: Life, actions: Iterable[Action]) -> None:
        for action in actions:
            match action:
                case Write(frame):
                    life.writer.jobs.append(Job(frame))
                case Commit():
                    life.writer.jobs.append(Job(None))
                case Forward():
                    self.forward(life, [action])
                case Release():
                    self.post(life, "release", partial(self._released, action))
                case Ask():
                    self.post(life, "ask", partial(self._asked, action))
                case Refuse(fatal=fatal):
                    assert not fatal, action
                case Break():
                    self.post(life, "break", partial(self._give_up, life.level))
        self._check_credit(life)

    def post(self, sender: object, kind: str, arrive: Callable[[], None]) -> None:
        self.network.append(Message(sender, kind, arrive))

    def forward(self, life: Life | None, forwards: Iterable[Forward]) -> None:
        for each in forwards:
            epoch = self._sender_epoch(life, each.edge) if life is not None else 0
            self.post(life, "offer", partial(self._offer, epoch, each))

    def _sender_epoch(self, life: Life, edge: str) -> int:
        """An heir sends over the edge of the one that is lost, as a later self of it."""
        target = next(level for level in self.levels if level.edge == edge)
        is_own = target.number == life.level.number + 1
        return life.epoch if is_own else target.adopted_under

    def _offer(self, epoch: int, forward: Forward) -> None:
        """To the self that is meant, and to no other."""
        level = next((level for level in self.levels if level.edge == forward.edge), None)
        for life in level.lives if level is not None and not level.is_lost else ():
            if life.epoch == forward.epoch:
                self.perform(
                    life,
                    life.machine.offered(
                        forward.edge, epoch, forward.floor, forward.frame, self.now
                    ),
                )

    def _released(self, release: Release) -> None:
        for life in self._senders_to(release.edge):
            self.perform(life, life.machine.released(release.edge, release.frame, release.epoch))
        if release.edge == self.levels[0].edge:
            self._acknowledge(release)

    def _asked(self, ask: Ask) -> None:
        for life in self._senders_to(ask.edge):
            self.perform(life, life.machine.asked(ask.edge, ask.stream, ask.sequence, ask.epoch))
        if ask.edge == self.levels[0].edge and not self.client_is_dead:
            again = self.sender.asked(ask.edge, ask.stream, ask.sequence, ask.epoch)
            self.forward(None, again)

    def _senders_to(self, edge: str) -> list[Life]:
        level = next((level for level in self.levels if level.edge == edge), None)
        source = self.source_of(level) if level is not None else None
        return list(source.lives) if source is not None else []

    def _give_up(self, level: Level) -> None:
        """It can keep its promise no more, and nothing stands behind it."""
        if level.is_lost:
            return
        level.is_lost = True
        source = self.source_of(level)
        if source is None:
            self.sender.head_lost(level.edge, "given up")
        else:
            self.perform(source.life, source.life.machine.successor_detached(level.edge))

    def _check_credit(self, life: Life) -> None:
        """Spent for what is held, and for nothing else."""
        statistics = life.machine.statistics(self.now)
        held = statistics.frames_accepted - statistics.frames_released
        assert statistics.window.slots_used == held <= SLOTS, (life.level.name, statistics)
