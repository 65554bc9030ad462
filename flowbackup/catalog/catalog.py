"""The catalog as its users see it: one class, one file."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from flowbackup.catalog import copies, freed, missing, resolve, sessions, stretches, versions
from flowbackup.catalog.database import Database
from flowbackup.catalog.earlier import Earlier
from flowbackup.catalog.ends import SessionEnds
from flowbackup.catalog.forgetting import Forgetting
from flowbackup.catalog.missing import MissingFrame, MissingTotal, Wanted
from flowbackup.catalog.rebuild import Rebuild
from flowbackup.catalog.rows import (
    CopyRow,
    FrameRow,
    HitRow,
    LostRow,
    ObjectRow,
    SegmentStanding,
    SessionRow,
    TakenRow,
    VerificationRow,
    VerifiedRow,
    VersionCopies,
    VersionRow,
)
from flowbackup.catalog.stats import Taken
from flowbackup.catalog.unfinished import Unfinished
from flowbackup.errors import CatalogError
from flowbackup.model.device import FramePlace, MediumInfo
from flowbackup.model.entry import Entry
from flowbackup.model.frame import FrameHeader
from flowbackup.model.frame_copy import FrameCopy
from flowbackup.model.freed import FreedSegment
from flowbackup.model.ids import FrameId
from flowbackup.model.record import VersionRecord
from flowbackup.model.report import SessionReport
from flowbackup.model.stretch import Stretch

if TYPE_CHECKING:
    from flowbackup.catalog.looking import Looking
    from flowbackup.catalog.pages import Pages
    from flowbackup.frame.page import PageRef


def open_catalog(path: str | os.PathLike[str], *, create: bool = True) -> Catalog:
    """The catalog in that file; with `create`, a new one where there is none, readable only by its
    user.  Raises CatalogError: unreadable, of a newer version, corrupt, no catalog."""
    file = Path(path)
    if not create and not file.exists():
        raise CatalogError(
            f"there is no catalog at {file}",
            remedy="make a backup first, name another one with --catalog, or let "
            "`flowbackup rebuild DEVICE...` make it from media",
        )
    return Catalog(Database(file))


class Catalog:
    """Sessions, objects, versions, frames, copies and media.  Threads may share it, each with
    iterators of its own; several processes may have it open.  Every method may raise CatalogError.

    `end_session` and `add_version` are synced when they return; `add_durable` is not: the media
    hold the same facts, and the next synced transaction syncs those before it.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Safe to repeat."""
        self._database.close()

    @property
    def path(self) -> Path:
        return self._database.path

    def transaction(self, *, durable: bool = False) -> AbstractContextManager[None]:
        """Everything inside happens together or not at all, and costs one commit."""
        return self._database.transaction(durable=durable)

    def check(self) -> None:
        """Reads all of it.  Raises CatalogError if it contradicts itself."""
        self._database.check()

    def rebuild(self) -> Rebuild:
        """Takes what media tell; one at a time."""
        return Rebuild(self._database)

    # Sessions

    def begin_session(
        self, session: bytes, kind: str, graph_name: str, graph_text: str, host: str,
        started_ns: int, holder: str, tags: Sequence[str] = (),
    ) -> None:  # fmt: skip
        """`holder`: the text of `holder.holder_text()` in the process that runs it."""
        head = (session, kind, graph_name, graph_text, host, started_ns, holder)
        sessions.insert(self._database, *head, tags)

    def end_session(self, report: SessionReport, finished_ns: int) -> None:
        """Raises CatalogError if it was not begun, or has ended already."""
        sessions.finish(self._database, report, finished_ns)

    @property
    def ends(self) -> SessionEnds:
        """How sessions ended behind the hooks of their users."""
        return SessionEnds(self._database)

    def sessions(self) -> list[SessionRow]:
        """Newest first."""
        return sessions.listed(self._database)

    def session(self, query: str) -> SessionRow:
        """By the first characters of its id, or "latest".  Raises NotFoundError, UsageError."""
        return sessions.found(self._database, query)

    @property
    def unfinished(self) -> Unfinished:
        """What interrupted sessions have left."""
        return Unfinished(self._database)

    @property
    def earlier(self) -> Earlier:
        """The states of objects that a run may refer to."""
        return Earlier(self._database)

    @property
    def forgetting(self) -> Forgetting:
        """Versions that are to be no more, and what media need no more."""
        return Forgetting(self._database)

    def add_verification(self, row: VerificationRow) -> None:
        """What reading a medium has shown; its session and medium must be there."""
        sessions.insert_verification(self._database, row)

    def extents(self, medium: bytes) -> stretches.Extents:
        """How far the copies on a medium reach that are known now: what `add_verified` and
        `lose_absent` may judge."""
        return stretches.extents(self._database, self._medium(medium))

    def due_stretches(
        self, medium: bytes, present: Sequence[Stretch], share: Fraction
    ) -> list[Stretch]:
        """Which of the stretches that a medium has are to be read now, by place: at least that
        share of its bytes, those that wait longest.  Remembers those that are new."""
        return stretches.due(self._database, self._medium(medium), present, share)

    def add_verified(
        self,
        medium: bytes,
        stretch: Stretch,
        found: Sequence[tuple[FrameId, FramePlace]],
        verified_ns: int,
        known: stretches.Extents,
    ) -> list[LostRow]:
        """A stretch was read, and these sound frames were found in it: their copies count, and the
        others that were known to lie there do not any more.  Returns those."""
        key = self._medium(medium)
        return stretches.record(self._database, key, medium, stretch, found, verified_ns, known)

    def lose_absent(
        self, medium: bytes, present: Sequence[Stretch], known: stretches.Extents
    ) -> list[LostRow]:
        """Known copies in segments that a medium has no more, or behind the end of their file, do
        not count.  present: all that there is.  Returns the first of each segment."""
        return stretches.lose(self._database, self._medium(medium), medium, present, known)

    def verified(self, medium: bytes) -> VerifiedRow:
        """How much of a medium was verified, and when."""
        return stretches.verified(self._database, self._medium(medium))

    def _medium(self, medium: bytes) -> int:
        return copies.medium_key(self._database, medium)

    def verifications(self, medium: bytes) -> list[VerificationRow]:
        """Of one medium, newest first."""
        return sessions.verifications(self._database, medium)

    # Media and frames

    def add_medium(self, info: MediumInfo) -> None:
        """A medium as it was seen just now; again for one whose facts changed."""
        copies.insert_medium(self._database, info)

    def media(self) -> list[MediumInfo]:
        """All that were ever seen, by the time of their labels."""
        return copies.media(self._database)

    def medium_of_location(self, location: str) -> MediumInfo | None:
        """The medium last seen there on this machine: an empty directory that once held one is a
        mount point without its file system."""
        return copies.medium_of_location(self._database, location)

    def add_durable(self, frames: Sequence[tuple[FrameHeader, FramePlace]]) -> None:
        """Frames that a medium holds durably.  Safe to repeat.  Raises CatalogError for an unknown
        medium and for a frame that is known with other content."""
        copies.insert_durable(self._database, frames)

    def mark_damaged(self, place: FramePlace, damaged: bool = True) -> bool:
        """A damaged copy no longer counts, and is tried last.  False if none lies there."""
        return copies.mark_damaged(self._database, place, damaged)

    def header(self, frame: FrameId) -> FrameHeader:
        """Raises NotFoundError for a frame that no medium was seen to hold."""
        return copies.header(self._database, frame)

    def places(self, frame: FrameId) -> list[tuple[MediumInfo, FramePlace]]:
        """Where copies of a frame lie, damaged ones last."""
        return copies.places(self._database, frame)

    def copies_of_frame(self, frame: FrameId) -> list[FrameCopy]:
        """Every copy, also those that are damaged or out of reach."""
        return copies.of_frame(self._database, frame)

    # Objects and versions

    def add_version(
        self, record: VersionRecord, pages: Sequence[tuple[PageRef, bytes | int]]
    ) -> int:
        """Its number, from 1 per client and name; the same again for the same record.  `pages`: all
        of the version, in order; an ordinal is that of the same in its journal (`unfinished`).
        Raises CatalogError if the id is known with another record, DamageError for pages that
        cannot be decoded."""
        with self._database.transaction(durable=True):
            number = versions.insert(self._database, record, pages)
            self.unfinished.drop_journals(record.client, record.name)
            return number

    def objects(self) -> list[ObjectRow]:
        """By client and name."""
        return versions.objects(self._database)

    def versions(self, data_object: ObjectRow | None = None) -> list[VersionRow]:
        """Of one object by number, or all by time."""
        return versions.listed(self._database, data_object)

    def versions_of_session(self, session: bytes) -> list[VersionRow]:
        return versions.of_session(self._database, session)

    def resolve(self, query: str, as_of: str = "") -> VersionRow:
        """`latest`, NAME, CLIENT/NAME, NAME@3, or the beginning of an object id.  as_of: ISO 8601;
        names mean the newest version that was finished by then.  Raises NotFoundError with near
        names, UsageError naming what an ambiguous query may mean."""
        return resolve.resolved(self._database, query, as_of)

    def versions_meant(self, query: str) -> list[VersionRow]:
        """All versions of the object that a query names, or the one that it means.  Raises as
        `resolve`."""
        return resolve.versions_meant(self._database, query)

    def entries(
        self, version: VersionRow, under: bytes = b"", recursive: bool = True
    ) -> Iterator[Entry]:
        """The entry `under` and what is below it (all, or direct children only), in path order,
        parts of big files joined.  Raises NotFoundError if there is no such path."""
        return self._pages.entries(version.object_id, under, recursive)

    def path_meant(self, version: VersionRow, path: bytes) -> bytes:
        """A path as people write it: of what it may mean, what is there."""
        return self._pages.path_meant(version.object_id, path)

    def entry(self, version: VersionRow, path: bytes) -> Entry:
        """Raises NotFoundError."""
        return self._pages.entry(version.object_id, path)

    @cached_property
    def looking(self) -> Looking:
        """What was where in which version."""
        from flowbackup.catalog.looking import Looking  # noqa: PLC0415  as below

        return Looking(self._database, self._pages)

    @cached_property
    def _pages(self) -> Pages:
        from flowbackup.catalog.pages import Pages  # noqa: PLC0415  most questions need no pyarrow

        return Pages(self._database)

    def _key(self, version: VersionRow) -> int:
        return versions.version_key(self._database, version.object_id)

    @property
    def taken(self) -> Taken:
        """How much room versions and media take."""
        return Taken(self._database)

    # Copies

    def frames_of(self, version: VersionRow) -> list[FrameRow]:
        """The frames that restoring the version needs, in the order of their writing."""
        return copies.needed(self._database, self._key(version))

    def copies_of(self, version: VersionRow) -> list[CopyRow]:
        """What each medium holds of them, the fullest first."""
        return copies.held(self._database, self._key(version))

    def copies_and_freed(self, version: VersionRow) -> list[CopyRow]:
        """As `copies_of`, with the media that have freed frames of it."""
        key = self._key(version)
        rows = copies.held(self._database, key)
        return freed.merged(rows, freed.held_once(self._database, key))

    def copies_durable(self, version: VersionRow) -> int:
        """How many media at least hold each of its frames."""
        key = self._key(version)
        return dict(copies.copies_by_version(self._database, 1 << 62, key)).get(key, 0)

    def below_copies(self, required: int) -> list[VersionCopies]:
        """The versions with fewer durable copies than that."""
        return [
            VersionCopies(versions.by_key(self._database, key), count)
            for key, count in copies.copies_by_version(self._database, required)
        ]

    def taken_along(self, medium: bytes, lost: Collection[bytes] = ()) -> list[TakenRow]:
        """The versions that cannot be had without this medium.  lost: others that are away, too."""
        return [
            TakenRow(versions.by_key(self._database, key), frames)
            for key, frames in copies.taken_along(self._database, medium, lost)
        ]

    def find_missing(self, wanted: Sequence[Wanted]) -> dict[bytes, MissingTotal]:
        """What each of these media should hold and does not hold soundly."""
        return missing.find(self._database, wanted)

    def missing_frames(self) -> Iterator[MissingFrame]:
        """The frames that `find_missing` found last, in the order of their writing, also those
        that have become durable since."""
        return missing.frames(self._database)

    def segments(self, medium: bytes) -> list[tuple[int, int]]:
        """Number and epoch of those in which frames are known, or were until they were freed."""
        return missing.segments(self._database, medium)

    def standings(self, medium: bytes, copies: int, before_ns: int) -> list[SegmentStanding]:
        """Which segments of a medium may be freed as far as is known here, and what keeps the
        others: so many copies on other devices of every version that needs them, all of which were
        finished by then."""
        return freed.standings(self._database, self._medium(medium), copies, before_ns)

    def frames_in(self, medium: bytes, segment: int, epoch: int) -> set[tuple[FrameId, int]]:
        """What is known to lie in a segment: frames and their offsets."""
        return freed.frames_in(self._database, self._medium(medium), segment, epoch)

    def add_freed(self, medium: bytes, segment: FreedSegment) -> None:
        """A medium says that a segment was freed: no copies are there any more, and none is missed.
        Safe to repeat."""
        freed.insert(self._database, self._medium(medium), segment)

    def freed_segments(self, medium: bytes) -> list[FreedSegment]:
        """Those that are known to be freed, without the media that had their frames."""
        return freed.segments(self._database, self._medium(medium))

    def mark_cut_off(self, medium: bytes, segment: int, epoch: int, end: int) -> int:
        """The file of a segment ends at `end`, or is gone (-1): copies behind it are damaged.  How
        many were not known to be."""
        return missing.lose_behind(self._database, medium, segment, epoch, end)

    def hits_of_frame(self, frame: FrameId) -> Iterator[HitRow]:
        """As `objects_at`, for a frame wherever it lies."""
        found = copies.key_of(self._database, frame)
        return iter(()) if found is None else self._hits(*found)

    def objects_at(
        self, medium: bytes, segment: int, offset: int, end: int = 0
    ) -> Iterator[HitRow]:
        """What a damaged byte of a medium hits, or all bytes up to `end`: every version that needs
        a frame there, with the paths whose content it holds (names hard-linked to them are not
        repeated)."""
        last = max(end, offset + 1)
        for key, frame, kind in copies.frames_at(self._database, medium, segment, offset, last):
            yield from self._hits(key, frame, kind)

    def _hits(self, key: int, frame: FrameId, kind: int) -> Iterator[HitRow]:
        for version, paths in self._pages.paths_in(key, frame):
            yield HitRow(versions.by_key(self._database, version), frame, kind, paths)
