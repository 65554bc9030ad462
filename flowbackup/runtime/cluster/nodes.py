"""Which Ray node is which node of the plan, and putting actors there and nowhere else."""

from __future__ import annotations

from typing import Any, NamedTuple

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from flowbackup.errors import PeerLostError
from flowbackup.plan.decided import NodePlan
from flowbackup.process import ProcessIdentity, identify


class NodeFacts(NamedTuple):
    """Where an actor found itself, and in which process."""

    node_id: str
    process: ProcessIdentity | None = None


def this_node() -> NodeFacts:
    """The facts of the process that asks."""
    return NodeFacts(ray.get_runtime_context().get_node_id(), identify())


def this_address() -> str:
    """The address of this node by which the others of its cluster know it."""
    address: str = ray.util.get_node_ip_address()  # type: ignore[no-untyped-call]
    return address


def place(nodes: tuple[NodePlan, ...]) -> dict[str, str]:
    """Node of the plan -> Ray node id.  "here" is the node of this process.  Raises PeerLostError
    naming every node that is not there, or that more than one Ray node claims to be."""
    everybody: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    alive = [node for node in everybody if node["Alive"]]
    found: dict[str, str] = {}
    faults: list[str] = []
    for node in nodes:
        if not node.labels:
            found[node.name] = ray.get_runtime_context().get_node_id()
            continue
        wanted = dict(node.labels)
        matches = [n["NodeID"] for n in alive if wanted.items() <= dict(n["Labels"]).items()]
        if len(matches) == 1:
            found[node.name] = matches[0]
        else:
            text = ", ".join(f"{key}={value}" for key, value in node.labels)
            count = "no" if not matches else str(len(matches))
            faults.append(f'node "{node.name}": {count} Ray nodes carry the labels {text}')
    if faults:
        raise PeerLostError(
            "; ".join(faults),
            remedy="start the missing nodes with `ray start --labels`, one node for each set",
        )
    return found


def is_alive(node_id: str) -> bool:
    """As far as Ray knows: a node that has just been lost may still count as alive."""
    everybody: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    return any(node["Alive"] and node["NodeID"] == node_id for node in everybody)


def pinned(node_id: str) -> NodeAffinitySchedulingStrategy:
    """On this node or not at all: a device is where it is."""
    return NodeAffinitySchedulingStrategy(node_id, soft=False)
