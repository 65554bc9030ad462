"""A tree, a chain of devices and a catalog, and everything that is done to them in this process."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

from flowbackup import api
from flowbackup.catalog.catalog import open_catalog
from flowbackup.catalog.rows import SessionRow, SessionState, VersionRow
from flowbackup.frame.page import decode_page
from flowbackup.keys.key_file import new_key, write_key_file
from flowbackup.model.ids import FrameId
from flowbackup.model.report import DeviceReport, ObjectReport, SessionReport
from flowbackup.monitor import SilentMonitor
from flowbackup.plan.decided import Plan

QUIET = SilentMonitor()
PASSPHRASE = b"of a history"
FIXED = "{size: 64 KiB}"
CUT = "{kind: fastcdc, size: 64 KiB, min: 1 KiB, max: 128 KiB}"


class Setup(NamedTuple):
    """See History."""

    devices: int = 1
    chunking: str = FIXED
    is_sealed: bool = False
    media_size: str = ""

    def __str__(self) -> str:
        chunks = "fixed" if self.chunking == FIXED else "cut"
        more = ("-sealed" if self.is_sealed else "") + ("-set" if self.media_size else "")
        return f"{self.devices}-{chunks}{more}"


class History:
    """Versions of one tree.  Frames are small, so that a few files fill some.

    media_size: of the media of each device, "" for one medium without a limit.  is_sealed: all is
    encrypted; `passphrase` is the file that FLOWBACKUP_PASSPHRASE_FILE is to name then."""

    def __init__(
        self, folder: Path, devices: int = 1, frame_size: str = "256 KiB", chunking: str = "{}",
        media_size: str = "", *, is_sealed: bool = False,
    ) -> None:  # fmt: skip
        """chunking: as in a graph.  A folder that has a history goes on with it."""
        self.folder = folder
        self.source = folder / "tree"
        self.source.mkdir(exist_ok=True)
        self.catalog = folder / "catalog.sqlite"
        self.media = [folder / f"d{number}" for number in range(devices)]
        self.passphrase = folder / "passphrase"
        self.is_sealed = is_sealed
        self._key = folder / "history.key" if is_sealed else None
        self._frame_size = frame_size
        self._chunking = chunking
        self._media_size = media_size
        if self._key is not None and not self._key.exists():
            self.passphrase.write_bytes(PASSPHRASE)
            # What guessing costs need not be paid by tests.
            write_key_file(self._key, new_key(PASSPHRASE, "history", n=16), new=True)

    def plan(self, *more: Path) -> Plan:
        """A chain of its devices, and of more of them."""
        media = (*self.media, *more)
        groups = [f"g{place}: {{devices: [{m.name}]" for place, m in enumerate(media)]
        size = f", media_size: {self._media_size}" if self._media_size else ""
        lines = [
            f"graph: history\nframe_size: {self._frame_size}\nsync_size: 512 KiB",
            f"encryption: {{key: {self._key}}}" if self._key else "",
            f"clients: {{here: {{objects: {{tree: {{path: {self.source}, "
            f"chunking: {self._chunking}}}}}}}}}",
            f"devices: {{{', '.join(f'{m.name}: {{path: {m}{size}}}' for m in media)}}}",
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

    def versions(self) -> list[VersionRow]:
        """Those that the catalog has; none without one."""
        if not self.catalog.exists():
            return []
        with open_catalog(self.catalog) as catalog:
            return catalog.versions()

    def version(self, number: int) -> VersionRow:
        with open_catalog(self.catalog) as catalog:
            return catalog.resolve(f"tree@{number}")

    def ended(self) -> dict[tuple[bytes, bytes], SessionRow]:
        """Session and medium -> what the record of the one tells that lies on the other; only
        sessions that have ended."""
        if not self.catalog.exists():
            return {}
        with open_catalog(self.catalog) as catalog:
            return {
                (row.session, copy.place.medium): _told(row, names=not self.is_sealed)
                for row in catalog.sessions()
                if row.state is SessionState.FINISHED
                for copy in catalog.copies_of_frame(FrameId(row.session, 0, 0))
            }

    def named(self) -> dict[bytes, int]:
        """The files that the last backup has named which did not live to its end, and how much of
        the content of each lies on all devices."""
        with open_catalog(self.catalog) as catalog:
            device_of = {info.medium: info.device for info in catalog.media()}
            rows = catalog._database.rows(
                """SELECT page FROM journal WHERE started_ns =
                   (SELECT max(started_ns) FROM journal) ORDER BY ordinal"""
            )
            found = Counter[bytes]()
            for entry in (entry for (page,) in rows for entry in decode_page(page)):
                for chunk in entry.chunks:
                    copies = catalog.copies_of_frame(chunk.frame)
                    holding = {device_of[copy.place.medium] for copy in copies}
                    is_safe = holding.issuperset(medium.name for medium in self.media)
                    found[entry.path] += chunk.size * is_safe
            return found

    def complete_on(self, version: str) -> set[Path]:
        """The media that the catalog says have all of it."""
        with open_catalog(self.catalog) as catalog:
            rows = catalog.copies_of(catalog.resolve(version))
        return {Path(row.medium.location) for row in rows if row.complete}

    def restored(self, version: int | str) -> Path:
        """A version, by its number or id, in a new directory."""
        target = self.folder / "back"
        shutil.rmtree(target, ignore_errors=True)
        request = api.RestoreRequest(catalog=self.catalog)
        query = version if isinstance(version, str) else f"tree@{version}"
        report = api.restore(query, str(target), request, QUIET)
        assert report.exit_code == 0, report.problems
        return target

    def forget(self, versions: Sequence[str]) -> None:
        """These are none any more."""
        found = api.forget(versions, api.ForgetRequest(catalog=self.catalog), QUIET)
        assert found.report.exit_code == 0, found.report

    def prune(self, max_unused: str = "0", *, dry_run: bool = False) -> SessionReport:
        """max_unused: a share, as 1/20, or "" for any."""
        share = Fraction(max_unused) if max_unused else None
        request = api.PruneRequest(self.catalog, max_unused=share, dry_run=dry_run)
        report = api.prune((), request, QUIET)
        assert report.exit_code == 0, report.problems
        return report

    def rebuild(self) -> None:
        """The catalog is lost, and made anew from the media."""
        for file in self.folder.glob("catalog.sqlite*"):
            file.unlink()
        report = api.rebuild([str(medium) for medium in self.media], QUIET, self.catalog)
        assert report.exit_code == 0, report.problems


def _told(row: SessionRow, *, names: bool) -> SessionRow:
    """Without what a record is written too early to tell, and with names only where a session that
    has no key may tell them."""
    tells_names = names or row.kind == "backup"
    return replace(
        row, holder="", finished_ns=None, duration_seconds=0.0,
        graph_name=row.graph_name if tells_names else "", host=row.host if tells_names else "",
        devices=tuple(_told_device(device) for device in row.devices),
    )  # fmt: skip


def _told_device(device: DeviceReport) -> DeviceReport:
    """Segments end behind the record."""
    return replace(device, bytes_written=0, frames=0, syncs=0)
