"""The queue of a medium: a folder with one file for each session that wants the medium.

The name of the file is the ticket, its text says whose it is, and its flock says that he is still
there.  A ticket gives an order and nothing else: who may write is decided by the lock of the medium
alone, so a queue that is wrong costs somebody his turn and never a byte.  Files are made under
another name, locked, and then renamed, so that each is held from the moment it can be seen; all of
that works the same on a network file system.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from flowbackup.errors import DeviceError
from flowbackup.media.failure import device_error
from flowbackup.media.locks.holder import (
    HOLDER_BYTES_MAX,
    describe,
    holder_here,
    is_left_behind,
    parse_holder,
    try_flock,
)
from flowbackup.model.ids import id_from_text, id_text
from flowbackup.model.queue import Ticket, Waiting

ATTEMPTS_MAX = 100
"""Each one fails only because somebody tidied up at that very moment."""
NUMBER_DIGITS = 10


class MediumQueue:
    """The queue in the folder `path`; this process may stand in it once."""

    def __init__(self, path: str, device: str) -> None:
        self._path = path
        self._device = device
        self._name = ""
        self._fd = -1

    def standing(self) -> tuple[Waiting, ...]:
        """Everybody who waits, the first one first; tickets of the dead are removed.  Raises
        DeviceError."""
        found: list[Waiting] = []
        with self._guard("looking at"), suppress(FileNotFoundError), self._folder() as folder:
            for name in os.listdir(folder):
                text = _text_if_held(folder, name)
                ticket = parse_name(name)
                if text is not None and ticket is not None:
                    found.append(Waiting(ticket, describe(text)))
        return tuple(sorted(found))

    def enter(self, ticket: Ticket, holder: str) -> None:
        """Stands there under this ticket from now on, until `leave` or the end of the process; one
        drawn before is given back.  holder: text for people.  Raises DeviceError."""
        self.leave()
        text = holder_here(holder).to_json()
        with self._guard("standing in"):
            for attempt in range(ATTEMPTS_MAX):
                if self._try_enter(ticket, text, f"new-{id_text(ticket.session)}-{attempt}"):
                    return
        raise DeviceError(
            f'device "{self._device}": the queue {self._path} does not keep what is put there',
            remedy="look who else removes files there",
            device=self._device,
        )

    def leave(self) -> None:
        """Gives the ticket back; safe to repeat."""
        if self._fd < 0:
            return
        with suppress(OSError), self._folder() as folder:
            os.unlink(self._name, dir_fd=folder)
        fd, self._fd = self._fd, -1
        os.close(fd)
        with suppress(OSError):
            # The last one leaves nothing behind.
            os.rmdir(self._path)

    def _try_enter(self, ticket: Ticket, text: bytes, new: str) -> bool:
        with suppress(FileExistsError):
            os.mkdir(self._path)
        fd = -1
        try:
            with self._folder() as folder:
                # Only this session writes that name: an attempt of it failed half way.
                with suppress(FileNotFoundError):
                    os.unlink(new, dir_fd=folder)
                flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
                fd = os.open(new, flags, 0o644, dir_fd=folder)
                if try_flock(fd, fcntl.LOCK_EX):
                    os.pwrite(fd, text, 0)
                    name = name_of(ticket)
                    os.rename(new, name, src_dir_fd=folder, dst_dir_fd=folder)
                    self._name, self._fd, fd = name, fd, -1
                    return True
        except FileNotFoundError:
            # The folder was empty for a moment, or the file had no lock yet: somebody removed it.
            pass
        finally:
            if fd >= 0:
                os.close(fd)
        return False

    @contextmanager
    def _folder(self) -> Iterator[int]:
        """Not through a link: a medium may come from anywhere."""
        fd = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            yield fd
        finally:
            os.close(fd)

    @contextmanager
    def _guard(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise device_error(self._device, f"{what} the queue {self._path}", error) from error


class NoQueue:
    """The queue of a device that nobody else can reach."""

    def standing(self) -> tuple[Waiting, ...]:
        return ()

    def enter(self, ticket: Ticket, holder: str) -> None:
        """Nobody is in front."""

    def leave(self) -> None:
        """Nobody is behind."""


def _text_if_held(folder: int, name: str) -> bytes | None:
    """The text of a file that somebody holds; one that nobody holds is removed."""
    try:
        fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    except OSError:
        return None
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return None
        # Shared: two who look at the same time do not take each other for its owner.
        is_free = try_flock(fd, fcntl.LOCK_SH)
        text = os.pread(fd, HOLDER_BYTES_MAX, 0)
        if not is_free or not is_left_behind(parse_holder(text)):
            return text
        # Who leaves unlinks before he unlocks; by now the name may be that of a ticket drawn anew.
        if os.fstat(fd).st_nlink:
            with suppress(OSError):
                os.unlink(name, dir_fd=folder)
        return None
    finally:
        os.close(fd)


def name_of(ticket: Ticket) -> str:
    """Of the file, or the object, of a ticket."""
    return f"{ticket.number:0{NUMBER_DIGITS}d}-{id_text(ticket.session)}"


def parse_name(name: str) -> Ticket | None:
    """None for a name that no ticket has."""
    number, _, session = name.partition("-")
    try:
        ticket = Ticket(int(number), id_from_text(session))
    except ValueError:
        return None
    return ticket if name_of(ticket) == name else None
