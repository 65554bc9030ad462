"""Files that change while they are read: at a moment when the client is in the middle of a large
one, because memory is full and a media agent waits."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from flowbackup.units import KIB, MIB
from tests.runtime.losses.moments import FRAME, Moment
from tests.runtime.losses.scenario import COMPLETE, Expected, Scenario
from tests.runtime.losses.world import World

LARGE, LATER = "a-large", "z-later"
LARGE_BYTES = 6 * MIB
"""More than all buffers hold, so that the client is in it when the tenth frame is written."""


def _prepare(world: World) -> None:
    (world.source("second") / LARGE).write_bytes(os.urandom(LARGE_BYTES))
    (world.source("second") / LATER).write_bytes(os.urandom(300 * KIB))


def _on(name: str, change: Callable[[Path], None]) -> Callable[[World], None]:
    def act(world: World) -> None:
        # Its folder is another one, too, when a name goes.
        world.touched |= {f"second/{name}", "second/."}
        change(world.source("second") / name)

    return act


def _grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(os.urandom(MIB))


def _shrink(path: Path) -> None:
    os.truncate(path, LARGE_BYTES // 2)


def _rewrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(os.urandom(LARGE_BYTES))


def _become_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _become_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/hostname")


def _sources() -> Iterator[Scenario]:
    changes: list[tuple[str, str, Callable[[Path], None], str]] = [
        ("grows", LARGE, _grow, "changed"),
        ("shrinks", LARGE, _shrink, "changed"),
        ("is rewritten", LARGE, _rewrite, "changed"),
        ("vanishes", LATER, Path.unlink, "vanished"),
        ("becomes a FIFO", LATER, _become_fifo, "no longer|became|changed|not a file"),
        ("becomes a link", LATER, _become_link, "no longer|became|changed|not a file"),
    ]
    for what, name, change, says in changes:
        yield Scenario(
            f"source file {what}", Moment("disk1", FRAME, 10), _on(name, change),
            Expected((COMPLETE, COMPLETE, COMPLETE), 3, (3, 3), says, reads_all=False), _prepare,
        )  # fmt: skip


SCENARIOS = tuple(_sources())
