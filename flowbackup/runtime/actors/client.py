"""The Client actor: reads the data objects of one client once, and sends them down its chains."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import count
from pathlib import Path
from typing import NamedTuple

from flowbackup.errors import FlowbackupError, InterruptedSessionError, SourceError
from flowbackup.flow.actions import Forward
from flowbackup.flow.sender import SenderMachine
from flowbackup.frame.cipher import Cipher
from flowbackup.frame.keys import WriterKey
from flowbackup.frame.page import PageRef
from flowbackup.model.ids import FrameId, id_text, new_id
from flowbackup.model.known import HeldChunks, JournalPage, KnownContent
from flowbackup.model.profile import NO_TIMES, ClientTimes
from flowbackup.model.rate import RateSchedule
from flowbackup.model.record import VersionRecord
from flowbackup.model.report import Outcome
from flowbackup.monitor import Problem, RecordingMonitor
from flowbackup.plan.decided import ObjectPlan, StreamPlan
from flowbackup.process import ProcessIdentity, identify
from flowbackup.runtime.actors.heads import Heads
from flowbackup.runtime.actors.object_hooks import (
    EXIT_CODES,
    Busy,
    hooks_of,
    object_environment,
)
from flowbackup.runtime.actors.pages_kept import PagesKept
from flowbackup.runtime.actors.presence import absence_of
from flowbackup.runtime.actors.slots import SlotSink
from flowbackup.runtime.actors.told_content import ToldContent
from flowbackup.runtime.edges.letterbox import Letterbox
from flowbackup.runtime.edges.pumps import EdgePump
from flowbackup.runtime.edges.slab import Slab, create_slab, open_slab, remove_stale_slabs
from flowbackup.runtime.edges.transport import Transports
from flowbackup.runtime.edges.wiring import (
    ClientSettings,
    EdgeSettings,
    Failure,
    Handle,
    SlabSettings,
)
from flowbackup.runtime.hooks.running import Hooks
from flowbackup.source.content import ReadCounters
from flowbackup.source.fed import open_given, open_source
from flowbackup.source.manifest import Journal
from flowbackup.source.own import own_source
from flowbackup.source.reader import read_object
from flowbackup.source.stream import Stream, StreamLimits, open_command, open_descriptor
from flowbackup.source.task import ObjectTask

COMMAND_SECONDS_MAX = 0.5
"""How long a client that is closed waits for a command to be ended, which takes 0.4 s: behind
that the client itself may be killed, and nobody would end it."""


class ObjectEnding(NamedTuple):
    """How reading one object ended.  record: None where it failed, and then `failure` says why.
    frames: how many of its frames went out over which edge.  known: the frames of earlier sessions
    in which its other content lies: bytes_known of it were not read, bytes_deduplicated were.
    bytes_packed: what its new content takes in frames."""

    name: str
    object_id: bytes
    record: VersionRecord | None
    failure: FlowbackupError | None
    frames: tuple[tuple[str, int], ...]
    pages: tuple[tuple[PageRef, bytes | int], ...]
    known: tuple[FrameId, ...] = ()
    bytes_known: int = 0
    bytes_deduplicated: int = 0
    bytes_packed: int = 0


class ClientProgress(NamedTuple):
    """Counts since the start; problems, endings and the journal since the last time this was asked;
    heads that are waited for now.  bytes_known: of the content that was safe already, and so was
    not read."""

    files: int
    bytes_read: int
    edges: tuple[tuple[str, int], ...]
    problems: tuple[Problem, ...]
    endings: tuple[ObjectEnding, ...]
    first_frame_at: float
    failures: tuple[Failure, ...] = ()
    journal: tuple[JournalPage, ...] = ()
    bytes_known: int = 0
    times: ClientTimes = NO_TIMES


class Client:
    """One client of a session.  `open`, `wire`, `run`; `close` in the end."""

    def __init__(self, settings: ClientSettings) -> None:
        self._settings = settings
        self._slabs: dict[Path, Slab] = {}
        self._pumps: dict[str, EdgePump] = {}
        self._heads: Heads | None = None
        self._transports = Transports()
        self._sink: SlotSink | None = None
        self._monitor = RecordingMonitor()
        self._counters: list[ReadCounters] = []
        self._endings: deque[ObjectEnding] = deque()
        self._journal: deque[JournalPage] = deque()
        self._told = ToldContent()
        self._draining = threading.Event()
        self._ending = threading.Event()
        self._over = threading.Event()
        self._busy = Busy()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._first_frame_at = 0.0
        self._run_seconds = 0.0
        self._letterbox = Letterbox()
        self._cipher: Cipher | None = None

    async def open(self) -> ProcessIdentity:
        """Looks whether the objects are there.  Raises SourceError naming all that are not."""
        missing = [text for o in self._settings.objects if (text := absence_of(o))]
        if missing:
            raise SourceError("; ".join(missing), remedy="correct them in the graph")
        slab = self._settings.own_slab
        if slab is not None:
            remove_stale_slabs()
            path = Path(slab.path)
            self._slabs[path] = create_slab(
                path, slab.slots, slab.slot_bytes, slab.owner, slab.memory
            )  # fmt: skip
        return identify()

    async def wire(self, heads: Sequence[tuple[EdgeSettings, Handle]]) -> None:
        """Couples this client with the buffers that its frames go to."""
        settings = self._settings
        self._loop = asyncio.get_running_loop()
        slabs = self._slabs_of_edges()
        slots = {edge: dict(pairs) for edge, pairs in settings.slots}
        machine = SenderMachine(settings.session, settings.lanes, slots)
        self._sink = SlotSink(machine, slabs, self._forward)
        self._heads = Heads(self._sink, self._transports, self._pumps)
        for edge, target in heads:
            await self._heads.couple(edge, target, slabs[edge.name])

    async def replace_successor(self, edge: str, target: Handle, epoch: int) -> None:
        """Another buffer goes on behind an edge: what it has not released goes to it again."""
        if self._heads is not None:
            await self._heads.replace(edge, target, epoch, self._slabs_of_edges()[edge])

    async def limit(self, edge: str, rate: RateSchedule) -> None:
        """How fast this edge may be from now on."""
        if self._heads is not None:
            self._heads.limit(edge, rate)

    async def detach(self, edge: str) -> None:
        """Nobody goes on behind this edge; what was not released there is lost with it."""
        if self._heads is not None:
            self._heads.give_up(edge)

    async def know(
        self, name: str, content: KnownContent, safe: Collection[FrameId]
    ) -> None:  # fmt: skip
        """Before `run`: what is safe already of an object, the newest content first; more pages of
        the same and more frames in further calls."""
        self._told.add(name, content, safe)

    async def know_chunks(self, names: Collection[str], held: HeldChunks) -> None:
        """Before `run`: chunks that are safe for each of these objects, whichever brought them;
        more in further calls."""
        self._told.add_chunks(names, held)

    async def letterbox(self) -> bytes:
        """The address for a key."""
        return self._letterbox.address

    async def hear_key(self, public: bytes, slots: bytes, letter: bytes) -> None:
        """Before `run`: everything is to be sealed with this writer key, of which the secret comes
        in a letter.  Raises ProtocolError."""
        key = WriterKey(public, self._letterbox.opened(letter), slots)
        self._cipher = Cipher(key, self._settings.session)

    async def run(self) -> FlowbackupError | None:
        """Reads every object and waits until all of it is released; how each object ended is told
        by `progress`, as soon as it is known.  Returns what kept frames from being released."""
        begun = time.perf_counter()
        try:
            return await asyncio.to_thread(self._read_all)
        finally:
            self._run_seconds = time.perf_counter() - begun

    async def progress(self) -> ClientProgress:
        """See ClientProgress.  Cheap; asked about twice a second."""
        problems = tuple(self._monitor.problems)
        self._monitor.problems.clear()
        # The journal behind the endings: an object that has ended needs none any more.
        endings = tuple(self._endings.popleft() for _ in range(len(self._endings)))
        journal = tuple(self._journal.popleft() for _ in range(len(self._journal)))
        return ClientProgress(
            files=sum(c.files for c in self._counters),
            bytes_read=sum(c.bytes_read for c in self._counters),
            bytes_known=sum(c.bytes_known for c in self._counters),
            edges=tuple((name, pump.bytes_moved) for name, pump in self._pumps.items()),
            problems=problems,
            endings=endings,
            first_frame_at=self._first_frame_at,
            failures=self._heads.failures if self._heads is not None else (),
            journal=journal,
            times=self._times(),
        )

    async def next_sequences(self) -> dict[int, int]:
        """Stream -> what it sends next: the border for a mirror that is attached now."""
        return self._sink.next_sequences() if self._sink is not None else {}

    async def cancel(self, *, drain: bool, now: bool = False) -> None:
        """drain: end at the border of the object under way; else stop reading now.  now: end hooks
        behind an object, too."""
        self._draining.set()
        if now:
            self._over.set()
        if not drain:
            self._ending.set()
            if self._sink is not None:
                self._sink.cancel()

    async def close(self) -> None:
        """Ends commands that still run, and lets go of memory; the session is over, so it is
        removed as well."""
        self._ending.set()
        self._over.set()
        await asyncio.to_thread(self._busy.wait_none, COMMAND_SECONDS_MAX)
        self._transports.close()
        while self._slabs:
            _, slab = self._slabs.popitem()
            slab.remove()
            slab.close()

    def abandon(self) -> None:
        """From any thread, where nobody can end it: it reads no further, and sends nothing."""
        self._draining.set()
        self._ending.set()
        if self._sink is not None:
            self._sink.cancel()

    def _times(self) -> ClientTimes:
        if self._sink is None:
            return NO_TIMES
        return ClientTimes(
            self._run_seconds,
            sum(c.scan_seconds for c in self._counters),
            sum(c.read_seconds for c in self._counters),
            sum(c.hashing.own for c in self._counters),
            sum(c.hashing.beside for c in self._counters),
            self._sink.wait_seconds,
            self._sink.end_seconds,
        )

    def _slabs_of_edges(self) -> dict[str, Slab]:
        return {edge: self._mapped(slab) for edge, slab in self._settings.slabs}

    def _mapped(self, slab: SlabSettings) -> Slab:
        path = Path(slab.path)
        if path not in self._slabs:
            self._slabs[path] = open_slab(path, slab.memory)
        return self._slabs[path]

    def _forward(self, forward: Forward) -> None:
        if not self._first_frame_at:
            self._first_frame_at = time.time()
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._pumps[forward.edge].put, forward)

    def _read_all(self) -> FlowbackupError | None:
        if self._sink is None:
            raise SourceError(f"client {self._settings.client} is not wired yet")
        has_hooks = any(plan.hooks for plan in self._settings.objects)
        with self._busy.one() if has_hooks else nullcontext():
            behind = [self._read_hooked(plan, self._sink) for plan in self._settings.objects]
            for hooks in behind:
                hooks.settle()
        try:
            self._sink.wait_released()
        except FlowbackupError as error:
            return error
        return None

    def _read_hooked(self, plan: ObjectPlan, sink: SlotSink) -> Hooks:
        """Reads an object with the hooks around it; those in the background may still run."""
        hooks = hooks_of(self._settings, plan, self._monitor)
        if self._draining.is_set():
            self._endings.append(self._read(plan, sink))
            return hooks
        failure = hooks.begin(self._ending.is_set, self._over.is_set)
        if failure is None:
            ending = self._read(plan, sink)
        else:
            ending = ObjectEnding(plan.name, new_id(), None, failure, (), ())
        is_known = not hooks.may_fail_behind
        if is_known:
            self._endings.append(ending)
        outcome = Outcome(ending.record.outcome) if ending.record else Outcome.FAILED
        failure = hooks.end(outcome, EXIT_CODES[outcome], self._over.is_set)
        if not is_known:
            self._endings.append(_failed_by(ending, failure))
        return hooks

    def _read(self, plan: ObjectPlan, sink: SlotSink) -> ObjectEnding:
        object_id = new_id()
        if self._draining.is_set():
            told = InterruptedSessionError(f"{plan.name} was not begun: the session was ended")
            return ObjectEnding(plan.name, object_id, None, told, (), ())
        pages = PagesKept()
        name_key = self._cipher.name_key if self._cipher else b""
        known = self._told.known_files(plan.name, name_key)
        counters = ReadCounters()
        record: VersionRecord | None = None
        failure: FlowbackupError | None = None
        self._counters.append(counters)
        edges = tuple(f"{plan.client} -> {head}" for head in plan.heads)
        sink.aim(edges, plan.buffers, lies_together=plan.assign == "object")
        try:
            task = ObjectTask(
                session=self._settings.session, object_id=object_id, client=plan.client,
                name=plan.name, path=os.fsencode(plan.path),
                frame_bytes=self._settings.frame_bytes, started_ns=time.time_ns(),
                rules=plan.rules, chunking=plan.chunking,
                stream=self._stream(plan, object_id), zstd_level=self._settings.zstd_level,
                cipher=self._cipher,
            )  # fmt: skip
            record = read_object(
                task, sink, pages, self._monitor, counters, known, self._journal_of(task, pages)
            )
        except FlowbackupError as error:
            failure = error
        frames = sink.frames_sent(object_id)
        return ObjectEnding(
            plan.name, object_id, record, failure, frames, pages.kept(),
            tuple(known.frames), counters.bytes_known, known.bytes_found,
            counters.bytes_packed,
        )  # fmt: skip

    def _journal_of(self, task: ObjectTask, pages: PagesKept) -> Journal:
        ordinals = count()

        def tell(page: bytes) -> None:
            place = task.object_id, task.client, task.name, task.path, task.started_ns
            ordinal = next(ordinals)
            pages.told(ordinal, page)
            self._journal.append(JournalPage(*place, ordinal, page))

        return tell

    def _stream(
        self, plan: ObjectPlan, object_id: bytes
    ) -> AbstractContextManager[Stream] | None:  # fmt: skip
        """Where an object without a path is read from."""
        return None if plan.stream is None else self._open_stream(plan, plan.stream, object_id)

    @contextmanager
    def _open_stream(
        self, plan: ObjectPlan, source: StreamPlan, object_id: bytes
    ) -> Iterator[Stream]:  # fmt: skip
        with self._busy.one(), self._begun(plan, source, object_id) as stream:
            yield stream

    def _begun(
        self, plan: ObjectPlan, source: StreamPlan, object_id: bytes
    ) -> AbstractContextManager[Stream]:  # fmt: skip
        limits = StreamLimits(source.silent_seconds_max, self._ending.is_set)
        if source.source:
            own = own_source(source.source, dict(source.options))
            return open_source(own, str(source), limits)
        if source.given is not None:
            return open_given(source.given, f'table "{plan.name}"', limits)
        if not source.command:
            return open_descriptor(self._settings.stdin, limits)
        environment = object_environment(self._settings, plan)
        environment["FLOWBACKUP_OBJECT_ID"] = id_text(object_id)
        return open_command(source.command, limits, self._monitor, environment)


def _failed_by(ending: ObjectEnding, failure: FlowbackupError | None) -> ObjectEnding:
    """An object behind which a hook failed that must not is no version; why it failed before
    counts more."""
    if failure is None:
        return ending
    return ending._replace(record=None, failure=ending.failure or failure)
