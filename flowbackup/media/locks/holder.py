"""Who holds a lock or stands in a queue: a process, and what it tells people about itself.

The text in a lock is the second judge.  The first is flock, which ends with its process; but flock
does not reach a file system that is mounted twice, once as a network one.  There a text is believed
as long as its process lives: same boot, same start.  Age says nothing: a backup may take days.
"""

from __future__ import annotations

import fcntl
import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from flowbackup.process import ProcessIdentity, identify

HOLDER_BYTES_MAX = 4096
UNNAMED = "a holder that has not yet written its name"


@dataclass(frozen=True, slots=True)
class Holder:
    """text: for people, as `session 0192... of graph "nightly"`.  since_ns: Unix time."""

    text: str
    process: ProcessIdentity
    since_ns: int

    def to_json(self) -> bytes:
        value = {"holder": self.text, "since_ns": self.since_ns, **self.process.as_dict()}
        return json.dumps(value).encode() + b"\n"

    def describe(self) -> str:
        """One line: who, which process where, since when (local time)."""
        since = datetime.fromtimestamp(self.since_ns // 1_000_000_000, UTC).astimezone()
        return (
            f"{self.text} (process {self.process.pid} on {self.process.host}, "
            f"since {since:%Y-%m-%d %H:%M:%S})"
        )


def holder_here(text: str) -> Holder:
    """This process, from now on."""
    return Holder(text, identify(), time.time_ns())


def parse_holder(data: bytes) -> Holder | None:
    """What `to_json` gave; None for what says nothing of use, as an empty file."""
    try:
        value = json.loads(data)
        since_ns = int(value["since_ns"])
        # What cannot be shown as a time is no time.
        datetime.fromtimestamp(since_ns // 1_000_000_000, UTC).astimezone()
        return Holder(str(value["holder"]), ProcessIdentity.from_dict(value), since_ns)
    except (KeyError, TypeError, ValueError, OverflowError, OSError, RecursionError):
        return None


def describe(data: bytes) -> str:
    """Who is meant by the text of a file that is held."""
    holder = parse_holder(data)
    return UNNAMED if holder is None else holder.describe()


def try_flock(fd: int, operation: int) -> bool:
    """Takes the lock of an open file, or tells that another one has it.  Raises OSError where
    there are no locks."""
    try:
        fcntl.flock(fd, operation | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_left_behind(holder: Holder | None) -> bool:
    """Of a text whose file nobody has locked: is nobody there any more whom it names?  One of
    another machine is not: where flock reaches that machine its process is dead, and where it does
    not nobody can know."""
    return holder is None or not holder.process.is_alive() or holder.process == identify()
