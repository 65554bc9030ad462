"""A tree, a chain of devices and a catalog, and everything that is done to them in this process."""

from __future__ import annotations

import shutil
from pathlib import Path

from flowbackup import api
from flowbackup.catalog.catalog import open_catalog
from flowbackup.catalog.rows import VersionRow
from flowbackup.model.report import ObjectReport, SessionReport
from flowbackup.monitor import SilentMonitor
from flowbackup.plan.decided import Plan

QUIET = SilentMonitor()


class History:
    """Versions of one tree.  Frames are small, so that a few files fill some."""

    def __init__(
        self, folder: Path, devices: int = 1, frame_size: str = "256 KiB", chunking: str = "{}"
    ) -> None:
        """chunking: as in a graph."""
        self.folder = folder
        self.source = folder / "tree"
        self.source.mkdir()
        self.catalog = folder / "catalog.sqlite"
        self.media = [folder / f"d{number}" for number in range(devices)]
        self._frame_size = frame_size
        self._chunking = chunking

    def plan(self, *more: Path) -> Plan:
        """A chain of its devices, and of more of them."""
        media = (*self.media, *more)
        groups = [f"g{place}: {{devices: [{m.name}]" for place, m in enumerate(media)]
        lines = [
            f"graph: history\nframe_size: {self._frame_size}\nsync_size: 1 MiB",
            f"clients: {{here: {{objects: {{tree: {{path: {self.source}, "
            f"chunking: {self._chunking}}}}}}}}}",
            f"devices: {{{', '.join(f'{m.name}: {{path: {m}}}' for m in media)}}}",
            f"backup_groups: {{{groups[0]}}}}}",
            "mirror_groups:" if more or len(media) > 1 else "",
            *(f"  {group}, mirrors: g{place}}}" for place, group in enumerate(groups[1:])),
        ]
        file = self.folder / "history.yaml"
        file.write_text("\n".join(lines))
        return api.load_plan(file)

    def run(self, *more: Path, full: bool = False) -> SessionReport:
        """Backs the tree up."""
        settings = api.RunSettings(
            catalog=self.catalog, create=True, init=True, full=full, engine="local"
        )
        report = api.run_backup(self.plan(*more), settings, QUIET)
        assert report.exit_code == 0, report.problems
        return report

    def backup(self, *more: Path, full: bool = False) -> ObjectReport:
        return self.run(*more, full=full).objects[0]

    def version(self, number: int) -> VersionRow:
        with open_catalog(self.catalog) as catalog:
            return catalog.resolve(f"tree@{number}")

    def restored(self, number: int) -> Path:
        """Version `number` in a new directory."""
        target = self.folder / "back"
        shutil.rmtree(target, ignore_errors=True)
        request = api.RestoreRequest(catalog=self.catalog)
        report = api.restore(f"tree@{number}", str(target), request, QUIET)
        assert report.exit_code == 0, report.problems
        return target

    def rebuild(self) -> None:
        """The catalog is lost, and made anew from the media."""
        for file in self.folder.glob("catalog.sqlite*"):
            file.unlink()
        report = api.rebuild([str(medium) for medium in self.media], QUIET, self.catalog)
        assert report.exit_code == 0, report.problems
