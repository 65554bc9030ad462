"""Target F8: the catalog goes while a session runs.  The media win."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from flowbackup import api
from flowbackup.catalog.catalog import open_catalog
from flowbackup.catalog.rows import SessionState
from flowbackup.errors import CatalogError
from flowbackup.monitor import SilentMonitor
from tests import judge
from tests.runtime.losses.disks import MemoryDisk
from tests.runtime.losses.invariants import check_bytes, come_back
from tests.runtime.losses.moments import FRAME, Moment
from tests.runtime.losses.test_commands import HELD, states, told
from tests.runtime.losses.world import DEVICES, OBJECTS, World
from tests.targets import Loss, Target

pytestmark = [pytest.mark.ray, pytest.mark.slow]
MOMENT = Moment("disk1", FRAME, 14)


def test_a_catalog_on_a_full_disk_acknowledges_nothing(
    world: World, target: Target, loss: Callable[[Loss], None]
) -> None:
    disk = MemoryDisk(world, "catalog")
    world.catalog_folder = disk.place
    with pytest.raises(CatalogError, match="full"):
        world.run(MOMENT, lambda _: disk.fill())
    script = world.script
    disk.make_room()
    assert states(world) == [SessionState.RUNNING], "its end was not recorded, and we live"
    check_media_win(world)
    loss(told("catalog on a full disk", MOMENT, "failed; rebuilt from the media", script))
    target("F8", cases=1, text=HELD)


def test_a_catalog_that_is_lost_is_rebuilt_from_the_media(
    world: World, target: Target, loss: Callable[[Loss], None]
) -> None:
    def lose(_: World) -> None:
        for path in world.catalog.parent.iterdir():
            os.unlink(path)

    report = world.run(MOMENT, lose)
    script = world.script
    assert report.exit_code == 0, report.problems
    check_media_win(world)
    for device in DEVICES:
        assert come_back(world, device) == set(OBJECTS)
    loss(told("catalog deleted", MOMENT, "success; rebuilt from the media", script))
    target("F8", cases=1, text=HELD)


def check_media_win(world: World) -> None:
    """A rebuilt catalog has exactly the versions that `recover.py` finds, and the next session
    goes on with it."""
    assert world.leaks(DEVICES) == []
    check_bytes(world)
    rebuilt = api.rebuild([str(medium) for medium in world.media], SilentMonitor(), world.catalog)
    assert rebuilt.exit_code == 0, rebuilt.problems
    with open_catalog(world.catalog) as opened:
        assert {str(v) for v in opened.versions()} == {
            v.name for v in judge.listed_here(world.media)
        }
    assert world.run().exit_code == 0
    for device in DEVICES:
        assert come_back(world, device) == set(OBJECTS)
