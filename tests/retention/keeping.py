"""A tree that changes, versions of it on devices, and what takes them away, without Ray.

Each backup refers to the frames of the one before for files that are as they were, as incremental
ones do.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from random import Random

from flowbackup.catalog.catalog import Catalog
from flowbackup.catalog.earlier import EarlierState
from flowbackup.catalog.retention import Decision
from flowbackup.catalog.rows import VersionRow
from flowbackup.media.calls import SYSTEM, SystemCalls
from flowbackup.media.labels.label import read_label
from flowbackup.media.labels.set_label import is_set
from flowbackup.media.pruning import SegmentPruner
from flowbackup.media.segments.reader import MediumReader
from flowbackup.media.sets.media_set import find_set
from flowbackup.model.device import MediumInfo
from flowbackup.model.ids import id_text
from flowbackup.model.known import KnownContent
from flowbackup.model.report import SessionReport
from flowbackup.model.retention import RetentionPolicy
from flowbackup.monitor import SilentMonitor
from flowbackup.runtime.pruning.forgetting import ForgetTask, ObjectPolicy, run_forgetting
from flowbackup.runtime.pruning.session import PruneSession, PruneTask
from flowbackup.runtime.reading.known_media import target_of
from flowbackup.source.known import KnownFiles
from tests.judge import check_here, listed_here, recovered_here
from tests.local_backup import SEGMENT_BYTES, LocalBackup

HOUR_NS = 3600 * 10**9
ALL = Fraction(0)
Tree = dict[str, bytes]


class Keeping:
    """A folder with a catalog, devices and a source."""

    def __init__(
        self, folder: Path, *devices: str, seed: int = 0,
        media_bytes: Mapping[str, int] | None = None,
    ) -> None:  # fmt: skip
        """media_bytes: see LocalBackup."""
        self.folder = folder
        self.devices = devices or ("disk",)
        self.local = LocalBackup(folder, *self.devices, media_bytes=media_bytes)
        self.source = folder / "site"
        self.source.mkdir()
        self.now_ns = 1_700_000_000 * 10**9
        self.tree: Tree = {}
        self._random = Random(seed)
        self._changes = 0
        self._opened: list[SegmentPruner] = []

    # The tree

    def write(self, name: str, size: int = 50_000) -> None:
        """New content of a size that no file had before."""
        self._changes += 1
        self.tree[name] = self._random.randbytes(size + self._changes)
        (self.source / name).write_bytes(self.tree[name])

    def remove(self, name: str) -> None:
        del self.tree[name]
        (self.source / name).unlink()

    # Sessions

    def backup(
        self, *devices: str, tags: tuple[str, ...] = (), fails_at: Mapping[str, int] | None = None,
        dies_at: int = 0,
    ) -> VersionRow:  # fmt: skip
        """An hour later."""
        self.now_ns += HOUR_NS
        names = devices or self.devices
        with self.local.catalog() as catalog:
            known = self._known(catalog, names)
        return self.local.run(
            self.source, *names, known=known, clock=lambda: self.now_ns, tags=tags,
            fails_at=fails_at, dies_at=dies_at,
        )  # fmt: skip

    def _known(self, catalog: Catalog, devices: Iterable[str]) -> KnownFiles:
        found = catalog.versions()
        if not found:
            return KnownFiles()
        newest = found[-1]
        device_of = {info.medium: info.device for info in catalog.media()}
        safe = {
            row.frame
            for row in catalog.frames_of(newest)
            if {*devices}
            <= {device_of[copy.place.medium] for copy in catalog.copies_of_frame(row.frame)}
        }
        state = EarlierState(newest.record.session, newest.object_id, 1 << 62)
        pages = [*catalog.earlier.pages(state)]
        bodies, stored = tuple(p for p, _ in pages), tuple(ref for _, ref in pages if ref)
        return KnownFiles([KnownContent(newest.object_id, 1 << 62, bodies, stored)], safe)

    def forget(self, *versions: VersionRow) -> None:
        with self.local.catalog() as catalog:
            catalog.forgetting.forget(versions, self.now_ns)

    def forget_by(self, policy: RetentionPolicy, *, dry_run: bool = False) -> list[Decision]:
        task = ForgetTask((ObjectPolicy("web", "site", policy),), dry_run=dry_run)
        with self.local.catalog() as catalog:
            found = run_forgetting(catalog, task, SilentMonitor(), lambda: self.now_ns)
        return [*found.decisions]

    def prune(
        self, calls: Mapping[str, SystemCalls] | SystemCalls = SYSTEM, *,
        max_unused: Fraction | None = ALL, dry_run: bool = False, copies: int = 1,
    ) -> SessionReport:  # fmt: skip
        """calls: of the system, of all devices or of each."""

        def opening(info: MediumInfo) -> SegmentPruner:
            its = calls if isinstance(calls, SystemCalls) else calls.get(info.device, SYSTEM)
            pruner = SegmentPruner(target_of(info), its, segment_bytes=SEGMENT_BYTES)
            self._opened.append(pruner)
            return pruner

        task = PruneTask(max_unused=max_unused, dry_run=dry_run, copies=copies)
        with self.local.catalog() as catalog:
            session = PruneSession(
                catalog, task, SilentMonitor(), opening=opening, clock=lambda: self.now_ns
            )
            return session.run()

    def let_go(self) -> None:
        """The locks of a process that was killed end with it."""
        for pruner in self._opened:
            pruner._device.close()
        self._opened.clear()

    # What is there

    def place(self, device: str = "disk") -> Path:
        return self.local.place(device)

    def media(self, device: str = "disk") -> list[Path]:
        """The place itself, or those of the media of a set in it."""
        place = self.place(device)
        members = find_set(str(place), device).members if is_set(str(place)) else ()
        return [Path(member.location) for member in members] or [place]

    def readers(self, device: str = "disk") -> list[MediumReader]:
        """Of its media."""
        places = map(str, self.media(device))
        return [MediumReader(place, read_label(place).label) for place in places]

    def reader(self, device: str = "disk") -> MediumReader:
        """Of the one that it has."""
        (reader,) = self.readers(device)
        return reader

    def segments(self, device: str = "disk") -> list[int]:
        """Those that have frames."""
        return sorted({stored.place.segment for stored in self.reader(device).frames()})

    def used_bytes(self, device: str = "disk") -> int:
        files = (file for place in self.media(device) for file in (place / "segments").iterdir())
        return sum(file.stat().st_size for file in files)

    def versions(self) -> list[VersionRow]:
        with self.local.catalog() as catalog:
            return catalog.versions()

    def recovers(self, version: VersionRow, tree: Tree, *devices: str) -> None:
        """`recover.py` finds the version on these devices as it was."""
        target = self.folder / "back"
        shutil.rmtree(target, ignore_errors=True)
        media = [self.place(device) for device in devices or self.devices]
        found = recovered_here(media, target, id_text(version.object_id))
        assert (found.exit_code, found.problems) == (0, ()), found
        assert {p.name: p.read_bytes() for p in target.iterdir()} == tree

    def judged(self, *devices: str) -> set[str]:
        """`recover.py` finds no damage; the versions that it lists."""
        media = [self.place(device) for device in devices or self.devices]
        found = check_here(media)
        assert (found.exit_code, found.problems) == (0, ()), found
        return {item.object_id for item in listed_here(media)}
