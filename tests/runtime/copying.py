"""What the tests of copies share: graphs with copy groups, and what stands on media."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from flowbackup import api
from flowbackup.api import RunSettings
from flowbackup.media.open import open_device
from flowbackup.model.device import DeviceTarget, FramePlace
from flowbackup.model.frame import FrameHeader
from flowbackup.model.ids import id_from_text
from flowbackup.model.report import SessionReport
from flowbackup.monitor import Monitor, SilentMonitor
from flowbackup.plan.decided import Plan

QUIET = SilentMonitor()
HEAD = """
graph: {name}
frame_size: 1 MiB
sync_size: 4 MiB
"""


class Copying:
    """A folder with a catalog, devices by their names, and graphs that use them."""

    def __init__(self, folder: Path, engine: str | None = None) -> None:
        self.folder = folder
        self.engine = engine
        self.catalog = folder / "catalog.sqlite"

    def place(self, device: str) -> Path:
        return self.folder / device

    def plan(self, name: str, body: str, source: Path | None = None, **devices: str) -> Plan:
        """body: the graph without its head and devices.  devices: name -> further options."""
        lines = [HEAD.format(name=name)]
        if source is not None:
            lines.append(f"clients: {{web: {{objects: {{site: {{path: {source}}}}}}}}}\n")
        lines.append("devices:\n")
        lines += [f"  {d}: {{path: {self.place(d)}{options}}}\n" for d, options in devices.items()]
        file = self.folder / f"{name}.yaml"
        file.write_text("".join(lines) + body)
        return api.load_plan(file)

    def settings(self, address: str = "") -> RunSettings:
        return RunSettings(
            catalog=self.catalog, init=True, create=True, address=address, engine=self.engine
        )  # fmt: skip

    def run(self, plan: Plan, monitor: Monitor = QUIET) -> SessionReport:
        return api.run_backup(plan, self.settings(), monitor)

    def copy(self, plan: Plan, *groups: str, monitor: Monitor = QUIET) -> SessionReport:
        return api.run_copy(plan, groups, self.settings(), monitor)

    def hide(self, *devices: str) -> None:
        for device in devices:
            self.place(device).rename(self.place(device).with_suffix(".away"))

    def frames(self, device: str) -> list[tuple[FrameHeader, FramePlace]]:
        """All that a medium has, by its own indexes."""
        reader = open_device(DeviceTarget(device, "directory", str(self.place(device)))).reader()
        return [(stored.header, stored.place) for stored in reader.frames()]

    def foreign(self, device: str, report: SessionReport) -> dict[FrameHeader, bytes]:
        """The frames that a session of copies has put on a device, without its own record, and
        their payloads, as they are read now."""
        reader = open_device(DeviceTarget(device, "directory", str(self.place(device)))).reader()
        own = id_from_text(report.session)
        return {
            stored.header: bytes(reader.read(stored.header, stored.place)[1])
            for stored in reader.frames()
            if stored.header.session != own
        }


class Once(SilentMonitor):
    """Does something once, when the first progress of this kind says that data have moved."""

    def __init__(self, stage: str, act: Callable[[], None]) -> None:
        self._stage, self._act, self.is_done = stage, act, False

    def progress(self, progress: object) -> None:
        moved = getattr(progress, "bytes_read", 0)
        if not self.is_done and getattr(progress, "stage", "") == self._stage and moved:
            self.is_done = True
            self._act()
