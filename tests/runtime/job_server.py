"""A Ray with its dashboard, and so with its job server; of one node, until others are added."""

from __future__ import annotations

import os
import random
import shutil
import socket
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import ray
from ray._private.node import Node
from ray.cluster_utils import Cluster
from ray.job_submission import JobSubmissionClient

from flowbackup.runtime.engines.lean_ray import own_token
from flowbackup.runtime.engines.ray_jobs import NOT_YET
from tests.runtime.left_behind import wait_for
from tests.runtime.three_nodes import LABEL, STORE_BYTES, lose

METRICS_MS = 1000
"""Ray's own ten seconds would be most of the test."""


@dataclass(frozen=True)
class Served:
    """address: of the job server.  metrics: where the head shows its numbers."""

    address: str
    metrics: str
    cluster: Cluster
    _others: dict[str, Node] = field(default_factory=dict)

    def add(self, name: str) -> None:
        """One more node, which bears this name."""
        self._others[name] = self.cluster.add_node(
            num_cpus=2, object_store_memory=STORE_BYTES, labels={LABEL: name},
            dashboard_agent_listen_port=free_port(),
        )  # fmt: skip
        self.cluster.wait_for_nodes()

    def lose(self, name: str) -> None:
        """See three_nodes."""
        lose(self.cluster, self._others.pop(name))

    def numbers(self) -> list[str]:
        """Those of flowbackup, as they stand there."""
        with urllib.request.urlopen(self.metrics, timeout=60) as answer:
            lines = answer.read().decode().splitlines()
        return [line for line in lines if line.startswith("ray_flowbackup_")]


def free_port() -> int:
    """Behind those that other tests and Ray's workers take, and before those that the system gives
    to who asks for any: nobody else takes it before Ray does."""
    while True:
        port = random.SystemRandom().randrange(23_000, 30_000)
        with suppress(OSError), socket.socket() as found:
            found.bind(("127.0.0.1", port))
            return port


def _takes_jobs(address: str) -> bool:
    try:
        JobSubmissionClient(address).submit_job(entrypoint="true")
    except RuntimeError as error:
        if NOT_YET not in str(error):
            raise
        return False
    return True


@contextmanager
def job_server() -> Iterator[Served]:
    """Asks for a token, which this process and its children have.  This process does not join."""
    assert not ray.is_initialized(), "a test before this one has left a Ray"
    directory = tempfile.mkdtemp(prefix="fbj-", dir="/tmp")
    # There a job looks for its cluster: in another place it would find any that runs here.
    temporary = os.path.join(directory, "ray")
    os.mkdir(temporary)
    with own_token():
        os.environ["RAY_TMPDIR"] = directory
        cluster = Cluster(
            initialize_head=True,
            head_node_args={
                "num_cpus": 2, "object_store_memory": STORE_BYTES, "temp_dir": temporary,
                "include_dashboard": True, "dashboard_port": 0, "labels": {LABEL: "storage1"},
                # Ray's own port is the same for every Ray of a machine.
                "dashboard_agent_listen_port": free_port(),
                "_system_config": {"metrics_report_interval_ms": METRICS_MS},
            },
        )  # fmt: skip
        try:
            node = cluster.head_node
            metrics = f"http://{node.node_ip_address}:{node.metrics_export_port}/metrics"
            address = f"http://{node.webui_url}"
            # A command waits half a minute for that, which can be too short for a busy machine.
            wait_for(lambda: _takes_jobs(address), 240)
            yield Served(address, metrics, cluster)
        finally:
            cluster.shutdown()
            shutil.rmtree(directory, ignore_errors=True)
            del os.environ["RAY_TMPDIR"]
