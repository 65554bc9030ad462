"""A real disk that fails: ext4 on a loop device, on a tmpfs that can become too small for it.

Writes succeed then, fsync fails once, and later ones say OK while blocks are lost.  It can also
become read-only, as ext4 makes itself after an error, or stand still.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

PAGE_BYTES = 4096
ROOM_BYTES = 100 * PAGE_BYTES
"""What the disk has left when it has shrunk: the sessions of the tests want far more."""
_NEEDED = ("mkfs.ext4", "mount", "umount", "sync", "fsfreeze", "chattr")


class SmallDisk:
    """A file system at `place`, on a disk that is smaller than it believes."""

    def __init__(self, folder: Path) -> None:
        self.place = folder / "mounted"
        self._memory = folder / "memory"
        self._image = self._memory / "image"
        self._mounted: list[Path] = []

    def make(self) -> None:
        for place in (self._memory, self.place):
            place.mkdir(parents=True)
        self._mount(self._memory, "-t", "tmpfs", "-o", "size=64m", "tmpfs")
        self._image.touch()
        os.truncate(self._image, 32 << 20)
        block = str(PAGE_BYTES)
        run("mkfs.ext4", "-q", "-F", "-O", "^has_journal", "-b", block, str(self._image))
        self._mount(self.place, "-o", "loop", str(self._image))
        self._write_page_by_page()

    def shrink(self) -> None:
        """From now on the disk takes ROOM_BYTES more."""
        run("sync", "-f", str(self.place))
        size = os.stat(self._image).st_blocks * 512 + ROOM_BYTES
        run("mount", "-o", f"remount,size={size}", str(self._memory))

    def mount_again(self) -> None:
        """Nothing is left of the page cache then."""
        run("umount", str(self._mounted.pop()))
        self._mount(self.place, "-o", "loop", str(self._image))

    def fail(self) -> None:
        """It becomes read-only, as after an error of its own."""
        run("mount", "-o", "remount,errors=remount-ro", str(self.place))
        name = Path(f"/sys/dev/block/{self._number()}").resolve().name
        Path(f"/sys/fs/ext4/{name}/trigger_fs_error").write_text("a test")

    def freeze(self) -> None:
        """Whoever writes to it waits until `thaw`, and cannot even be killed."""
        run("fsfreeze", "-f", str(self.place))

    def thaw(self) -> None:
        run("fsfreeze", "-u", str(self.place))

    def remove(self) -> None:
        while self._mounted:
            run("umount", str(self._mounted.pop()))

    def _write_page_by_page(self) -> None:
        """A loop device takes a request that found room for its first half for a whole one: that
        would be a disk that lies, which no writer can notice."""
        queue = Path(f"/sys/dev/block/{self._number()}/queue")
        (queue / "max_sectors_kb").write_text(str(PAGE_BYTES // 1024))

    def _number(self) -> str:
        device = os.stat(self.place).st_dev
        return f"{os.major(device)}:{os.minor(device)}"

    def _mount(self, place: Path, *what: str) -> None:
        run("mount", *what, str(place))
        self._mounted.append(place)


def run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise OSError(f"{' '.join(command)}: {done.stderr.strip()}")


def make_or_skip(disk: SmallDisk) -> None:
    """Skips the test with the name of what is missing."""
    missing = [name for name in _NEEDED if not shutil.which(name)]
    if os.geteuid() != 0 or missing:
        pytest.skip(f"missing: {', '.join(missing) or 'root'}")
    try:
        disk.make()
    except OSError as error:
        pytest.skip(f"missing: loop devices, ext4 or the right to mount: {error}")
