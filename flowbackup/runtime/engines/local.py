"""The engine that is this process: actors are threads, and nothing is started for them.

What Ray gives by its processes this one does otherwise.  It cannot end what a thread is doing: an
actor that is ended answers nobody any more, and is told by `abandon`, if it has that method, to
leave things alone; a thread that hangs in the system is left to the end of the process, which no
thread of an actor keeps from ending.  What is sent is not copied.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection
from concurrent.futures import FIRST_COMPLETED, wait

from flowbackup.errors import PeerLostError
from flowbackup.model.device import HERE
from flowbackup.plan.decided import NodePlan
from flowbackup.runtime.engines.local_call import Call, LocalReference
from flowbackup.runtime.engines.loop_actor import LoopActor
from flowbackup.runtime.engines.port import NO_GROUP, Handle, Post, Reference
from flowbackup.runtime.engines.thread_actor import ThreadActor

LOCAL = "local"


class LocalEngine:
    """See Engine."""

    @property
    def name(self) -> str:
        return LOCAL

    @property
    def is_one_process(self) -> bool:
        return True

    def place(self, nodes: Collection[NodePlan]) -> dict[str, str]:
        far = [f'"{node.name}"' for node in nodes if node.labels]
        if far:
            raise PeerLostError(
                f"nodes that this process cannot reach: {', '.join(far)}",
                remedy="use the engine ray, which comes to other nodes",
            )
        return {node.name: HERE for node in nodes}

    def is_alive(self, node: str) -> bool:
        return node == HERE

    def spawn(self, post: Post, kind: type, *arguments: object) -> Handle:
        name = post.name or kind.__name__
        if inspect.getmembers(kind, inspect.iscoroutinefunction):
            return LocalHandle(LoopActor(name, kind, arguments))
        groups = {NO_GROUP: post.calls_max, **post.groups}
        return LocalHandle(ThreadActor(name, kind, arguments, groups))

    def end(self, handle: Handle) -> None:
        handle.actor.end()

    def wait_any(
        self, references: Collection[Reference], seconds_max: float
    ) -> list[Reference]:  # fmt: skip
        calls = {r.future: r for r in references if isinstance(r, LocalReference)}
        ready = wait(calls, seconds_max, FIRST_COMPLETED).done
        answered: list[Reference] = [calls[future] for future in ready]
        return answered[:1]


class LocalHandle:
    """Of an actor, in any thread."""

    def __init__(self, actor: LoopActor | ThreadActor) -> None:
        self.actor = actor

    def __getattr__(self, name: str) -> LocalMethod:
        if name.startswith("__"):
            raise AttributeError(name)
        return LocalMethod(self.actor, name)


class LocalMethod:
    def __init__(self, actor: LoopActor | ThreadActor, name: str) -> None:
        self._actor = actor
        self._name = name

    def remote(self, *arguments: object, **named: object) -> LocalReference:
        reference = LocalReference()
        self._actor.call(Call(reference, self._name, arguments, named))
        return reference
