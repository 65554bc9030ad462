"""Which versions are to be no more, and that they are: asked of a policy, or by their names.

Only the catalog changes.  What media hold of them stays until a prune, which tells the media first.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from flowbackup.catalog.catalog import Catalog
from flowbackup.catalog.claim import exclusive_claim
from flowbackup.catalog.retention import Decision, decide, last_complete
from flowbackup.catalog.rows import VersionRow
from flowbackup.errors import UsageError
from flowbackup.model.report import Outcome, SessionReport
from flowbackup.model.retention import RetentionPolicy
from flowbackup.monitor import Monitor
from flowbackup.runtime.reading.local_session import LocalSession

KIND = "forget"
NAMED = "not named"


@dataclass(frozen=True, slots=True)
class ObjectPolicy:
    """What is kept of an object, by a policy or all but what is named."""

    client: str
    name: str
    policy: RetentionPolicy


@dataclass(frozen=True, slots=True)
class ForgetTask:
    """policies: of the objects that are judged.  named: versions that go whatever a policy says.
    copies: so many durable ones the version must have that stays in their place.  zone: of the
    calendar, None for that of this machine."""

    policies: tuple[ObjectPolicy, ...] = ()
    named: tuple[VersionRow, ...] = ()
    copies: int = 1
    dry_run: bool = False
    wait_seconds_max: float = 0.0
    zone: tzinfo | None = None


@dataclass(frozen=True, slots=True)
class Forgotten:
    """decisions: by object, the newest version first."""

    decisions: tuple[Decision, ...]
    report: SessionReport


def run_forgetting(
    catalog: Catalog, task: ForgetTask, monitor: Monitor,
    clock: Callable[[], int] = time.time_ns,
) -> Forgotten:  # fmt: skip
    """Decides, and unless it is a dry run takes the versions out of the catalog, all or none.
    Raises UsageError for a version that must stay, DeviceLockedError while somebody else uses the
    catalog."""
    if task.dry_run:
        return _forgotten(catalog, task, monitor, clock())
    with exclusive_claim(catalog, "flowbackup forget", task.wait_seconds_max):
        return _forgotten(catalog, task, monitor, clock())


def _forgotten(catalog: Catalog, task: ForgetTask, monitor: Monitor, now_ns: int) -> Forgotten:
    decisions = [*_decided(catalog, task, now_ns), *_named(catalog, task, now_ns)]
    going = {d.version.object_id: d.version for d in decisions if not d.keeps}
    subject = ", ".join(
        dict.fromkeys(f"{d.version.record.client}/{d.version.record.name}" for d in decisions)
    )
    session = LocalSession(catalog, KIND, subject, monitor, is_recorded=not task.dry_run)
    try:
        if going and not task.dry_run:
            catalog.forgetting.forget([*going.values()], now_ns)
    except BaseException:
        session.finish(Outcome.FAILED)
        raise
    return Forgotten(tuple(decisions), session.end(session.report(Outcome.SUCCESS)))


def _decided(catalog: Catalog, task: ForgetTask, now_ns: int) -> Iterable[Decision]:
    for item in task.policies:
        candidates = catalog.forgetting.candidates(item.client, item.name)
        yield from decide(item.policy, candidates, now_ns, task.zone)


def _named(catalog: Catalog, task: ForgetTask, now_ns: int) -> Iterable[Decision]:
    """Those that are named go, and the last complete version of their object must stay."""
    objects = dict.fromkeys((v.record.client, v.record.name) for v in task.named)
    named = {version.object_id for version in task.named}
    for client, name in objects:
        candidates = catalog.forgetting.candidates(client, name)
        last = last_complete(candidates, task.copies, now_ns)
        if last is not None and last.object_id in named:
            raise UsageError(
                f"{last} is the last complete version of {client}/{name}, which always stays",
                remedy="make a newer one first",
            )
        yield from (
            Decision(item.version, () if item.version.object_id in named else (NAMED,))
            for item in reversed(candidates)
            if item.version.object_id in named
        )


def policies_of(
    rows: Sequence[tuple[str, str]], policy: RetentionPolicy
) -> tuple[ObjectPolicy, ...]:  # fmt: skip
    """The same policy for each of these objects.  Raises UsageError for one that keeps nothing."""
    if policy.is_empty:
        raise UsageError(
            "no rule says which versions to keep",
            remedy="write --keep-last 7, or more of them, or name versions, as in web/site@3",
        )
    return tuple(ObjectPolicy(client, name, policy) for client, name in rows)
