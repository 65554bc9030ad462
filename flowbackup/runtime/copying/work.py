"""What a stage of copies has to do: which versions, which of their frames, for which groups."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from flowbackup.catalog.catalog import Catalog
from flowbackup.catalog.rows import VersionRow
from flowbackup.errors import NotFoundError
from flowbackup.model.frame import Codec, FrameHeader
from flowbackup.model.ids import FrameId
from flowbackup.model.report import Outcome
from flowbackup.plan.decided import Plan
from flowbackup.plan.groups import COPY, RESTORE
from flowbackup.plan.selection import Candidate, selected

SESSION_STREAM = 0
"""In which every media agent writes the record of its session."""


class FrameWork(NamedTuple):
    """A frame and the groups that are to get it."""

    header: FrameHeader
    groups: tuple[str, ...]


@dataclass(slots=True)
class VersionWork:
    """A version and the groups that selected it.  needs: what restoring it needs.  moves: those
    frames that go now, in the order of their writing; a frame of several versions goes with the
    first of them."""

    version: VersionRow
    groups: tuple[str, ...]
    needs: tuple[FrameId, ...] = ()
    moves: list[FrameWork] = field(default_factory=list)


class CopyWork:
    """Made before a byte moves; told what has become durable; asked how it ended."""

    def __init__(
        self, catalog: Catalog, stage: Plan, media: Mapping[str, set[bytes]], now_ns: int,
        session: bytes | None,
    ) -> None:  # fmt: skip
        """media: agent -> the media on its device.  session: the one that is copied."""
        self._catalog = catalog
        self._stage = stage
        roles = {agent.name: agent.role for agent in stage.agents}
        self._sources = {m for name, role in roles.items() if role == RESTORE for m in media[name]}
        # What lies on a medium of a set that is away is looked for, and told when it is not found.
        sets = {i.device_id for i in catalog.media() if i.medium in self._sources}
        self._sources |= {i.medium for i in catalog.media() if i.device_id in sets}
        self._targets = {
            item.group: {m for a in stage.agents if a.group == item.group for m in media[a.name]}
            for item in stage.selections
        }
        self._group_of = {a.name: a.group for a in stage.agents if a.role == COPY}
        self.missing: dict[str, set[FrameId]] = {group: set() for group in self._targets}
        self.skipped: Counter[str] = Counter()
        self.versions = self._choose(now_ns, session)
        self._divide()

    @property
    def frames(self) -> int:
        return sum(len(work.moves) for work in self.versions)

    @property
    def payload_bytes(self) -> int:
        return sum(m.header.payload_bytes for work in self.versions for m in work.moves)

    @property
    def has_sealed(self) -> bool:
        """Is anything encrypted that is to be copied?"""
        return any(m.header.codec & Codec.SEALED for work in self.versions for m in work.moves)

    def durable(self, agent: str, frame: FrameId) -> None:
        """An agent holds a frame durably."""
        group = self._group_of.get(agent)
        if group is not None:
            self.missing[group].discard(frame)

    def complete(self, work: VersionWork) -> tuple[str, ...]:
        """The groups that have all of a version now."""
        return tuple(g for g in work.groups if self.missing[g].isdisjoint(work.needs))

    def outcome(self, work: VersionWork) -> Outcome:
        complete = self.complete(work)
        required = {item.group for item in self._stage.selections if item.required}
        if required.intersection(work.groups) <= set(complete):
            return Outcome.SUCCESS
        return Outcome.INCOMPLETE if complete else Outcome.FAILED

    def _choose(self, now_ns: int, session: bytes | None) -> list[VersionWork]:
        made = {v.object_id for v in self._catalog.versions_of_session(session or b"")}
        candidates = [
            self._candidate(version, version.object_id in made)
            for version in self._catalog.versions()
            if version.object_id in made or self._is_readable(version)
        ]
        groups: dict[bytes, list[str]] = {}
        for item in self._stage.selections:
            for version in selected(item, candidates, now_ns):
                groups.setdefault(version.object_id, []).append(item.group)
        return [
            VersionWork(item.version, tuple(groups[item.version.object_id]))
            for item in candidates
            if item.version.object_id in groups
        ]

    def _candidate(self, version: VersionRow, in_session: bool) -> Candidate:
        pools = (row.medium.pool for row in self._catalog.copies_of(version))
        copies = self._catalog.copies_durable(version)
        return Candidate(version, frozenset(pools), copies, in_session)

    def _is_readable(self, version: VersionRow) -> bool:
        """Its list of files lies, sound or not, on a device of the restore group."""
        places = self._catalog.places(version.record.root.frame)
        return any(place.medium in self._sources for _, place in places)

    def _divide(self) -> None:
        pending: dict[FrameId, tuple[VersionWork, FrameHeader | None, list[str]]] = {}
        for work in self.versions:
            rows = self._catalog.frames_of(work.version)
            work.needs = tuple(row.frame for row in rows)
            for row in rows:
                found = pending.setdefault(row.frame, (work, row.header, []))[2]
                found += [group for group in work.groups if group not in found]
            # Who has a version knows how its session ended.
            record = FrameId(work.version.record.session, SESSION_STREAM, 0)
            header = self._header(record)
            if header is not None:
                found = pending.setdefault(record, (work, header, []))[2]
                found += [group for group in work.groups if group not in found]
        for frame, (work, header, groups) in pending.items():
            lacking = self._lacking(frame, groups)
            for group in lacking:
                self.missing[group].add(frame)
            if header is not None and lacking:
                work.moves.append(FrameWork(header, lacking))

    def _header(self, frame: FrameId) -> FrameHeader | None:
        try:
            return self._catalog.header(frame)
        except NotFoundError:
            return None

    def _lacking(self, frame: FrameId, groups: list[str]) -> tuple[str, ...]:
        """The groups none of whose devices holds it soundly."""
        copies = self._catalog.copies_of_frame(frame)
        held = {copy.place.medium for copy in copies if not copy.damaged}
        lacking = tuple(group for group in groups if not held & self._targets[group])
        self.skipped.update(group for group in groups if group not in lacking)
        return lacking
