"""Of the catalog: the published keys of its rows.  Nanoseconds are text: they have 19 digits."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator

from flowbackup.ui.values.shape import Asked, Told


def _as_text(value: object) -> object:
    return str(value) if isinstance(value, int) else value


Nanoseconds = Annotated[str, BeforeValidator(_as_text)]


class ObjectRow(Told):
    """A data object and its newest version.  name is below its client.  source_base64: where the
    path is no text."""

    client: str
    name: str
    versions: int
    object_id: str
    version: int
    session: str
    outcome: str
    finished_ns: Nanoseconds
    entries: int
    files: int
    bytes_source: int
    source: str
    source_base64: str | None = None


class ObjectRows(Told):
    rows: list[ObjectRow]
    next: str | None


class VersionRow(Told):
    """object_id: what other routes call the version by."""

    client: str
    name: str
    version: int
    object_id: str
    session: str
    outcome: str
    started_ns: Nanoseconds
    finished_ns: Nanoseconds
    entries: int
    files: int
    bytes_source: int
    bytes_new: int
    problems: int
    copies_durable: int


class VersionRows(Told):
    rows: list[VersionRow]
    next: str | None


class EntryFields(Told):
    """mode: octal digits.  problem: why it is not what the source held, or "".  The keys that end
    in _base64 are null where the path is text as it is; what asks for such an entry sends them."""

    path: str
    path_base64: str | None = None
    kind: str
    mode: str
    uid: int
    gid: int
    owner: str
    group: str
    size: int
    mtime_ns: Nanoseconds
    links: int
    problem: str
    target: str | None = None
    target_base64: str | None = None
    hard_link: str | None = None
    hard_link_base64: str | None = None


class EntryRow(EntryFields):
    """One name in a version."""


class EntryRows(Told):
    rows: list[EntryRow]
    next: str | None


class FoundRow(EntryFields):
    """An entry, and the versions of one object that have it so."""

    client: str
    name: str
    versions: list[int]


class FoundRows(Told):
    rows: list[FoundRow]
    next: str | None


class HistoryRow(Told):
    """What became of a path.  change: added, removed, changed or moved.  entry: null of one that
    was removed."""

    client: str
    name: str
    versions: list[int]
    change: str
    aspects: list[str]
    finished_ns: Nanoseconds
    entry: EntryRow | None


class HistoryRows(Told):
    rows: list[HistoryRow]
    next: str | None


class DifferenceRow(Told):
    change: str
    path: str
    path_base64: str | None = None
    aspects: list[str]
    before: EntryRow | None
    after: EntryRow | None


class DifferenceRows(Told):
    rows: list[DifferenceRow]
    next: str | None


class CopyRow(Told):
    """What one medium holds of a version.  verified_ns: when that of it was verified that waits
    longest; null while some never was.  copied_from: media."""

    device: str
    medium: str
    set: str | None
    set_number: int | None
    media_bytes: int | None
    pool: str
    location: str
    frames_held: int
    frames_needed: int
    frames_freed: int
    complete: bool
    verified_ns: Nanoseconds | None
    role: str | None
    copied_from: list[str]


class WhyRow(Told):
    """Whether a path would be backed up with an object, and which rule decides; rule: "" for
    none."""

    object: str
    path: str
    path_base64: str | None = None
    kept: bool
    rule: str


class Preview(Told):
    """text: null where the content is none.  truncated: there is more of it."""

    text: str | None
    size: int
    truncated: bool


class DownloadTicket(Asked):
    """version: an object_id.  A directory comes as a tar archive."""

    version: str
    path: str = ""
    path_base64: str | None = None


class Ticket(Told):
    """path: to be opened once, within seconds."""

    path: str
