"""Hosts that stand ready in a warm Ray: started, and with all that actors need in memory.

Ray starts the process of an actor when it is asked for one: more than a second on two cores for
those of a small session.  Its own workers that stand ready belong to the session that was the first
to use them, and end with it.
"""

from __future__ import annotations

import importlib
from collections.abc import Collection
from typing import Any

import ray
from ray._private import worker
from ray.exceptions import RayError

from flowbackup.process import ProcessIdentity, identify
from flowbackup.runtime.engines.host import Host

SPACE = "flowbackup-spares"
SPARES = 4
"""A client, its buffer and its media agent, and one for a mirror; Ray starts the rest."""
TAKE_SECONDS_MAX = 2.0
NOBODY = ProcessIdentity("", "", 0, -1)
"""Asks and does not take."""
BEFOREHAND = (
    "flowbackup.runtime.engines.on_ray",
    "flowbackup.runtime.actors.buffer",
    "flowbackup.runtime.actors.client",
    "flowbackup.runtime.actors.doorkeeper",
    "flowbackup.runtime.actors.media_agent",
    "flowbackup.runtime.actors.reader",
    "flowbackup.runtime.actors.restore_agent",
)


class WarmHost(Host):
    """One that has imported everything.  (By name: actors stand above engines.)"""

    def __init__(self) -> None:
        for name in BEFOREHAND:
            importlib.import_module(name)
        super().__init__()


class Spares:
    """Of the process that keeps the Ray: makes hosts, and others for those that were taken."""

    def __init__(self) -> None:
        self._waiting: dict[Any, Any] = {}
        self._taken: dict[Any, Any] = {}
        """Hosts by a call to each: one whose handle nobody keeps here is ended by Ray."""
        self._number = 0

    def look(self, *, may_make: bool) -> None:
        """may_make: nobody uses the Ray, who would have better use for the processors."""
        for call in _answered(self._waiting):
            host = self._waiting.pop(call)
            self._taken[host.wait_end.remote()] = host
        for call in _answered(self._taken):
            del self._taken[call]
        while may_make and len(self._waiting) < SPARES:
            self._number += 1
            made: Any = ray.remote(WarmHost)
            host = made.options(
                name=f"spare-{self._number}", namespace=SPACE, num_cpus=0, max_restarts=0
            ).remote()
            self._waiting[host.wait_taken.remote()] = host

    def wait_ready(self, seconds_max: float) -> None:
        """Until they are there, or that long."""
        ready = [host.take.remote(NOBODY) for host in self._waiting.values()]
        ray.wait(ready, num_returns=len(ready), timeout=seconds_max)


def _answered(calls: Collection[Any]) -> list[Any]:
    if not calls:
        return []
    done, _ = ray.wait(list(calls), num_returns=len(calls), timeout=0)
    return list(done)


class SpareHosts:
    """Of a process that has joined a warm Ray: hosts that nobody has taken yet."""

    def __init__(self) -> None:
        found: Any = ray.util.list_named_actors(all_namespaces=True)
        self._names = [item["name"] for item in found if item["namespace"] == SPACE]

    def take(self) -> Any:
        """A host for this process alone; None where none is left."""
        while self._names:
            try:
                host: Any = ray.get_actor(self._names.pop(0), namespace=SPACE)
                if ray.get(host.take.remote(identify()), timeout=TAKE_SECONDS_MAX):
                    return host
            except (RayError, ValueError):
                # It has ended meanwhile, or is not there yet.
                continue
        return None


def address_of_ray() -> str:
    """Where others join the Ray of this process."""
    return str(ray.get_runtime_context().gcs_address)


def services_live() -> bool:
    """Do all services of the Ray that this process has started?"""
    node: Any = worker._global_node
    return node is not None and bool(node.remaining_processes_alive())
