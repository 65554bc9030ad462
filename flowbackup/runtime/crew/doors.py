"""The doors of the devices that a session writes to, here and on other nodes."""

from __future__ import annotations

from typing import Any

from flowbackup.media.locks.door import DeviceDoor
from flowbackup.media.open import open_device
from flowbackup.model.device import DeviceTarget
from flowbackup.model.ids import id_text
from flowbackup.model.queue import DoorView, Ticket
from flowbackup.plan.decided import AgentPlan, NodePlan, Plan
from flowbackup.plan.groups import RESTORE
from flowbackup.runtime.actors.doorkeeper import Doorkeeper
from flowbackup.runtime.crew.entrance import Door
from flowbackup.runtime.engines.faults import as_ours
from flowbackup.runtime.engines.port import CallError, Engine, Handle, Post

ANSWER_SECONDS_MAX = 120
"""A worker starts in half a second, a sleeping disk in many, a lost node never answers."""
LEAVE_SECONDS_MAX = 5


def holder_of(plan: Plan, session: bytes) -> str:
    """Who a session is, for those who find a device in its hands."""
    return f'session {id_text(session)} of graph "{plan.graph}"'


def has_far_doors(plan: Plan) -> bool:
    """Is an engine needed to come to them?"""
    nodes = {node.name: node for node in plan.nodes}
    return any(nodes[a.node].labels for a in plan.agents if a.role != RESTORE)


def doors_of(plan: Plan, session: bytes, engine: Engine | None = None) -> list[Door]:
    """Of every device that the plan writes to first; a spare is taken if it is free when it is
    needed, and what is only read is not taken.  engine: needed where `has_far_doors`.  Nothing is
    touched yet."""
    agents = [agent for agent in plan.agents if agent.role != RESTORE]
    return [door_of(plan, agent, session, engine) for agent in agents]


def door_of(
    plan: Plan, agent: AgentPlan, session: bytes, engine: Engine | None
) -> Door:  # fmt: skip
    """Of one device, on whichever node."""
    node = next(node for node in plan.nodes if node.name == agent.node)
    holder = holder_of(plan, session)
    if not node.labels:
        return DeviceDoor(open_device(agent.device), holder)
    assert engine is not None, "see has_far_doors"
    return FarDoor(engine, node, agent.device, holder)


class FarDoor:
    """The door of a device on another node: a Doorkeeper from the first look until `leave`."""

    def __init__(
        self, engine: Engine, node: NodePlan, target: DeviceTarget, holder: str
    ) -> None:  # fmt: skip
        self._engine = engine
        self._node = node
        self._target = target
        self._holder = holder
        self._keeper: Handle = None

    def look(self) -> DoorView:
        """Raises DeviceError, PeerLostError."""
        view: DoorView = self._ask("look")
        return view

    def enter(self, ticket: Ticket) -> None:
        self._ask("enter", ticket)

    def lock(self) -> None:
        """Raises DeviceLockedError naming who has it."""
        self._ask("lock")

    def unlock(self) -> None:
        if self._keeper is not None:
            self._ask("unlock")

    def leave(self) -> None:
        """Ends the keeper; what it does not give back itself, it gives back by its end."""
        keeper, self._keeper = self._keeper, None
        if keeper is None:
            return
        try:
            keeper.leave.remote().result(LEAVE_SECONDS_MAX)
        except CallError:
            # A node that is lost, or a disk that hangs: nobody is held up by it here.
            pass
        self._engine.end(keeper)

    def _ask(self, verb: str, *arguments: object) -> Any:
        if self._keeper is None:
            self._keeper = self._start()
        who = f'the doorkeeper of device "{self._target.name}" on node {self._node.name}'
        try:
            return getattr(self._keeper, verb).remote(*arguments).result(ANSWER_SECONDS_MAX)
        except CallError as error:
            raise as_ours(error, who) from error

    def _start(self) -> Handle:
        """Raises PeerLostError for a node that is not there."""
        node = self._engine.place((self._node,))[self._node.name]
        return self._engine.spawn(Post(node), Doorkeeper, self._target, self._holder)
