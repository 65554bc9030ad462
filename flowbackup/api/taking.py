"""The part of the api that gives data back: as files, as one file, as an archive."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from flowbackup.catalog.catalog import Catalog
from flowbackup.catalog.claim import open_shared
from flowbackup.catalog.location import catalog_of
from flowbackup.catalog.resolve import split_query
from flowbackup.catalog.rows import VersionRow
from flowbackup.errors import UsageError
from flowbackup.keys import reader_keys
from flowbackup.model.report import SessionReport
from flowbackup.monitor import Monitor
from flowbackup.requests import RestoreRequest
from flowbackup.runtime.cancel import Cancel
from flowbackup.runtime.reading.reach import far_media_by
from flowbackup.runtime.signals import interruptible_by_signals

if TYPE_CHECKING:
    from flowbackup.restore.settings import RestoreSettings


def restore(query: str, target: str, request: RestoreRequest, monitor: Monitor) -> SessionReport:
    """Restores OBJECT[:PATH] into the directory `target`.  Raises NotFoundError, RestoreError."""
    from flowbackup.runtime.reading.restoring import RestoreTask, run_restore

    with _selected(query, request) as (catalog, version, settings):
        task = RestoreTask(version, os.fsencode(target), settings, request.explain)
        with interruptible_by_signals() as cancel, far_media_by(request.address, cancel) as far:
            return run_restore(catalog, task, monitor, far, cancel, reader_keys())


@contextmanager
def _selected(
    query: str, request: RestoreRequest
) -> Iterator[tuple[Catalog, VersionRow, RestoreSettings]]:
    """What a request asks for, in an open catalog."""
    from flowbackup.runtime.reading.restoring import settings_of

    name, under = split_query(query)
    with open_shared(catalog_of(request.catalog), create=False) as catalog:
        version = catalog.resolve(name, request.as_of)
        settings = settings_of(
            catalog.path_meant(version, under), version.record.name, request.overwrite,
            request.include, request.exclude, dry_run=request.dry_run,
        )  # fmt: skip
        yield catalog, version, settings


def cat(query: str, out: BinaryIO, catalog: Path | None = None, *, as_of: str = "") -> None:
    """Writes the content of the file OBJECT:PATH, verified chunk by chunk."""
    from flowbackup.runtime.reading.restoring import write_file

    name, path = split_query(query)
    with open_shared(catalog_of(catalog), create=False) as opened:
        version = opened.resolve(name, as_of)
        write_file(opened, version, opened.path_meant(version, path), out, reader_keys())


def export_tar(
    query: str, out: BinaryIO, request: RestoreRequest, monitor: Monitor
) -> SessionReport:  # fmt: skip
    """Writes OBJECT[:PATH] as a tar archive; of the request counts what says which entries.  Raises
    as `restore`; then the archive has no end."""
    from flowbackup.runtime.reading.exporting import ExportTask, run_export

    # An interruption is raised where it comes: an archive that was begun has no other border.
    with (
        _selected(query, request) as (opened, version, settings),
        far_media_by(request.address, Cancel()) as far,
    ):
        return run_export(opened, ExportTask(version, settings), out, monitor, far, reader_keys())


def mount(
    place: Path, monitor: Monitor, mounted: Callable[[], None], catalog: Path | None = None, *,
    others: bool = False, address: str = "",
) -> None:  # fmt: skip
    """Shows all versions as CLIENT/OBJECT/NUMBER below an empty directory, until it is unmounted or
    a signal comes; mounted: called when they can be looked at.  What cannot be read is a problem,
    and EIO for who reads it.  Linux with FUSE.  Raises UsageError."""
    from flowbackup.runtime.mounting.fuse import Questions, serve
    from flowbackup.runtime.mounting.mounted_tree import MountedTree
    from flowbackup.runtime.reading.copies import copy_reader
    from flowbackup.runtime.reading.known_media import KnownMedia

    if not place.is_dir() or any(place.iterdir()):
        raise UsageError(f"{place} is no empty directory", remedy=f"mkdir {place}")
    with (
        open_shared(catalog_of(catalog), create=False) as opened,
        far_media_by(address, Cancel()) as far,
        copy_reader(opened, monitor, KnownMedia(opened, far=far), keys=reader_keys()) as frames,
    ):
        serve(Questions(MountedTree(opened), frames, monitor, mounted), place, others=others)
