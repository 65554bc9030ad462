"""Actors that wait for a file, or for each other: what a test does to a session that runs has all
the time that a busy machine needs for it, and nothing hangs on how fast a device is.

Ray brings these classes to its workers by value: those cannot import them.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

from ray import cloudpickle

from flowbackup.media.port import FrameReader, FrameWriter
from flowbackup.model.frame import FrameDescriptor
from flowbackup.runtime.actors.media_agent import MediaAgent
from flowbackup.runtime.actors.reader import Reader
from flowbackup.runtime.actors.spread_sink import SpreadSink
from flowbackup.runtime.edges.slab import Slab
from flowbackup.runtime.edges.wiring import ReadTask

WAIT_SECONDS_MAX = 250.0
"""Who hangs for longer than 300 s ends the run of the tests."""
LOOK_SECONDS = 0.005

cloudpickle.register_pickle_by_value(sys.modules[__name__])


def wait_until(happened: Callable[[], bool]) -> None:
    """In an actor.  Raises TimeoutError where the test is dead, or what it shows is broken."""
    latest = time.monotonic() + WAIT_SECONDS_MAX
    while not happened():
        if time.monotonic() > latest:
            raise TimeoutError("what was waited for did not come")
        time.sleep(LOOK_SECONDS)


def leaping_time(note: Path) -> SimpleNamespace:
    """In the place of the module: who may take some seconds has had them as soon as it has written
    a line into this file, and not before."""

    def monotonic() -> float:
        has_come = note.exists() and note.read_text().endswith("\n")
        return time.monotonic() + (1e6 if has_come else 0.0)

    return SimpleNamespace(monotonic=monotonic, sleep=time.sleep)


class Gates:
    """Of one device, one behind the other: how far a session has come is no matter of how fast
    anything is.  The agents are made by `agent`, in whichever process, and whoever goes on for one
    of them stands at the same gate."""

    def __init__(self, folder: Path, device: str, *frames: int) -> None:
        """folder: for their files.  frames: how many of a stream it takes before each gate."""
        self._reached = [folder / f"gate{number}-reached" for number in range(len(frames))]
        self._opened = [folder / f"gate{number}-opened" for number in range(len(frames))]
        self._device = device
        self._frames = frames
        folder.mkdir(exist_ok=True)

    @property
    def is_reached(self) -> bool:
        """Does the device stand at a gate that is closed?"""
        pairs = zip(self._reached, self._opened, strict=True)
        return any(reached.exists() and not opened.exists() for reached, opened in pairs)

    def open(self) -> None:
        """The first one that is closed."""
        next(opened for opened in self._opened if not opened.exists()).touch()

    def agent(self, kind: type[MediaAgent]) -> type[MediaAgent]:
        """Media agents of this kind that know the gates."""
        device = self._device
        gates = list(zip(self._frames, self._reached, self._opened, strict=True))

        class Gated(kind):  # type: ignore[misc, valid-type]
            def _append(self, writer: FrameWriter, frame: FrameDescriptor) -> None:
                for frames, reached, opened in gates:
                    is_there = frame.header.frame_id.sequence >= frames
                    if self._settings.target.name == device and is_there:
                        reached.touch()
                        wait_until(opened.exists)
                super()._append(writer, frame)

        Gated.__name__ = Gated.__qualname__ = kind.__name__
        return Gated


def gated_agent(gate: Path, frames: int, *devices: str) -> type[MediaAgent]:
    """These devices take so many frames, and no other before the file is there."""

    class Gated(MediaAgent):
        def _append(self, writer: FrameWriter, frame: FrameDescriptor) -> None:
            if self._settings.target.name in devices and writer.statistics().frames >= frames:
                wait_until(gate.exists)
            super()._append(writer, frame)

    return Gated


def gated_reader(gate: Path, frames: int, *devices: str) -> type[Reader]:
    """From these devices so many frames are read, and no other before the file is there."""

    class Gated(Reader):
        frames_begun = 0

        def _read(self, task: ReadTask, sink: SpreadSink, reader: FrameReader, slab: Slab) -> None:
            if self._settings.target.name in devices and self.frames_begun >= frames:
                wait_until(gate.exists)
            self.frames_begun += 1
            super()._read(task, sink, reader, slab)

    return Gated


def agents_in_turn(log: Path, order: Sequence[str], frames: int) -> type[MediaAgent]:
    """The first so many frames of a session go to these devices in this order, over and over, as if
    they were as fast as that; whoever feeds them otherwise comes to a stop.  log: has a byte for
    each of these frames."""

    class InTurn(MediaAgent):
        def _append(self, writer: FrameWriter, frame: FrameDescriptor) -> None:
            name = self._settings.target.name

            def is_free() -> bool:
                done = log.stat().st_size if log.exists() else 0
                return done >= frames or order[done % len(order)] == name

            if name in order:
                wait_until(is_free)
            super()._append(writer, frame)
            if name in order:
                with log.open("ab") as out:
                    out.write(b".")

    return InTurn
