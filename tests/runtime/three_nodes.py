"""Three raylets on one machine stand for three hosts."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import ray
from ray._private.node import Node
from ray._private.ray_constants import PROCESS_TYPE_RAYLET
from ray.cluster_utils import Cluster

from flowbackup.process import END_SECONDS_MAX, end_process, identify
from flowbackup.runtime.engines.lean_ray import without_services
from flowbackup.units import MIB
from tests.leaks import marked_processes

LABEL = "flowbackup.io/node"
STORE_BYTES = 128 * MIB


@contextmanager
def three_nodes(*, join: bool = True) -> Iterator[Cluster]:
    """A head where the client is, which is storage1, and two more storage nodes.  A process can
    have only one Ray at a time; one that was left by somebody else is an error.  join: whether
    this process uses the cluster; who does would die with its head."""
    assert not ray.is_initialized(), "a test before this one has left a Ray"
    directory = tempfile.mkdtemp(prefix="fbc-", dir="/tmp")
    os.mkdir(os.path.join(directory, "ray"))
    environment = {
        "RAY_AUTH_MODE": "disabled", "RAY_TMPDIR": directory, "FLOWBACKUP_WITHOUT_TOKEN": "1",
    }  # fmt: skip
    os.environ.update(environment)
    store = {"object_store_memory": STORE_BYTES, "num_cpus": 2}
    head = {
        **store, "temp_dir": directory, "include_dashboard": False,
        "labels": {LABEL: "storage1"},
    }  # fmt: skip
    with without_services():
        nodes = Cluster(initialize_head=True, head_node_args=head)
        try:
            for name in ("storage2", "storage3"):
                nodes.add_node(**store, labels={LABEL: name})
            nodes.wait_for_nodes()
            if join:
                ray.init(address=nodes.address, log_to_driver=False, logging_level="ERROR")
            yield nodes
        finally:
            ray.shutdown()
            nodes.shutdown()
            shutil.rmtree(directory, ignore_errors=True)
            for name in environment:
                del os.environ[name]


def lose(cluster: Cluster, node: Node) -> None:
    """All of its processes die, as where a machine does.  Returns when they are dead: left alone, a
    worker sees only after a while that its raylet is gone, and does the rest of its work."""
    (raylet,) = node.all_processes[PROCESS_TYPE_RAYLET]
    mark = f"RAY_RAYLET_PID={raylet.process.pid}\0"
    there = [identify(pid) for pid, _ in marked_processes(mark)]
    assert there
    cluster.remove_node(node, allow_graceful=False)
    assert all(end_process(process, END_SECONDS_MAX) for process in there)


def node_ids() -> dict[str, str]:
    """Ray's own, of the nodes that live, by name."""
    return {node["Labels"][LABEL]: node["NodeID"] for node in ray.nodes() if node["Alive"]}


def lose_node(cluster: Cluster, name: str) -> None:
    """See lose."""
    wanted = node_ids()[name]
    (node,) = (node for node in cluster.list_all_nodes() if node.node_id == wanted)
    lose(cluster, node)


def bring_back(cluster: Cluster, name: str) -> None:
    """A node of this name in the place of one that was lost."""
    cluster.add_node(object_store_memory=STORE_BYTES, num_cpus=2, labels={LABEL: name})
    cluster.wait_for_nodes()
