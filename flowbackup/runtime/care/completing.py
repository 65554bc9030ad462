"""What an interrupted session brought to some of its devices goes to the others, from there.

So the source is read, and the first device written, only for what no device has.
"""

from __future__ import annotations

from flowbackup.catalog.catalog import Catalog
from flowbackup.errors import DeviceError, FlowbackupError
from flowbackup.media.open import open_device
from flowbackup.model.device import DeviceTarget, MediumInfo
from flowbackup.monitor import Monitor
from flowbackup.plan.decided import Plan
from flowbackup.runtime.cancel import Cancel
from flowbackup.runtime.care.repairing import RepairTask, run_repair
from flowbackup.runtime.crew.preflight import near_nodes
from flowbackup.runtime.crew.resume import Resume
from flowbackup.runtime.reading.looking import look_at


def complete_left(
    plan: Plan, catalog: Catalog, monitor: Monitor, cancel: Cancel, wait_seconds_max: float = 0.0
) -> bool:
    """A repair of these frames alone, and none where nothing is missing.  The media are asked first
    what they have; those of other nodes are believed to have what the catalog says, and get from
    the source what they lack.  So does a device for which this cannot be done, which the monitor is
    told.  Was there such a repair?"""
    resume = Resume(catalog, plan)
    if not resume.sessions:
        return False
    near = near_nodes(plan)
    targets = {a.name: a.device for a in plan.agents if a.node in near}
    media = {
        name: found for name, target in targets.items() if (found := _look_at(catalog, target))
    }
    lacking = resume.lacking(media)
    if not lacking:
        return False
    frames = {media[name][-1].device_id: frozenset(found) for name, found in lacking.items()}
    devices = tuple(targets[name].location for name in lacking)
    task = RepairTask(devices, frames=frames, wait_seconds_max=wait_seconds_max)
    try:
        run_repair(catalog, task, monitor, cancel=cancel)
    except FlowbackupError as error:
        monitor.message(f"nothing was completed from other devices: {error.message}")
    return True


def _look_at(catalog: Catalog, target: DeviceTarget) -> tuple[MediumInfo, ...]:
    """The media that are there.  None where they cannot be read: the session that follows says
    why."""
    known = {info.medium for info in catalog.media()}
    try:
        media = open_device(target).media()
        for info in media:
            if info.medium in known:
                look_at(catalog, info)
    except DeviceError:
        return ()
    return media
