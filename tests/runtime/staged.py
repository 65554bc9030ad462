"""A staging device `fast` and what it is drained to, without Ray: drained by a repair."""

from __future__ import annotations

import shutil
from pathlib import Path
from random import Random

from flowbackup import api
from flowbackup.api import RepairRequest, RestoreRequest, RunSettings
from flowbackup.catalog.catalog import open_catalog
from flowbackup.media.calls import SystemCalls
from flowbackup.media.freeing import SegmentFreer
from flowbackup.media.segments.freed import freed_among
from flowbackup.media.segments.reader import MediumReader
from flowbackup.model.report import Outcome, SessionReport
from flowbackup.monitor import SilentMonitor
from flowbackup.plan.decided import Plan
from flowbackup.runtime.freeing.session import (
    FreeSession,
    Reach,
    medium_target,
    near_witness,
    policies_named,
)
from flowbackup.testing.compare import differences
from tests.local_backup import LocalBackup

DAY_NS = 24 * 3600 * 10**9
QUIET = SilentMonitor()


class Staged:
    """A folder with a catalog, a source of several segments, and devices."""

    def __init__(self, folder: Path, *slow: str) -> None:
        self.folder = folder
        self.source = folder / "site"
        self.source.mkdir()
        self.local = LocalBackup(folder, "fast", *slow)
        self.change(1)

    def change(self, seed: int) -> None:
        """Other content, of three segments."""
        (self.source / "large").write_bytes(Random(seed).randbytes(1_200_000))
        (self.source / "small").write_bytes(b"%d" % seed)

    def backup(self, *devices: str) -> None:
        self.local.run(self.source, *(devices or ("fast",)))

    def drain(self, *devices: str) -> None:
        """Everything that is known, to these devices."""
        places = [str(self.place(device)) for device in devices or ("slow",)]
        request = RepairRequest(catalog=self.catalog, full=True)
        assert api.repair(places, request, QUIET).outcome is Outcome.SUCCESS

    @property
    def catalog(self) -> Path:
        return self.local.catalog_path

    def place(self, device: str) -> Path:
        return self.local.place(device)

    def plan(self, policy: str = "copies: 1") -> Plan:
        file = self.folder / "staging.yaml"
        file.write_text(
            f"graph: staging\ndevices:\n  fast: {{path: {self.place('fast')}, "
            f"staging: {{{policy}}}}}\n  slow: {{path: {self.place('slow')}}}\n"
            "restore_groups: {drain: {devices: [fast]}}\n"
            "copy_groups: {vault: {copies: drain, devices: [slow], after: command,\n"
            "  select: {versions: all}}}\n"
        )
        return api.load_plan(file)

    def backup_plan(self) -> Plan:
        """A graph that backs the same object up to `fast`."""
        file = self.folder / "backup.yaml"
        file.write_text(
            f"graph: backup\nframe_size: 64 KiB\nsync_size: 256 KiB\n"
            f"clients: {{web: {{objects: {{site: {{path: {self.source}}}}}}}}}\n"
            f"devices: {{fast: {{path: {self.place('fast')}}}}}\n"
            "backup_groups: {stage: {devices: [fast]}}\n"
        )
        return api.load_plan(file)

    def free(self, policy: str = "copies: 1", *, dry_run: bool = False) -> SessionReport:
        settings = RunSettings(catalog=self.catalog)
        return api.free(self.plan(policy), (), settings, QUIET, dry_run=dry_run)

    def free_with(
        self, calls: SystemCalls, policy: str = "copies: 1", *, days: int = 0, is_asked: bool = True
    ) -> SessionReport:
        """With these calls of the system, so many days later."""
        plan = self.plan(policy)
        reach = Reach(
            lambda staging, info: SegmentFreer(medium_target(staging, info), calls), near_witness
        )
        with open_catalog(self.catalog) as catalog:
            (newest,) = catalog.objects()
            now_ns = newest.latest.record.finished_ns + days * DAY_NS
            session = FreeSession(
                catalog, policies_named(plan, ()), plan.graph, QUIET,
                is_asked=is_asked, clock=lambda: now_ns,
            )  # fmt: skip
            return session.run("local", reach)

    def segments(self, device: str = "fast") -> list[int]:
        """Those that have frames."""
        return sorted({stored.place.segment for stored in self.reader(device).frames()})

    def freed(self) -> list[int]:
        names = [file[:2] for file in self.reader("fast").segment_files()]
        return [segment.segment for segment in freed_among(self.reader("fast"), names)]

    def reader(self, device: str) -> MediumReader:
        from flowbackup.media.labels.label import read_label

        return MediumReader(str(self.place(device)), read_label(str(self.place(device))).label)

    def copies(self, version: str = "latest") -> int:
        with open_catalog(self.catalog) as catalog:
            return catalog.copies_durable(catalog.resolve(version))

    def restores(self, version: str = "latest") -> bool:
        """Whether it comes back; whatever does is equal to the source if it is the newest."""
        target = self.folder / "back"
        shutil.rmtree(target, ignore_errors=True)
        report = api.restore(version, str(target), RestoreRequest(catalog=self.catalog), QUIET)
        if report.outcome is not Outcome.SUCCESS:
            return False
        if version == "latest":
            assert list(differences(str(self.source), str(target))) == []
        return True

    def hide(self, device: str) -> None:
        self.place(device).rename(self.place(device).with_suffix(".away"))

    def show(self, device: str) -> None:
        self.place(device).with_suffix(".away").rename(self.place(device))


def reasons(report: SessionReport) -> dict[str, int]:
    """Why segments stay, and how many."""
    return {kept.reason: kept.segments for freed in report.freed for kept in freed.kept}
