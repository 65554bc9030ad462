"""Graphs that are simulated, and what is assumed of their devices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flowbackup.plan import make_plan
from flowbackup.plan.decided import Plan
from flowbackup.simulate import DeviceModel, ObjectModel, Prediction, Scenario, simulate
from flowbackup.spec import GraphBuilder
from flowbackup.units import GIB, MIB

MB = 10**6
SITE = "web/site"


def builder(rates: Mapping[str, int], **head: Any) -> GraphBuilder:
    """A client with one object, and devices with these rates in MB/s."""
    graph = GraphBuilder("simulated", **head)
    graph.client("web").object("site", path="/srv/www")
    for name, rate in rates.items():
        graph.device(name, path=f"/mnt/{name}", rate=rate * MB)
    return graph


def chain(rates: Mapping[str, int], **options: Any) -> Plan:
    """Each device mirrors the one before it."""
    graph = builder(rates)
    first, *others = rates
    group = graph.backup_group("level0", devices=[first], buffers=options.pop("buffers", None))
    for number, name in enumerate(others, 1):
        group = group.mirror(f"level{number}", devices=[name], **options)
    return make_plan(graph.spec())


def striped(rates: Mapping[str, int], **options: Any) -> Plan:
    """All devices are one group."""
    graph = builder(rates)
    graph.backup_group("primary", devices=list(rates), **options)
    return make_plan(graph.spec())


def fan(first: Mapping[str, int], mirrors: Mapping[str, int], **options: Any) -> Plan:
    """One device, and mirrors that it feeds."""
    frame_size = options.pop("frame_size", None)
    graph = builder({**first, **mirrors}, frame_size=frame_size, sync_size=frame_size)
    primary = graph.backup_group("primary", devices=list(first))
    for name in mirrors:
        primary.mirror(f"of-{name}", devices=[name], **options)
    return make_plan(graph.spec())


def run(plan: Plan, size_bytes: int = 4 * GIB, **scenario: Any) -> Prediction:
    """Of one object of this size."""
    return simulate(plan, Scenario(objects={SITE: ObjectModel(size_bytes)}, **scenario))


def model(rate: int, **facts: Any) -> DeviceModel:
    return DeviceModel(rate * MB, **facts)


def named(found: Sequence[Any], name: str) -> Any:
    """The one of that name."""
    return next(item for item in found if item.name == name)


FRAME = 16 * MIB
