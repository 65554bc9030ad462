"""What there is to verify on a medium, and everything on it that is small enough to be checked each
time: the label, the texts beside it, the names of the files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from flowbackup.media.failure import StoreError, device_error
from flowbackup.media.labels.label import LABEL_NAME, SEGMENTS_NAME, FoundLabel, Label, read_label
from flowbackup.media.layout import FILE_BYTES_MAX
from flowbackup.media.places.kinds import files_at
from flowbackup.media.segments.scan import Damage
from flowbackup.media.segments.segment import parse_file_name, segment_file_name
from flowbackup.model.digest import frame_digest
from flowbackup.model.stretch import Stretch, stretches_of
from flowbackup.units import MIB

_TEXT_BYTES_MAX = 16 * MIB
"""More of a text beside the label is not read: then its digest is wrong."""


@dataclass(frozen=True, slots=True)
class MediumSurvey:
    """medium: UUID.  folder: where its segments are, "" for a device that keeps nothing.
    stretches: all of all segments, by segment, epoch and number.  damages: of label, texts and
    names; segment 0 stands for what is none.  unknown_files: names in the folder that no segment
    has."""

    medium: bytes
    folder: str
    stretches: tuple[Stretch, ...] = ()
    damages: tuple[Damage, ...] = ()
    unknown_files: tuple[str, ...] = ()

    @property
    def bytes_total(self) -> int:
        return sum(stretch.size_bytes for stretch in self.stretches)


def survey_medium(location: str, device: str) -> MediumSurvey:
    """Raises DeviceError if there is no medium, FormatError if a newer program wrote it."""
    found = read_label(location, device)
    folder = os.path.join(location, SEGMENTS_NAME)
    try:
        sizes = files_at(location).sizes(folder)
    except OSError as error:
        raise device_error(device, f"listing {folder}", error) from error
    files = sorted((parsed, sizes[name]) for name in sizes if (parsed := parse_file_name(name)))
    sealed = {parsed[:2] for parsed, _ in files if parsed[2]}
    doubled = [p[:2] for p, _ in files if not p[2] and p[:2] in sealed]
    return MediumSurvey(
        found.label.medium,
        folder,
        tuple(
            stretch
            for (segment, epoch, is_sealed), size in files
            if is_sealed or (segment, epoch) not in sealed
            for stretch in stretches_of(segment, epoch, min(size, FILE_BYTES_MAX))
        ),
        (
            *_text_damages(location, found),
            *(_doubled(found.label, folder, *parsed) for parsed in doubled),
        ),
        tuple(sorted(name for name in sizes if parse_file_name(name) is None)),
    )


def _text_damages(location: str, found: FoundLabel) -> Iterator[Damage]:
    """The label's two copies, and the documents, whose digests stand in the label."""
    label = found.label
    for fault in found.faults:
        yield _text_damage(label, location, LABEL_NAME, fault)
    for name, digest in sorted(label.documents.items()):
        try:
            data = files_at(location).read(os.path.join(location, name), _TEXT_BYTES_MAX)
        except StoreError as error:
            # A store that does not answer has lost nothing.
            raise device_error(label.device, f"reading {name}", error) from error
        except OSError as error:
            reason = f"cannot be read: {error.strerror}"
            yield _text_damage(label, location, name, reason)
            continue
        if frame_digest(data).hex() != digest:
            yield _text_damage(label, location, name, "is not what was written")


def _text_damage(label: Label, location: str, name: str, reason: str) -> Damage:
    return Damage(label.medium, 0, 0, os.path.join(location, name), 0, 0, f"{name}: {reason}")


def _doubled(label: Label, folder: str, segment: int, epoch: int) -> Damage:
    path = os.path.join(folder, segment_file_name(segment, epoch, sealed=False))
    reason = "a sealed file of the same segment stands beside it"
    return Damage(label.medium, segment, epoch, path, 0, 0, reason)
