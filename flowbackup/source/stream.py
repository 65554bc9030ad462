"""Data objects that are no files: what a command writes, or what stands in a pipe.

A stream has a good end or a bad one, and only a good one makes a version: a command that fails in
the end has written half of something.  Of a pipe nobody can tell; that is what commands are for.
"""

from __future__ import annotations

import fcntl
import os
import select
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from flowbackup.errors import InterruptedSessionError, SourceError
from flowbackup.model.entry import Entry, EntryKind
from flowbackup.monitor import Monitor, Problem
from flowbackup.source.command import (
    LOOK_SECONDS,
    Said,
    Stopped,
    check_end,
    has_ended,
    started,
)
from flowbackup.source.metadata import EntryMaker
from flowbackup.units import MIB, format_seconds

_PIPE_BYTES = 1 * MIB
"""What a pipe may hold for one that is not root: fewer changes between the two processes."""


class Stream(Protocol):
    """What an object of one file is read from."""

    def status(self) -> os.stat_result:
        """Of the open end, for its owner."""

    def fill(self, view: memoryview) -> int:
        """The next bytes, as many as fit; fewer only at the end, which was a good one.  Raises
        SourceError for a bad end, InterruptedSessionError when the session was ended."""


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """silent_seconds_max: how long a stream may give nothing, and a command may go on behind its
    last byte.  stopped: see Stopped."""

    silent_seconds_max: float
    stopped: Stopped = lambda: False


class Pipe:
    """The reading end of a pipe, or an open file.  Owns the descriptor."""

    def __init__(self, descriptor: int, name: str, limits: StreamLimits) -> None:
        self._descriptor = descriptor
        self._name = name
        self._limits = limits
        os.set_blocking(descriptor, False)
        # Only a hint: what is no pipe, or may not be longer, is read all the same.
        with suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLIN)

    def close(self) -> None:
        """Safe to repeat."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def status(self) -> os.stat_result:
        return os.fstat(self._descriptor)

    def fill(self, view: memoryview) -> int:
        got = 0
        while got < len(view):
            count = self._read(view[got:])
            if not count:
                break
            got += count
        return got

    def _read(self, view: memoryview) -> int:
        silent_since = time.monotonic()
        while True:
            self.check(silent_since, "has given nothing")
            if not self._poll.poll(LOOK_SECONDS * 1000):
                continue
            try:
                return os.readv(self._descriptor, (view,))
            except BlockingIOError:
                continue
            except OSError as error:
                raise SourceError(f"{self._name} cannot be read: {error.strerror}") from error

    def check(self, since: float, what: str) -> None:
        """Raises if the session was ended, or the stream took too long for something."""
        if self._limits.stopped():
            raise InterruptedSessionError(f"{self._name} was not read to its end")
        longest = self._limits.silent_seconds_max
        if time.monotonic() - since > longest:
            raise SourceError(
                f"{self._name} {what} for {format_seconds(longest)}",
                remedy="raise silence_max of the object if it may take that long",
            )


class _Command(Pipe):
    """What a running command writes; its end is good when that of the command is."""

    def __init__(
        self, process: subprocess.Popen[bytes], said: Said, name: str, limits: StreamLimits
    ) -> None:
        assert process.stdout is not None
        super().__init__(os.dup(process.stdout.fileno()), name, limits)
        self._process = process
        self._said = said

    def fill(self, view: memoryview) -> int:
        got = super().fill(view)
        if got < len(view):
            self._finish()
        return got

    def _finish(self) -> None:
        """Its output has ended; so is it to end, and well."""
        since = time.monotonic()
        while not has_ended(self._process):
            self.check(since, "has closed its output and gone on")
            time.sleep(LOOK_SECONDS / 10)
        check_end(self._process, self._name, self._said)


@contextmanager
def open_command(
    words: tuple[str, ...], limits: StreamLimits, monitor: Monitor, environment: dict[str, str]
) -> Iterator[Stream]:
    """Runs a command in a process group of its own and gives what it writes; the group is gone when
    this ends, however it does.  What it said on standard error is told in the error, or as a
    problem that makes nothing incomplete.  Raises SourceError if it cannot be started."""
    name = f'command "{words[0]}"'
    with started(words, name, environment, subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        with process.stdout:
            said = Said(process.stderr)  # type: ignore[arg-type]
            with closing(_Command(process, said, name, limits)) as stream:
                yield stream
        if text := said.text():
            monitor.problem(Problem("stderr", f"{name} said: {text}"))


@contextmanager
def open_descriptor(place: str, limits: StreamLimits) -> Iterator[Stream]:
    """What stands open as /proc/PID/fd/N in a process of this user: a pipe, or a file from where
    that process stands in it.  Raises SourceError."""
    name = "standard input"
    descriptor = open_to_read(place, name, remedy="give a pipe or a file")
    with closing(Pipe(descriptor, name, limits)) as stream:
        if stat.S_ISREG(stream.status().st_mode):
            os.lseek(descriptor, _offset(place), os.SEEK_SET)
        yield stream


def open_to_read(place: str, name: str, *, remedy: str = "") -> int:
    """A descriptor of one's own for what another process has open.  Raises SourceError."""
    try:
        # Not waiting for a writer: one that has written all may be gone already.
        return os.open(place, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise SourceError(f"{name} cannot be read: {error.strerror}", remedy=remedy) from error


def stream_entry(stream: Stream, maker: EntryMaker, time_ns: int) -> Entry:
    """The entry of a stream, still without content: a file of this user, which nobody else may
    read."""
    return maker.make(b"", stream.status())._replace(
        kind=EntryKind.FILE, mode=0o600, size=0, mtime_ns=time_ns, ctime_ns=time_ns, inode=0,
        device=0, links=1, rdev=0,
    )  # fmt: skip


def _offset(place: str) -> int:
    """Where another process stands in a file."""
    process, _, number = place.rpartition("/fd/")
    for line in Path(f"{process}/fdinfo/{number}").read_text().splitlines():
        key, _, value = line.partition(":")
        if key == "pos":
            return int(value)
    return 0
