"""Exact moments in the life of a real media agent: it says that one has come, and waits until what
is to happen then has happened.  No clock decides.

The agents of a session are made by `scripted`, and write one line for each frame that they are
given: that is how a test knows what was replayed and for how long a stream stood still.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from ray import cloudpickle

from flowbackup.media import calls
from flowbackup.media.port import FrameWriter
from flowbackup.media.segments import record_file
from flowbackup.model.frame import FrameDescriptor, FrameHeader
from flowbackup.model.ids import FrameId
from flowbackup.runtime.actors.media_agent import MediaAgent
from flowbackup.runtime.edges.wiring import MediaAgentSettings

FRAME, COMMIT, SYNC, COMMITTED, SEAL = "frame", "commit", "sync", "committed", "seal"
"""Before a frame is written; before a commit; within it, when its record is written and not yet
synced; behind it, before anybody is told; before the segment is sealed."""
FRAMES_PER_COMMIT = 2
"""Of commits by size.  A slow machine makes others between them, by time: the nth commit is the one
that comes first behind so many frames."""
WAIT_SECONDS_MAX = 150.0
LOOK_SECONDS = 0.005
_IN_WORDS = {
    FRAME: "frame {nth}", COMMIT: "before commit {nth}", SYNC: "in commit {nth}, before its sync",
    COMMITTED: "between sync {nth} and its release", SEAL: "before the seal",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Moment:
    """The nth time, from 1, that the media agent of a device comes to a point.  It comes once in a
    session: to the agent that goes on afterwards it does not come again."""

    device: str
    point: str
    nth: int = 1

    def __str__(self) -> str:
        words = _IN_WORDS[self.point].format(nth=self.nth)
        return "first frame" if words == "frame 1" else words


class Appended(NamedTuple):
    """A frame that was given to a device.  at: seconds of the monotonic clock of the machine."""

    at: float
    agent: str
    device: str
    pid: int
    stream: int
    sequence: int


class Script:
    """A moment, and the folder through which agents and test speak of it."""

    def __init__(self, folder: Path, moment: Moment | None, *, through_cache: bool = False) -> None:
        """through_cache: media are written through the page cache, so that a disk which is full
        is found out by a sync."""
        self.folder = folder
        self.moment = moment
        self.through_cache = through_cache
        folder.mkdir(exist_ok=True)

    def meet(self) -> None:
        """In the agent.  Returns when the test has done what is to be done."""
        self._path("reached").touch()
        wait_for(self._path("done").exists)

    @property
    def is_over(self) -> bool:
        return self._path("reached").exists()

    @contextmanager
    def acting(self, act: Callable[[], None]) -> Iterator[None]:
        """In the test: does that when the moment has come, in a thread of its own.  Raises what it
        raised, and if the moment never came."""
        with ThreadPoolExecutor(1) as pool:
            future = pool.submit(self._act, act)
            yield
            if self.moment is not None and not self.is_over:
                self._path("never").touch()
            future.result()

    def _act(self, act: Callable[[], None]) -> None:
        if self.moment is None:
            return
        wait_for(lambda: self.is_over or self._path("never").exists())
        assert self.is_over, f"the session ended before {self.moment}"
        try:
            act()
        finally:
            self._path("done").touch()

    def note(self, agent: str, device: str, frame: FrameId) -> None:
        """In the agent: one frame is about to be written."""
        line = f"{time.monotonic()} {agent} {device} {os.getpid()} {frame.stream} {frame.sequence}"
        with self._path("appended").open("a") as file:
            file.write(line + "\n")

    def appended(self) -> list[Appended]:
        path = self._path("appended")
        rows = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
        return [
            Appended(float(at), agent, device, int(pid), int(stream), int(sequence))
            for at, agent, device, pid, stream, sequence in rows
        ]

    def replayed(self) -> int:
        """Frames that came to a media agent although they had been given to one in its place."""
        times = Counter((a.agent, a.stream, a.sequence) for a in self.appended())
        return sum(count - 1 for count in times.values())

    def longest_pause(self) -> float:
        """Seconds for which no media agent was given a frame, between the first and the last."""
        at = sorted(a.at for a in self.appended())
        return max((later - earlier for earlier, later in pairwise(at)), default=0.0)

    def _path(self, name: str) -> Path:
        return self.folder / name


class ScriptedAgent(MediaAgent):
    """A media agent with moments.  script: of the session."""

    script: Script

    def __init__(self, settings: MediaAgentSettings) -> None:
        super().__init__(settings)
        self._reached = self._frames = 0
        # What this process calls to sync: nobody else's.  By way of its module, for what this class
        # itself names has travelled with it, and is another one.
        calls.SYSTEM.fdatasync = self._sync  # type: ignore[method-assign]
        if self.script.through_cache:
            record_file.O_DIRECT = 0

    def _append(self, writer: FrameWriter, frame: FrameDescriptor) -> None:
        settings = self._settings
        self.script.note(settings.agent, settings.target.name, frame.header.frame_id)
        self._come_to(FRAME)
        super()._append(writer, frame)
        self._frames += 1

    def _commit(self, writer: FrameWriter) -> list[FrameId]:
        self._come_to(COMMIT)
        frames = super()._commit(writer)
        if frames:
            self._come_to(COMMITTED)
        return frames

    def _append_record(self, writer: FrameWriter, header: FrameHeader, payload: bytes) -> None:
        self._come_to(SEAL)
        super()._append_record(writer, header, payload)

    def _sync(self, fd: int) -> None:
        self._come_to(SYNC)
        os.fdatasync(fd)

    def _come_to(self, point: str) -> None:
        moment = self.script.moment
        if moment is None or (moment.device, moment.point) != (self._settings.target.name, point):
            return
        self._reached += 1
        if point in (COMMIT, SYNC, COMMITTED):
            has_come = self._frames >= moment.nth * FRAMES_PER_COMMIT
        else:
            has_come = self._reached == moment.nth
        if has_come and not self.script.is_over:
            self.script.meet()


def scripted(script: Script) -> type[MediaAgent]:
    """A class of media agents for one session.  It travels to their processes by value: they need
    not find this file."""
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    return type("MediaAgent", (ScriptedAgent,), {"script": script})


def wait_for(happened: Callable[[], bool]) -> None:
    """Looks until it has.  Raises TimeoutError."""
    latest = time.monotonic() + WAIT_SECONDS_MAX
    while not happened():
        if time.monotonic() > latest:
            raise TimeoutError("what was to happen at this moment did not")
        time.sleep(LOOK_SECONDS)
