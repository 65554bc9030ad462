"""The second process from outside: started, given work, asked for answers, ended."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
from collections.abc import Sequence
from mmap import mmap

from flowbackup.errors import RestoreError
from flowbackup.restore.second.batch import CONTENT_BYTES_MAX, MESSAGE_BYTES_MAX

PROGRAM = "flowbackup.restore.second.making"
PARTS = 3
"""Batches whose contents have room in the memory: one is worked on, one waits, one is filled."""
ANSWER_SECONDS_MAX = 60.0
"""For a batch: it is small, but a device that is slow lets all who write wait for it."""
END_SECONDS_MAX = 10.0
"""For what is under way when nobody wants the rest any more."""
_SAID_BYTES_MAX = 64 * 1024


class GoneError(Exception):
    """The second process has ended, or does not answer.  Says how, in words."""


class SecondProcess:
    """A process that runs PROGRAM; used by one thread.

    It is in a process group of its own: what a terminal sends is for the first one, which ends it.
    It ends by itself when this end of the link is closed, so also when the first one is killed."""

    def __init__(self) -> None:
        """Does not wait until it runs.  Raises OSError."""
        self._said = os.memfd_create("flowbackup-said", os.MFD_CLOEXEC)
        shared = -1
        self._link, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            shared = os.memfd_create("flowbackup-small-files", os.MFD_CLOEXEC)
            # Memory that is not there is an error here, and no signal in the middle.
            os.posix_fallocate(shared, 0, PARTS * CONTENT_BYTES_MAX)
            self._shared = mmap(shared, 0)
            self.memory = memoryview(self._shared)
            # -P: no module is taken from the directory that the user happens to be in.
            self._process = subprocess.Popen(
                (sys.executable, "-P", "-m", PROGRAM, str(other.fileno()), str(shared)),
                pass_fds=(other.fileno(), shared), process_group=0, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=self._said,
            )  # fmt: skip
        except BaseException:
            self._link.close()
            os.close(self._said)
            raise
        finally:
            other.close()
            if shared >= 0:
                os.close(shared)

    def send(self, message: bytes, directories: Sequence[int]) -> None:
        """Raises GoneError."""
        try:
            # It has room for more batches than there are.
            socket.send_fds(self._link, (message,), directories, socket.MSG_DONTWAIT)
        except BlockingIOError as error:
            self._killed()
            raise GoneError("it took nothing more") from error
        except OSError as error:
            raise GoneError(self._how()) from error

    def answer_nowait(self) -> bytes | None:
        """The next answer if there is one.  Raises GoneError."""
        try:
            message = self._link.recv(MESSAGE_BYTES_MAX, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return None
        except OSError as error:
            raise GoneError(self._how()) from error
        if not message:
            raise GoneError(self._how())
        return message

    def wait_answer(self) -> bytes:
        """Raises GoneError, also for one that does not come in ANSWER_SECONDS_MAX."""
        poll = select.poll()
        poll.register(self._link, select.POLLIN)
        poll.poll(ANSWER_SECONDS_MAX * 1000)
        message = self.answer_nowait()
        if message is None:
            self._killed()
            raise GoneError(f"it did not answer for {ANSWER_SECONDS_MAX:.0f} s")
        return message

    def finish(self) -> None:
        """Tells it that nothing comes any more.  Does not wait.  Safe to repeat."""
        self._link.close()

    def close(self) -> None:
        """Ends it and waits until it is gone: what it is making now is made whole.  Safe to repeat.
        Raises RestoreError for one that cannot be ended."""
        self.finish()
        self.memory.release()
        self._shared.close()
        self._ended()
        if self._said >= 0:
            os.close(self._said)
            self._said = -1

    def _how(self) -> str:
        """Waits for its end, and says what is known of it."""
        status = self._ended()
        end = f"signal {-status}" if status < 0 else f"exit code {status}"
        said = os.pread(self._said, _SAID_BYTES_MAX, 0).decode(errors="replace").split("\n")
        last = next((line for line in reversed(said) if line.strip()), "")
        return f"it ended with {end}" + (f": {last}" if last else "")

    def _ended(self) -> int:
        """Waits until it has ended by itself, or makes it."""
        try:
            return self._process.wait(END_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            return self._killed()

    def _killed(self) -> int:
        self._process.kill()
        try:
            return self._process.wait(END_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            raise RestoreError(
                f"process {self._process.pid}, which makes files for this restore, hangs",
                remedy="see what the device of the target is waiting for, and restore again",
            ) from None
