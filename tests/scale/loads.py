"""The loads behind cluster/SCALE.md.

python -m tests.scale.loads        runs them at full size and prints what was measured
"""

from __future__ import annotations

import os
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar
from unittest.mock import patch

from flowbackup.api import RunSettings, quick_plan, run_backup
from flowbackup.catalog.catalog import open_catalog
from flowbackup.frame.page import PageRef
from flowbackup.model.entry import Entry
from flowbackup.model.frame import FrameHeader
from flowbackup.model.ids import FrameId, new_id
from flowbackup.model.record import VersionRecord
from flowbackup.monitor import SilentMonitor
from flowbackup.plan.decided import Plan
from flowbackup.plan.machine import Machine
from flowbackup.plan.making import load_plan
from flowbackup.runtime.engines.local_call import Call
from flowbackup.runtime.engines.loop_actor import LoopActor
from flowbackup.runtime.engines.thread_actor import ThreadActor
from flowbackup.testing.schedules import Schedule
from tests.catalog.conftest import directory_entry, file_entry, frame, header, medium, paged, place
from tests.catalog.conftest import record as made_record

CLIENTS, DEVICES = 1_000, 100
FRAMES = 200_000
VERSION_FRAMES = 2_000
SCHEDULES = 1_000
ROOMY = Machine(1 << 45, 1 << 45)
"""What memory there is on the nodes is not the question here."""
PETABYTE = 10**15
FRAME_BYTES = 16 << 20
ROUNDS = ("statistics", "progress", "durable_since")
"""What a session asks again and again while it runs."""

Result = TypeVar("Result")


def timed(work: Callable[[], Result]) -> tuple[float, Result]:
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def large_graph(clients: int, devices: int) -> str:
    """Half of the devices are heads of a chain, each with a mirror on another node; clients are
    spread over the chains, each on a node of its own."""
    heads = devices // 2
    slots = 2 * -(-clients // heads)  # two frames of each client
    nodes = [f"  n{i}: {{}}" for i in range(heads + clients)]
    made = [
        f"  c{i}: {{node: n{heads + i}, objects: {{all: {{path: /srv, group: b{i % heads}}}}}}}"
        for i in range(clients)
    ]
    placed = [
        f"  d{i}: {{path: /mnt/d{i}, node: n{i if i < heads else (i + 1) % heads}}}"
        for i in range(devices)
    ]
    backups = [f"  b{i}: {{devices: [d{i}], buffers: {slots}}}" for i in range(heads)]
    mirrors = [
        f"  m{i}: {{mirrors: b{i}, devices: [d{heads + i}], buffers: {slots}}}"
        for i in range(heads)
    ]
    parts = (
        "graph: large", "nodes:", *nodes, "clients:", *made, "devices:", *placed,
        "backup_groups:", *backups, "mirror_groups:", *mirrors,
    )  # fmt: skip
    return "\n".join(parts) + "\n"


def plan_load(place_: Path, clients: int, devices: int) -> Plan:
    path = place_ / "large.yaml"
    path.write_text(large_graph(clients, devices))
    return load_plan(path, machine=ROOMY)


@dataclass(frozen=True)
class CatalogLoad:
    """Of so many frames with two copies each, every one with one large file in it."""

    frames: int
    versions: int
    size_bytes: int
    seconds: float
    below_seconds: float
    list_seconds: float

    @property
    def bytes_per_frame(self) -> float:
        return self.size_bytes / self.frames


def catalog_load(place_: Path, frames: int, version_frames: int) -> CatalogLoad:
    path = place_ / "catalog.sqlite"
    media = [medium(number) for number in range(2)]
    versions = frames // version_frames
    with open_catalog(path) as catalog:
        for info in media:
            catalog.add_medium(info)

        def write() -> None:
            for _ in range(versions):
                session, object_id = new_id(), new_id()
                names = [frame(sequence, session) for sequence in range(version_frames)]
                record, pages = version(session, object_id, names)
                for info in media:
                    catalog.add_durable([(headed(n, object_id), place(info, n)) for n in names])
                catalog.add_version(record, pages)

        seconds, _ = timed(write)
        below_seconds, below = timed(lambda: catalog.below_copies(3))
        assert len(below) == versions
        last = catalog.versions()[0]
        list_seconds, listed = timed(lambda: list(catalog.entries(last, b"d0001")))
        assert listed
    size = sum(each.stat().st_size for each in place_.glob("catalog.sqlite*"))
    return CatalogLoad(frames, versions, size, seconds, below_seconds, list_seconds)


def headed(name: FrameId, object_id: bytes) -> FrameHeader:
    return header(name, object_id)._replace(payload_bytes=FRAME_BYTES, content_bytes=FRAME_BYTES)


def version(
    session: bytes, object_id: bytes, names: list[FrameId]
) -> tuple[VersionRecord, list[tuple[PageRef, bytes]]]:  # fmt: skip
    """A hundred large files in each of its directories."""
    entries: list[Entry] = [directory_entry(b"")]
    for number, name in enumerate(names):
        folder = b"d%04d" % (number // 100)
        if number % 100 == 0:
            entries.append(directory_entry(folder))
        entries.append(file_entry(folder + b"/f%02d" % (number % 100), name))
    record = replace(made_record(object_id, names[-1]), session=session)
    return record, paged(entries, 1_000, names[-1])


def machine_load(schedules: int) -> Counter[str]:
    """Random days of the machines of flow/, with faults and checks at every step."""
    counts: Counter[str] = Counter()
    for seed in range(schedules):
        report = Schedule(seed).run()
        counts["steps"] += report.steps
        counts["acknowledged"] += report.acknowledged
    return counts


@contextmanager
def counted_calls() -> Iterator[Counter[str]]:
    """Calls between the actors of sessions of this process, by their names."""
    counts: Counter[str] = Counter()

    def counting(kind: type[LoopActor | ThreadActor]) -> Callable[..., None]:
        made = kind.call

        def call(self: LoopActor | ThreadActor, call: Call) -> None:
            counts[call.method] += 1
            made(self, call)  # type: ignore[arg-type]

        return call

    with (
        patch.object(LoopActor, "call", counting(LoopActor)),
        patch.object(ThreadActor, "call", counting(ThreadActor)),
    ):
        yield counts


def calls_load(place_: Path, devices: int, frames: int, frame_bytes: int = 256 << 10) -> int:
    """Calls of a backup of so many full frames through a chain of so many devices, but for those
    of the session's rounds, of which a slow machine has more."""
    source = place_ / f"source{frames}"
    source.mkdir(exist_ok=True)
    (source / "file").write_bytes(os.urandom(frames * frame_bytes))
    first, *others = [str(place_ / f"{devices}-{frames}-{number}") for number in range(devices)]
    plan = quick_plan([str(source)], first, others, frame_size=frame_bytes)
    settings = RunSettings(
        catalog=place_ / f"calls{devices}-{frames}", create=True, init=True, engine="local"
    )
    with counted_calls() as counts:
        report = run_backup(plan, settings, SilentMonitor())
    assert report.exit_code == 0 and report.devices[0].frames >= frames
    return counts.total() - sum(counts[method] for method in ROUNDS)


def rounds_load(place_: Path, clients: int, bytes_each: int = 4 << 20) -> float:
    """Calls a second of a session whose device takes 1 MB/s: mostly the session's own questions.
    All of its clients read at the same time."""
    source, folder = place_ / f"rounds{clients}", place_ / f"nas{clients}"
    source.mkdir()
    (source / "file").write_bytes(os.urandom(bytes_each // clients))
    made = "\n".join(f"  c{i}: {{objects: {{all: {{path: {source}}}}}}}" for i in range(clients))
    graph = place_ / f"rounds{clients}.yaml"
    graph.write_text(
        f"graph: rounds\nframe_size: 64 KiB\nsync_size: 128 KiB\nclients:\n{made}\n"
        f"devices: {{nas: {{path: {folder}, rate_limit: 1 MB/s}}}}\n"
        f"backup_groups: {{primary: {{devices: [nas], buffers: {max(8, 2 * clients)}}}}}\n"
    )
    settings = RunSettings(catalog=place_ / f"rounds{clients}.sqlite", create=True, engine="local")
    with counted_calls() as counts:
        report = run_backup(load_plan(graph), settings, SilentMonitor())
    assert report.exit_code == 0
    return counts.total() / report.duration_seconds


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="flowbackup-scale-") as name:
        folder = Path(name)
        seconds, plan = timed(lambda: plan_load(folder, CLIENTS, DEVICES))
        shape = f"{CLIENTS} clients, {DEVICES} devices, {len(plan.edges)} edges"
        print(f"plan: {shape} in {seconds:.1f} s")
        most = max(plan.memory_bytes, key=lambda item: item[1])
        print(f"plan: at most {most[1] >> 20} MiB of buffers on a node ({most[0]})")
        load = catalog_load(folder, FRAMES, VERSION_FRAMES)
        print(
            f"catalog: {load.frames} frames x 2 copies, {load.bytes_per_frame:.0f} bytes a frame, "
            f"{load.frames / load.seconds:.0f} frames/s, "
            f"copies --below in {load.below_seconds:.2f} s, ls in {1000 * load.list_seconds:.1f} ms"
        )
        frames = PETABYTE / FRAME_BYTES
        print(
            f"catalog: 1 PB is {frames / 1e6:.0f} million frames, "
            f"{frames * load.bytes_per_frame / 2**30:.0f} GiB, "
            f"{frames * load.seconds / load.frames / 3600:.1f} h of writing"
        )
        seconds, counts = timed(lambda: machine_load(SCHEDULES))
        print(
            f"machines: {counts['steps'] / seconds:.0f} steps/s, "
            f"{counts['acknowledged'] / seconds:.0f} frames/s through all levels, with checks"
        )
        for devices in (1, 2, 3):
            few, many = (calls_load(folder, devices, frames) for frames in (40, 120))
            print(f"calls: {(many - few) / 80:.1f} a frame, {devices} devices")
        few, many = rounds_load(folder, 2), rounds_load(folder, 22)
        print(f"questions: {(many - few) / 20:.1f} a second for each client more")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"memory: {peak >> 10} MiB at most")


if __name__ == "__main__":
    main()
