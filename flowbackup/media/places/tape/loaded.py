"""The tape in a drive: its label, its texts, and which segment each of its files is.

file 0          the label, two copies, zeros up to the block
file 1          the texts, as an archive of tar
file n + 1      segment n
"""

from __future__ import annotations

import io
import json
import tarfile
from dataclasses import dataclass

from flowbackup.errors import DamageError, FormatError
from flowbackup.media.layout import RecordHeader, RecordKind, parse_header
from flowbackup.media.places.tape.tape import Tape, TapeExtent
from flowbackup.model.json_values import whole_number
from flowbackup.units import MIB

LABEL_BYTES = 8192
"""Two copies of 4096 bytes; see labels/twice.py."""
_COPY_BYTES = LABEL_BYTES // 2
TEXTS_FILE = 1
TEXTS_BYTES_MAX = 16 * MIB


@dataclass(frozen=True, slots=True)
class TapeSegmentFile:
    """A segment on a tape."""

    segment: int
    epoch: int
    is_sealed: bool
    extent: TapeExtent

    @property
    def name(self) -> str:
        """As its file is called in the folder of a medium on a disk."""
        return f"{self.segment:08d}-{self.epoch:04d}.{'seg' if self.is_sealed else 'part'}"


class LoadedTape:
    """What is known of it.  Every method raises OSError; one thread at a time."""

    def __init__(self, label: bytes, tape: Tape) -> None:
        self.label = label
        self.tape = tape
        self.under_way: tuple[int, int] | None = None
        """Number and epoch of the segment that is being written."""
        self._known: dict[int, TapeSegmentFile] = {}

    def segments(self) -> list[TapeSegmentFile]:
        """All of them, in the order of writing; each is looked at once."""
        found: list[TapeSegmentFile] = []
        for number, extent in enumerate(self.tape.files()):
            if number > TEXTS_FILE and extent.end > extent.begin:
                found.append(self._segment(number - TEXTS_FILE, extent))
        return found

    def find(self, name: str) -> TapeSegmentFile | None:
        """The segment that is called so; where it is known already, without looking."""
        for segment in self._known.values():
            if segment.name == name and segment.extent.is_ended:
                return segment
        return next((segment for segment in self.segments() if segment.name == name), None)

    def _segment(self, number: int, extent: TapeExtent) -> TapeSegmentFile:
        known = self._known.get(extent.begin)
        if known is not None and known.extent == extent:
            return known
        if self.tape.is_writing and not extent.is_ended and self.under_way is not None:
            segment = TapeSegmentFile(*self.under_way, False, extent)
        else:
            segment = self._looked_at(number, extent)
        self._known[extent.begin] = segment
        return segment

    def _looked_at(self, number: int, extent: TapeExtent) -> TapeSegmentFile:
        """The last block of a sealed one is its footer, which says what the first block says; one
        whose ends are both damaged has the number that its place gives it."""
        last = self._header(extent.end - 1)
        is_sealed = last is not None and last.kind == RecordKind.FOOTER
        header = last if is_sealed else self._header(extent.begin) or last
        if header is None:
            return TapeSegmentFile(number, 0, False, extent)
        return TapeSegmentFile(header.segment, header.epoch, is_sealed, extent)

    def _header(self, number: int) -> RecordHeader | None:
        view = memoryview(bytearray(self.tape.block_bytes))
        try:
            if self.tape.read(number, view) == len(view):
                return parse_header(view)
        except (OSError, DamageError, FormatError):
            # A spot that cannot be read: the block at the other end says the same.
            pass
        return None

    def texts(self) -> dict[str, bytes]:
        """What stands in the archive; as far as it can be read."""
        return _unpacked(self._archive())

    def _archive(self) -> bytes:
        files = self.tape.files()
        if len(files) <= TEXTS_FILE:
            return b""
        begin, end, _ = files[TEXTS_FILE]
        blocks = min(end - begin, TEXTS_BYTES_MAX // self.tape.block_bytes)
        data = bytearray(blocks * self.tape.block_bytes)
        return bytes(data[: self.tape.read(begin, memoryview(data))])


def _unpacked(archive: bytes) -> dict[str, bytes]:
    texts: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:") as tar:
            for entry in tar:
                if entry.size < 0:
                    # What follows would be itself, for ever.
                    break
                # A link may lead anywhere, and a file with holes be of any size.
                if entry.isreg() and not entry.issparse():
                    content = tar.extractfile(entry)
                    texts[entry.name] = content.read() if content is not None else b""
    except (tarfile.TarError, ValueError, OverflowError, RecursionError):
        # The digests in the label say what is missing.
        pass
    return texts


def number_in(label: bytes) -> int:
    """Which tape of its set it is, 0 for one by itself, and for what is no label.  A look only: who
    reads the tape checks its label."""
    for begin in range(0, LABEL_BYTES, _COPY_BYTES):
        size = int.from_bytes(label[begin + 8 : begin + 12], "little")
        try:
            text = json.loads(label[begin + 12 : begin + 12 + size])
            return max(whole_number(text["set"]["number"]), 0)
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
    return 0
