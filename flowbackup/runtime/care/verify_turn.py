"""One medium in one verification: what is due is read, compared with what should be there, told
and remembered, stretch by stretch, so that an end in the middle loses nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Protocol

from flowbackup.catalog.catalog import Catalog
from flowbackup.catalog.rows import LostRow, VerificationRow
from flowbackup.catalog.stretches import Extents
from flowbackup.errors import DeviceError, FlowbackupError, PeerLostError
from flowbackup.media.checks.medium_verifier import StretchReport
from flowbackup.media.checks.survey import MediumSurvey
from flowbackup.media.segments.scan import Damage
from flowbackup.model.device import MediumInfo
from flowbackup.model.freed import FreedSegment
from flowbackup.model.ids import id_text
from flowbackup.model.report import DeviceReport
from flowbackup.model.stretch import Stretch
from flowbackup.monitor import Problem
from flowbackup.runtime.care.verify_progress import VerifyProgress
from flowbackup.runtime.reading.freed_media import take_over_freed
from flowbackup.runtime.reading.hits import hits_text
from flowbackup.runtime.reading.local_session import LocalSession
from flowbackup.runtime.reading.lost_media import lost_media


class Verifier(Protocol):
    """Whoever reads a medium, here or on its node; see MediumVerifier."""

    def survey(self) -> MediumSurvey: ...

    def freed(self, segments: Sequence[tuple[int, int]]) -> tuple[FreedSegment, ...]: ...

    def read(self, stretches: Sequence[Stretch]) -> Iterator[StretchReport]: ...


class VerifyTurn:
    """`take` once; then `report`."""

    def __init__(
        self, catalog: Catalog, session: LocalSession, info: MediumInfo, share: Fraction,
        opener: Callable[[MediumInfo], Verifier], progress: VerifyProgress, stop: threading.Event,
    ) -> None:  # fmt: skip
        self.info = info
        self.bytes_read = 0
        self._bytes_total = 0
        self._frames = 0
        self._damages = 0
        self._told = (0, 0, 0)
        """Segment, epoch and offset up to which damage was told last."""
        self._failed = False
        self.is_cut_off = False
        """It was told to stop before everything was read."""
        self._freed_now: dict[tuple[int, int], bool] = {}
        self._catalog = catalog
        self._session = session
        self._share = share
        self._opener = opener
        self._progress = progress
        self._stop = stop

    @property
    def is_sound(self) -> bool:
        return not self._failed and not self._damages

    def take(self) -> None:
        """Never raises for the medium or its node: that is told, and the others go on."""
        if self._stop.is_set():
            self.is_cut_off = True
            return
        started_ns = time.time_ns()
        try:
            self._verify()
        except (DeviceError, PeerLostError) as error:
            self._failed = True
            self._tell("device_failed", self._why(error))
        self._progress.end(self.info, self._state)
        self._catalog.add_verification(
            VerificationRow(
                self._session.session, self.info.medium, started_ns, time.time_ns(),
                self._frames, self.bytes_read, self._bytes_total, self._damages,
            )
        )  # fmt: skip

    def _why(self, error: FlowbackupError) -> str:
        """A medium that is not there is told with what it takes along."""
        if self.info.is_near:
            for lost in lost_media(self._catalog):
                if lost.info.medium == self.info.medium:
                    return lost.text
        return str(error)

    @property
    def _state(self) -> str:
        return "failed" if self._failed else "damaged" if self._damages else "sound"

    def report(self) -> DeviceReport:
        """The line of the summary."""
        return DeviceReport(
            name=self.info.device, agent="", role="verify", level=0, node=self.info.node,
            state=self._state, bytes_written=0, frames=self._frames,
            medium=id_text(self.info.medium),
        )  # fmt: skip

    def _verify(self) -> None:
        known = self._catalog.extents(self.info.medium)
        verifier = self._opener(self.info)
        survey = verifier.survey()
        if survey.medium != self.info.medium:
            raise DeviceError(
                f"{self.info.location} holds medium {id_text(survey.medium)}, "
                f"expected {id_text(self.info.medium)}",
                remedy="connect the right medium there",
                device=self.info.device,
            )
        self._bytes_total = survey.bytes_total
        known = self._without_freed(verifier, survey, known)
        self._hear_survey(survey, known)
        due = self._catalog.due_stretches(self.info.medium, survey.stretches, self._share)
        self._progress.begin(self.info, sum(stretch.size_bytes for stretch in due))
        for report in verifier.read(due):
            seems_gone = report.stretch[:2] in known and (report.damages or not report.frames)
            if not (seems_gone and self._was_freed(verifier, report.stretch)):
                self._hear(report, known)
            self.bytes_read += report.stretch.size_bytes
            self._frames += len(report.frames)
            self._progress.read(self.info, self.bytes_read)
            if self._stop.is_set():
                self.is_cut_off = True
                return

    def _without_freed(
        self, verifier: Verifier, survey: MediumSurvey, known: Extents
    ) -> Extents:  # fmt: skip
        """What is known to be there, but for segments that were freed: these are no damage."""
        sizes: dict[tuple[int, int], int] = {}
        for stretch in survey.stretches:
            sizes[stretch[:2]] = max(stretch.end, sizes.get(stretch[:2], 0))
        if not take_over_freed(self._catalog, self.info.medium, sizes, verifier.freed):
            return known
        now = self._catalog.extents(self.info.medium)
        return {name: last for name, last in known.items() if name in now}

    def _was_freed(self, verifier: Verifier, stretch: Stretch) -> bool:
        """Since it was surveyed: what is not there any more is no damage then.  Asked once for a
        segment, which is opened once: what is freed behind that is read as it was."""
        name = stretch[:2]
        if name not in self._freed_now:
            freed = verifier.freed([name])
            for segment in freed:
                self._catalog.add_freed(self.info.medium, segment)
            self._freed_now[name] = bool(freed)
        return self._freed_now[name]

    def _hear_survey(self, survey: MediumSurvey, known: Extents) -> None:
        for name in survey.unknown_files:
            self._tell("unknown_file", f"{survey.folder}/{name} is no segment")
        for damage in survey.damages:
            self._tell_damage(damage)
        for lost in self._catalog.lose_absent(self.info.medium, survey.stretches, known):
            self._tell_lost(lost, "the file is missing, or shorter than what was written")

    def _hear(self, report: StretchReport, known: Extents) -> None:
        frames = [(frame.header.frame_id, frame.place) for frame in report.frames]
        lost = self._catalog.add_verified(
            self.info.medium, report.stretch, frames, time.time_ns(), known
        )
        for damage in report.damages:
            hit = [row for row in lost if _begins_in(row, damage)]
            # A torn tail is what a killed session leaves, unless it is known to have been durable.
            if damage.torn and not hit:
                self._tell("unfinished", _damage_text(damage))
                continue
            self._told = (damage.segment, damage.epoch, damage.end)
            # Damage is never written over: what a repair has replaced stays, and harms nobody.
            if hit and all(row.is_repaired for row in hit):
                self._tell("repaired", _damage_text(damage))
            else:
                self._tell_damage(damage)
        for row in lost:
            # A damage may reach into stretches behind its own.
            is_told = self._told[:2] == report.stretch[:2] and row.place.offset < self._told[2]
            if not is_told and not row.is_repaired:
                self._tell_lost(row, "the frame that was written here is not here any more")

    def _tell_damage(self, damage: Damage) -> None:
        self._damages += 1
        hits = (
            self._catalog.objects_at(damage.medium, damage.segment, damage.offset, damage.end)
            if damage.segment
            else iter(())
        )
        self._tell("damaged", f"{_damage_text(damage)}; {hits_text(hits)}")

    def _tell_lost(self, lost: LostRow, reason: str) -> None:
        self._damages += 1
        place = lost.place
        hits = self._catalog.objects_at(place.medium, place.segment, place.offset)
        text = f"segment {place.segment}, offset {place.offset}: {reason}; {hits_text(hits)}"
        self._tell("damaged", text)

    def _tell(self, kind: str, text: str) -> None:
        medium = id_text(self.info.medium)
        problem = Problem(kind, f"medium {medium}, {text}", device=self.info.device)
        self._progress.problem(problem)


def _begins_in(row: LostRow, damage: Damage) -> bool:
    return damage.offset <= row.place.offset < damage.end


def _damage_text(damage: Damage) -> str:
    if not damage.segment:
        return damage.reason
    span = f"bytes {damage.offset} to {damage.end}"
    return f"segment {damage.segment}, {span} of {damage.file}: {damage.reason}"
