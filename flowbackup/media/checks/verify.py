"""Verifying a medium: every byte of it is read from the device and checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from flowbackup.media.checks.medium_verifier import MediumVerifier
from flowbackup.media.port import Device
from flowbackup.media.segments.scan import Damage
from flowbackup.model.ids import id_text
from flowbackup.monitor import Monitor, Problem

ReportBytes = Callable[[int, int], None]
"""Called with the bytes that were read so far and the bytes there are, after each stretch."""


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What was read and what is wrong with it.

    frames: sound ones, also those never committed.  bytes_read: of segments.  damages: in order of
    segment and offset; segment 0 stands for the label and the texts beside it.  unknown_files:
    names in the folder of segments that no segment has.
    """

    medium: bytes
    device: str
    segments: int
    frames: int
    bytes_read: int
    damages: tuple[Damage, ...] = ()
    unknown_files: tuple[str, ...] = ()

    @property
    def damaged(self) -> tuple[Damage, ...]:
        """What was durable once and is not readable any more."""
        return tuple(damage for damage in self.damages if not damage.torn)

    @property
    def unfinished(self) -> tuple[Damage, ...]:
        """Tails that killed sessions left.  A catalog that says that one of these frames was
        durable makes it a damage."""
        return tuple(damage for damage in self.damages if damage.torn)


def verify_medium(
    device: Device, monitor: Monitor, progress: ReportBytes | None = None
) -> VerifyReport:
    """Reads the whole medium, past the page cache.  A medium that is written meanwhile is verified
    up to what its unfinished segment had when it was opened.

    Raises DeviceError if there is no medium, FormatError if a newer program wrote it; everything
    that is wrong with its bytes is in the report, and told to the monitor as it is found.
    """
    verifier = MediumVerifier(device)
    survey = verifier.survey()
    found = _Found()
    for name in survey.unknown_files:
        _tell(device.name, "unknown_file", f"{survey.folder}/{name} is no segment", monitor)
    for damage in survey.damages:
        found.damages.append(damage)
        _tell_damage(device.name, damage, monitor)
    for report in verifier.read(survey.stretches):
        found.segments.add((report.stretch.segment, report.stretch.epoch))
        found.frames += len(report.frames)
        found.bytes_read += report.stretch.size_bytes
        for damage in report.damages:
            found.damages.append(damage)
            _tell_damage(device.name, damage, monitor)
        if progress is not None:
            progress(found.bytes_read, survey.bytes_total)
    return VerifyReport(
        survey.medium, device.name, len(found.segments), found.frames, found.bytes_read,
        tuple(found.damages), survey.unknown_files,
    )  # fmt: skip


@dataclass(slots=True)
class _Found:
    """The sums so far."""

    segments: set[tuple[int, int]] = field(default_factory=set)
    frames: int = 0
    bytes_read: int = 0
    damages: list[Damage] = field(default_factory=list)


def _tell_damage(device: str, damage: Damage, monitor: Monitor) -> None:
    frame = f", frame {damage.frame}" if damage.frame else ""
    span = f" at {damage.offset} to {damage.end}" if damage.end else ""
    text = f"medium {id_text(damage.medium)}, {damage.file}{span}{frame}: {damage.reason}"
    _tell(device, "unfinished" if damage.torn else "damaged", text, monitor)


def _tell(device: str, kind: str, text: str, monitor: Monitor) -> None:
    monitor.problem(Problem(kind, text, device=device))
