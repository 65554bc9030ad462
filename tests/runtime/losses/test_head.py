"""Target F8: the head of the cluster is lost, with the node of the command.  On a cluster of its
own, which this process has not joined: it would die, too."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from ray.cluster_utils import Cluster

from flowbackup.catalog.rows import SessionState
from tests import judge
from tests.runtime.losses.invariants import check_bytes, come_back
from tests.runtime.losses.moments import FRAME, Moment
from tests.runtime.losses.test_commands import HELD, Command, states, told
from tests.runtime.losses.world import DEVICES, OBJECTS, World
from tests.runtime.three_nodes import lose
from tests.targets import Loss, Target

pytestmark = [pytest.mark.ray, pytest.mark.slow]


def test_a_session_whose_cluster_loses_its_head_ends_and_the_next_one_completes(
    clusters: Callable[[], AbstractContextManager[Cluster]], memory_path: Path,
    monkeypatch: pytest.MonkeyPatch, target: Target, loss: Callable[[Loss], None],
) -> None:  # fmt: skip
    moment = Moment("disk3", FRAME, 14)
    with clusters() as cluster:
        world = World(cluster, memory_path, monkeypatch)
        command = Command(world, moment)

        def lose_head(process: subprocess.Popen[bytes]) -> None:
            lose(cluster, cluster.head_node)

        command.at_the_moment(lose_head)
        assert command.end() != 0
        print(command.said)
    assert states(world)[0] in (SessionState.INTERRUPTED, SessionState.FINISHED)
    check_bytes(world)
    assert all(judge.check_here([medium]).problems == () for medium in world.media)
    with clusters() as cluster:
        again = Command(World(cluster, memory_path, monkeypatch, is_new=False))
        assert again.end() == 0, again.said
        assert world.leaks(DEVICES) == []
    for device in DEVICES:
        assert come_back(world, device) == set(OBJECTS)
    loss(told("head of the cluster lost", moment, "failed; run again: success", command.script))
    target("F8", cases=1, text=HELD)
