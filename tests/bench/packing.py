"""Packing many small files into frames, in this process, without Ray, into one slot in memory."""

from __future__ import annotations

import math
import mmap
import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flowbackup.model.frame import FrameHeader, FrameKind
from flowbackup.model.ids import FrameId
from flowbackup.monitor import SilentMonitor
from flowbackup.plan.decided import slot_bytes
from flowbackup.source.port import OpenSlot
from flowbackup.source.reader import read_object
from flowbackup.source.task import ObjectTask
from flowbackup.spec.models import FRAME_BYTES
from tests.bench.datasets import size_of
from tests.bench.measure import Bench, say, settle
from tests.bench.tables import Row, Table

FILES_PER_SECOND_TARGET = 20_000
FRAMES_OVER_MAX = 3
"""Frames beyond bytes / frame: the last one, and what files that did not fit leave empty."""
CORES = 2


class OneSlot:
    """A FrameSink that forgets: one slot, touched before, lent again and again."""

    def __init__(self) -> None:
        size = slot_bytes(FRAME_BYTES)
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE
        self._memory = memoryview(mmap.mmap(-1, size, flags=flags))
        self._sequence = 0
        self.frames: Counter[FrameKind] = Counter()

    def borrow(self) -> OpenSlot:
        return OpenSlot(FrameId(bytes(16), 0, self._sequence), self._memory, 0)

    def send(self, slot: OpenSlot, header: FrameHeader) -> None:
        self._sequence += 1
        self.frames[FrameKind(header.kind)] += 1

    def give_back(self, slot: OpenSlot) -> None:
        """It is lent again as it is."""


class NoPages:
    """A PageSink that forgets."""

    def page(self, digest: bytes, data: bytes) -> None:
        """Forget it."""

    def root(self, digest: bytes, data: bytes) -> None:
        """Forget it."""


def packing(bench: Bench) -> Table:
    """Files per second, and frames used."""
    source = bench.data.small()
    files, size_bytes = size_of(source)
    rates, frames = [], []
    with _core_pair():
        pack(source)
        for number in range(bench.rounds):
            settle(source)
            started = time.perf_counter()
            sink = pack(source)
            seconds = time.perf_counter() - started
            rates.append(files / seconds)
            frames.append(sink.frames)
            say(f"  round {number + 1} of {bench.rounds}: {seconds:.2f} s")
    least = math.ceil(size_bytes / FRAME_BYTES)
    data = tuple(float(count[FrameKind.DATA]) for count in frames)
    manifest = tuple(float(count[FrameKind.MANIFEST]) for count in frames)
    rows = (
        Row("files packed", "files/s", tuple(rates), FILES_PER_SECOND_TARGET),
        Row("source packed", "MB/s", tuple(rate * size_bytes / files / 1e6 for rate in rates)),
        Row("data frames", "frames", data, least + FRAMES_OVER_MAX, at_most=True),
        Row("manifest frames", "frames", manifest),
    )
    notes = (
        f"{files:,} files, {size_bytes / 1e6:,.0f} MB, warm; full frames of {FRAME_BYTES >> 20} "
        f"MiB would be {least}. Walk, metadata, BLAKE3, manifest and frame digests included.",
        f"Bound to {CORES} cores.",
    )
    return Table("S: packing small files", rows, notes)


def pack(source: Path) -> OneSlot:
    """Reads a tree into frames that go nowhere."""
    sink = OneSlot()
    task = ObjectTask(
        session=bytes(16), object_id=bytes(16), client="here", name="small",
        path=os.fsencode(source), frame_bytes=FRAME_BYTES, started_ns=time.time_ns(),
    )  # fmt: skip
    read_object(task, sink, NoPages(), SilentMonitor())
    return sink


@contextmanager
def _core_pair() -> Iterator[None]:
    """This thread, and those it starts, on two cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:CORES])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
