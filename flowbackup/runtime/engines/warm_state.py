"""The Ray that `flowbackup up` keeps, as its file tells: where it is, whose, and of which versions.

The file is believed only as far as its process lives.  It holds the token by which Ray knows its
user, so it is that user's alone.
"""

from __future__ import annotations

import fcntl
import json
import os
import platform
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import flowbackup
from flowbackup.errors import PeerLostError
from flowbackup.process import ProcessIdentity
from flowbackup.runtime.user_directory import user_directory
from flowbackup.runtime.versions import version_of

STATE_FILE = "ray.json"
USERS_FILE = "ray.users"
"""Commands that use the warm Ray have a share of its lock; who ends it wants all of it."""
LOOK_SECONDS = 0.05
STATE_BYTES_MAX = 1 << 16


@dataclass(frozen=True, slots=True)
class WarmRay:
    """keeper: the process that started it and ends with it.  made_of: what a command must be made
    of as well to use it."""

    keeper: ProcessIdentity
    address: str
    directory: str
    started_ns: int
    made_of: dict[str, str]
    token: str = field(repr=False)

    @property
    def is_up(self) -> bool:
        """Does its keeper live?  Not of another boot or another process of the same number."""
        return self.keeper.is_alive()

    def difference(self) -> str:
        """What it is made of otherwise than this command, "" for nothing."""
        here = made_of()
        names = [name for name in here if self.made_of.get(name) != here[name]]
        return ", ".join(f"{name} {self.made_of.get(name)} and not {here[name]}" for name in names)

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> Self:
        """What `asdict` gave.  Raises KeyError, TypeError, ValueError for anything else."""
        keeper = ProcessIdentity.from_dict(value["keeper"])
        texts = {name: str(value[name]) for name in ("address", "directory", "token")}
        parts = {str(name): str(part) for name, part in dict(value["made_of"]).items()}
        return cls(keeper, started_ns=int(value["started_ns"]), made_of=parts, **texts)


def made_of() -> dict[str, str]:
    """What workers of a warm Ray have in memory already: another flowbackup, or one that was edited
    meanwhile, must not be mixed with it."""
    package = Path(flowbackup.__file__).parent
    changed = max(path.stat().st_mtime_ns for path in package.rglob("*.py"))
    return {
        "flowbackup": flowbackup.__version__, "ray": version_of("ray"),
        "python": platform.python_version(), "prefix": sys.prefix,
        "package": f"{package} of {changed // 1_000_000_000}",
    }  # fmt: skip


def warm_ray() -> WarmRay | None:
    """As its file tells, be it up or not; None where there is no file of this user that says so."""
    with suppress(OSError, KeyError, TypeError, ValueError):
        fd = os.open(user_directory() / STATE_FILE, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with open(fd, "rb") as file:
            if _is_private(os.fstat(fd)):
                return WarmRay.from_dict(json.loads(file.read(STATE_BYTES_MAX)))
    return None


def usable_warm_ray() -> WarmRay | None:
    """The one that commands use; None where none is up, or where it is made of other versions."""
    warm = warm_ray()
    return warm if warm is not None and warm.is_up and not warm.difference() else None


def write_state(warm: WarmRay) -> None:
    """All of it or nothing."""
    path = user_directory() / STATE_FILE
    new = path.with_suffix(f".{os.getpid()}")
    new.unlink(missing_ok=True)
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(fd, "w", encoding="utf-8") as file:
        json.dump(asdict(warm), file)
    new.rename(path)


def remove_state() -> None:
    """Nobody finds it any more; safe to repeat."""
    (user_directory() / STATE_FILE).unlink(missing_ok=True)


@contextmanager
def users_lock(*, share: bool, seconds_max: float) -> Iterator[bool]:
    """Of who uses the warm Ray (share), or starts or ends it; False where it was not to be had."""
    fd = os.open(user_directory() / USERS_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield _is_locked(fd, fcntl.LOCK_SH if share else fcntl.LOCK_EX, seconds_max)
    finally:
        os.close(fd)


def unreachable(warm: WarmRay, error: object) -> PeerLostError:
    """It should be there, and does not answer."""
    return PeerLostError(
        f"the warm Ray at {warm.address} does not answer: {error}",
        remedy="`flowbackup down --now` ends it",
    )


def _is_locked(fd: int, operation: int, seconds_max: float) -> bool:
    latest = time.monotonic() + seconds_max
    while True:
        try:
            fcntl.flock(fd, operation | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() >= latest:
                return False
            time.sleep(LOOK_SECONDS)


def _is_private(found: os.stat_result) -> bool:
    return (
        stat.S_ISREG(found.st_mode)
        and found.st_uid == os.geteuid()
        and not stat.S_IMODE(found.st_mode) & 0o077
    )
