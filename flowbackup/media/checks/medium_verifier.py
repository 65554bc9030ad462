"""Reading stretches of a medium, in whatever choice, and saying what each of them holds.

A stretch is read from its first record to its last, and linked to the record before it: so whoever
reads all stretches, on whatever days, has checked every byte and every link.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from flowbackup.errors import DamageError, DeviceError
from flowbackup.media.checks.survey import MediumSurvey, survey_medium
from flowbackup.media.labels.label import SEGMENTS_NAME, read_label
from flowbackup.media.layout import IndexRow, RecordHeader
from flowbackup.media.port import Device, StoredFrame
from flowbackup.media.segments.freed import freed_among
from flowbackup.media.segments.reader import MediumReader, read_index
from flowbackup.media.segments.scan import Damage, FoundRecord, Standing, groups, read_header, walk
from flowbackup.media.segments.segment import segment_file_name
from flowbackup.media.segments.segment_source import SegmentSource
from flowbackup.model.freed import FreedSegment
from flowbackup.model.stretch import Stretch, stretches_of

Items = Iterable[FoundRecord | Damage]


@dataclass(frozen=True, slots=True)
class StretchReport:
    """What one stretch holds.  frames: the sound ones, also those never committed.  damages: of
    what begins in it, in order of offset; a damage may reach into the stretches behind it."""

    stretch: Stretch
    frames: tuple[StoredFrame, ...] = ()
    damages: tuple[Damage, ...] = ()


class MediumVerifier:
    """Reads the medium of one device, past the page cache."""

    def __init__(self, device: Device) -> None:
        """Raises DeviceError if there is no medium."""
        self._device = device.name
        self._info = device.info()

    def survey(self) -> MediumSurvey:
        """Checks label and texts, lists the rest.  Raises DeviceError, FormatError."""
        if not self._info.location:
            return MediumSurvey(self._info.medium, "")
        return survey_medium(self._info.location, self._device)

    def freed(self, segments: Sequence[tuple[int, int]]) -> tuple[FreedSegment, ...]:
        """See freed_among."""
        label = read_label(self._info.location, self._device).label
        reader = MediumReader(self._info.location, label, device=self._device, cached=False)
        return tuple(freed_among(reader, segments))

    def read(self, stretches: Sequence[Stretch]) -> Iterator[StretchReport]:
        """Reads these, which are given by segment, epoch and number, and reports each when it has
        been read.  An unfinished segment is read, and reported, as a whole: what of it was durable
        once shows only from its end.  Everything that is wrong with the bytes is in the reports.
        Raises DeviceError for a device that fails, FormatError."""
        label = read_label(self._info.location, self._device).label
        reader = MediumReader(self._info.location, label, device=self._device, cached=False)
        for (segment, epoch), asked in groupby(stretches, key=lambda s: (s.segment, s.epoch)):
            wanted = list(asked)
            try:
                source = reader.segment(segment, epoch)
            except DeviceError as error:
                if not _is_damage(error):
                    raise
                yield from self._absent(wanted, error.message)
                continue
            with source:
                if not source.sealed:
                    yield from _unfinished(source)
                    continue
                for run in _runs(wanted):
                    yield from _dealt(_sealed(source, run), run)

    def _absent(self, wanted: list[Stretch], reason: str) -> Iterator[StretchReport]:
        first, *others = wanted
        name = segment_file_name(first.segment, first.epoch, sealed=True)
        damage = Damage(
            self._info.medium, first.segment, first.epoch,
            os.path.join(self._info.location, SEGMENTS_NAME, name),
            first.begin, wanted[-1].end, reason,
        )  # fmt: skip
        yield StretchReport(first, damages=(damage,))
        yield from map(StretchReport, others)


def _is_damage(error: DeviceError) -> bool:
    """Whether a file is wrong or missing, and not the device."""
    return isinstance(error, DamageError) or isinstance(error.__cause__, FileNotFoundError)


def _runs(stretches: list[Stretch]) -> Iterator[list[Stretch]]:
    """Stretches of one file that follow each other."""
    numbered = enumerate(stretches)
    for _, run in groupby(numbered, key=lambda pair: pair[1].number - pair[0]):
        yield [stretch for _, stretch in run]


def _unfinished(source: SegmentSource) -> Iterator[StretchReport]:
    """Damages that no commit covers whose sync came back are torn."""
    items = (
        replace(item, torn=standing is not Standing.PROVEN) if isinstance(item, Damage) else item
        for group, standing in groups(source, payloads=True)
        for item in group
    )
    name = source.name
    yield from _dealt(items, list(stretches_of(name.segment, name.epoch, source.size)))


def _sealed(source: SegmentSource, run: list[Stretch]) -> Iterator[FoundRecord | Damage]:
    """What begins in stretches of a sealed file that follow each other; behind a sound run, what
    the index has to say about it."""
    begin, end = run[0].begin, run[-1].border
    index = _read_index(source)
    start, previous = _entry(source, index, begin)
    rows: list[IndexRow] = []
    damaged = False
    for item in walk(source, start, end=end, previous=previous, payloads=True):
        if item.offset < begin:
            continue
        if isinstance(item, Damage):
            damaged = True
        elif item.header.is_frame:
            rows.append(IndexRow(item.offset, item.header.ordinal, item.header.frame()))
        yield item
    if not damaged and (index.fault or index.between(begin, end) != rows):
        reason = index.fault or "the index lists other frames than the segment has"
        name = source.name
        yield Damage(
            name.medium, name.segment, name.epoch, source.path, index.offset, source.size, reason
        )


@dataclass(frozen=True, slots=True)
class _Index:
    """The index of a sealed file, or what is wrong with it, and where it begins."""

    offset: int
    rows: tuple[IndexRow, ...] = ()
    fault: str = ""

    def between(self, begin: int, end: int) -> list[IndexRow]:
        """The frames that begin there."""
        return [row for row in self.rows if begin <= row.offset < end]


def _read_index(source: SegmentSource) -> _Index:
    try:
        rows, _, footer = read_index(source)
    except DamageError as error:
        return _Index(max(0, source.size - source.name.block_bytes), fault=error.message)
    if footer.chunk_count != len(rows):
        return _Index(footer.sequence, fault="the footer counts other frames than the index lists")
    return _Index(footer.sequence, tuple(rows))


def _entry(source: SegmentSource, index: _Index, begin: int) -> tuple[int, RecordHeader | None]:
    """Where a walk that wants to know what is behind `begin` starts, and the header of the record
    before: behind the last frame that begins in front of it, or at the start of the file."""
    before = index.between(0, begin)
    if not before:
        return 0, None
    offset = before[-1].offset
    try:
        header = read_header(source, offset)
    except DamageError:
        return offset, None
    return offset + header.total_bytes, header


def _dealt(items: Items, stretches: list[Stretch]) -> Iterator[StretchReport]:
    """Things in order of their offsets, each to the stretch in which it begins; what lies behind
    the last stretch belongs to it."""
    frames: list[StoredFrame] = []
    damages: list[Damage] = []
    here, *waiting = stretches
    for item in items:
        while waiting and item.offset >= here.border:
            yield StretchReport(here, tuple(frames), tuple(damages))
            frames, damages = [], []
            here = waiting.pop(0)
        if isinstance(item, Damage):
            damages.append(item)
        elif item.header.is_frame:
            frames.append(item.stored())
    yield StretchReport(here, tuple(frames), tuple(damages))
    yield from map(StretchReport, waiting)
