"""Backpressure across nodes.  Each test has a cluster of its own: at its end it makes Ray spill,
and a cluster that has spilled once cannot be asked again whether it did."""

from __future__ import annotations

import math
import os
import signal
import time
from pathlib import Path

import pytest
import ray
from ray.cluster_utils import Cluster

from flowbackup import api
from flowbackup.api import RunSettings
from flowbackup.catalog.catalog import open_catalog
from flowbackup.errors import EXIT_INTERRUPTED
from flowbackup.model.ids import id_text
from flowbackup.monitor import Progress, SilentMonitor
from flowbackup.runtime.edges.slab import PREFIX, SHARED_MEMORY
from flowbackup.units import MIB
from tests.runtime.three_nodes import STORE_BYTES

pytestmark = [pytest.mark.ray, pytest.mark.slow]
F13_SECONDS = 20


@pytest.mark.parametrize("transport", ["direct", "object-store"])
def test_f13_a_slow_end_of_the_chain_keeps_memory_as_planned_and_nothing_spills(
    cluster: Cluster, tmp_path: Path, transport: str
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    # More than a store of a node holds, and than leaves the chain in this time: whatever the
    # credits did not hold back would be spilled.
    (source / "large").write_bytes(os.urandom(MIB) * (STORE_BYTES * 3 // 2 // MIB))
    graph = tmp_path / "slow.yaml"
    graph.write_text(
        f"""
        graph: slow
        frame_size: 2 MiB
        sync_size: 4 MiB
        transport: {transport}
        nodes: {{storage1: {{}}, storage2: {{}}, storage3: {{}}}}
        clients: {{web: {{objects: {{source: {{path: {source}}}}}}}}}
        devices:
          first: {{kind: "null", node: storage1}}
          second: {{kind: "null", node: storage2}}
          slow: {{kind: "null", node: storage3, rate_limit: 1 MB/s}}
        backup_groups: {{primary: {{devices: [first], buffers: 4}}}}
        mirror_groups:
          near: {{mirrors: primary, devices: [second], buffers: 4}}
          far: {{mirrors: near, devices: [slow], buffers: 4}}
        """
    )
    plan = api.load_plan(graph)
    planned_bytes = sum(size for _, size in plan.memory_bytes)
    catalog = tmp_path / "catalog.sqlite"
    slots = plan.agent("primary.first").slots
    monitor = _MemoryInUse(catalog, (slots - 1) * plan.slot_bytes)
    report = api.run_backup(plan, RunSettings(catalog=catalog), monitor)
    assert report.exit_code == EXIT_INTERRUPTED, report.problems
    assert monitor.seconds_full >= F13_SECONDS
    assert 0 < monitor.slab_bytes_max <= planned_bytes
    # A frame keeps its slot on every node until the last has it durably.
    assert monitor.held_bytes_max <= slots * plan.slot_bytes
    assert not _spilled()
    # The same question after a spill: it can be answered otherwise.
    kept = [ray.put(bytes(STORE_BYTES // 4)) for _ in range(8)]
    assert _spilled(), len(kept)


def _spilled() -> bool:
    """Whether a raylet of the cluster ever called for a worker to spill objects."""
    logs = Path(ray._private.worker._global_node.get_session_dir_path(), "logs")
    return any(logs.glob("*spill_worker*"))


class _MemoryInUse(SilentMonitor):
    """What the slabs take, and what the chain holds of what it accepted, while a session runs; ends
    it some time after the chain was full."""

    def __init__(self, catalog: Path, full_bytes: int) -> None:
        """full_bytes: a chain that holds more than that is full."""
        self._catalog = catalog
        self._full_bytes = full_bytes
        self._full_since = math.inf
        self._moved_bytes = 0
        self.slab_bytes_max = self.held_bytes_max = 0

    @property
    def seconds_full(self) -> float:
        return time.monotonic() - self._full_since

    def progress(self, progress: Progress) -> None:
        with open_catalog(self._catalog) as catalog:
            session = id_text(catalog.session("latest").session)
        names = SHARED_MEMORY.glob(f"{PREFIX}{session}*")
        slabs = sum(path.stat().st_size for path in names)
        first, *_, last = progress.edges
        self.slab_bytes_max = max(self.slab_bytes_max, slabs)
        # The two are asked one after the other, so what moved before that is compared.
        held_bytes = self._moved_bytes - last.bytes_durable
        self._moved_bytes = first.bytes_moved
        self.held_bytes_max = max(self.held_bytes_max, held_bytes)
        if held_bytes > self._full_bytes:
            self._full_since = min(self._full_since, time.monotonic())
        if self.seconds_full > F13_SECONDS:
            signal.raise_signal(signal.SIGINT)
