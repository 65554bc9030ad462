"""The engine that has nodes: every actor is a process of Ray, on the node where it belongs."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Generator, Iterable
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from flowbackup.plan.decided import NodePlan
from flowbackup.runtime.engines.port import (
    NO_GROUP,
    ActorDiedError,
    CallError,
    CallFailedError,
    CallLateError,
    Handle,
    Post,
    Reference,
    group_of,
)
from flowbackup.runtime.engines.ray_nodes import is_alive, place
from flowbackup.runtime.engines.ray_versions import refuse_other_versions
from flowbackup.runtime.engines.spares import SpareHosts


class RayEngine:
    """See Engine.  Ray must be up as long as it is used; `ray_start.ray_engine` sees to that."""

    def __init__(self, name: str, spares: SpareHosts | None = None) -> None:
        """spares: hosts that may become its actors."""
        self._name = name
        self._compared: set[str] = set()
        self._spares = spares

    @property
    def name(self) -> str:
        return self._name

    @property
    def is_one_process(self) -> bool:
        return False

    def place(self, nodes: Collection[NodePlan]) -> dict[str, str]:
        """Raises FlowbackupError, too, for a node with other versions than this one."""
        found = place(nodes)
        here = ray.get_runtime_context().get_node_id()
        new = {name: node for name, node in found.items() if node not in {here, *self._compared}}
        refuse_other_versions(new)
        self._compared.update(new.values())
        return found

    def is_alive(self, node: str) -> bool:
        return is_alive(node)

    def spawn(self, post: Post, kind: type, *arguments: object) -> Handle:
        """No CPU is asked for: agents wait for devices, and a busy cluster must not delay a backup.
        On its node or not at all: a device is where it is."""
        host = self._spares.take() if self._spares is not None else None
        if host is not None:
            host.become.remote(kind, arguments, {NO_GROUP: post.calls_max, **post.groups})
            return HostHandle(host)
        _tell_groups(kind)
        options: dict[str, Any] = {
            "num_cpus": 0, "max_restarts": 0, "max_task_retries": 0,
            "scheduling_strategy": NodeAffinitySchedulingStrategy(post.node, soft=False),
        }  # fmt: skip
        if post.name:
            options |= {"name": post.name, "namespace": post.space}
        if post.calls_max > 1:
            options["max_concurrency"] = post.calls_max
        remote: Any = ray.remote  # Its type knows no groups.
        made = remote(concurrency_groups=dict(post.groups))(kind) if post.groups else remote(kind)
        return RayHandle(made.options(**options).remote(*arguments))

    def end(self, handle: Handle) -> None:
        ray.kill(handle.actor)

    def wait_any(
        self, references: Collection[Reference], seconds_max: float
    ) -> list[Reference]:  # fmt: skip
        calls = {reference.call: reference for reference in _of_ray(references)}
        ready, _ = ray.wait(list(calls), num_returns=1, timeout=seconds_max)
        return [calls[call] for call in ready]


class RayHandle:
    """Of an actor, in any process of the cluster."""

    def __init__(self, actor: Any) -> None:
        self.actor = actor

    def __getattr__(self, name: str) -> RayMethod:
        if name.startswith("__"):
            raise AttributeError(name)
        return RayMethod(getattr(self.actor, name))

    def __reduce__(self) -> tuple[type[RayHandle], tuple[Any]]:
        return RayHandle, (self.actor,)


class HostHandle:
    """Of an actor that a host has become."""

    def __init__(self, actor: Any) -> None:
        self.actor = actor

    def __getattr__(self, name: str) -> HostMethod:
        if name.startswith("__"):
            raise AttributeError(name)
        return HostMethod(self.actor, name)

    def __reduce__(self) -> tuple[type[HostHandle], tuple[Any]]:
        return HostHandle, (self.actor,)


class HostMethod:
    def __init__(self, host: Any, name: str) -> None:
        self._host = host
        self._name = name

    def remote(self, *arguments: object, **named: object) -> RayReference:
        return RayReference(self._host.call.remote(self._name, arguments, named))


class RayMethod:
    def __init__(self, method: Any) -> None:
        self._method = method

    def remote(self, *arguments: object, **named: object) -> RayReference:
        return RayReference(self._method.remote(*arguments, **named))


class RayReference:
    """See Reference."""

    def __init__(self, call: Any) -> None:
        self.call = call

    def result(self, seconds_max: float) -> Any:
        try:
            return ray.get(self.call, timeout=seconds_max)
        except RayError as error:
            raise _as_of_port(error) from error

    def __await__(self) -> Generator[Any, None, Any]:
        return self._awaited().__await__()

    async def _awaited(self) -> Any:
        try:
            return await self.call
        except RayError as error:
            raise _as_of_port(error) from error


def _of_ray(references: Iterable[Reference]) -> Iterable[RayReference]:
    return (reference for reference in references if isinstance(reference, RayReference))


def _as_of_port(error: RayError) -> CallError:
    if isinstance(error, RayTaskError):
        return CallFailedError(getattr(error, "cause", None))
    if isinstance(error, GetTimeoutError):
        return CallLateError()
    return ActorDiedError(type(error).__name__)


def _tell_groups(kind: type) -> None:
    """In Ray's own way, what the methods say in the port's."""
    for _, method in inspect.getmembers(kind, inspect.isfunction):
        if group := group_of(method):
            ray.method(concurrency_group=group)(method)
