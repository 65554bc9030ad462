"""One agent on another node: made there, asked, ended.  What goes wrong is told in our words."""

from __future__ import annotations

from typing import Any

from flowbackup.errors import DeviceError, FlowbackupError
from flowbackup.model.device import MediumInfo
from flowbackup.plan.decided import NodePlan
from flowbackup.runtime.engines.faults import as_ours
from flowbackup.runtime.engines.port import CallError, Engine, Handle, Post, Reference


class FarAgent:
    """Asks an actor on a node.  Whoever makes this ends it."""

    def __init__(
        self, engine: Engine, node: NodePlan, who: str, kind: Any, *arguments: object,
        calls_max: int = 1,
    ) -> None:  # fmt: skip
        """Begins to make kind(*arguments) there.  who: it is, in words.  calls_max: see Post.
        Raises PeerLostError for a node that is not there."""
        self._engine = engine
        self._who = who
        post = Post(engine.place((node,))[node.name], calls_max=calls_max)
        self.handle: Handle = engine.spawn(post, kind, *arguments)

    def ask(self, verb: str, *arguments: object, seconds_max: float, **named: object) -> Any:
        """Raises as `answer`."""
        call = getattr(self.handle, verb).remote(*arguments, **named)
        return self.answer(call, seconds_max)

    def answer(self, reference: Reference, seconds_max: float) -> Any:
        """What a call to it has returned.  Raises what it raised, and PeerLostError."""
        try:
            return reference.result(seconds_max)
        except CallError as error:
            raise as_ours(error, self._who) from error

    def end(self) -> None:
        """And with it whatever it holds."""
        self._engine.end(self.handle)


class DeviceAgent:
    """A FarAgent of a device: all that its node or itself does wrong is a fault of the device, so
    that who uses several goes on with the others."""

    def __init__(
        self, engine: Engine, info: MediumInfo, role: str, kind: Any, *arguments: object,
        calls_max: int = 1,
    ) -> None:  # fmt: skip
        """info: a medium of the device.  role: "repair agent".  Raises DeviceError for a node that
        is not there."""
        self.device = info.device
        self.node = info.node
        who = f'the {role} of device "{info.device}" on node {info.node}'
        node = NodePlan(info.node, info.node_labels)
        try:
            self._agent = FarAgent(engine, node, who, kind, *arguments, calls_max=calls_max)
        except FlowbackupError as error:
            raise self._out_of_reach(error) from error

    def ask(self, verb: str, *arguments: object, seconds_max: float) -> Any:
        """Raises DeviceError."""
        try:
            return self._agent.ask(verb, *arguments, seconds_max=seconds_max)
        except DeviceError:
            raise
        except FlowbackupError as error:
            raise self._out_of_reach(error) from error

    def end(self) -> None:
        """And with it whatever it holds."""
        self._agent.end()

    def _out_of_reach(self, error: FlowbackupError) -> DeviceError:
        return DeviceError(
            f'device "{self.device}" on node {self.node}: {error.message}',
            remedy=error.remedy,
            device=self.device,
        )
