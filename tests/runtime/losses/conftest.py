"""A cluster for all scenarios."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ray.cluster_utils import Cluster

from tests.runtime.three_nodes import three_nodes


@pytest.fixture(scope="module")
def one_cluster() -> Iterator[Cluster]:
    """One for all scenarios of a file: who loses a node of it brings it back."""
    with three_nodes() as nodes:
        yield nodes
