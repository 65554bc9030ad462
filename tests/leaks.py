"""What sessions have left behind: processes, memory, locks, sockets and temporary files.

A session that ended, however it ended, leaves sealed segments and nothing else.  What a killed one
may leave is written here, too: a segment without its seal (`.part`, good up to its last commit),
and, until the next command, the memory and the socket of a dead driver.

Processes are known by their environment, which they inherit, so that nobody else's are meant: the
directory of a cluster (`RAY_TMPDIR`), or a mark that a test gives to a command.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from flowbackup.catalog.catalog import open_catalog
from flowbackup.catalog.claim import claim_path
from flowbackup.media.labels.label import (
    DOCUMENTS,
    LABEL_NAME,
    LOCK_NAME,
    QUEUE_NAME,
    SEGMENTS_NAME,
)
from flowbackup.media.locks.holder import try_flock
from flowbackup.model.ids import id_text
from flowbackup.runtime.control.place import SUFFIX
from flowbackup.runtime.edges.slab import PREFIX, SHARED_MEMORY
from flowbackup.runtime.user_directory import user_directory

SEALED, UNSEALED = ".seg", ".part"
GOING_SECONDS_MAX = 60.0
"""A process that was killed is gone when the system has taken its memory back."""
LOOK_SECONDS = 0.05
_OF_RAY = ("IDLE", "DashboardAgent", "RuntimeEnvAgent")
_OF_A_MEDIUM = {LABEL_NAME, LOCK_NAME, SEGMENTS_NAME, *DOCUMENTS}


@dataclass(frozen=True, slots=True)
class Place:
    """Where to look.  catalog: its sessions are meant.  media: their directories, and of those that
    may have a segment without a seal the names.  mark: stands in the environment of the processes
    that are meant.  Of a cluster that lives on, its workers without an actor are no leak."""

    catalog: Path
    media: Sequence[Path]
    unsealed: Sequence[str] = ()
    mark: str = ""
    cluster_lives: bool = True


KINDS = ("process", "memory", "socket", "queue", "lock", "file", "medium")
"""The first words of the lines."""


def leaks(place: Place, waits_for: Sequence[str] = ()) -> list[str]:
    """A line for everything that is left.  Waits a while for what is just going.  waits_for: only
    for these kinds, where others are known to stay; all if none is named."""
    kinds = tuple(waits_for or KINDS)
    latest = time.monotonic() + GOING_SECONDS_MAX
    while True:
        found = list(_all(place))
        if not any(line.startswith(kinds) for line in found) or time.monotonic() > latest:
            return found
        time.sleep(LOOK_SECONDS)


def marked_processes(mark: str) -> Iterator[tuple[int, str]]:
    """Number and command line of every process that has the mark in its environment and has not
    ended.  A process that changed its own environment is still known by the first one."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            is_meant = mark.encode() in (folder / "environ").read_bytes()
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").strip()
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if is_meant and state not in "ZX":
            yield int(folder.name), command.decode(errors="replace")


def _all(place: Place) -> Iterator[str]:
    sessions = _sessions(place.catalog)
    yield from _processes(place)
    yield from _memory(sessions)
    yield from _sockets(sessions)
    for medium in place.media:
        yield from _on_medium(medium, may_be_unsealed=medium.name in place.unsealed)
    yield from _beside(place.catalog)


def _sessions(catalog: Path) -> list[str]:
    if not catalog.exists():
        return []
    with open_catalog(catalog, create=False) as opened:
        return [id_text(row.session) for row in opened.sessions()]


def _processes(place: Place) -> Iterator[str]:
    if place.mark:
        for pid, command in marked_processes(place.mark):
            if not place.cluster_lives or _is_actor(command):
                yield f"process {pid}: {command[:100]}"


def _is_actor(command: str) -> bool:
    """Ray names a worker by what it does."""
    name = command.removeprefix("ray::")
    return name != command and not name.startswith(_OF_RAY)


def _memory(sessions: Iterable[str]) -> Iterator[str]:
    for session in sessions:
        yield from (f"memory {path}" for path in SHARED_MEMORY.glob(f"{PREFIX}{session}*"))


def _sockets(sessions: Iterable[str]) -> Iterator[str]:
    for session in sessions:
        yield from (f"socket {p}" for p in user_directory().glob(f"{session}.*{SUFFIX}"))


def _on_medium(medium: Path, *, may_be_unsealed: bool) -> Iterator[str]:
    endings = {SEALED, UNSEALED} if may_be_unsealed else {SEALED}
    try:
        names = set(os.listdir(medium))
        segments = sorted((medium / SEGMENTS_NAME).iterdir())
    except OSError as error:
        yield f"medium {medium}: {error}"
        return
    if QUEUE_NAME in names:
        yield f"queue {medium / QUEUE_NAME}"
    yield from (f"file {medium / name}" for name in sorted(names - _OF_A_MEDIUM - {QUEUE_NAME}))
    yield from (f"file {segment}" for segment in segments if segment.suffix not in endings)
    if is_locked(medium / LOCK_NAME):
        yield f"lock {medium / LOCK_NAME}"


def is_locked(path: Path) -> bool:
    """Looks without leaving a trace: who takes a lock writes his name into it."""
    if not path.exists():
        return False
    with path.open("rb") as file:
        return not try_flock(file.fileno(), fcntl.LOCK_EX)


def _beside(catalog: Path) -> Iterator[str]:
    """What sqlite and the making of a catalog put beside it is gone when it is closed; its claim
    stays, as the lock of a medium does, and nobody holds it."""
    claim = claim_path(catalog)
    if is_locked(claim):
        yield f"lock {claim}"
    yield from (f"file {path}" for path in catalog.parent.glob(f"{catalog.name}?*")
                if path != claim)  # fmt: skip
