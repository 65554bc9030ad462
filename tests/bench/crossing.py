"""Transports alone: frames over one hop or two, between three raylets, and nothing else.

python -m tests.bench.crossing [--protected] [--hops N] ROUNDS BYTES WAY...

Prints JSON: way -> rounds of [seconds, processor seconds].  A frame goes from a slot into a slot
of the next node, is checked there, and goes on; the answer comes when the last node has it.
--protected: Ray itself talks over TLS, so that what passes its object store is no plain text.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ray

from flowbackup.model.digest import frame_digest
from flowbackup.model.frame import Codec, FrameDescriptor, FrameHeader, FrameKind
from flowbackup.model.ids import id_text, new_id
from flowbackup.model.rate import NO_LIMIT
from flowbackup.plan.decided import Transport, slot_bytes
from flowbackup.process import identify
from flowbackup.runtime.edges.slab import create_slab, slab_path
from flowbackup.runtime.edges.transport import ReceivingTransport, SendingTransport, Transports
from flowbackup.runtime.edges.turns import AsyncTurns
from flowbackup.runtime.edges.wiring import EdgeSettings
from flowbackup.spec.models import FRAME_BYTES
from tests.bench.certificate import certificate
from tests.bench.flight import FlightReceiver, FlightSender
from tests.bench.three_nodes import NODES, TLS_FILES, Processors, start, three_nodes

SLOTS = 8
START_SECONDS_MAX = 120
RUN_SECONDS_MAX = 600
FLIGHT = "flight"
WAYS = (Transport.DIRECT.value, Transport.OBJECT_STORE.value, FLIGHT)


class Hop:
    """A node on the way: slots that are filled from the node before and sent to the one behind."""

    def __init__(self) -> None:
        name = slab_path(f"bench-{id_text(new_id())}", "hop")
        self._slab = create_slab(name, SLOTS, slot_bytes(FRAME_BYTES), identify())
        self._free: asyncio.Queue[int] = asyncio.Queue()
        self._transports = Transports({way: Transport(way) for way in WAYS if way != FLIGHT})
        self._senders: dict[str, SendingTransport] = {}
        self._receivers: dict[str, ReceivingTransport] = {}
        self._turns: dict[int, AsyncTurns] = {}
        self._next: Any = None

    async def passport(self) -> bytes:
        return self._transports.passport().certificate

    async def wire(self, following: Any) -> None:
        """following: the hop behind this one, None for the last."""
        for slot in range(SLOTS):
            self._free.put_nowait(slot)
        self._next = following
        for way in WAYS:
            if way != FLIGHT:
                self._receivers[way] = self._transports.receiving(way)
                if following is not None:
                    edge = EdgeSettings(way, "", Transport(way), (), SLOTS, NO_LIMIT)
                    self._senders[way] = await self._transports.sending(edge, following, self._slab)
        self._receivers[FLIGHT] = FlightReceiver()
        if following is not None:
            self._senders[FLIGHT] = FlightSender(self._slab)

    async def fill(self) -> list[FrameDescriptor]:
        """A frame of noise in each slot, for the first hop."""
        frames = []
        for slot in range(SLOTS):
            memory = self._slab.payload(slot, FRAME_BYTES)
            memory[:] = os.urandom(1 << 16) * (FRAME_BYTES >> 16)
            memory[:8] = slot.to_bytes(8, "big")
            header = FrameHeader(
                bytes(16), 1, slot, FrameKind.DATA, Codec.PLAIN, bytes(16), FRAME_BYTES,
                FRAME_BYTES, 0, frame_digest(memory),
            )  # fmt: skip
            frames.append(FrameDescriptor(header, self._slab.path.name, slot))
        return frames

    async def run(self, way: str, number: int, frames: Sequence[FrameDescriptor]) -> None:
        """Sends these frames, as many at once as there are slots.  number: of this run."""
        room = asyncio.Semaphore(SLOTS)

        async def one(call: int, frame: FrameDescriptor) -> None:
            try:
                refs = await asyncio.to_thread(self._senders[way].dispatch, frame)
                await self._next.take.remote(way, number, call, frame, refs)
            finally:
                room.release()

        async with asyncio.TaskGroup() as group:
            for call, frame in enumerate(frames):
                await room.acquire()
                group.create_task(one(call, frame))

    async def take(
        self, way: str, number: int, call: int, frame: FrameDescriptor, refs: tuple[object, ...]
    ) -> None:  # fmt: skip
        slot = await self._free.get()
        async with self._turns.setdefault(number, AsyncTurns()).take(call):
            here = await self._receivers[way].collect(frame, refs, self._slab, slot)
        if self._next is not None:
            refs = await asyncio.to_thread(self._senders[way].dispatch, here)
            await self._next.take.remote(way, number, call, here, refs)
        self._free.put_nowait(slot)

    async def close(self) -> None:
        self._transports.close()
        self._slab.remove()


class Line:
    """Hops on as many nodes, wired."""

    def __init__(self, nodes: Sequence[str]) -> None:
        self._hops: list[Any] = [start(Hop, node) for node in nodes]
        behind = [*self._hops[1:], None]
        wired = [hop.wire.remote(n) for hop, n in zip(self._hops, behind, strict=True)]
        ray.get(wired, timeout=START_SECONDS_MAX)
        self._frames = ray.get(self._hops[0].fill.remote(), timeout=START_SECONDS_MAX)
        self._runs = 0

    def run(self, way: str, size_bytes: int) -> tuple[float, float]:
        """Seconds and processor seconds for so many bytes over all hops."""
        count = max(1, size_bytes // FRAME_BYTES)
        frames = [self._frames[number % SLOTS] for number in range(count)]
        self._runs += 1
        with Processors() as processors:
            started = time.monotonic()
            ray.get(self._hops[0].run.remote(way, self._runs, frames), timeout=RUN_SECONDS_MAX)
            ended = time.monotonic()
            return ended - started, processors.seconds(started, ended)

    def close(self) -> None:
        ray.get([hop.close.remote() for hop in self._hops], timeout=START_SECONDS_MAX)
        for hop in self._hops:
            ray.kill(hop)


def protected(directory: Path) -> dict[str, str]:
    """An environment in which Ray's own calls and its object store go over TLS; Ray reads it when
    it is imported."""
    chain, key = certificate(["127.0.0.1", ray.util.get_node_ip_address()])
    files = [directory / "chain.pem", directory / "key.pem", directory / "chain.pem"]
    files[0].write_bytes(chain)
    files[1].write_bytes(key)
    named = dict(zip(TLS_FILES, map(str, files), strict=True))
    return {**os.environ, "RAY_USE_TLS": "1"} | named


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--protected", action="store_true")
    parser.add_argument("--hops", type=int, default=1)
    parser.add_argument("rounds", type=int)
    parser.add_argument("bytes", type=int)
    parser.add_argument("ways", nargs="+", choices=WAYS)
    options = parser.parse_args()
    if options.protected and "RAY_USE_TLS" not in os.environ:
        words = [sys.executable, "-m", "tests.bench.crossing", *sys.argv[1:]]
        with tempfile.TemporaryDirectory(prefix="fbt-") as directory:
            return subprocess.run(words, env=protected(Path(directory)), check=False).returncode
    with three_nodes() as nodes:
        line = Line([nodes[name] for name in NODES[: options.hops + 1]])
        rounds: dict[str, list[tuple[float, float]]] = {way: [] for way in options.ways}
        for number in range(options.rounds + 1):
            for way in options.ways:
                measured = line.run(way, options.bytes)
                if number:  # the first touches memory for the first time
                    rounds[way].append(measured)
        line.close()
    print(json.dumps(rounds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
