"""Numbers through the metrics of the Ray that this process has joined: each node of a cluster shows
what its processes measure, under names that begin with ray_."""

from __future__ import annotations

from collections.abc import Iterable

import ray
from ray.util.metrics import Gauge

from flowbackup.metrics.families import FAMILIES, GRAPH, Sample


class RayMetrics:
    """Gone from Ray when this process ends."""

    def __init__(self) -> None:
        self._gauges: dict[str, Gauge] = {}

    def publish(self, samples: Iterable[Sample]) -> None:
        """Nothing while Ray is not up."""
        if not ray.is_initialized():
            return
        for sample in samples:
            family = FAMILIES[sample.family]
            names = (GRAPH, *family.labels)
            if sample.family not in self._gauges:
                gauge = Gauge(sample.family, description=family.help, tag_keys=names)
                self._gauges[sample.family] = gauge
            tags = dict(zip(names, (sample.graph, *sample.labels), strict=True))
            self._gauges[sample.family].set(sample.value, tags)
