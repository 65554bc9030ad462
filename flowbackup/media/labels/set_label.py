"""What a set of media is: the file that stands beside its media and says so.

    PLACE/flowbackup.set      which set, how large its media are, how many there have been
    PLACE/flowbackup.lock     who writes to it now
    PLACE/README.txt          for people
    PLACE/medium-00001/       a medium like any other; its label says of which set it is
    PLACE/medium-00002/       ...

The newest medium is written until a frame would not fit any more; then the next one is made.  The
file of the set counts it when its label is durable, and before any frame lies on it.  So what is
counted has been there, a number is never given twice, and a medium that was made and not counted is
empty.  The media are the truth: the file tells nothing that restoring them needs.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.resources import files

from flowbackup.errors import DamageError, DeviceError, FormatError
from flowbackup.media.calls import SYSTEM, SystemCalls
from flowbackup.media.failure import device_error
from flowbackup.media.labels.label import (
    LABEL_NAME,
    LOCK_NAME,
    QUEUE_NAME,
    SEGMENTS_NAME,
    SET_NAME,
    check_format,
    check_free,
    checked_block,
    init_medium,
    missing,
    put_file,
    read_label,
    write_file,
)
from flowbackup.media.labels.twice import (
    COPIES,
    COPY_BYTES,
    TEXT_BYTES_MAX,
    pack_twice,
    parse_twice,
)
from flowbackup.media.layout import FORMAT_MAJOR, FORMAT_MINOR
from flowbackup.media.places.bucket import CLOCK_NAME, put_at
from flowbackup.media.places.kinds import files_at
from flowbackup.model.device import DEFAULT_BLOCK_BYTES, MediumInfo, Membership
from flowbackup.model.digest import frame_digest
from flowbackup.model.ids import id_from_text, id_text, new_id
from flowbackup.model.json_values import plain_text, whole_number
from flowbackup.model.location import TAPE, is_directory, kind_at

SET_MARK = b"FBMEDIA\n"
README_NAME = "README.txt"
_README = "README-set.txt"
NUMBER_MAX = 10**9
_OURS = frozenset(
    {LOCK_NAME, QUEUE_NAME, README_NAME, SET_NAME + ".new", "lost+found", CLOCK_NAME}
    | {"medium-00001"}
)


@dataclass(frozen=True, slots=True)
class SetLabel:
    """media_bytes: of each medium that will be made.  media: how many have been made so far.
    documents: as of a medium."""

    set_id: bytes
    device: str
    pool: str
    block_bytes: int
    media_bytes: int
    created_ns: int
    media: int = 0
    documents: Mapping[str, str] = field(default_factory=dict)

    def member(self, number: int) -> Membership:
        return Membership(self.set_id, number, self.media_bytes)

    def to_json(self) -> bytes:
        value = {
            "label": "flowbackup set of media",
            "format": [FORMAT_MAJOR, FORMAT_MINOR],
            "critical": [],
            "set": id_text(self.set_id),
            "device": self.device,
            "pool": self.pool,
            "block_bytes": self.block_bytes,
            "media_bytes": self.media_bytes,
            "media": self.media,
            "created_ns": self.created_ns,
            "documents": dict(self.documents),
        }
        return json.dumps(value, indent=1, sort_keys=True).encode() + b"\n"

    @classmethod
    def from_json(cls, data: bytes) -> SetLabel:
        """Raises FormatError for a newer format, DamageError for what is no such label."""
        try:
            value = json.loads(data)
            major, minor = (whole_number(number) for number in value["format"])
            check_format(major, minor, value.get("critical", []))
            media, media_bytes = whole_number(value["media"]), whole_number(value["media_bytes"])
            if not 0 <= media <= NUMBER_MAX or media_bytes < 1:
                raise ValueError("so many media, or media of that size, cannot be")
            documents = dict(value.get("documents", {}))
            return cls(
                id_from_text(value["set"]), plain_text(value["device"]), plain_text(value["pool"]),
                checked_block(whole_number(value["block_bytes"])), media_bytes,
                whole_number(value["created_ns"]), media,
                {plain_text(k): plain_text(v) for k, v in documents.items()},
            )  # fmt: skip
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise DamageError(f"the label of the set cannot be understood: {error}") from error


def medium_name(number: int) -> str:
    """Of the directory of a medium."""
    return f"medium-{number:05d}"


def number_of(name: str) -> int:
    """Of the medium in a directory of that name; 0 for a name that none has."""
    digits = name.removeprefix("medium-")
    number = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 11 else 0
    return number if name == medium_name(number) else 0


def is_set(location: str) -> bool:
    """Does a set of media lie there?  Looks at a name only.  Raises DeviceError where nobody can
    look."""
    try:
        return files_at(location).has(os.path.join(location, SET_NAME))
    except OSError as error:
        raise device_error(location, f"looking at {location}", error) from error


def read_set(location: str, device: str = "") -> tuple[SetLabel, tuple[str, ...]]:
    """The label of the set at `location`, and what is wrong with its copies.

    Raises DeviceError when there is none (with what to do), DamageError, FormatError.
    """
    name = device or location
    if kind_at(location) == TAPE:
        return _set_of_tapes(location, name), ()
    try:
        path = os.path.join(location, SET_NAME)
        data = files_at(location).read(path, COPIES * COPY_BYTES + 1)
        return parse_twice(data, SET_MARK, "set's label", SetLabel.from_json)
    except (FileNotFoundError, NotADirectoryError):
        raise _missing(location, name) from None
    except OSError as error:
        raise device_error(name, f"reading the label of the set in {location}", error) from error
    except (DamageError, FormatError) as error:
        error.message = f'device "{name}", {location}: {error.message}'
        error.device = name
        raise


def _set_of_tapes(location: str, name: str) -> SetLabel:
    """What the newest tape of a changer says: no file stands beside tapes.  Raises DeviceError."""
    try:
        numbers = [n for n in map(number_of, files_at(location).names(location)) if n]
    except OSError as error:
        raise device_error(name, f"looking at {location}", error) from error
    if not numbers:
        raise missing(location, name)
    label = read_label(os.path.join(location, medium_name(max(numbers))), name).label
    return SetLabel(
        label.membership.set_id if label.membership else label.medium, label.device, label.pool,
        label.block_bytes, 0, label.created_ns, media=max(numbers),
    )  # fmt: skip


def init_set(
    location: str,
    *,
    name: str,
    media_bytes: int,
    pool: str = "default",
    block_bytes: int = DEFAULT_BLOCK_BYTES,
    calls: SystemCalls = SYSTEM,
) -> MediumInfo:
    """Makes a set in a directory that is missing or empty, and its first medium, which it returns;
    durable then.  The label of the set is written last.  Raises DeviceError."""
    checked_block(block_bytes)
    try:
        check_free(location, name, _OURS)
        if is_directory(location):
            os.makedirs(location, exist_ok=True)
        data = files("flowbackup.media").joinpath(_README).read_bytes()
        put_file(calls, os.path.join(location, README_NAME), data)
        documents = {README_NAME: frame_digest(data).hex()}
        begun = _begun(location)
        set_id = begun.membership.set_id if begun and begun.membership else new_id()
        label = SetLabel(
            set_id, name, pool, block_bytes, media_bytes, time.time_ns(), documents=documents
        )
        first = begun or make_medium(location, label, 1, calls)
        write_set(location, replace(label, media=1), calls)
        if is_directory(location):
            calls.sync_directory(os.path.dirname(os.path.abspath(location)))
    except OSError as error:
        raise device_error(name, f"making a set of media in {location}", error) from error
    return first


def _begun(location: str) -> MediumInfo | None:
    """The first medium, as an attempt that was cut off may have left it: made, and empty."""
    place = os.path.join(location, medium_name(1))
    try:
        if files_at(place).names(os.path.join(place, SEGMENTS_NAME)):
            return None
        label = read_label(place).label
    except (OSError, DeviceError):
        return None
    is_first = label.membership is not None and label.membership.number == 1
    return label.info(place) if is_first else None


def make_medium(location: str, label: SetLabel, number: int, calls: SystemCalls) -> MediumInfo:
    """A new medium of a set, which is not counted yet.  Raises DeviceError."""
    return init_medium(
        os.path.join(location, medium_name(number)), name=label.device, pool=label.pool,
        block_bytes=label.block_bytes, membership=label.member(number), calls=calls,
    )  # fmt: skip


def write_set(location: str, label: SetLabel, calls: SystemCalls) -> None:
    """Puts a label in the place of the one before; durable when it returns.  Raises OSError, and
    DeviceError for names that are too long."""
    text = label.to_json()
    if len(text) > TEXT_BYTES_MAX:
        raise DeviceError(f"the label of {label.device} is too long", remedy="use shorter names")
    path = os.path.join(location, SET_NAME)
    if not is_directory(location):
        put_at(path, pack_twice(SET_MARK, text))
        return
    write_file(calls, path + ".new", pack_twice(SET_MARK, text))
    calls.rename(path + ".new", path)
    calls.sync_directory(location)


def _missing(location: str, name: str) -> DeviceError:
    init = f"`flowbackup device init {location} --media-size SIZE`"
    remedy = f"mount the disk, or make a set of media with {init}"
    at = files_at(location)
    if is_directory(location) and not os.path.lexists(location):
        text = f"{location} does not exist"
    elif is_directory(location) and not os.path.isdir(location):
        text, remedy = f"{location} is not a directory", "name a directory"
    elif at.has(os.path.join(location, LABEL_NAME)):
        text = f"{location} holds one medium, and no set of media of limited size"
        remedy = f"take media_size out of the graph, or name an empty directory for {init}"
    elif not at.names(location):
        text = f"{location} is empty: no set of media is there, or its disk is not mounted"
    else:
        text = f"{location} holds no set of media of flowbackup, but other things"
        remedy = f"name the directory of a set, or an empty one for {init}"
    return DeviceError(f'device "{name}": {text}', remedy=remedy, device=name)
