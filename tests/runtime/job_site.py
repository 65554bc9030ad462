"""What a cluster runs as jobs in tests: a source, devices, a catalog, and graphs of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from flowbackup import api
from flowbackup.api.told import told_progress
from flowbackup.catalog.catalog import open_catalog
from flowbackup.catalog.rows import SessionRow
from tests.runtime.job_server import Served
from tests.runtime.three_nodes import LABEL

BIN = Path(sys.executable).parent
WAIT_SECONDS = 240.0
MIRROR = "mirror_groups: {offsite: {mirrors: primary, devices: [usb]}}\n"
"""It is slow, and taken away while the session runs, which then lacks a copy."""


class Site:
    """A source, a device and a catalog, and graphs of them."""

    def __init__(self, place: Path, served: Served) -> None:
        self.place, self.served = place, served
        self.catalog = place / "catalog.sqlite"
        (place / "source").mkdir()
        for name in ("nas", "usb"):
            api.init_device(str(place / name))
        for number in range(4):
            (place / "source" / f"file{number}").write_bytes(os.urandom(2 << 20))

    def graph(
        self, objects: str = "", before: str = "", mirror: str = "", usb_node: str = "head"
    ) -> Path:  # fmt: skip
        """objects: more of them, as a graph has them, behind the source.  before: one that is read
        before it.  usb_node: what the node of the mirror bears as its label, where that is not the
        head."""
        path, site = self.place / "nightly.yaml", f"site: {{path: {self.place}/source}}"
        before = f"before: {before}, " if before else ""
        usb = f"  usb: {{path: {self.place}/usb, node: {usb_node}, rate_limit: 100 kB/s}}\n"
        other = "" if usb_node == "head" else f", {usb_node}: {{}}"
        path.write_text(
            f"graph: nightly\nframe_size: 1 MiB\nsync_size: 2 MiB\n"
            f"nodes: {{head: {{labels: {{{LABEL}: storage1}}}}{other}}}\n"
            f"clients: {{web: {{node: head, objects: {{{before}{site}{objects}}}}}}}\n"
            f"devices:\n  nas: {{path: {self.place}/nas, node: head}}\n"
            f"{usb if mirror else ''}"
            f"backup_groups: {{primary: {{devices: [nas]}}}}\n{mirror}"
        )
        return path

    def submitted(self, graph: Path, *words: str) -> subprocess.Popen[str]:
        command = [
            BIN / "flowbackup", "submit", graph, "--address", self.served.address, "--program",
            BIN / "flowbackup", *words, "--", "--catalog", self.catalog,
        ]  # fmt: skip
        return subprocess.Popen(
            [str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip

    def detach(self, device: str) -> None:
        """From the session that is about to run, as soon as it does."""
        self.wait_running()
        api.change_session("latest", "detach", self.catalog, device=device)

    def wait_running(self) -> None:
        """The session that is about to run does."""
        _wait_for(lambda: bool(self._states()))

    def wait_durable(self, device: str) -> None:
        """It has made a part of it safe there."""
        _wait_for(lambda: any(self._durable_bytes(device)))

    def _durable_bytes(self, device: str) -> Iterator[int]:
        for state in self._states():
            edges = told_progress(state).edges if "fault" not in state else ()
            yield from (edge.bytes_durable for edge in edges if edge.name.endswith(device))

    def _states(self) -> list[dict[str, Any]]:
        return api.status("", self.catalog) if self.catalog.exists() else []

    def job(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command that the head runs for who is anywhere else."""
        submit = (BIN / "ray", "job", "submit", "--address", self.served.address, "--")
        return _ran(*submit, BIN / "flowbackup", *words, "--catalog", self.catalog)

    def command(self, *words: str | Path) -> list[dict[str, Any]]:
        """What a command in the cluster says; the last has its exit code."""
        done = _ran(BIN / "flowbackup", *words, "--json", "--catalog", self.catalog)
        lines: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
        assert lines and lines[-1].get("exit_code", 0) == done.returncode, (words, done)
        return lines

    def copies(self) -> int:
        """Durable ones of the newest version."""
        return int(self.command("copies")[-1]["copies_durable"])

    def session(self) -> SessionRow:
        with open_catalog(self.catalog) as catalog:
            return catalog.sessions()[0]


def _wait_for(condition: Callable[[], bool]) -> None:
    latest = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < latest
        time.sleep(0.2)


def _ran(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, timeout=WAIT_SECONDS,
        check=False,
    )  # fmt: skip
