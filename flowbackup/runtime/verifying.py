"""Verify: media read from end to end, and every damage told with the objects and paths it hits."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence

from flowbackup.catalog.catalog import Catalog
from flowbackup.catalog.rows import HitRow, VerificationRow
from flowbackup.errors import DeviceError, NotFoundError
from flowbackup.media.open import open_device
from flowbackup.media.scan import Damage
from flowbackup.media.verify import VerifyReport, verify_medium
from flowbackup.model.device import DeviceTarget, FramePlace, MediumInfo
from flowbackup.model.report import DeviceReport, Outcome, SessionReport
from flowbackup.monitor import Monitor, Problem, Progress
from flowbackup.runtime.local_session import LocalSession
from flowbackup.units import format_path

PATHS_NAMED_MAX = 3
"""So many paths in one message; the rest is a number."""
PROGRESS_SECONDS = 0.5


def run_verify(catalog: Catalog, names: Sequence[str], monitor: Monitor) -> SessionReport:
    """Verifies the media of these devices (names or locations), by default all that are known.
    Raises NotFoundError for a name that means none; damage makes the outcome failed."""
    media = _chosen(catalog.media(), names)
    session = LocalSession(catalog, "verify", ", ".join(i.device for i in media), monitor)
    reports = [_verify(catalog, info, session) for info in media]
    sound = all(state == "sound" for _, state in reports)
    return session.finish(
        Outcome.SUCCESS if sound else Outcome.FAILED,
        bytes_read=sum(report.bytes_read for report, _ in reports if report),
        devices=[
            _device_report(info, report, state)
            for info, (report, state) in zip(media, reports, strict=True)
        ],
    )


def _verify(
    catalog: Catalog, info: MediumInfo, session: LocalSession
) -> tuple[VerifyReport | None, str]:
    started_ns = time.time_ns()
    # Damage is told once, by `_tell`, with what it hits; the medium alone does not know that.
    quiet = _Quiet(session)
    try:
        device = open_device(_target(info))
        report = verify_medium(device, quiet, quiet.read)
    except DeviceError as error:
        session.problem(Problem("device_failed", str(error), device=info.device))
        return None, "failed"
    damaged = [damage for damage in report.damages if _counts(catalog, damage)]
    for damage in damaged:
        _tell(catalog, info, damage, session)
    catalog.add_verification(
        VerificationRow(
            session.session,
            info.medium,
            started_ns,
            time.time_ns(),
            report.frames,
            report.bytes_read,
            len(damaged),
        )
    )
    return report, "damaged" if damaged else "sound"


def _counts(catalog: Catalog, damage: Damage) -> bool:
    """A torn tail is what a killed session leaves, unless the catalog knows that it was durable."""
    return not damage.torn or bool(_hits(catalog, damage))


def _tell(catalog: Catalog, info: MediumInfo, damage: Damage, session: LocalSession) -> None:
    place = f"{info.device}: {damage.file}, bytes {damage.offset} to {damage.end}: {damage.reason}"
    hits = _hits(catalog, damage)
    if damage.segment:
        catalog.mark_damaged(FramePlace(damage.medium, damage.segment, damage.epoch, damage.offset))
    text = "; ".join(_hit_text(hit) for hit in hits) or "hits no object"
    session.problem(Problem("damaged", f"{place}; {text}", device=info.device))


def _hits(catalog: Catalog, damage: Damage) -> list[HitRow]:
    if not damage.segment:
        return []
    return catalog.objects_at(damage.medium, damage.segment, damage.offset)


def _hit_text(hit: HitRow) -> str:
    if not hit.paths:
        return f"frame {hit.frame} of {hit.version} (its list of files)"
    named = ", ".join(format_path(path) for path in hit.paths[:PATHS_NAMED_MAX])
    more = len(hit.paths) - PATHS_NAMED_MAX
    return f"frame {hit.frame} of {hit.version}: {named}" + (
        f" and {more} more" if more > 0 else ""
    )


def _chosen(media: Sequence[MediumInfo], names: Sequence[str]) -> list[MediumInfo]:
    if not media:
        raise NotFoundError(
            "the catalog knows no medium", remedy="make a backup first, or name its catalog"
        )
    if not names:
        return list(media)
    return [_named(media, name) for name in names]


def _named(media: Iterable[MediumInfo], name: str) -> MediumInfo:
    location = os.path.abspath(name)
    for info in media:
        if info.device == name or info.location == location:
            return info
    raise NotFoundError(
        f'no medium of device "{name}" is known',
        remedy="`flowbackup device list` shows them",
    )


def _target(info: MediumInfo) -> DeviceTarget:
    return DeviceTarget(info.device, "directory", info.location, info.block_bytes)


def _device_report(info: MediumInfo, report: VerifyReport | None, state: str) -> DeviceReport:
    return DeviceReport(
        name=info.device, agent="", role="verify", level=0, node="here", state=state,
        bytes_written=0, frames=report.frames if report else 0,
    )  # fmt: skip


class _Quiet:
    """A Monitor for one medium: damage waits for its report, bytes become progress."""

    def __init__(self, session: LocalSession) -> None:
        self._session = session
        self._told = 0.0
        self.message = session.message
        self.progress = session.progress

    def problem(self, problem: Problem) -> None:
        """Told later, with the objects that it hits; what is no damage is told now."""
        if problem.kind != "damaged":
            self._session.problem(problem)

    def read(self, bytes_read: int, bytes_total: int) -> None:
        now = time.monotonic()
        if now - self._told >= PROGRESS_SECONDS:
            self._told = now
            self._session.progress(Progress("verify", 0, bytes_read, None, bytes_total))
