"""The part of the api that takes away: which versions are kept, and what media give back.

A right of its own: nothing that makes, reads or completes backups comes here.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from flowbackup.catalog.catalog import Catalog, open_catalog
from flowbackup.catalog.location import catalog_of
from flowbackup.catalog.rows import VersionRow
from flowbackup.errors import UsageError
from flowbackup.model.report import SessionReport
from flowbackup.model.retention import RetentionPolicy
from flowbackup.monitor import Monitor
from flowbackup.runtime.signals import cancelled_by_signals

if TYPE_CHECKING:
    from flowbackup.plan.decided import Plan
    from flowbackup.runtime.pruning.forgetting import Forgotten, ObjectPolicy


NO_POLICY = RetentionPolicy()


@dataclass(frozen=True, slots=True)
class ForgetRequest:
    """policy: what is kept of each object; graph: the file that says so instead, object by object.
    dry_run: say what would go, and change nothing.  wait_seconds_max: how long it may wait for
    others that use the catalog."""

    catalog: Path | None = None
    policy: RetentionPolicy = NO_POLICY
    graph: Path | None = None
    dry_run: bool = False
    wait_seconds_max: float = 0.0


@dataclass(frozen=True, slots=True)
class PruneRequest:
    """max_unused: that part of each medium may stay that no version needs, None for any; then only
    segments go of which no version needs anything.  copies: so many durable ones every version must
    have, or nothing goes.  address: of the Ray cluster that reaches devices of other nodes, "" for
    none."""

    catalog: Path | None = None
    max_unused: Fraction | None = Fraction(1, 20)
    copies: int = 1
    dry_run: bool = False
    address: str = ""
    wait_seconds_max: float = 0.0


def forget(objects: Sequence[str], request: ForgetRequest, monitor: Monitor) -> Forgotten:
    """Versions become none any more: of OBJECTs, or of all, those that no rule keeps; and those
    that are named, as in web/site@3.  The last complete version of an object always stays.  Raises
    NotFoundError, UsageError, DeviceLockedError while somebody else uses the catalog."""
    from flowbackup.runtime.pruning.forgetting import ForgetTask, run_forgetting

    plan = _plan(request.graph)
    path = catalog_of(request.catalog, plan.catalog if plan else "")
    with open_catalog(path, create=False) as catalog:
        whole, named = _meant(catalog, objects)
        policies = () if named and not whole else _policies(catalog, request, plan, whole)
        task = ForgetTask(
            policies, tuple(named), request.policy.copies, request.dry_run,
            request.wait_seconds_max,
        )  # fmt: skip
        return run_forgetting(catalog, task, monitor)


def prune(devices: Sequence[str], request: PruneRequest, monitor: Monitor) -> SessionReport:
    """Frees what no version needs on devices, names or locations, on all if none is named.  Raises
    NotFoundError, DeviceLockedError while somebody else uses the catalog."""
    from flowbackup.runtime.pruning.session import PruneSession, PruneTask

    task = PruneTask(
        tuple(devices), request.max_unused, request.copies, request.dry_run,
        request.wait_seconds_max,
    )  # fmt: skip
    path = catalog_of(request.catalog)
    with cancelled_by_signals() as cancel, open_catalog(path, create=False) as catalog:
        if not request.address:
            with cancel.interruptible(2):
                return PruneSession(catalog, task, monitor, cancel=cancel).run()
        from flowbackup.runtime.engines.ray_start import ray_engine
        from flowbackup.runtime.pruning.far import cluster_pruner

        with ray_engine(request.address) as engine:
            session = PruneSession(
                catalog, task, monitor, opening=cluster_pruner(engine), cancel=cancel
            )
            with cancel.interruptible(2):
                return session.run(engine.name)


def tag(
    objects: Sequence[str], catalog: Path | None = None, *, more: Sequence[str] = (),
    less: Sequence[str] = (), every: bool = False,
) -> list[tuple[VersionRow, tuple[str, ...]]]:  # fmt: skip
    """The versions that these queries name, or with `every` all of their objects, and the tags of
    each from now on: with `more` and without `less`.  Raises NotFoundError, UsageError."""
    with open_catalog(catalog_of(catalog), create=False) as opened:
        versions = {
            version.object_id: version
            for query in objects
            for version in (opened.versions_meant(query) if every else [opened.resolve(query)])
        }
        found = [*versions.values()]
        return [
            *zip(
                found, opened.forgetting.tags.change(found, more, less, time.time_ns()), strict=True
            )
        ]


def calendar() -> str:
    """Whose days and hours count: the time zone of this machine, which TZ changes."""
    now = datetime.now().astimezone()
    return f"{now:%Z} (UTC{now:%z})"


def _plan(graph: Path | None) -> Plan | None:
    if graph is None:
        return None
    from flowbackup.plan.making import load_plan

    return load_plan(graph)


def _meant(
    catalog: Catalog, queries: Sequence[str]
) -> tuple[list[tuple[str, str]], list[VersionRow]]:  # fmt: skip
    """The objects that are named as a whole, and the versions that are named by themselves."""
    whole: dict[tuple[str, str], None] = {}
    named: dict[bytes, VersionRow] = {}
    for query in queries:
        version = catalog.resolve(query)
        record = version.record
        if query in (record.name, f"{record.client}/{record.name}"):
            whole[record.client, record.name] = None
        else:
            named[version.object_id] = version
    return [*whole], [*named.values()]


def _policies(
    catalog: Catalog, request: ForgetRequest, plan: Plan | None, whole: Sequence[tuple[str, str]]
) -> tuple[ObjectPolicy, ...]:  # fmt: skip
    from flowbackup.runtime.pruning.forgetting import ObjectPolicy, policies_of

    if plan is None:
        every = [(row.client, row.name) for row in catalog.objects()]
        return policies_of(whole or every, request.policy)
    if not request.policy.is_empty:
        raise UsageError("both a graph and rules are given", remedy="keep one of them")
    found = tuple(
        ObjectPolicy(item.client, item.name, item.retention)
        for item in plan.objects
        if item.retention is not None and (not whole or (item.client, item.name) in whole)
    )
    if not found:
        raise UsageError(
            f"graph {plan.graph} does not say what is kept"
            + (" of these objects" if whole else ""),
            remedy="write retention: {last: 7} in it, or at the object",
        )
    return found
