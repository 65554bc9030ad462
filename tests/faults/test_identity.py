"""A device that goes while it is written, and something else in its place: at every call.

What was acknowledged is on the medium that went, nothing is written to what came, and the message
names both.  The real mechanism, with file systems that are mounted and unmounted, is below; it
needs root.
"""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from flowbackup.errors import DeviceError
from flowbackup.media.calls import Writable
from flowbackup.media.devices.directory import DirectoryDevice
from flowbackup.media.labels.label import init_medium
from flowbackup.media.port import StoredFrame
from flowbackup.model.device import DeviceTarget
from flowbackup.model.ids import id_text
from flowbackup.testing.faulty_calls import FaultySystemCalls
from flowbackup.testing.frames import sample_frame, sample_id

GROUPS = 3
FRAMES = 2
PAYLOAD_BYTES = 3000
SEGMENT_BYTES = 10_000
"""Two groups fill a segment: the session begins, seals and renames several."""


class Swapping(FaultySystemCalls):
    """Before the `nth` call the device is swapped."""

    def __init__(self, nth: int, swap: Callable[[], None]) -> None:
        super().__init__()
        self._nth, self._swap = nth, swap

    def _before(self, verb: str) -> None:
        super()._before(verb)
        if len(self.made) == self._nth:
            self._swap()

    def pwritev(self, fd: int, buffers: Sequence[Writable], offset: int) -> int:
        if len(self.made) + 1 == self._nth:
            self._swap()
        return super().pwritev(fd, buffers, offset)


@dataclass
class Disk:
    """A medium at `place`, and what takes its place."""

    folder: Path
    other: Path
    acknowledged: list[StoredFrame] = field(default_factory=list)

    @property
    def place(self) -> Path:
        return self.folder / "mounted"

    @property
    def away(self) -> Path:
        return self.folder / "away"

    def device(self, calls: FaultySystemCalls, place: Path | None = None) -> DirectoryDevice:
        target = DeviceTarget("nas", "directory", str(place or self.place), 512)
        return DirectoryDevice(target, segment_bytes=SEGMENT_BYTES, calls=calls)

    def write(self, calls: FaultySystemCalls) -> DeviceError | None:
        """A session, until the device refuses; keeps what was acknowledged."""
        device = self.device(calls)
        device.lock("test")
        writer = None
        try:
            writer = device.writer(sample_id(1), 1)
            for group in range(GROUPS):
                for number in range(FRAMES):
                    writer.append(*sample_frame(PAYLOAD_BYTES, group * FRAMES + number))
                self.acknowledged += writer.commit()
            writer.finish()
        except DeviceError as error:
            return error
        finally:
            if writer is not None:
                writer.close()
            device.close()
        return None


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Callable[[str], Disk]]:
    """Makes disks that are equal, in memory where that can be had: syncs take no time there."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else str(tmp_path)
    with TemporaryDirectory(prefix="flowbackup-test-", dir=memory) as name:
        originals = {kind: Path(name, kind) for kind in ("nas", "usb")}
        for kind, place in originals.items():
            init_medium(str(place), name=kind, block_bytes=512)

        def make(folder: str) -> Disk:
            disk = Disk(Path(name, folder), originals["usb"])
            disk.folder.mkdir()
            shutil.copytree(originals["nas"], disk.place)
            return disk

        yield make


def content(place: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(place)): path.read_bytes() if path.is_file() else b""
        for path in sorted(place.rglob("*"))
    }


def empty(disk: Disk) -> None:
    disk.place.mkdir()


def another_medium(disk: Disk) -> None:
    """With files of the very names that this session uses, left behind by one that was killed."""
    shutil.copytree(disk.other, disk.place)
    for number in range(1, GROUPS + 1):
        (disk.place / "segments" / f"{number:08d}-0001.part").write_bytes(b"left behind")


def a_copy(disk: Disk) -> None:
    shutil.copytree(disk.away, disk.place)


def nothing(disk: Disk) -> None:
    """Not even the directory."""


REPLACEMENTS = (empty, another_medium, a_copy, nothing)


@pytest.mark.parametrize("replace", REPLACEMENTS)
def test_at_every_call_nothing_is_written_to_what_came_and_nothing_acknowledged_is_lost(
    made: Callable[[str], Disk], replace: Callable[[Disk], None]
) -> None:
    calls = FaultySystemCalls()
    assert made("counted").write(calls) is None
    kinds = set()
    for nth in range(1, len(calls.made) + 1):
        disk = made(str(nth))
        before: dict[str, bytes] = {}

        def swap(disk: Disk = disk, before: dict[str, bytes] = before) -> None:
            disk.place.rename(disk.away)
            replace(disk)
            before.update(content(disk.place))

        swapping = Swapping(nth, swap)
        error = disk.write(swapping)
        after = content(disk.place)
        assert after == before, (nth, swapping.made[nth - 1 :])
        on_medium = list(disk.device(FaultySystemCalls(), disk.away).reader().frames())
        assert on_medium[: len(disk.acknowledged)] == disk.acknowledged
        if error is not None:
            kinds.add(type(error))
            assert '"nas"' in error.message and error.device == "nas", error
        shutil.rmtree(disk.folder)
    assert kinds == {DeviceError}


def test_both_media_are_named(made: Callable[[str], Disk]) -> None:
    disk = made("disk")
    mine = disk.device(FaultySystemCalls()).info().medium

    def swap() -> None:
        disk.place.rename(disk.away)
        another_medium(disk)

    error = disk.write(Swapping(12, swap))
    assert error is not None and error.errno == errno.ENODEV
    other = disk.device(FaultySystemCalls()).info().medium
    for text in (id_text(mine), '"nas"', id_text(other), '"usb"', str(disk.place)):
        assert text in error.message
    assert "mount the right disk" in error.remedy


# The real mechanism.


class Mounts:
    """File systems in memory, mounted at one place above each other."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self._count = 0

    def mount(self, name: str = "") -> None:
        """name: of the medium that is on it; "" for none."""
        run("mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(self.place))
        self._count += 1
        if name:
            init_medium(str(self.place / "medium"), name=name, block_bytes=512)

    def unmount(self) -> None:
        """As it is done to a disk that is in use: at once for those who come by the path."""
        run("umount", "-l", str(self.place))
        self._count -= 1

    def make_read_only(self) -> None:
        run("mount", "-o", "remount,ro", str(self.place))

    def remove(self) -> None:
        while self._count:
            self.unmount()


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture
def mounts(tmp_path: Path) -> Iterator[Mounts]:
    if os.geteuid() != 0:
        pytest.skip("missing: root")
    (tmp_path / "mounted").mkdir()
    found = Mounts(tmp_path / "mounted")
    try:
        found.mount("nas")
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"missing: the right to mount: {error}")
    yield found
    found.remove()


@pytest.mark.root
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("unmount", r"expected medium .*\(\"nas\"\) in .*, but .* does not exist"),
        ("another", r"expected medium .*\(\"nas\"\) in .*, but medium .* \(\"usb\"\) is there"),
        ("above", r"expected medium .*\(\"nas\"\) in .*, but .* does not exist"),
        ("read only", r"nas.*Read-only file system|nas.*EROFS"),
    ],
)
def test_a_file_system_that_goes_while_it_is_written(
    mounts: Mounts, change: str, said: str
) -> None:
    place = mounts.place / "medium"
    device = DirectoryDevice(
        DeviceTarget("nas", "directory", str(place), 512), segment_bytes=SEGMENT_BYTES
    )
    device.lock("test")
    writer = device.writer(sample_id(1), 1)
    for number in range(3):
        writer.append(*sample_frame(PAYLOAD_BYTES, number))
        writer.commit()
    segments = os.open(place / "segments", os.O_RDONLY)
    durable = sorted(os.listdir(segments))
    if change == "unmount":
        mounts.unmount()
    elif change == "another":
        mounts.unmount()
        mounts.mount("usb")
    elif change == "above":
        mounts.mount()
    else:
        writer.finish()
        device.close()
        mounts.make_read_only()
    before = content(mounts.place)
    try:
        with pytest.raises(DeviceError, match=said):
            if change == "read only":
                device.lock("test")
                writer = device.writer(sample_id(2), 2)
            for number in range(3, 9):
                writer.append(*sample_frame(PAYLOAD_BYTES, number))
                writer.commit()
        assert content(mounts.place) == before
        if change != "read only":
            # It is written as long as its segment lasts, and keeps what it has.
            assert sorted(os.listdir(segments)) == durable
    finally:
        os.close(segments)
        writer.close()
        device.close()
