"""A world on the cluster that tests share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest
from ray.cluster_utils import Cluster

from tests.runtime.losses.world import World
from tests.runtime.three_nodes import three_nodes


@pytest.fixture
def clusters() -> Callable[[], AbstractContextManager[Cluster]]:
    """For a test that has a cluster after the other, which this process does not join."""
    return partial(three_nodes, join=False)


@pytest.fixture
def world(
    one_cluster: Cluster, memory_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    made = World(one_cluster, memory_path, monkeypatch)
    with made.after:
        yield made
