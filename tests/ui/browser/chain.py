"""A chain of two devices with some data, in the folder of the page."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from flowbackup import api
from flowbackup.api import RunSettings
from flowbackup.model.report import SessionReport
from flowbackup.monitor import SilentMonitor

NASTY = ("a\u202egpj.exe", "<img src=x onerror=alert(1)>", "two\nlines", "*")
SITE = "{path: site, exclude: [cache/]}"
GRAPH = """\
graph: nightly
engine: local
copies: 2
frame_size: 1 MiB
sync_size: 2 MiB
clients:
  web:
    objects:
      site: {path: site, exclude: [cache/]}
devices:
  nas: {path: nas}
  usb: {path: usb}
backup_groups:
  primary: {devices: [nas], buffers: 8}
mirror_groups:
  offsite: {mirrors: primary, devices: [usb], level: 1, buffers: 8}
"""
MIB = 1 << 20
FILMS = 4


class Chain:
    """folder: the root of the page.  graph: the file."""

    def __init__(self, folder: Path, catalog: Path) -> None:
        self.folder = folder
        self.catalog = catalog
        self.source = folder / "site"
        self.graph = folder / "nightly.yaml"
        self.graph.write_text(GRAPH)
        for name, content in (
            ("index.html", b"<h1>hello</h1>\n"), ("etc/site.conf", b"port = 8080\n"),
            ("cache/page.html", b"made anew"),
            *((f"names/{name}", b"x") for name in NASTY),
            *((f"media/film{number}.bin", os.urandom(MIB)) for number in range(FILMS)),
        ):  # fmt: skip
            path = self.source / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def instead_of_a_path(self, written: str) -> None:
        """The data object is this one, as a graph has it."""
        self.graph.write_text(GRAPH.replace(SITE, written))

    def run(self, *tags: str) -> SessionReport:
        """Backs it up, outside the page."""
        settings = RunSettings(catalog=self.catalog, init=True, engine="local", tags=tags)
        return api.run_backup(api.load_plan(self.graph), settings, SilentMonitor())

    def leave_out(self, name: str) -> None:
        """As if it had never been there: what the graph excludes, before a comparison."""
        times = os.stat(self.source)
        shutil.rmtree(self.source / name)
        os.utime(self.source, ns=(times.st_atime_ns, times.st_mtime_ns))

    def damage(self, device: str) -> None:
        """One bit in the middle of what lies on a device."""
        segments = sorted((self.folder / device / "segments").iterdir())
        path = max(segments, key=lambda segment: segment.stat().st_size)
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.chmod(0o600)
        path.write_bytes(data)
