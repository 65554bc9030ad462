"""The drill: a part of each version is restored to a temporary place, and compared with its source
where that has not changed since.

Which part follows from the seed, which is the number of drills that the object has had: so one
drill after the other reaches everything, and a seed repeats one.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction

from flowbackup.catalog.catalog import Catalog
from flowbackup.catalog.rows import VersionRow
from flowbackup.errors import NotFoundError, RestoreError
from flowbackup.frame.key_ring import NO_KEYS, KeyRing
from flowbackup.leaving import undoing
from flowbackup.model.report import Outcome, SessionReport
from flowbackup.monitor import Monitor, Problem
from flowbackup.restore.removal import remove_tree
from flowbackup.runtime.cancel import Cancel
from flowbackup.runtime.care.drill import Drill, Drilled
from flowbackup.runtime.reading.copies import copy_reader
from flowbackup.runtime.reading.known_media import KnownMedia, OpenFar
from flowbackup.runtime.reading.local_session import LocalSession
from flowbackup.units import format_path

KIND = "drill"
_SEVERITY = (Outcome.SUCCESS, Outcome.INCOMPLETE, Outcome.FAILED)


@dataclass(frozen=True, slots=True)
class DrillTask:
    """sample: so many entries of each version, or a share of them; None for the default.  seed:
    which part; None for the next one.  target: a new or empty directory in which the files stay;
    "" for a place that is removed in the end."""

    versions: Sequence[VersionRow]
    sample: int | Fraction | None = None
    seed: int | None = None
    target: str = ""


def newest_versions(catalog: Catalog) -> list[VersionRow]:
    """Of every data object.  Raises NotFoundError if there is none."""
    versions = [row.latest for row in catalog.objects()]
    if not versions:
        raise NotFoundError("the catalog knows no data object", remedy="make a backup first")
    return versions


def run_drill(
    catalog: Catalog, task: DrillTask, monitor: Monitor, far: OpenFar | None = None,
    cancel: Cancel | None = None, keys: KeyRing = NO_KEYS,
) -> SessionReport:  # fmt: skip
    """A file that differs from its unchanged source, or does not come back, makes the outcome
    failed; copies that were healed do not.  far: opens media of other nodes.  cancel: ends it as a
    restore.  Raises InterruptedSessionError, RestoreError for a target that cannot take it."""
    seeds = _drills(catalog)
    session = LocalSession(catalog, KIND, _subject(task.versions), monitor, cancel=cancel)
    done: list[Drilled] = []
    try:
        media = KnownMedia(catalog, far=far)
        reading = copy_reader(catalog, session, media, cancel=cancel, keys=keys)
        with _place(task.target, session, cancel or Cancel()) as place, reading as frames:
            for version in task.versions:
                seed = seeds[_object_name(version)] if task.seed is None else task.seed
                drill = Drill(catalog, version, frames, session)
                done.append(drill.run(place, seed, task.sample))
            bytes_read = frames.bytes_read
    except BaseException:
        session.finish(Outcome.FAILED)
        raise
    return session.finish(
        max((each.outcome for each in done), key=_SEVERITY.index),
        files=sum(each.restored.files + each.restored.links for each in done),
        bytes_source=sum(each.restored.bytes_written for each in done),
        bytes_read=bytes_read,
        objects=[each.report(catalog.copies_durable(each.version)) for each in done],
    )


def _subject(versions: Sequence[VersionRow]) -> str:
    return ", ".join(map(str, versions))


def _object_name(version: VersionRow) -> str:
    return str(version).rpartition("@")[0]


def _drills(catalog: Catalog) -> Counter[str]:
    """How many drills each object has had that got as far as restoring it."""
    return Counter(
        subject.rpartition("@")[0]
        for session in catalog.sessions()
        if session.kind == KIND and (session.files or session.outcome is Outcome.SUCCESS)
        for subject in session.graph_name.split(", ")
    )


@contextmanager
def _place(target: str, session: LocalSession, cancel: Cancel) -> Iterator[bytes]:
    """An empty directory, which only this user may enter where it is made here.  Then no word
    comes between its making or its removal: who was told to end while it is removed, ends it."""
    if target:
        yield _empty(target)
        return
    with undoing(), cancel.interruptible(0):
        place = os.fsencode(tempfile.mkdtemp(prefix="flowbackup-drill-"))
        try:
            session.message(f"restoring to {format_path(place)}, which is removed in the end")
            with cancel.interruptible(2):
                yield place
        finally:
            try:
                remove_tree(place)
            except OSError as error:
                text = f"{format_path(place)} cannot be removed: {error.strerror}"
                session.problem(Problem("left_behind", text))


def _empty(target: str) -> bytes:
    try:
        os.makedirs(target, mode=0o700, exist_ok=True)
        found = os.listdir(target)
    except OSError as error:
        raise RestoreError(
            f"cannot restore into {target}: {error.strerror}",
            remedy="name a directory that this user may write to",
        ) from error
    if found:
        raise RestoreError(
            f"{target} is not empty", remedy="name a new directory, so that nothing is mixed up"
        )
    return os.fsencode(os.path.abspath(target))
