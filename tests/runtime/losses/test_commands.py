"""Target F8: the command itself dies or is told to end, and the cluster loses its head."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from flowbackup.catalog.catalog import open_catalog
from flowbackup.catalog.rows import SessionState
from tests import judge
from tests.runtime.losses.invariants import come_back
from tests.runtime.losses.moments import COMMITTED, FRAME, SEAL, Moment, Script, wait_for
from tests.runtime.losses.world import DEVICES, OBJECTS, World
from tests.targets import Loss, Target

pytestmark = [pytest.mark.ray, pytest.mark.slow]
HELD = "real losses: invariants A to F held, and nothing was left behind"
ROOT = Path(__file__).parents[3]


class Command:
    """A run of the graph of a world by a process of its own, on its cluster."""

    def __init__(self, world: World, moment: Moment | None = None) -> None:
        """Without a moment nothing is scripted."""
        self.script = Script(world.folder / "script", moment)
        world.plan()
        world.catalog.parent.mkdir(exist_ok=True)
        program = ["-c", "from flowbackup.cli.main import main; main()"]
        if moment is not None:
            parts = (self.script.folder, moment.device, moment.point, moment.nth)
            program = ["-m", "tests.runtime.losses.command", *map(str, parts)]
        arguments = ["run", str(world.graph()), "--catalog", str(world.catalog)]
        self._log = world.folder / "command.log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, *program, *arguments, "--address", world.cluster.address],
                cwd=ROOT, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def at_the_moment(self, act: Callable[[subprocess.Popen[bytes]], None]) -> None:
        with self.script.acting(lambda: act(self.process)):
            wait_for(lambda: self.script.is_over or self.process.poll() is not None)

    def end(self) -> int:
        """Its exit code."""
        return self.process.wait(120)

    @property
    def said(self) -> str:
        return self._log.read_text()


@pytest.mark.parametrize(
    "moment",
    [
        Moment("disk1", FRAME, 1), Moment("disk2", FRAME, 14), Moment("disk3", COMMITTED, 6),
        Moment("disk1", SEAL),
    ],
    ids=str,
)  # fmt: skip
def test_a_killed_driver_leaves_valid_media_and_the_same_command_completes(
    world: World, moment: Moment, target: Target, loss: Callable[[Loss], None]
) -> None:
    first = Command(world, moment)
    first.at_the_moment(subprocess.Popen.kill)
    assert first.end() == -signal.SIGKILL
    assert states(world) == [SessionState.INTERRUPTED]
    # What a dead driver leaves until the next command: its memory and its socket.
    left = [line.split()[0] for line in world.leaks(DEVICES, waits_for=("process", "lock"))]
    assert set(left) <= {"memory", "socket"}
    given = [come_back(world, device) for device in DEVICES]
    if moment.point == SEAL:
        assert given[0] == set(OBJECTS), "what was synced is there"
    elif moment.nth == 1:
        assert given == [set(), set(), set()], "nothing was synced, and nothing says that it was"
    assert all(judge.check_here([medium]).problems == () for medium in world.media)
    again = Command(world)
    assert again.end() == 0, again.said
    assert states(world) == [SessionState.FINISHED, SessionState.INTERRUPTED]
    assert world.leaks(DEVICES) == []
    for device in DEVICES:
        assert come_back(world, device) == set(OBJECTS)
    loss(told("driver killed", moment, "interrupted; run again: success", first.script))
    target("F8", cases=1, text=HELD)


@pytest.mark.parametrize(
    ("number", "times"), [(signal.SIGTERM, 1), (signal.SIGINT, 1), (signal.SIGINT, 2)]
)
def test_a_command_that_is_told_to_end_does_so_in_order(
    world: World, number: signal.Signals, times: int, target: Target, loss: Callable[[Loss], None]
) -> None:
    moment = Moment("disk1", FRAME, 1)
    command = Command(world, moment)

    def tell(process: subprocess.Popen[bytes]) -> None:
        os.killpg(process.pid, number)
        wait_for(lambda: "once more" in command.said)
        if times == 2:
            os.killpg(process.pid, number)

    command.at_the_moment(tell)
    assert command.end() == 130, command.said
    assert states(world) == [SessionState.FINISHED]
    assert world.leaks(DEVICES if times == 2 else ()) == []
    given = [come_back(world, device) for device in DEVICES]
    with open_catalog(world.catalog) as catalog:
        versions = [version.record.name for version in catalog.versions()]
    if times == 1:
        assert "first" in versions, "what was begun is ended"
        assert given == [set(versions)] * len(DEVICES)
    assert all(set(versions) <= names for names in given)
    loss(told(f"{number.name}, {times} x", moment, "interrupted, exit 130", command.script))
    target("F8", cases=1, text=HELD)


def told(fault: str, moment: Moment, outcome: str, script: Script) -> Loss:
    return Loss(fault, str(moment), script.replayed(), outcome, script.longest_pause())


def states(world: World) -> list[SessionState]:
    with open_catalog(world.catalog) as catalog:
        return [row.state for row in catalog.sessions()]
