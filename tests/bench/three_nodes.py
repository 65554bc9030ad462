"""Three raylets on this machine that stand for three hosts, and what their processes cost."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import ray
from ray.cluster_utils import Cluster
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from flowbackup.plan.placement import NODE_LABEL
from flowbackup.units import MIB

STORE_BYTES = 160 * MIB
LOOK_SECONDS = 0.1
NODES = ("storage1", "storage2", "storage3")
TLS_FILES = ("RAY_TLS_SERVER_CERT", "RAY_TLS_SERVER_KEY", "RAY_TLS_CA_CERT")


@contextmanager
def three_nodes() -> Iterator[dict[str, str]]:
    """Ray is up inside; yields name -> Ray node id.  For a process that ends afterwards: Ray reads
    its environment once."""
    directory = tempfile.mkdtemp(prefix="fbb-", dir="/tmp")
    Path(directory, "ray").mkdir()
    os.environ |= {"RAY_AUTH_MODE": "disabled", "RAY_TMPDIR": directory}
    store = {"object_store_memory": STORE_BYTES, "num_cpus": 2}
    first = {"temp_dir": directory, "include_dashboard": False, "labels": {NODE_LABEL: NODES[0]}}
    cluster = Cluster(initialize_head=True, head_node_args=store | first)
    try:
        for name in NODES[1:]:
            cluster.add_node(**store, labels={NODE_LABEL: name})
        cluster.wait_for_nodes()
        ray.init(address=cluster.address, log_to_driver=False, logging_level=logging.ERROR)
        yield {node["Labels"][NODE_LABEL]: node["NodeID"] for node in ray.nodes()}
    finally:
        ray.shutdown()
        cluster.shutdown()
        shutil.rmtree(directory, ignore_errors=True)


def start(kind: type, node: str, *settings: object) -> ray.actor.ActorHandle:
    """An actor on a node of `three_nodes`, by Ray's id."""
    placed = ray.remote(num_cpus=0)(kind).options(
        scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False)
    )
    return placed.remote(*settings)


class Processors:
    """What this process and all below it have used, looked at often: processes end while one is
    interested, and take their counts along."""

    def __init__(self) -> None:
        self._looks: list[tuple[float, dict[int, float]]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="processors", daemon=True)

    def __enter__(self) -> Self:
        self._look()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def seconds(self, begin: float, end: float) -> float:
        """Processor seconds between two moments of `time.monotonic`, as exact as looks are many."""
        self._look()
        before = dict[int, float]()
        last = dict[int, float]()
        for moment, used in self._looks:
            if moment <= begin:
                before = used
            elif moment <= end + LOOK_SECONDS:
                last |= used
        return sum(used - before.get(pid, 0.0) for pid, used in last.items())

    def _run(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            self._look()

    def _look(self) -> None:
        self._looks.append((time.monotonic(), processor_seconds()))


def processor_seconds() -> dict[int, float]:
    """Process -> what it has used, of this one and all below it: raylets, workers, everything that
    a frame passes."""
    tick = os.sysconf("SC_CLK_TCK")
    parents: dict[int, int] = {}
    used: dict[int, float] = {}
    for pid in (int(name) for name in os.listdir("/proc") if name.isdigit()):
        try:
            text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
        except OSError:
            continue
        facts = text.rpartition(")")[2].split()
        parents[pid], used[pid] = int(facts[1]), (int(facts[11]) + int(facts[12])) / tick

    def is_below(pid: int) -> bool:
        while pid and pid != os.getpid():
            pid = parents.get(pid, 0)
        return bool(pid)

    return {pid: seconds for pid, seconds in used.items() if is_below(pid)}
