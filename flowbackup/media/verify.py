"""Verifying a medium: every byte of it is read from the device and checked."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from flowbackup.errors import DamageError
from flowbackup.media.failure import device_error
from flowbackup.media.label import LABEL_NAME, SEGMENTS_NAME, FoundLabel, Label, read_label
from flowbackup.media.layout import IndexRow
from flowbackup.media.port import Device
from flowbackup.media.reader import MediumReader, read_index
from flowbackup.media.regular import read_regular
from flowbackup.media.scan import Damage, Standing, groups
from flowbackup.media.segment import parse_file_name
from flowbackup.media.segment_source import SegmentSource
from flowbackup.model.digest import frame_digest
from flowbackup.model.ids import id_text
from flowbackup.monitor import Monitor, Problem
from flowbackup.units import MIB

_TEXT_BYTES_MAX = 16 * MIB
"""More of a text beside the label is not read: then its digest is wrong."""

ReportBytes = Callable[[int, int], None]
"""Called with the bytes that were read so far and the bytes there are, after each group."""


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
    info = device.info()
    if not info.location:
        return VerifyReport(info.medium, device.name, 0, 0, 0)
    found = read_label(info.location, device.name)
    pass_ = _Pass(device.name, info.location, found, monitor, progress)
    pass_.verify_texts()
    pass_.verify_segments()
    return pass_.report()


class _Pass:
    """One reading of a medium: the sums so far."""

    def __init__(
        self,
        device: str,
        location: str,
        found: FoundLabel,
        monitor: Monitor,
        progress: ReportBytes | None,
    ) -> None:
        self._device = device
        self._location = location
        self._found = found
        self._label: Label = found.label
        self._monitor = monitor
        self._progress = progress
        self._damages: list[Damage] = []
        self._unknown: list[str] = []
        self._segments = self._frames = self._bytes_done = self._bytes_total = 0

    def report(self) -> VerifyReport:
        return VerifyReport(
            self._label.medium,
            self._device,
            self._segments,
            self._frames,
            self._bytes_done,
            tuple(self._damages),
            tuple(self._unknown),
        )

    def verify_texts(self) -> None:
        """The label's two copies, and the documents, whose digests stand in the label."""
        for fault in self._found.faults:
            self._add(self._text_damage(LABEL_NAME, fault))
        for name, digest in sorted(self._label.documents.items()):
            try:
                data = read_regular(os.path.join(self._location, name), _TEXT_BYTES_MAX)
            except OSError as error:
                self._add(self._text_damage(name, f"cannot be read: {error.strerror}"))
                continue
            if frame_digest(data).hex() != digest:
                self._add(self._text_damage(name, "is not what was written"))

    def verify_segments(self) -> None:
        folder = os.path.join(self._location, SEGMENTS_NAME)
        try:
            names = sorted(os.listdir(folder))
            self._unknown = [name for name in names if parse_file_name(name) is None]
            self._bytes_total = sum(
                os.lstat(os.path.join(folder, name)).st_size
                for name in names
                if name not in self._unknown
            )
        except OSError as error:
            raise device_error(self._device, f"listing {folder}", error) from error
        for name in self._unknown:
            self._tell("unknown_file", f"{os.path.join(folder, name)} is no segment")
        reader = MediumReader(self._location, self._label, device=self._device, cached=False)
        for source in reader.segments():
            if isinstance(source, Damage):
                self._add(source)
                continue
            with source:
                self._verify_segment(source)

    def _verify_segment(self, source: SegmentSource) -> None:
        self._segments += 1
        before = self._bytes_done
        for damage in self._check_records(source, before):
            self._add(damage)
        self._bytes_done = before + source.size
        self._report_bytes()

    def _check_records(self, source: SegmentSource, before: int) -> Iterator[Damage]:
        """Damages of a segment; those that no commit covers whose sync came back are torn."""
        frames_before = self._frames
        rows: list[IndexRow] = []
        damaged = False
        for group, standing in groups(source, payloads=True):
            for item in group:
                if isinstance(item, Damage):
                    damaged = True
                    yield replace(item, torn=standing is not Standing.PROVEN)
                elif item.header.is_frame:
                    rows.append(IndexRow(item.offset, item.header.ordinal, item.header.frame()))
            self._frames = frames_before + len(rows)
            self._bytes_done = before + group[-1].end
            self._report_bytes()
        if source.sealed and not damaged:
            yield from _check_index(source, rows)

    def _text_damage(self, name: str, reason: str) -> Damage:
        path = os.path.join(self._location, name)
        return Damage(self._label.medium, 0, 0, path, 0, 0, f"{name}: {reason}")

    def _add(self, damage: Damage) -> None:
        self._damages.append(damage)
        frame = f", frame {damage.frame}" if damage.frame else ""
        place = f"medium {id_text(damage.medium)}, {damage.file}"
        span = f" at {damage.offset} to {damage.end}" if damage.end else ""
        kind = "unfinished" if damage.torn else "damaged"
        self._tell(kind, f"{place}{span}{frame}: {damage.reason}")

    def _tell(self, kind: str, text: str) -> None:
        self._monitor.problem(Problem(kind, text, device=self._device))

    def _report_bytes(self) -> None:
        if self._progress is not None:
            self._progress(self._bytes_done, self._bytes_total)


def _check_index(source: SegmentSource, rows: list[IndexRow]) -> Iterator[Damage]:
    """Index and footer of a sealed segment against the records that were found in it."""
    try:
        listed, index, footer = read_index(source)
        fault = "" if listed == rows else "the index lists other frames than the segment has"
        if footer.chunk_count != len(rows) or index.chunk_count != len(rows):
            fault = "the footer counts other frames than the segment has"
    except DamageError as error:
        fault = error.message
    if fault:
        name = source.name
        yield Damage(name.medium, name.segment, name.epoch, source.path, 0, source.size, fault)
