"""Room that a user asks for."""

from __future__ import annotations

from collections.abc import Sequence

from flowbackup.catalog.catalog import Catalog
from flowbackup.model.report import SessionReport
from flowbackup.monitor import Monitor
from flowbackup.plan.decided import Plan
from flowbackup.runtime.cancel import Cancel
from flowbackup.runtime.freeing.session import FreeSession, policies_named


def run_freeing(
    plan: Plan, devices: Sequence[str], catalog: Catalog, monitor: Monitor, address: str,
    cancel: Cancel, *, dry_run: bool,
) -> SessionReport:  # fmt: skip
    """On these staging devices, or all.  address: of the Ray cluster that reaches devices of other
    nodes, "" for none: then Ray is not even imported.  Raises UsageError, DeviceLockedError."""
    policies = policies_named(plan, devices)
    session = FreeSession(catalog, policies, plan.graph, monitor, cancel=cancel, dry_run=dry_run)
    if not address:
        with cancel.interruptible(2):
            return session.run()
    from flowbackup.runtime.engines.ray_start import ray_engine  # noqa: PLC0415  only with a cluster
    from flowbackup.runtime.freeing.far import cluster_reach  # noqa: PLC0415

    with ray_engine(address) as engine, cluster_reach(plan, engine) as reach:
        with cancel.interruptible(2):
            return session.run(engine.name, reach)
