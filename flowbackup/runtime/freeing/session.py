"""A session that makes room on the staging devices of a graph.

It is recorded like any other.  One at a time runs with a catalog, so that no two of them rely on
the copies that the other is about to free.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import NamedTuple

from flowbackup.catalog.catalog import Catalog
from flowbackup.errors import (
    EXIT_COPIES_MISSING,
    EXIT_INTERRUPTED,
    EXIT_LOCKED,
    DeviceError,
    DeviceLockedError,
    FlowbackupError,
    UsageError,
)
from flowbackup.media.freeing import SegmentFreer
from flowbackup.media.locks.lock import MediumLock
from flowbackup.model.device import HERE, DeviceTarget, MediumInfo
from flowbackup.model.ids import id_text
from flowbackup.model.report import DeviceReport, FreedReport, Outcome, SessionReport
from flowbackup.monitor import Monitor, Problem
from flowbackup.plan.decided import Plan, StagingPlan
from flowbackup.runtime.cancel import Cancel
from flowbackup.runtime.freeing.freer import Freer, FreeSetting
from flowbackup.runtime.freeing.turn import FreeTurn
from flowbackup.runtime.freeing.witnesses import NearWitness, OpenWitness, Witness, Witnesses
from flowbackup.runtime.reading.known_media import elsewhere
from flowbackup.runtime.reading.local_session import ENGINE, LocalSession

KIND = "free"
OpenFreer = Callable[[StagingPlan, MediumInfo], Freer]
"""For one medium on a staging device.  Raises FlowbackupError for a device that is out of reach."""


class Reach(NamedTuple):
    """How the devices and media of a graph are reached."""

    freer: OpenFreer
    witness: OpenWitness


def media_on(catalog: Catalog, policy: StagingPlan) -> list[MediumInfo]:
    """The media that were seen on a staging device, those of a set one after the other; of two in
    one place the newer one.  Of others nothing is known, so nothing may go."""
    place = policy.device.location
    found = {
        info.location: info
        for info in catalog.media()
        if info.node == policy.node
        and (info.location == place or info.location.startswith(place + "/"))
    }
    return list(found.values())


def medium_target(policy: StagingPlan, info: MediumInfo) -> DeviceTarget:
    """The device as if it held that medium alone."""
    return replace(policy.device, location=info.location, media_bytes=0)


def near_freer(policy: StagingPlan, info: MediumInfo) -> Freer:
    """Frees in this process."""
    if policy.node != HERE:
        raise elsewhere(policy.device.name, policy.node)
    return SegmentFreer(medium_target(policy, info))


def near_witness(info: MediumInfo) -> Witness:
    """Asks in this process."""
    if not info.is_near:
        raise elsewhere(info.device, info.node)
    return NearWitness(info)


NEAR = Reach(near_freer, near_witness)
"""Without a cluster: what is on this machine."""


def policies_named(plan: Plan, names: Sequence[str]) -> tuple[StagingPlan, ...]:
    """The staging devices of a plan, or those of these names.  Raises UsageError."""
    known = {policy.device.name: policy for policy in plan.staging}
    strange = [f' "{name}"' for name in names if name not in known]
    if strange or not known:
        raise UsageError(
            f"graph {plan.graph} has no staging device{strange[0] if strange else ''}",
            remedy=f"its staging devices are: {', '.join(known) or 'none'}; write "
            "staging: {copies: 1} at the device whose frames may go when they are elsewhere",
        )
    return tuple(known[name] for name in names or known)


class FreeSession:
    """Frees what may go, once."""

    def __init__(
        self, catalog: Catalog, policies: Sequence[StagingPlan], graph: str, monitor: Monitor, *,
        cancel: Cancel | None = None, dry_run: bool = False, is_asked: bool = True,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:  # fmt: skip
        """cancel: ends it behind the segment that is being freed.  is_asked: a user wants it now,
        so that a device that is in use is a problem; what a run does by itself is done by the next
        one, too."""
        self._catalog = catalog
        self._policies = policies
        self._graph = graph
        self._monitor = monitor
        self._reach = NEAR
        self._dry_run = dry_run
        self._is_asked = is_asked
        self._clock = clock
        self._cancel = cancel or Cancel()
        self._freed: list[FreedReport] = []
        self._states: dict[str, str] = {}
        self._short_of_copies = False

    def run(self, engine: str = ENGINE, reach: Reach = NEAR) -> SessionReport:
        """reach: how devices are reached, where not all are near.  What becomes of each device is
        told in the report.  Raises DeviceLockedError while another command makes room with this
        catalog."""
        self._reach = reach
        with ExitStack() as stack:
            if not self._dry_run:
                stack.callback(one_at_a_time(self._catalog).close)
            session = LocalSession(
                self._catalog, KIND, self._graph, self._monitor, engine,
                is_recorded=not self._dry_run,
            )  # fmt: skip
            try:
                self._take_all(session.session, session)
            except BaseException:
                session.finish(Outcome.FAILED)
                raise
            return session.end(self._report(session.report(self._outcome())))

    def _take_all(self, session: bytes, monitor: Monitor) -> None:
        setting = FreeSetting(
            session, self._clock(), self._dry_run,
            Witnesses(self._catalog.media(), self._reach.witness), monitor.problem,
            lambda: self._cancel.is_told,
        )  # fmt: skip
        for policy in self._policies:
            name = policy.device.name
            for info in media_on(self._catalog, policy):
                try:
                    self._take(policy, info, setting)
                except DeviceLockedError as error:
                    self._hear_locked(name, error, monitor)
                except FlowbackupError as error:
                    self._states[name] = "failed"
                    monitor.problem(Problem("device_failed", str(error), device=name))
            if not any(freed.device == name for freed in self._freed):
                self._freed.append(FreedReport(name, "", 0, 0, 0))

    def _hear_locked(self, name: str, error: DeviceLockedError, monitor: Monitor) -> None:
        if self._is_asked:
            self._states[name] = "locked"
            monitor.problem(Problem("locked", str(error), device=name))
        else:
            monitor.message(f"no room is made on {name} now: {error.message}")

    def _take(self, policy: StagingPlan, info: MediumInfo, setting: FreeSetting) -> None:
        freer = self._reach.freer(policy, info)
        try:
            freer.info()
            if not self._dry_run:
                # A run that makes room for itself may stand there with its own ticket.
                freer.lock(f"free {id_text(setting.session)}", in_turn=self._is_asked)
            turn = FreeTurn(self._catalog, policy, freer, setting)
            try:
                turn.take()
            finally:
                self._freed.append(turn.report())
                self._short_of_copies |= turn.is_short_of_copies
        finally:
            freer.close()

    # How it ended

    def _outcome(self) -> Outcome:
        states = set(self._states.values())
        if "failed" in states:
            return Outcome.FAILED
        incomplete = states or self._short_of_copies or self._cancel.is_told
        return Outcome.INCOMPLETE if incomplete else Outcome.SUCCESS

    def _report(self, so_far: SessionReport) -> SessionReport:
        return replace(
            so_far, exit_code=self._exit_code(so_far), freed=tuple(self._freed),
            devices=tuple(self._device(policy) for policy in self._policies),
        )  # fmt: skip

    def _exit_code(self, so_far: SessionReport) -> int:
        if so_far.outcome is not Outcome.INCOMPLETE:
            return so_far.exit_code
        if self._cancel.is_told:
            return EXIT_INTERRUPTED
        return EXIT_COPIES_MISSING if self._short_of_copies else EXIT_LOCKED

    def _device(self, policy: StagingPlan) -> DeviceReport:
        name = policy.device.name
        found = [freed for freed in self._freed if freed.device == name]
        state = "freed" if any(freed.segments for freed in found) else "kept"
        return DeviceReport(
            name=name, agent="", role=KIND, level=0, node=policy.node,
            state=self._states.get(name, state), bytes_written=0,
            frames=sum(freed.frames for freed in found), medium=found[-1].medium, required=False,
        )  # fmt: skip


def one_at_a_time(catalog: Catalog) -> MediumLock:
    """Who frees with a catalog, from here to its `close`.  Raises DeviceLockedError."""
    path = f"{catalog.path}.freeing"
    try:
        return MediumLock(path, str(catalog.path), "flowbackup free")
    except DeviceLockedError as error:
        raise DeviceLockedError(
            f"room is made already with catalog {catalog.path}, by {error.holder}",
            remedy="wait until it has finished, or end it",
            holder=error.holder,
        ) from error
    except DeviceError as error:
        error.remedy = error.remedy or "check the folder of the catalog"
        raise
