"""What stands on a `CrashDisk` after a crash, from the notes of its calls."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from random import Random
from typing import NamedTuple

from flowbackup.testing.crash_disk import Note

SECTOR_BYTES = 512
"""A disk writes so much whole or not at all."""


class Loss(Enum):
    """What becomes of that which was not synced."""

    NOTHING = "the process was killed and the system went on"
    ALL = "the power failed before any of it reached the disk"
    SOME = "the power failed when a random part of it had reached the disk"


class FileImage(NamedTuple):
    content: bytes
    mode: int


def crash_image(notes: Iterable[Note], loss: Loss, random: Random) -> dict[str, FileImage]:
    """The files by their paths.  Only those that the disk has made itself are known here.  A folder
    whose name has not lasted takes with it what is in it."""
    return crash_tree(notes, loss, random)[0]


def crash_tree(
    notes: Iterable[Note], loss: Loss, random: Random
) -> tuple[dict[str, FileImage], list[str]]:
    """As `crash_image`, and the folders that the disk has made."""
    disk = _Disk()
    for note in notes:
        disk.take(note)
    return disk.crash(loss, random), disk.folders()


def torn(note: Note, part: float, *, has_lasted: bool) -> Note:
    """A write of which only so much of its beginning was done."""
    return note._replace(data=note.data[: int(len(note.data) * part)], has_lasted=has_lasted)


def put_image(image: Mapping[str, FileImage], folder: str) -> None:
    """Makes the files, which all have another name, in a folder that is empty."""
    for path, file in image.items():
        fd = os.open(
            os.path.join(folder, os.path.basename(path)), os.O_WRONLY | os.O_CREAT | os.O_EXCL
        )
        try:
            os.pwrite(fd, file.content, 0)
            os.fchmod(fd, file.mode)
        finally:
            os.close(fd)


def put_tree(tree: tuple[Mapping[str, FileImage], Iterable[str]], place: str, folder: str) -> None:
    """Makes what `crash_tree` has found below `place` in the same places below `folder`, which is
    empty."""
    files, folders = tree
    for path in folders:
        os.makedirs(os.path.join(folder, os.path.relpath(path, place)), exist_ok=True)
    for path, file in files.items():
        parent = os.path.join(folder, os.path.relpath(os.path.dirname(path), place))
        os.makedirs(parent, exist_ok=True)
        put_image({path: file}, parent)


class _Disk:
    """What lasts, and what does not yet, after a row of calls."""

    def __init__(self) -> None:
        self._files: dict[int, _File] = {}
        self._names: dict[str, _File] = {}
        self._folders: dict[str, bool] = {}
        """Those that were made, and whether their names last."""
        self._changes: list[Note] = []

    def take(self, note: Note) -> None:
        match note.verb:
            case "create":
                self._files[note.file] = _File(b"", note.number)
                self._changes.append(note)
            case "open" if note.file not in self._files:
                self._files[note.file] = _File(note.data, note.number)
                self._names[note.name] = self._files[note.file]
            case "make_directory":
                self._folders[note.name] = False
                self._changes.append(note)
            case "rename" | "unlink":
                self._changes.append(note)
            case "sync_directory":
                self._sync_names(note.name)
            case "fdatasync" | "fsync":
                self._files[note.file].sync(with_mode=note.verb == "fsync")
            case "failed_sync":
                self._files[note.file].fail_sync()
            case "pwritev" | "truncate" | "chmod":
                self._files[note.file].unsynced.append(note)

    def crash(self, loss: Loss, random: Random) -> dict[str, FileImage]:
        lasting = {Loss.NOTHING: len(self._changes), Loss.ALL: 0}.get(loss)
        if lasting is None:
            lasting = random.randint(0, len(self._changes))
        for change in self._changes[:lasting]:
            self._change_name(change)
        return {
            path: file.crash(loss, random)
            for path, file in sorted(self._names.items())
            if self._is_reached(os.path.dirname(path))
        }

    def folders(self) -> list[str]:
        """Behind a `crash`."""
        return [path for path in sorted(self._folders) if self._is_reached(path)]

    def _is_reached(self, folder: str) -> bool:
        """Do the names of a folder and of those around it last?"""
        around = os.path.dirname(folder)
        return self._folders.get(folder, True) and (around == folder or self._is_reached(around))

    def _sync_names(self, folder: str) -> None:
        changes, self._changes = self._changes, []
        for change in changes:
            if os.path.dirname(change.name) == folder:
                self._change_name(change)
            else:
                self._changes.append(change)

    def _change_name(self, change: Note) -> None:
        if change.verb == "create":
            self._names[change.name] = self._files[change.file]
        elif change.verb == "make_directory":
            self._folders[change.name] = True
        elif change.verb == "rename":
            self._names[change.other] = self._names.pop(change.name)
        else:
            del self._names[change.name]


class _File:
    """What lasts of a file, and the changes of it that do not yet."""

    def __init__(self, content: bytes, mode: int) -> None:
        self.content = bytearray(content)
        self.mode = mode
        self.unsynced: list[Note] = []

    def sync(self, *, with_mode: bool) -> None:
        changes, self.unsynced = self.unsynced, []
        for change in changes:
            if change.verb == "chmod" and not with_mode:
                self.unsynced.append(change)
            else:
                self._apply(change)

    def fail_sync(self) -> None:
        """What was to be written counts as written, but is not there.  The length is kept."""
        self.unsynced = [
            note._replace(data=bytes(len(note.data)), verb="grow")
            if note.verb == "pwritev"
            else note
            for note in self.unsynced
        ]

    def crash(self, loss: Loss, random: Random) -> FileImage:
        if loss is Loss.SOME:
            self._apply_some(random)
        for change in self.unsynced:
            if loss is Loss.NOTHING or change.has_lasted:
                self._apply(change)
        return FileImage(bytes(self.content), self.mode)

    def _apply(self, change: Note) -> None:
        if change.verb == "chmod":
            self.mode = change.number
        elif change.verb == "truncate":
            self._set_length(change.number)
        else:
            self._set_length(max(len(self.content), change.number + len(change.data)))
            if change.verb == "pwritev":
                self.content[change.number : change.number + len(change.data)] = change.data

    def _apply_some(self, random: Random) -> None:
        """Sectors last one by one, lengths in their order, whether their sectors do or not."""
        often = random.choice((0.1, 0.5, 0.9))
        length = len(self.content)
        lengths_left = random.randint(0, len(self.unsynced))
        for change in self.unsynced:
            if change.verb == "chmod":
                self.mode = change.number if random.random() < often else self.mode
                continue
            lengths_left -= 1
            if change.verb == "truncate":
                if lengths_left >= 0:
                    length = change.number
                    self._set_length(length)
                continue
            end = change.number + len(change.data)
            if lengths_left >= 0:
                length = max(length, end)
            if change.verb == "pwritev":
                self._apply_sectors(change, lambda: random.random() < often)
        self._set_length(length)

    def _apply_sectors(self, change: Note, lasts: Callable[[], bool]) -> None:
        end = change.number + len(change.data)
        begin = change.number
        while begin < end:
            border = min(end, (begin // SECTOR_BYTES + 1) * SECTOR_BYTES)
            if lasts():
                part = change.data[begin - change.number : border - change.number]
                self._set_length(max(len(self.content), border))
                self.content[begin:border] = part
            begin = border

    def _set_length(self, length: int) -> None:
        del self.content[length:]
        self.content.extend(bytes(length - len(self.content)))
