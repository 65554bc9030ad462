"""A command of the user: a process group of its own, which is gone when it is over or when this
process is, however that ends; the end of what it said, and an environment without the secrets of
ours."""

from __future__ import annotations

import errno
import os
import re
import select
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import BinaryIO

from flowbackup.errors import InterruptedSessionError, SourceError
from flowbackup.units import format_seconds

LOOK_SECONDS = 0.1
"""How often a wait looks whether the session was ended."""
GRACE_SECONDS = 0.3
"""Between the wish that a command ends and its end: a session that is ended at once waits little
longer."""
SAID_BYTES_KEPT = 8192
"""The end of what a command said: the reason comes last."""
_SHOWN_CHARACTERS = 2000
PIPE_BYTES_MAX = 1 << 20
"""One call reads all that a pipe holds."""

_SECRETS = re.compile(r"RAY_AUTH_TOKEN|FLOWBACKUP_.*(?:KEY|PASS|SECRET|TOKEN).*")
"""What our own processes know each other by, and what opens media; Ray hands the environment of the
session on to every process that it starts."""

_GUARDED = """
exec 3<&0 </dev/null
( (trap "" TERM INT HUP; read -r nothing <&3; kill -9 0) >/dev/null 2>&1 & )
exec "$@" 3<&-
"""
"""Who is killed ends nothing any more.  So somebody of the group reads from a pipe of which this
process holds the other end: it ends with it.  The system's own way (PR_SET_PDEATHSIG) reaches one
process of the group, and at the end of the thread that has started it."""

Stopped = Callable[[], bool]
"""Whether the session was told to end at once."""


@dataclass(frozen=True, slots=True)
class CommandLimits:
    """seconds_max: how long a command may take.  stopped: see Stopped."""

    seconds_max: float
    stopped: Stopped = lambda: False


class Said:
    """Collects the end of what a command writes to a pipe."""

    def __init__(self, pipe: BinaryIO) -> None:
        self._pipe = pipe
        os.set_blocking(pipe.fileno(), False)
        self._kept = bytearray()
        self._taking = threading.Lock()
        threading.Thread(target=self._collect, name="said", daemon=True).start()

    def text(self) -> str:
        """What it said until now.  Waits for nobody: what a command has said that has ended stands
        in the pipe, which something that it started may hold open for ever."""
        self._take()
        return bytes(self._kept).decode(errors="backslashreplace").strip()[-_SHOWN_CHARACTERS:]

    def _collect(self) -> None:
        poll = select.poll()
        poll.register(self._pipe, select.POLLIN)
        while self._take():
            poll.poll()
        with self._taking:
            self._pipe.close()

    def _take(self) -> bool:
        """All that stands in the pipe.  Returns False at its end."""
        with self._taking:
            try:
                data = b"" if self._pipe.closed else os.read(self._pipe.fileno(), PIPE_BYTES_MAX)
            except BlockingIOError:
                return True
            self._kept += data
            del self._kept[:-SAID_BYTES_KEPT]
            return bool(data)


def command_environment(own: Mapping[str, str]) -> dict[str, str]:
    """That of this process without secrets of ours, and these variables."""
    kept = {name: value for name, value in os.environ.items() if not _SECRETS.fullmatch(name)}
    return {**kept, **own}


@contextmanager
def started(
    words: tuple[str, ...], name: str, environment: Mapping[str, str], stderr: int
) -> Iterator[subprocess.Popen[bytes]]:  # fmt: skip
    """A command in a process group of its own, without input, in "/"; its output is a pipe, and
    `stderr` is what becomes of the other one, as Popen takes it.  The group is gone when this ends,
    however it does.  Raises SourceError if it cannot be started."""
    own = command_environment(environment)
    watched, held = os.pipe()
    try:
        try:
            _check_program(words[0], own)
            process = subprocess.Popen(
                ("sh", "-c", _GUARDED, "sh", *words), stdin=watched, stdout=subprocess.PIPE,
                stderr=stderr, cwd="/", env=own, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise SourceError(
                f"{name} cannot be started: {error.strerror}",
                remedy="correct it in the graph: its first word is a program, and no shell reads "
                "it",
            ) from error
        finally:
            os.close(watched)
        try:
            yield process
        finally:
            _end(process)
    finally:
        os.close(held)


def _check_program(word: str, environment: Mapping[str, str]) -> None:
    """Raises OSError for what is no program."""
    if shutil.which(word, path=environment.get("PATH", os.defpath)) is None:
        number = errno.EACCES if os.path.exists(os.path.join("/", word)) else errno.ENOENT
        raise OSError(number, os.strerror(number))


def run_command(
    words: tuple[str, ...], name: str, environment: Mapping[str, str], limits: CommandLimits
) -> None:
    """Runs a command to its end.  Raises SourceError for a bad one, with the last that it said;
    InterruptedSessionError when it was ended before, or not even begun, for the session was."""
    if limits.stopped():
        raise InterruptedSessionError(f"{name} was not begun: the session was ended")
    with started(words, name, environment, subprocess.STDOUT) as process:
        assert process.stdout is not None
        said = Said(process.stdout)  # type: ignore[arg-type]
        since = time.monotonic()
        while not has_ended(process):
            if limits.stopped():
                raise InterruptedSessionError(f"{name} was ended: the session was")
            if time.monotonic() - since > limits.seconds_max:
                raise SourceError(
                    _with_said(
                        f"{name} took longer than {format_seconds(limits.seconds_max)}", said
                    ),
                    remedy="raise its timeout if it may take that long",
                )
            time.sleep(LOOK_SECONDS / 10)
        check_end(process, name, said)


def check_end(process: subprocess.Popen[bytes], name: str, said: Said) -> None:
    """Of a command that has ended: so does what it has left behind.  Raises SourceError if it was
    not content."""
    _signal(process, signal.SIGKILL)
    code = process.wait(GRACE_SECONDS)
    if code:
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        raise SourceError(_with_said(f"{name} {how}", said))


def has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Without taking note of it: until then nobody else is given its number."""
    if process.returncode is not None:
        return True
    flags = os.WEXITED | os.WNOWAIT | os.WNOHANG
    return os.waitid(os.P_PID, process.pid, flags) is not None


def _with_said(what: str, said: Said) -> str:
    text = said.text()
    return f"{what}: {text}" if text else what


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends what is left of a command and of all that it started."""
    if process.returncode is None:
        _signal(process, signal.SIGTERM)
        latest = time.monotonic() + GRACE_SECONDS
        while not has_ended(process) and time.monotonic() < latest:
            time.sleep(LOOK_SECONDS / 10)
        _signal(process, signal.SIGKILL)
        # One that hangs in a call of the system ends when that does; nobody can do more about it.
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_SECONDS)


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)
