"""Devices that are full, pulled, exchanged, read-only, forbidden, slow or stuck."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.faults.small_disk import SmallDisk, run
from tests.runtime.losses.disks import MemoryDisk, failing_disk
from tests.runtime.losses.moments import COMMIT, FRAME, Moment
from tests.runtime.losses.scenario import COMPLETE, CREW, RELAY, Expected, Scenario, nothing
from tests.runtime.losses.world import GROUPS, World

MIDDLE = "disk2"
WITHOUT_IT = (COMPLETE, RELAY, COMPLETE)
SPARE = """
        backup_groups: {g0: {devices: [disk1], buffers: 6}}
        mirror_groups:
          g1: {mirrors: g0, devices: [disk2], reserve: [disk4], buffers: 6}
          g2: {mirrors: g1, devices: [disk3], buffers: 6}
"""
SLOW = """
        backup_groups: {g0: {devices: [disk1], buffers: 6}}
        mirror_groups:
          g1: {mirrors: g0, devices: [disk2], buffers: 6}
          g2: {mirrors: g1, devices: [disk3], buffers: 6, when_slow: detach, lag_max: 1 MiB}
"""


class Memory:
    """Acts on the memory disk of the device in the middle, which it makes before."""

    def __init__(self) -> None:
        self._disk: MemoryDisk | None = None

    def prepare(self, world: World) -> None:
        self._disk = MemoryDisk(world, MIDDLE)

    def act(self, verb: str, *arguments: str) -> Callable[[World], None]:
        def do(world: World) -> None:
            getattr(self._disk, verb)(*arguments)

        return do


class Failing:
    """The same for a disk that fails."""

    def __init__(self) -> None:
        self._disk: SmallDisk | None = None

    def prepare(self, world: World) -> None:
        self._disk = failing_disk(world, MIDDLE)

    def act(self, verb: str) -> Callable[[World], None]:
        def do(world: World) -> None:
            getattr(self._disk, verb)()

        return do


def _full() -> Iterator[Scenario]:
    disk = Memory()
    fill, mend = disk.act("fill"), disk.act("make_room")
    full = Expected(WITHOUT_IT, 4, (3, 2), "No space left")
    for point, nth in ((FRAME, 10), (COMMIT, 5)):
        yield Scenario(
            "no space on level 1", Moment(MIDDLE, point, nth), fill, full, disk.prepare, mend
        )
    yield Scenario(
        "no space on level 1, a spare is there", Moment(MIDDLE, FRAME, 12), fill,
        Expected((COMPLETE, "replaced", COMPLETE, COMPLETE), 0, (3, 3), '"disk4" goes on'),
        disk.prepare, mend, groups=SPARE, extra_devices={"disk4": "storage2"}, unsealed=(MIDDLE,),
    )  # fmt: skip
    small = Failing()
    yield Scenario(
        "no space found by a sync", Moment(MIDDLE, COMMIT, 5), small.act("shrink"),
        Expected(WITHOUT_IT, 4, (3, 2), "disk2"), small.prepare, through_cache=True,
        unsealed=(MIDDLE,), beyond_repair=(MIDDLE,),
    )  # fmt: skip


def _policies() -> Iterator[Scenario]:
    """The same loss is worth what the graph says: required is above, these are the others."""
    disk = Memory()
    fill, mend = disk.act("fill"), disk.act("make_room")
    optional = GROUPS.replace("[disk2],", "[disk2], on_failure: optional,")
    for what, groups, options in (("optional", optional, ""), ("copies: 2", GROUPS, "copies: 2")):
        yield Scenario(
            f"no space on level 1, policy {what}", Moment(MIDDLE, FRAME, 10), fill,
            Expected(WITHOUT_IT, 0, (3, 2), "No space left"), disk.prepare, mend, groups=groups,
            options=options,
        )  # fmt: skip
    yield Scenario(
        "no space on level 1, policy copies: 3", Moment(MIDDLE, FRAME, 10), fill,
        Expected(WITHOUT_IT, 4, (3, 2), "No space left"), disk.prepare, mend, groups=optional,
        options="copies: 3",
    )  # fmt: skip


def _gone() -> Iterator[Scenario]:
    disk = Memory()
    plug = disk.act("plug")
    yield Scenario(
        "disk pulled", Moment(MIDDLE, FRAME, 10), disk.act("pull"),
        Expected(WITHOUT_IT, 4, (3, 3), "expected medium .*does not exist"), disk.prepare, plug,
        unsealed=(MIDDLE,),
    )  # fmt: skip
    yield Scenario(
        "disk exchanged for another", Moment(MIDDLE, FRAME, 10), disk.act("exchange", MIDDLE),
        Expected(WITHOUT_IT, 4, (3, 3), 'expected medium .*but medium .*"stranger"'),
        disk.prepare, plug, unsealed=(MIDDLE,),
    )  # fmt: skip
    small = Failing()
    yield Scenario(
        "disk read-only", Moment(MIDDLE, FRAME, 10), small.act("fail"),
        Expected(WITHOUT_IT, 4, (3, 2), "disk2"), small.prepare, small.act("mount_again"),
        unsealed=(MIDDLE,),
    )  # fmt: skip
    disk = Memory()
    yield Scenario(
        "permission taken away", Moment(MIDDLE, FRAME, 1), _segments("+i"),
        Expected(WITHOUT_IT, 4, (2, 2), "disk2.*(not permitted|denied)"), disk.prepare,
        _segments("-i"), unsealed=(MIDDLE,),
    )  # fmt: skip


def _segments(change: str) -> Callable[[World], None]:
    """No file can be made there, not even by root."""
    return lambda world: run("chattr", change, str(world.medium(MIDDLE) / "segments"))


def _slow() -> Iterator[Scenario]:
    yield Scenario(
        "device too slow, policy detach", Moment("disk3", FRAME, 1), nothing,
        Expected((COMPLETE, COMPLETE, "detached"), 4, (2, 2), "behind g1.disk2"), groups=SLOW,
        rates={"disk3": "100 kB/s"}, limits={f"{CREW}.changes.LAG_SECONDS_MAX": 0.0},
    )  # fmt: skip
    small = Failing()
    yield Scenario(
        "disk frozen for ever", Moment(MIDDLE, FRAME, 10), small.act("freeze"),
        Expected(WITHOUT_IT, 4, (3, 2), "disk2.*has taken nothing"), small.prepare,
        small.act("thaw"), limits={f"{CREW}.watch.STALL_SECONDS_MAX": 10.0}, unsealed=(MIDDLE,),
    )  # fmt: skip


SCENARIOS = (*_full(), *_policies(), *_gone(), *_slow())
