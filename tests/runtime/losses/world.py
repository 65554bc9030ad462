"""A chain of three devices on three nodes, sessions on it, and what can be asked about them."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import ray
from ray.cluster_utils import Cluster

from flowbackup import api
from flowbackup.api import RunSettings
from flowbackup.catalog.catalog import open_catalog
from flowbackup.model.report import SessionReport
from flowbackup.monitor import RecordingMonitor
from flowbackup.plan.decided import Plan
from flowbackup.runtime.crew import crew
from flowbackup.units import KIB
from tests.leaks import Place, leaks
from tests.runtime.losses.moments import Moment, Script, scripted, wait_for

DEVICES = ("disk1", "disk2", "disk3")
OBJECTS = {"first": 3, "second": 14}
"""Files of each.  The first is durable long before the middle of the second."""
FILE_BYTES = 500 * KIB
GROUPS = """
        backup_groups: {g0: {devices: [disk1], buffers: 6}}
        mirror_groups:
          g1: {mirrors: g0, devices: [disk2], buffers: 6}
          g2: {mirrors: g1, devices: [disk3], buffers: 6}
"""


@dataclass
class World:
    """cluster: of three nodes.  folder: for everything, in memory, as syncs take no time there.
    patch: puts scripted media agents in the place of plain ones.  at: devices that are not below
    the folder, and where they are.  through_cache: see Script.  touched: "object/path" of sources
    that were changed while they were read, and are not what is backed up.  after: what is to be
    undone when all is over."""

    cluster: Cluster
    folder: Path
    patch: pytest.MonkeyPatch
    at: dict[str, Path] = field(default_factory=dict)
    extra_devices: Mapping[str, str] = field(default_factory=dict)
    rates: Mapping[str, str] = field(default_factory=dict)
    groups: str = GROUPS
    options: str = ""
    through_cache: bool = False
    monitor: RecordingMonitor = field(default_factory=RecordingMonitor)
    catalog_folder: Path | None = None
    is_new: bool = True
    touched: set[str] = field(default_factory=set)
    after: ExitStack = field(default_factory=ExitStack)
    script: Script = field(init=False)
    _runs: int = 0

    def __post_init__(self) -> None:
        for name, files in OBJECTS.items() if self.is_new else ():
            place = self.source(name)
            place.mkdir(parents=True)
            for number in range(files):
                (place / f"file{number:02d}").write_bytes(os.urandom(FILE_BYTES + number))

    @property
    def catalog(self) -> Path:
        return (self.catalog_folder or self.folder / "catalog") / "catalog.sqlite"

    def source(self, name: str) -> Path:
        return self.folder / "source" / name

    def medium(self, device: str) -> Path:
        return self.at.get(device, self.folder / device)

    @property
    def devices(self) -> tuple[str, ...]:
        return (*DEVICES, *self.extra_devices)

    @property
    def media(self) -> list[Path]:
        return [self.medium(name) for name in self.devices]

    def source_bytes(self) -> int:
        files = [path for name in OBJECTS for path in self.source(name).iterdir()]
        return sum(path.stat().st_size for path in files)

    def plan(self) -> Plan:
        """Devices without a label get one."""
        for name in self.devices:
            if not (self.medium(name) / "segments").exists():
                api.init_device(str(self.medium(name)), name)
        return api.load_plan(self.graph())

    def graph(self) -> Path:
        nodes = dict(zip(DEVICES, ("storage1", "storage2", "storage3"), strict=True))
        devices = "\n".join(
            f"          {name}: {{path: {self.medium(name)}, node: {node}, "
            f"rate_limit: {self.rates.get(name, 0)}}}"
            for name, node in (nodes | dict(self.extra_devices)).items()
        )
        objects = ", ".join(f"{name}: {{path: {self.source(name)}}}" for name in OBJECTS)
        path = self.folder / "losses.yaml"
        path.write_text(
            f"""
        graph: losses
        frame_size: 256 KiB
        sync_size: 512 KiB
        {self.options}
        nodes: {{storage1: {{}}, storage2: {{}}, storage3: {{}}}}
        clients: {{web: {{objects: {{{objects}}}}}}}
        devices:
{devices}
{self.groups}
        """
        )
        return path

    def run(
        self, moment: Moment | None = None, act: Callable[[World], None] | None = None
    ) -> SessionReport:  # fmt: skip
        """A session in which that is done at that moment."""
        plan = self.plan()
        self.catalog.parent.mkdir(exist_ok=True)
        self._runs += 1
        folder = self.folder / f"script{self._runs}"
        self.script = Script(folder, moment, through_cache=self.through_cache)
        self.patch.setattr(crew, "MediaAgent", scripted(self.script))
        with self.script.acting(lambda: act(self) if act else None):
            settings = RunSettings(catalog=self.catalog)
            return api.run_backup(plan, settings, self.monitor)

    def bring_near(self) -> None:
        """From now on all media are this machine's own, as on the nodes where they are."""
        with open_catalog(self.catalog) as opened:
            for info in [api.show_device(str(medium)).info for medium in self.media]:
                opened.add_medium(info)

    def leaks(self, unsealed: Sequence[str] = (), waits_for: Sequence[str] = ()) -> list[str]:
        """See tests/leaks.py."""
        names = [self.medium(name).name for name in unsealed]
        mark = f"RAY_TMPDIR={os.environ['RAY_TMPDIR']}"
        return leaks(Place(self.catalog, self.media, names, mark), waits_for)

    def signal(self, kind: str, name: str, number: int = signal.SIGKILL) -> None:
        """To the process of an actor, as "MediaAgent", "g0.disk1"."""
        who = (f"losses/{name}", kind, "ALIVE")
        (pid,) = [
            int(str(actor["Pid"]))
            for actor in ray._private.state.actors().values()
            if (actor["Name"], actor["ActorClassName"], actor["State"]) == who
        ]
        os.kill(pid, number)

    def be_heard(self) -> None:
        """Returns when the session has asked everybody what has happened until now."""
        rounds = len(self.monitor.snapshots)
        wait_for(lambda: len(self.monitor.snapshots) >= rounds + 2)
