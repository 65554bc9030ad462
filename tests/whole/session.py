"""A written graph from its text to its media: checked, planned, and run in one process."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from flowbackup.catalog.catalog import Catalog, open_catalog
from flowbackup.catalog.holder import holder_text
from flowbackup.catalog.missing import Wanted
from flowbackup.lanes.streams import streams_of
from flowbackup.media.devices.directory import DirectoryDevice
from flowbackup.media.labels.label import init_medium
from flowbackup.model.device import DeviceTarget
from flowbackup.model.frame import FrameHeader
from flowbackup.model.ids import FrameId, id_text, new_id
from flowbackup.model.record import SessionRecord
from flowbackup.model.report import DeviceReport, Outcome, SessionReport
from flowbackup.plan import make_plan
from flowbackup.plan.decided import Plan
from flowbackup.plan.groups import COPY, RESTORE
from flowbackup.runtime.copying.work import CopyWork, FrameWork, VersionWork
from flowbackup.runtime.crew.ends import judge
from flowbackup.runtime.edges.wiring import ReadTask
from flowbackup.spec import parse_graph
from tests.plan.written import PLENTY, block_yaml
from tests.whole.memory import QuietCalls
from tests.whole.world import Failure, World

Graph = dict[str, Any]
FILE_BYTES_MAX = 90_000
SESSION_STREAM = 0


@dataclass
class Held:
    """What media hold.  frames: agent -> the frames of this session, in the order of their places,
    read back and their digests checked; records of sessions are left out.  sent: what clients have
    sent.  objects: object_id -> client/name.  copies: the same for the agents of copy stages.
    copies_durable: of each object, as the session tells.  missing: agent -> frames that a repair
    would bring to its device."""

    sent: list[FrameHeader]
    objects: dict[bytes, str]
    frames: dict[str, list[FrameHeader]]
    copies: dict[str, list[FrameHeader]] = field(default_factory=dict)
    copies_durable: dict[str, int] = field(default_factory=dict)
    missing: dict[str, int] = field(default_factory=dict)


def run_graph(graph: Graph, folder: Path, seed: int) -> Held:
    """Everything that one command would do: the backup, then the stages of copies."""
    random = Random(seed)
    plan = prepared(graph, folder, random)
    world = _run(plan, seed)
    held = _held(world)
    held.copies_durable = _copies_durable(world)
    with open_catalog(folder / "catalog.sqlite") as catalog:
        _into_catalog(catalog, world)
        held.missing = _missing(catalog, world)
        for stage in plan.stages:
            held.copies |= _copy(catalog, stage, world.session, random)
    return held


def run_backup(plan: Plan, seed: int, failure: Failure) -> Held:
    """A backup whose agents do not all work to its end."""
    return _held(_run(plan, seed, failure))


def prepared(graph: Graph, folder: Path, random: Random) -> Plan:
    """The plan of a graph that has sources to read and media to write."""
    make_sources(graph, folder, random)
    text = block_yaml(_placed(graph, folder))
    plan = make_plan(parse_graph(text), machine=PLENTY)
    for agent in (*plan.agents, *(a for stage in plan.stages for a in stage.agents)):
        if not os.path.lexists(agent.device.location):
            init_medium(agent.device.location, name=agent.device.name, calls=QuietCalls())
    return plan


def _run(plan: Plan, seed: int, failure: Failure | None = None) -> World:
    world = World(plan, new_id(), seed, failure)
    world.add_clients()
    world.run()
    record = SessionRecord(world.session, "backup", "g", 1, 2, "success", "here")
    world.finish(record.to_json())
    return world


def _held(world: World) -> Held:
    objects = {e.object_id: f"{client}/{e.name}" for client, e in world.endings()}
    return Held(world.sent_by_sources(), objects, _read_back(world.plan, world))


def make_sources(graph: Graph, folder: Path, random: Random) -> None:
    for client in graph["clients"].values():
        for item in client["objects"].values():
            place = folder / item["path"]
            place.mkdir()
            for number in range(random.randint(0, 5)):
                size = random.randint(0, FILE_BYTES_MAX)
                (place / f"f{number}").write_bytes(random.randbytes(size))


def _placed(graph: Graph, folder: Path) -> Graph:
    """The graph with its paths below the folder."""
    devices = {n: d | {"path": str(folder / d["path"])} for n, d in graph["devices"].items()}
    clients = {
        name: client | {
            "objects": {
                o: item | {"path": str(folder / item["path"])}
                for o, item in client["objects"].items()
            }
        }
        for name, client in graph["clients"].items()
    }  # fmt: skip
    return graph | {"devices": devices, "clients": clients}


def _read_back(plan: Plan, world: World) -> dict[str, list[FrameHeader]]:
    return {
        agent.name: _frames_on(agent.device, world.session)
        for agent in plan.agents
        if agent.role != RESTORE
    }


def _frames_on(target: DeviceTarget, session: bytes) -> list[FrameHeader]:
    """The frames of a session that a medium has; each is read, and with it its digest."""
    reader = DirectoryDevice(target).reader()
    return [
        reader.read(stored.header, stored.place)[0]
        for stored in reader.frames()
        if stored.header.session == session and stored.header.stream != SESSION_STREAM
    ]


def _copies_durable(world: World) -> dict[str, int]:
    """Object -> copies, as the report of the session would say; each must have succeeded."""
    durable: dict[str, dict[bytes, int]] = {}
    for name, station in world.stations.items():
        counts = durable.setdefault(name, defaultdict(int))
        for frame in station.durable:
            counts[frame.header.object_id] += 1
    plans = {(o.client, o.name): o for o in world.plan.objects}
    found = {}
    for client, ending in world.endings():
        end = judge(world.plan, ending, plans[client, ending.name], durable)
        assert end.outcome is Outcome.SUCCESS, (client, ending.name, end)
        found[f"{client}/{ending.name}"] = end.copies_durable
    return found


def _into_catalog(catalog: Catalog, world: World) -> None:
    catalog.begin_session(world.session, "backup", "g", "graph: g", "here", 1, holder_text())
    for station in world.stations.values():
        catalog.add_medium(station.info)
        catalog.add_durable([(frame.header, frame.place) for frame in station.durable])
    for client in world.clients.values():
        catalog.unfinished.add_journal(world.session, client._journal)
    for _, ending in world.endings():
        assert ending.record is not None
        catalog.add_version(ending.record, ending.pages)
    streams = streams_of(world.plan)
    devices = tuple(
        DeviceReport(
            name=agent.device.name, agent=agent.name, role=agent.role, level=agent.level,
            node=agent.node, state="complete", bytes_written=0, frames=0,
            medium=id_text(world.stations[agent.name].info.medium), streams=streams[agent.name],
        )
        for agent in world.plan.agents
    )  # fmt: skip
    report = SessionReport(
        id_text(world.session), "backup", "g", Outcome.SUCCESS, 0, "here", 1.0, 0.0, 1, 1, 1, 1,
        devices=devices,
    )  # fmt: skip
    catalog.end_session(report, 2)


def _missing(catalog: Catalog, world: World) -> dict[str, int]:
    media = {name: station.info for name, station in world.stations.items()}
    found = catalog.find_missing([Wanted(info.medium, info.device) for info in media.values()])
    return {name: found[info.medium].frames for name, info in media.items()}


def _copy(
    catalog: Catalog, stage: Plan, session: bytes, random: Random
) -> dict[str, list[FrameHeader]]:
    """A stage: each frame is read by one restore agent that has it."""
    world = World(stage, new_id(), random.randrange(1 << 30))
    readers = {a.name: a for a in stage.agents if a.role == RESTORE}
    media = {n: DirectoryDevice(a.device).info() for n, a in readers.items()}
    media |= {name: station.info for name, station in world.stations.items()}
    for info in media.values():
        catalog.add_medium(info)
    names = {name: info.medium for name, info in media.items()}
    held = {name: {medium} for name, medium in names.items()}
    work = CopyWork(catalog, stage, held, time.time_ns(), session)
    tasks: dict[str, list[ReadTask]] = {name: [] for name in readers}
    for version in work.versions:
        named = _named(stage, version, random)
        for move in version.moves:
            reader, task = _task(catalog, move, {n: names[n] for n in readers}, named, random)
            tasks[reader].append(task)
    for name, agent in readers.items():
        world.add_reader(agent, tasks[name])
    world.run()
    world.finish(b'{"record": "stage of a test"}')
    for name, station in world.stations.items():
        for frame in station.durable:
            work.durable(name, frame.header.frame_id)
    assert not any(work.missing.values()), work.missing
    return _read_back_stage(stage, session)


def _read_back_stage(stage: Plan, session: bytes) -> dict[str, list[FrameHeader]]:
    writers = (agent for agent in stage.agents if agent.role != RESTORE)
    return {agent.name: _frames_on(agent.device, session) for agent in writers}


def _named(stage: Plan, version: VersionWork, random: Random) -> dict[str, str]:
    """Groups that want objects together -> the agent that gets this one."""
    return {
        group: random.choice([a.name for a in stage.agents if a.group == group and a.role == COPY])
        for group in version.groups
        if stage.group(group).assign == "object"
    }


def _task(
    catalog: Catalog, move: FrameWork, readers: Mapping[str, bytes], named: Mapping[str, str],
    random: Random,
) -> tuple[str, ReadTask]:  # fmt: skip
    places = {c.place.medium: c.place for c in catalog.copies_of_frame(move.header.frame_id)}
    able = [name for name, medium in readers.items() if medium in places]
    assert able, f"{move.header.frame_id} is on no device of the restore group"
    reader = random.choice(able)
    ways = tuple((g, f"{reader} -> {named[g]}") for g in move.groups if g in named)
    return reader, ReadTask(move.header, places[readers[reader]], move.groups, ways)


def ids(frames: list[FrameHeader]) -> set[FrameId]:
    """Their names; nothing lies twice."""
    found = {frame.frame_id for frame in frames}
    assert len(found) == len(frames), "a frame lies twice on a device"
    return found
