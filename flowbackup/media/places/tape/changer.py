"""A changer moves tapes between its slots and a drive: `mtx`, or a directory with virtual tapes."""

from __future__ import annotations

import errno
import os
import re
import subprocess
from dataclasses import dataclass
from typing import Protocol

from flowbackup.media.places.tape.cartridge import CartridgeText, make_cartridge
from flowbackup.media.places.tape.drive import TapeError
from flowbackup.media.places.tape.virtual_drive import POSITION_NAME, tape_in

MTX = "mtx"
MOVE_SECONDS_MAX = 600.0
"""A large library takes minutes for the longest way; then something is jammed."""


@dataclass(frozen=True, slots=True)
class ChangerSlot:
    """number: as the changer counts; 0 is the drive, and `home` the slot from which its tape came,
    0 for none that is known.  tag: the bar code, "" where there is none to be read."""

    number: int
    is_full: bool
    tag: str = ""
    home: int = 0


class Changer(Protocol):
    """Every method raises OSError.  idle_seconds: for which a tape must have been left alone before
    it makes place for another one: two readers that take turns would only keep tapes moving."""

    idle_seconds: float

    def slots(self) -> list[ChangerSlot]:
        """The drive first, then the slots by number."""

    def load(self, slot: int) -> None:
        """From a slot to the drive, which is empty."""

    def unload(self, slot: int) -> None:
        """From the drive to a slot, which is empty."""


_ELEMENT = re.compile(
    r"\s*(?P<kind>Data Transfer|Storage) Element (?P<number>\d+)(?P<mail> IMPORT/EXPORT)?:"
    r"(?P<state>Full|Empty)( \(Storage Element (?P<home>\d+) Loaded\))?"
    r"(\s*:\s*VolumeTag\s*=\s*(?P<tag>\S*))?"
)


def parse_status(text: str, drive: int) -> list[ChangerSlot]:
    """What `mtx status` prints.  drive: its data transfer element."""
    found: list[ChangerSlot] = []
    for match in filter(None, map(_ELEMENT.match, text.splitlines())):
        is_drive, number = match["kind"] == "Data Transfer", int(match["number"])
        if match["mail"] or (is_drive and number != drive):
            # What lies at the door belongs to whoever put it there.
            continue
        found.append(
            ChangerSlot(
                0 if is_drive else number,
                match["state"] == "Full",
                match["tag"] or "",
                int(match["home"] or 0),
            )
        )
    return sorted(found, key=lambda slot: slot.number)


class MtxChanger:
    """A changer that `mtx` drives.  name: its device, as /dev/sg3, or /dev/sg3:1 where the drive is
    the data transfer element 1."""

    idle_seconds = 5.0

    def __init__(self, name: str) -> None:
        path, _, drive = name.partition(":")
        if drive and not (drive.isascii() and drive.isdigit()):
            raise TapeError(
                errno.EINVAL, f'changer {path}: "{drive}" is no number of a drive',
                remedy="write it as in changer=/dev/sg3:1, or without the colon",
            )  # fmt: skip
        self._path = path
        self._drive = int(drive or 0)

    def slots(self) -> list[ChangerSlot]:
        return parse_status(self._run("status"), self._drive)

    def load(self, slot: int) -> None:
        self._run("load", str(slot), str(self._drive))

    def unload(self, slot: int) -> None:
        self._run("unload", str(slot), str(self._drive))

    def _run(self, *words: str) -> str:
        command = (MTX, "-f", self._path, *words)
        try:
            done = subprocess.run(
                command, capture_output=True, timeout=MOVE_SECONDS_MAX, check=False,
                # Of a bar code that was misread there may be any bytes.
                stdin=subprocess.DEVNULL, encoding="utf-8", errors="backslashreplace",
            )  # fmt: skip
        except FileNotFoundError:
            raise TapeError(
                errno.ENOENT, f"changer {self._path}: there is no command {MTX}",
                remedy="install the package mtx",
            ) from None  # fmt: skip
        except subprocess.TimeoutExpired:
            raise TapeError(
                errno.ETIMEDOUT, f"changer {self._path}: {' '.join(words)} took too long",
                remedy="look at the changer: a tape may be jammed",
            ) from None  # fmt: skip
        if done.returncode:
            reason = " ".join(done.stderr.split()) or f"exit {done.returncode}"
            raise TapeError(
                errno.EIO, f"changer {self._path}: {' '.join(words)} failed: {reason}",
                remedy=f"look at `{MTX} -f {self._path} status`",
            )  # fmt: skip
        return done.stdout


_SLOT = re.compile(r"slot-(?!000$)([0-9]{3}|[1-9][0-9]{3,8})")


class VirtualChanger:
    """A directory: `drive` with the tape in the drive, `slot-001` and so on with one tape each.
    The name of a tape's directory is its bar code."""

    idle_seconds = 0.0

    def __init__(self, path: str) -> None:
        self._path = path

    def slots(self) -> list[ChangerSlot]:
        names = sorted(name for name in os.listdir(self._path) if name.startswith("slot-"))
        numbers = [0, *map(self._number, names)]
        found = [(number, tape_in(self._folder(number))) for number in numbers]
        return [ChangerSlot(n, tape is not None, os.path.basename(tape or "")) for n, tape in found]

    def load(self, slot: int) -> None:
        self._move(slot, 0)

    def unload(self, slot: int) -> None:
        self._move(0, slot)

    def _move(self, begin: int, end: int) -> None:
        tape = tape_in(self._folder(begin))
        if tape is None or tape_in(self._folder(end)) is not None:
            raise TapeError(
                errno.EIO, f"changer {self._path}: no tape can go from {begin} to {end}"
            )
        os.rename(tape, os.path.join(self._folder(end), os.path.basename(tape)))
        position = os.path.join(self._folder(0), POSITION_NAME)
        if os.path.exists(position):
            os.unlink(position)

    def _number(self, name: str) -> int:
        match = _SLOT.fullmatch(name)
        if match is None:
            raise TapeError(
                errno.EINVAL, f"changer {self._path}: {name} is no slot",
                remedy="name it as in slot-001",
            )  # fmt: skip
        return int(match[1])

    def _folder(self, number: int) -> str:
        return os.path.join(self._path, f"slot-{number:03d}" if number else "drive")


def make_library(path: str, tapes: int, text: CartridgeText) -> None:
    """A virtual changer with so many blank tapes in its slots.  Raises OSError."""
    os.makedirs(os.path.join(path, "drive"))
    for number in range(1, tapes + 1):
        make_cartridge(os.path.join(path, f"slot-{number:03d}", f"VT{number:04d}"), text)


def changer_at(path: str) -> Changer:
    """The changer at a path."""
    return VirtualChanger(path) if os.path.isdir(path) else MtxChanger(path)
