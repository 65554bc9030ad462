"""Restore and cat: from a version in the catalog, through whichever copies are good, to files."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import BinaryIO

from flowbackup.catalog.catalog import Catalog
from flowbackup.catalog.rows import VersionRow
from flowbackup.errors import DeviceError, NotFoundError
from flowbackup.frame.key_ring import NO_KEYS, KeyRing
from flowbackup.model.device import HERE
from flowbackup.model.entry import Entry
from flowbackup.model.ids import FrameId, id_text
from flowbackup.model.pattern import patterns_meant
from flowbackup.model.profile import Profile, Role, Spent, Work
from flowbackup.model.report import ObjectReport, Outcome, SessionReport
from flowbackup.monitor import Monitor, Problem, SilentMonitor
from flowbackup.restore.content import write_content
from flowbackup.restore.selection import selected
from flowbackup.restore.settings import Overwrite, RestoreSettings, RestoreStatistics
from flowbackup.restore.tree import restore_tree
from flowbackup.runtime.beginning import Beginning
from flowbackup.runtime.cancel import Cancel
from flowbackup.runtime.reading.copies import CopyReader, copy_reader
from flowbackup.runtime.reading.known_media import KnownMedia, OpenFar
from flowbackup.runtime.reading.local_session import LocalSession


@dataclass(frozen=True, slots=True)
class RestoreTask:
    """What to restore where.  explain: the report says which copies were used, and why; in a dry
    run, which would be."""

    version: VersionRow
    target: bytes
    settings: RestoreSettings
    explain: bool = False


def run_restore(
    catalog: Catalog, task: RestoreTask, monitor: Monitor, far: OpenFar | None = None,
    cancel: Cancel | None = None, keys: KeyRing = NO_KEYS,
) -> SessionReport:  # fmt: skip
    """Restores a version, or a part of it.  Files that cannot be restored are problems and make the
    outcome incomplete; copies that were damaged are problems too and do not, if another was good.
    far: opens media of other nodes.  cancel: ends it behind a file, or a frame of a large one.
    keys: open what is sealed.  Raises InterruptedSessionError, RestoreError for a target that
    cannot take it, NotFoundError for a path that is not in the version, WrongKeyError."""
    version, settings = task.version, task.settings
    entries = catalog.entries(version, settings.under)

    def entry_of(path: bytes) -> Entry:
        return catalog.entry(version, path)

    session = LocalSession(catalog, "restore", str(version), monitor, cancel=cancel)
    all_there = True
    try:
        media = KnownMedia(catalog, far=far)
        with copy_reader(catalog, session, media, cancel=cancel, keys=keys) as frames:
            session.beginning.turn_to(Work.RUNNING)
            frames.try_key(version.record.root.frame)
            done = restore_tree(
                entries, frames, task.target, settings, session, entry_of, frames,
                _files_expected(task),
            )  # fmt: skip
            session.beginning.turn_to(Work.RECORDING)
            bytes_read, spent = frames.bytes_read, frames.spent()
            if task.explain and settings.dry_run:
                entries = catalog.entries(version, settings.under)
                all_there = _foresee(entries, settings, frames, session)
            explanation = frames.explanation() if task.explain else None
    except BaseException:
        session.finish(Outcome.FAILED)
        raise
    report = session.finish(
        done.outcome if all_there else Outcome.INCOMPLETE,
        files=done.files + done.links,
        bytes_source=done.bytes_written,
        bytes_read=bytes_read,
        objects=[object_report(catalog, version, done)],
        explanation=explanation,
    )
    return replace(report, profile=_profile(session.beginning, done.sync_seconds, spent))


def _profile(times: Beginning, sync_seconds: float, reading: tuple[Spent, ...]) -> Profile:
    """reading: what media did, and for how long they were waited for."""
    seconds = times.seconds()
    session = times.spent(seconds)
    running = sum(spent.seconds for spent in session if spent.work is Work.RUNNING)
    waited = sync_seconds + sum(s.seconds for s in reading if s.work is Work.FRAMES)
    own = (
        Spent(Role.CLIENT, HERE, Work.MAKING, max(0.0, running - waited)),
        Spent(Role.CLIENT, HERE, Work.SYNCING, sync_seconds),
    )
    return Profile(seconds, (*session, *own, *reading))


def _files_expected(task: RestoreTask) -> int:
    """0 for a part of a version: nobody has counted it."""
    settings = task.settings
    is_part = settings.under or settings.include or settings.exclude
    return 0 if is_part else task.version.record.files


def _foresee(
    entries: Iterable[Entry], settings: RestoreSettings, frames: CopyReader, monitor: Monitor
) -> bool:
    """Chooses the copies of every frame that the restore of these entries would read; whether there
    is one of each."""
    seen: set[FrameId] = set()
    all_there = True
    for entry in selected(entries, settings):
        for chunk in entry.chunks:
            if chunk.frame in seen:
                continue
            seen.add(chunk.frame)
            try:
                frames.foresee(chunk.frame)
            except (DeviceError, NotFoundError) as error:
                monitor.problem(Problem("damaged", str(error), entry.path))
                all_there = False
    return all_there


def write_file(
    catalog: Catalog, version: VersionRow, path: bytes, out: BinaryIO, keys: KeyRing = NO_KEYS
) -> None:
    """Writes the content of one file of a version.  Raises NotFoundError, UsageError, DamageError,
    WrongKeyError; what was written before that is right, and not the whole."""
    entry = catalog.entry(version, path)
    if entry.hard_link is not None:
        entry = catalog.entry(version, entry.hard_link)
    with copy_reader(catalog, SilentMonitor(), keys=keys) as frames:
        for followed in frames.following((entry,)):
            write_content(followed, frames, out)


def settings_of(
    under: bytes, name: str, overwrite: str, include: tuple[str, ...], exclude: tuple[str, ...],
    *, dry_run: bool,
) -> RestoreSettings:  # fmt: skip
    """The settings of a restore from the words of a request.  Raises ValueError."""
    return RestoreSettings(
        overwrite=Overwrite(overwrite),
        dry_run=dry_run,
        under=under,
        include=patterns_meant(include),
        exclude=patterns_meant(exclude),
        root_name=os.path.basename(under) or os.fsencode(name),
    )


def object_report(
    catalog: Catalog, version: VersionRow, done: RestoreStatistics
) -> ObjectReport:  # fmt: skip
    """What became of the version in a session that put it somewhere."""
    record = version.record
    return ObjectReport(
        name=record.name, client=record.client, object_id=id_text(record.object_id),
        version=version.number, outcome=done.outcome,
        copies_durable=catalog.copies_durable(version), copies_required=0,
        files=done.files + done.links, bytes_source=done.bytes_written,
    )  # fmt: skip
