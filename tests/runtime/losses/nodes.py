"""Nodes whose raylet dies, with everybody on them.  Nothing is started elsewhere."""

from __future__ import annotations

from collections.abc import Callable

from tests.runtime.losses.moments import COMMITTED, FRAME, Moment
from tests.runtime.losses.scenario import COMPLETE, FAILED, Expected, Scenario
from tests.runtime.losses.world import World
from tests.runtime.three_nodes import bring_back, lose_node


def lost(node: str) -> Callable[[World], None]:
    def act(world: World) -> None:
        world.be_heard()
        lose_node(world.cluster, node)

    return act


def back(node: str) -> Callable[[World], None]:
    return lambda world: bring_back(world.cluster, node)


SCENARIOS = (
    Scenario(
        "node of level 2 lost", Moment("disk3", FRAME, 14), lost("storage3"),
        Expected((COMPLETE, COMPLETE, FAILED), 4, (3, 2)), mend=back("storage3"),
        unsealed=("disk3",),
    ),
    Scenario(
        "node of level 2 lost", Moment("disk3", COMMITTED, 6), lost("storage3"),
        Expected((COMPLETE, COMPLETE, FAILED), 4, (3, 2)), mend=back("storage3"),
        unsealed=("disk3",),
    ),
    Scenario(
        "node of level 1 lost", Moment("disk2", FRAME, 14), lost("storage2"),
        Expected((COMPLETE, FAILED, COMPLETE), 4, (3, 2)), mend=back("storage2"),
        unsealed=("disk2",),
    ),
)  # fmt: skip
