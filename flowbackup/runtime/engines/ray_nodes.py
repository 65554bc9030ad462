"""Which Ray node is which node of the plan."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import ray

from flowbackup.errors import PeerLostError
from flowbackup.plan.decided import NodePlan


def this_address() -> str:
    """The address of this node by which the others of its cluster know it."""
    address: str = ray.util.get_node_ip_address()  # type: ignore[no-untyped-call]
    return address


def stored(payload: memoryview) -> object:
    """A reference to these bytes in Ray's object store; who awaits it in another actor has them."""
    reference: object = ray.put(np.frombuffer(payload, dtype=np.uint8))
    return reference


def place(nodes: Collection[NodePlan]) -> dict[str, str]:
    """Node of the plan -> Ray node id.  Raises as `Engine.place`."""
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
    """See Engine."""
    everybody: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    return any(node["Alive"] and node["NodeID"] == node_id for node in everybody)
