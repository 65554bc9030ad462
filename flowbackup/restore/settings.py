"""What is asked of a restore, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from flowbackup.model.report import Outcome


class Overwrite(StrEnum):
    """What happens to a name that is there already.  NEVER: it stays, and is reported.  CHANGED: it
    stays if size, time, mode and owner are those of the entry, else it is replaced.  ALWAYS: it is
    replaced.  A directory is never replaced by something else, and nothing is ever removed that the
    version does not have."""

    NEVER = "never"
    CHANGED = "changed"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class RestoreSettings:
    """under: only this path and what is below it, which then stands directly in the target.
    include: patterns (see `model.pattern`) on the path below `under`, or on the name if they have
    no slash; a directory that matches comes with everything in it.  exclude: such patterns on what
    is left out, a directory with everything in it, whatever `include` says.  root_name: the name of
    what is a single file, when it goes into an existing directory.  numeric_owners:
    do not look owners up by name.  sync: wait until the disk has everything."""

    overwrite: Overwrite = Overwrite.NEVER
    dry_run: bool = False
    under: bytes = b""
    include: tuple[bytes, ...] = ()
    exclude: tuple[bytes, ...] = ()
    root_name: bytes = b""
    numeric_owners: bool = False
    sync: bool = True


@dataclass(slots=True)
class RestoreCounters:
    """The running numbers behind RestoreStatistics."""

    files: int = 0
    directories: int = 0
    links: int = 0
    others: int = 0
    bytes_written: int = 0
    unchanged: int = 0
    existing: int = 0
    failed: int = 0
    problems: int = 0
    sync_seconds: float = 0.0

    def frozen(self) -> RestoreStatistics:
        return RestoreStatistics(
            self.files, self.directories, self.links, self.others, self.bytes_written,
            self.unchanged, self.existing, self.failed, self.problems, self.sync_seconds,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class RestoreStatistics:
    """files: regular files given their names; links: further names of them; others: symlinks,
    FIFOs, sockets, devices.  unchanged: kept as they were, being equal (`changed`); existing: left
    because they exist (`never`); failed: entries that did not get their name.  problems: everything
    reported, these included.  In a dry run, what would have been done.  sync_seconds: for which the
    end has waited for the disk."""

    files: int = 0
    directories: int = 0
    links: int = 0
    others: int = 0
    bytes_written: int = 0
    unchanged: int = 0
    existing: int = 0
    failed: int = 0
    problems: int = 0
    sync_seconds: float = 0.0

    @property
    def outcome(self) -> Outcome:
        return Outcome.INCOMPLETE if self.problems else Outcome.SUCCESS
