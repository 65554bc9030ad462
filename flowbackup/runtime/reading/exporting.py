"""Export: a version, or a part of it, as a tar archive to a stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

from flowbackup.catalog.catalog import Catalog
from flowbackup.catalog.rows import VersionRow
from flowbackup.frame.key_ring import NO_KEYS, KeyRing
from flowbackup.model.entry import Entry
from flowbackup.model.report import Outcome, SessionReport
from flowbackup.monitor import Monitor
from flowbackup.restore.settings import RestoreSettings
from flowbackup.restore.tar import write_tar
from flowbackup.runtime.reading.copies import copy_reader
from flowbackup.runtime.reading.known_media import KnownMedia, OpenFar
from flowbackup.runtime.reading.local_session import LocalSession
from flowbackup.runtime.reading.restoring import object_report


@dataclass(frozen=True, slots=True)
class ExportTask:
    """What to export; of the settings, what says which entries."""

    version: VersionRow
    settings: RestoreSettings


def run_export(
    catalog: Catalog, task: ExportTask, out: BinaryIO, monitor: Monitor, far: OpenFar | None = None,
    keys: KeyRing = NO_KEYS,
) -> SessionReport:  # fmt: skip
    """Writes an archive with its end.  Entries that cannot be had are problems and make the outcome
    incomplete.  far: opens media of other nodes.  Raises NotFoundError for a path that is not in
    the version, RestoreError for an archive that has no end, OSError of `out`."""
    version, settings = task.version, task.settings

    def entry_of(path: bytes) -> Entry:
        return catalog.entry(version, path)

    session = LocalSession(catalog, "export", str(version), monitor)
    try:
        with copy_reader(catalog, session, KnownMedia(catalog, far=far), keys=keys) as frames:
            entries = catalog.entries(version, settings.under)
            done = write_tar(entries, frames, out, settings, session, entry_of, frames)
            out.flush()
            bytes_read = frames.bytes_read
    except BaseException:
        session.finish(Outcome.FAILED)
        raise
    return session.finish(
        done.outcome,
        files=done.files + done.links,
        bytes_source=done.bytes_written,
        bytes_read=bytes_read,
        objects=[object_report(catalog, version, done)],
    )
