"""Who uses what the catalog says of media, and who takes it away: any number of the former at a
time, or one of the latter alone.

A backup refers to frames of earlier ones, and a restore reads them where the catalog says; so a
prune must not take them away meanwhile.  flock holds the claim, so it ends with its process,
however that ends; the text in the file names who takes away, the list of sessions who uses.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from flowbackup.catalog.catalog import Catalog, open_catalog
from flowbackup.catalog.rows import SessionState
from flowbackup.errors import CatalogError, DeviceLockedError

LOOK_SECONDS = 0.1
WAIT_SECONDS = 5.0
"""To forget takes milliseconds: nobody fails because somebody forgets just now."""
NAME_BYTES_MAX = 4096
_CANNOT_CLAIM = frozenset({errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOENT})
"""Of a catalog that this user can only read: who may prune with it is somebody else, and what a
reader finds moved he looks for elsewhere."""


@contextmanager
def open_shared(
    path: Path, *, create: bool = True, wait_seconds_max: float = WAIT_SECONDS
) -> Iterator[Catalog]:
    """The catalog, in which nobody forgets or prunes until the end of the block.  wait_seconds_max:
    how long to wait for somebody who does.  Raises as `open_catalog`, DeviceLockedError."""
    with open_catalog(path, create=create) as catalog, shared_claim(path, wait_seconds_max):
        yield catalog


@contextmanager
def shared_claim(path: Path, wait_seconds_max: float = WAIT_SECONDS) -> Iterator[None]:
    """Of who writes or reads what the catalog at `path` knows.  Raises DeviceLockedError."""
    try:
        fd = os.open(claim_path(path), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        if error.errno in _CANNOT_CLAIM:
            yield
            return
        raise _failed(path, error) from error
    try:
        if not _taken(fd, fcntl.LOCK_SH, wait_seconds_max):
            holder = os.pread(fd, NAME_BYTES_MAX, 0).decode("utf-8", "replace") or "a prune"
            raise DeviceLockedError(
                f"the catalog {path} is in use by {holder}, which takes frames away",
                remedy="wait until it has finished, as --retry-lock does, or end it",
                holder=holder,
            )
        yield
    finally:
        os.close(fd)


@contextmanager
def exclusive_claim(
    catalog: Catalog, holder: str, wait_seconds_max: float = 0.0
) -> Iterator[None]:  # fmt: skip
    """Of who forgets or prunes.  holder: who that is, for people.  Raises DeviceLockedError naming
    what runs, CatalogError."""
    path = catalog.path
    try:
        fd = os.open(claim_path(path), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise _failed(path, error) from error
    try:
        if not _taken(fd, fcntl.LOCK_EX, wait_seconds_max):
            present = _running(catalog)
            raise DeviceLockedError(
                f"the catalog {path} is in use by {present}",
                remedy="wait until it has finished, as --retry-lock does, or end it",
                holder=present,
            )
        _write_name(path, fd, holder)
        try:
            yield
        finally:
            with suppress(OSError):
                os.ftruncate(fd, 0)
    finally:
        os.close(fd)


def _write_name(path: Path, fd: int, holder: str) -> None:
    name = f"{holder} (process {os.getpid()}, since {datetime.now():%Y-%m-%d %H:%M:%S})".encode()
    try:
        os.ftruncate(fd, os.pwrite(fd, name, 0))
    except OSError as error:
        raise _failed(path, error) from error


def claim_path(path: Path) -> Path:
    """The file that is held; like that of any lock it stays."""
    return path.with_name(f"{path.name}.claim")


def _taken(
    fd: int, operation: int, seconds_max: float, clock: Callable[[], float] = time.monotonic
) -> bool:  # fmt: skip
    until = clock() + seconds_max
    while True:
        try:
            fcntl.flock(fd, operation | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if clock() >= until:
                return False
        time.sleep(LOOK_SECONDS)


def _running(catalog: Catalog) -> str:
    """The sessions that run, or what is known where none is listed yet."""
    found = [
        f"{row.kind} {row}, since {datetime.fromtimestamp(row.started_ns // 10**9):%Y-%m-%d %H:%M}"
        for row in catalog.sessions()
        if row.state is SessionState.RUNNING
    ]
    return "; ".join(found) or "another command, which has begun no session yet"


def _failed(path: Path, error: OSError) -> CatalogError:
    return CatalogError(
        f"no claim can be made to the catalog {path}: {error.strerror}",
        remedy="check the folder of the catalog",
    )
