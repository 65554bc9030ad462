"""Who a medium is: the label, in two copies, and the making of a new medium.

A medium is a directory: `flowbackup.label`, `README.txt`, `FORMAT.md`, `recover.py`, `segments/`.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files

from flowbackup.errors import DamageError, DeviceError, FormatError
from flowbackup.media.calls import SYSTEM, SystemCalls
from flowbackup.media.failure import device_error
from flowbackup.media.labels.twice import (
    COPIES,
    COPY_BYTES,
    TEXT_BYTES_MAX,
    pack_twice,
    parse_twice,
)
from flowbackup.media.layout import (
    BLOCK_BYTES_MAX,
    BLOCK_BYTES_MIN,
    FORMAT_MAJOR,
    FORMAT_MINOR,
)
from flowbackup.media.places.bucket import CLAIMS_NAME, CLOCK_NAME, create_at, put_at
from flowbackup.media.places.kinds import files_at
from flowbackup.media.regular import read_regular
from flowbackup.model.device import DEFAULT_BLOCK_BYTES, MediumInfo, Membership
from flowbackup.model.digest import frame_digest
from flowbackup.model.ids import id_from_text, id_text, new_id
from flowbackup.model.json_values import plain_text, whole_number
from flowbackup.model.location import is_directory

LABEL_NAME = "flowbackup.label"
SET_NAME = "flowbackup.set"
"""Stands beside the media of a set, and says that they are one; see `set_label`."""
SEGMENTS_NAME = "segments"
LOCK_NAME = "flowbackup.lock"
QUEUE_NAME = "flowbackup.queue"
DOCUMENTS = ("README.txt", "FORMAT.md", "recover.py")
"""Put on every medium, so that it explains itself and can be read without this package."""

LABEL_MARK = b"FBLABEL\n"
_OURS = frozenset(
    {LOCK_NAME, SEGMENTS_NAME, LABEL_NAME + ".new", "lost+found", CLOCK_NAME, CLAIMS_NAME}
    | {*DOCUMENTS}
)


@dataclass(frozen=True, slots=True)
class Label:
    """What a label says.  documents: name -> digest (hex) of the texts beside it.  membership: of
    which set the medium is, None for one by itself."""

    medium: bytes
    device: str
    pool: str
    block_bytes: int
    created_ns: int
    format_major: int = FORMAT_MAJOR
    format_minor: int = FORMAT_MINOR
    documents: Mapping[str, str] = field(default_factory=dict)
    membership: Membership | None = None

    def info(self, location: str, free_bytes: int = -1) -> MediumInfo:
        return MediumInfo(
            self.medium,
            self.device,
            self.pool,
            location,
            self.format_major,
            self.format_minor,
            self.block_bytes,
            free_bytes,
            self.created_ns,
            membership=self.membership,
        )

    def to_json(self) -> bytes:
        value = {
            "label": "flowbackup medium",
            "format": [self.format_major, self.format_minor],
            "critical": [],
            "medium": id_text(self.medium),
            "device": self.device,
            "pool": self.pool,
            "block_bytes": self.block_bytes,
            "created_ns": self.created_ns,
            "documents": dict(self.documents),
        }
        if self.membership is not None:
            value["set"] = {
                "set": id_text(self.membership.set_id),
                "number": self.membership.number,
                "media_bytes": self.membership.media_bytes,
            }
        return json.dumps(value, indent=1, sort_keys=True).encode() + b"\n"

    @classmethod
    def from_json(cls, data: bytes) -> Label:
        """Raises FormatError for a newer format, DamageError for what is no label."""
        try:
            value = json.loads(data)
            major, minor = (whole_number(number) for number in value["format"])
            check_format(major, minor, value.get("critical", []))
            documents = dict(value.get("documents", {}))
            return cls(
                id_from_text(value["medium"]),
                plain_text(value["device"]),
                plain_text(value["pool"]),
                checked_block(whole_number(value["block_bytes"])),
                whole_number(value["created_ns"]),
                major,
                minor,
                {_file_name(k): plain_text(v) for k, v in documents.items()},
                _membership(value.get("set")),
            )
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise DamageError(f"the label cannot be understood: {error}") from error


@dataclass(frozen=True, slots=True)
class FoundLabel:
    """A label and what is wrong with its copies, one line each; empty when both are good."""

    label: Label
    faults: tuple[str, ...] = ()


def pack_label(label: Label) -> bytes:
    """The bytes of a label file."""
    text = label.to_json()
    if len(text) > TEXT_BYTES_MAX:
        raise DeviceError(f"the label of {label.device} is too long", remedy="use shorter names")
    return pack_twice(LABEL_MARK, text)


def parse_label(data: bytes) -> FoundLabel:
    """The label in the bytes of its file; one good copy is enough.

    Raises DamageError if none is good, FormatError if a newer program wrote it.
    """
    return FoundLabel(*parse_twice(data, LABEL_MARK, "label", Label.from_json))


def read_label(location: str, device: str = "", *, folder: int | None = None) -> FoundLabel:
    """The label of the medium at `location`.  folder: a descriptor of that directory, which is
    looked at then, whatever is at `location` by now.

    Raises DeviceError when there is none (with what to do), DamageError, FormatError.
    """
    name = device or location
    try:
        data = _label_bytes(location, folder)
    except (FileNotFoundError, NotADirectoryError):
        raise missing(location, name) from None
    except OSError as error:
        raise DeviceError(
            f'device "{name}": the label in {location} cannot be read: {error.strerror}',
            remedy=getattr(error, "remedy", "check the permissions and the disk"),
            device=name,
            errno=error.errno or 0,
        ) from error
    try:
        return parse_label(data)
    except (DamageError, FormatError) as error:
        error.message = f'device "{name}", {location}: {error.message}'
        error.device = name
        raise


def _label_bytes(location: str, folder: int | None) -> bytes:
    size = COPIES * COPY_BYTES + 1
    if folder is not None:
        return read_regular(LABEL_NAME, size, folder=folder)
    return files_at(location).read(os.path.join(location, LABEL_NAME), size)


def init_medium(
    location: str,
    *,
    name: str,
    pool: str = "default",
    block_bytes: int = DEFAULT_BLOCK_BYTES,
    membership: Membership | None = None,
    calls: SystemCalls = SYSTEM,
) -> MediumInfo:
    """Makes a medium in a directory that is missing or empty; durable when it returns.

    The label is written last: a medium that lacks it was never finished and may be made again.
    Raises DeviceError where a medium or anything else is already there.
    """
    checked_block(block_bytes)
    try:
        check_free(location, name)
        if is_directory(location):
            _make_folders(location, calls)
        digests = {}
        for document in DOCUMENTS:
            data = files("flowbackup.media").joinpath(document).read_bytes()
            digests[document] = frame_digest(data).hex()
            put_file(calls, os.path.join(location, document), data)
        label = Label(
            new_id(), name, pool, block_bytes, time.time_ns(), documents=digests,
            membership=membership,
        )  # fmt: skip
        _put_label(location, label, calls)
        return label.info(location, free_bytes(location))
    except OSError as error:
        raise DeviceError(
            f'device "{name}": no medium can be made in {location}: {error.strerror}',
            remedy=getattr(error, "remedy", "check the permissions and the space of the disk"),
            device=name,
            errno=error.errno or 0,
        ) from error


def _make_folders(location: str, calls: SystemCalls) -> None:
    if not os.path.lexists(parent := os.path.dirname(os.path.abspath(location))):
        os.makedirs(parent)
    calls.make_directory(location)
    calls.make_directory(os.path.join(location, SEGMENTS_NAME))


def _put_label(location: str, label: Label, calls: SystemCalls) -> None:
    """In one step, and never in the place of another one."""
    path, data = os.path.join(location, LABEL_NAME), pack_label(label)
    if not is_directory(location):
        create_at(path, data)
        return
    write_file(calls, path + ".new", data)
    calls.sync_directory(os.path.join(location, SEGMENTS_NAME))
    calls.rename(path + ".new", path)
    calls.sync_directory(location)
    calls.sync_directory(os.path.dirname(os.path.abspath(location)))


def free_bytes(location: str) -> int:
    """Space that a file at `location` may still take, -1 where nobody can say."""
    return files_at(location).free_bytes(location)


def write_file(calls: SystemCalls, path: str, data: bytes) -> None:
    """Makes or overwrites a small file; its content is durable when this returns, its name is not.
    Raises OSError."""
    fd = calls.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        written = 0
        while written < len(data):
            written += calls.pwritev(fd, [data[written:]], written)
        calls.fsync(fd)
    finally:
        calls.close(fd)


def put_file(calls: SystemCalls, path: str, data: bytes) -> None:
    """As `write_file`, also in a bucket.  Raises OSError."""
    if is_directory(path):
        write_file(calls, path, data)
    else:
        put_at(path, data)


def _file_name(value: object) -> str:
    name = plain_text(value)
    if name in ("", ".", "..") or "/" in name or "\0" in name:
        raise ValueError(f"{name!r} is no name of a file")
    return name


def _membership(value: Mapping[str, object] | None) -> Membership | None:
    if value is None:
        return None
    number, media_bytes = whole_number(value["number"]), whole_number(value["media_bytes"])
    if number < 1 or media_bytes < 0:
        raise ValueError("media of a set count from 1, and their size is not negative")
    return Membership(id_from_text(plain_text(value["set"])), number, media_bytes)


def check_format(major: int, minor: int, critical: object) -> None:
    """Raises FormatError for a newer one."""
    if major != FORMAT_MAJOR or critical:
        raise FormatError(
            f"the medium has format {major}.{minor} with features {critical}, "
            f"this program knows {FORMAT_MAJOR}.x",
            remedy="use a newer flowbackup for this medium",
        )


def checked_block(block_bytes: int) -> int:
    """Raises DamageError for a size that no medium has."""
    possible = BLOCK_BYTES_MIN <= block_bytes <= BLOCK_BYTES_MAX
    if not possible or block_bytes & block_bytes - 1:
        raise DamageError(
            f"a block size of {block_bytes} bytes is not possible",
            remedy=f"use a power of two from {BLOCK_BYTES_MIN} to {BLOCK_BYTES_MAX}",
        )
    return block_bytes


def check_free(location: str, name: str, ours: frozenset[str] = _OURS) -> None:
    """May media be made here?  ours: what an attempt before may have left.  Raises DeviceError,
    OSError."""
    at = files_at(location)
    if is_directory(location) and not os.path.lexists(location):
        return
    if is_directory(location) and not os.path.isdir(location):
        raise DeviceError(
            f'device "{name}": {location} is not a directory',
            remedy="name a directory",
            device=name,
        )
    present = set(at.names(location))
    if present & {LABEL_NAME, SET_NAME}:
        raise DeviceError(
            f'device "{name}": {location} holds a medium already',
            remedy="use it as it is, or name an empty directory",
            device=name,
        )
    segments = os.path.join(location, SEGMENTS_NAME)
    foreign = sorted(present - ours)
    if not foreign and SEGMENTS_NAME in present:
        foreign = sorted(at.names(segments))
    if foreign:
        raise DeviceError(
            f'device "{name}": {location} holds other things ({foreign[0]!r}, ...)',
            remedy="name an empty directory",
            device=name,
        )


def missing(location: str, name: str) -> DeviceError:
    """Why there is no medium at `location`, and what to do."""
    at = files_at(location)
    try:
        text, remedy = at.absence(location)
        holds_set = not text and at.has(os.path.join(location, SET_NAME))
    except OSError as error:
        return device_error(name, f"looking at {location}", error)
    if holds_set:
        text, remedy = f"{location} holds a set of media", "name the directory of one of them"
    elif not text:
        text = f"{location} holds no medium of flowbackup, but other things"
        remedy = "name the directory of a medium, or an empty one for `flowbackup device init`"
    return DeviceError(f'device "{name}": {text}', remedy=remedy, device=name)
