"""Real disks under a device: one that can be filled, pulled and exchanged, and one that fails."""

from __future__ import annotations

import os
from contextlib import suppress

import pytest

from flowbackup import api
from flowbackup.units import KIB
from tests.faults.small_disk import SmallDisk, make_or_skip, run
from tests.runtime.losses.world import World

DISK_BYTES = 32 << 20
FILLER = "filler"


class MemoryDisk:
    """A tmpfs of DISK_BYTES that is mounted where a device is, so that it can be pulled without
    being forgotten."""

    def __init__(self, world: World, device: str) -> None:
        """Skips the test where nobody may mount."""
        if os.geteuid() != 0:
            pytest.skip("missing: root")
        self._kept = world.folder / f"kept-{device}"
        self.place = world.folder / f"mounted-{device}"
        for place in (self._kept, self.place):
            place.mkdir()
        try:
            run("mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(self._kept))
        except OSError as error:
            pytest.skip(f"missing: the right to mount: {error}")
        world.after.callback(run, "umount", str(self._kept))
        world.after.callback(self.pull)
        self.plug()
        world.at[device] = self.place / device

    def plug(self) -> None:
        """The disk is there."""
        self.pull()
        run("mount", "--bind", str(self._kept), str(self.place))

    def pull(self) -> None:
        """Nothing is there, or what is below; who has files open keeps them."""
        while os.path.ismount(self.place):
            run("umount", "-l", str(self.place))

    def exchange(self, device: str) -> None:
        """Another disk with another medium is there."""
        self.pull()
        run("mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(self.place))
        api.init_device(str(self.place / device), "stranger")

    def fill(self) -> None:
        with (self._kept / FILLER).open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(64 * KIB))

    def make_room(self) -> None:
        (self._kept / FILLER).unlink()


def failing_disk(world: World, device: str) -> SmallDisk:
    """For a device; skips the test with what is missing."""
    disk = SmallDisk(world.folder / f"small-{device}")
    world.after.callback(disk.remove)
    make_or_skip(disk)
    world.at[device] = disk.place / device
    return disk
