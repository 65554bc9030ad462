"""Which engine a command runs on."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from flowbackup.errors import UsageError
from flowbackup.plan.decided import Plan
from flowbackup.requests import RunSettings
from flowbackup.runtime.cancel import Cancel
from flowbackup.runtime.engines.local import LocalEngine
from flowbackup.runtime.engines.port import Engine

AUTO, LOCAL, RAY = "auto", "local", "ray"


def chosen(plan: Plan, settings: RunSettings) -> str:
    """LOCAL or RAY.  What the command says counts more than the graph; `auto` is this process where
    the graph is all on this machine, and no cluster is named or joined already.  Raises UsageError
    for a LOCAL that does not come to where it is to go."""
    wanted = settings.engine or plan.engine
    far = [node.name for node in plan.nodes if node.labels]
    if wanted == LOCAL and (far or settings.address):
        why = f"graph {plan.graph} names nodes: {', '.join(far)}" if far else "--address names one"
        raise UsageError(
            f"the engine local does not come to other machines, and {why}",
            remedy="leave --engine and `engine:` away, or write ray",
        )
    is_near = not (far or settings.address or _is_joined())
    return LOCAL if wanted == LOCAL or (wanted == AUTO and is_near) else RAY


@contextmanager
def engine_of(settings: RunSettings, cancel: Cancel) -> Iterator[Engine]:
    """It is up inside.  settings: their engine is what `chosen` has returned.  Raises as
    `ray_engine`."""
    if settings.engine == LOCAL:
        yield LocalEngine()
        return
    # Half a second, which commands that do without Ray need not wait for.
    from flowbackup.runtime.engines.ray_start import ray_engine  # noqa: PLC0415

    with ray_engine(settings.address, cancel) as engine:
        yield engine


def _is_joined() -> bool:
    """Is this process part of a Ray already?  Asked without importing it."""
    ray = sys.modules.get("ray")
    return ray is not None and bool(ray.is_initialized())
