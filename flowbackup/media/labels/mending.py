"""Label and documents of a medium made whole again: the only files that are ever written anew."""

from __future__ import annotations

import os
from dataclasses import replace
from importlib.resources import files

from flowbackup.media.calls import SYSTEM, SystemCalls
from flowbackup.media.failure import StoreError, device_error
from flowbackup.media.labels.label import (
    DOCUMENTS,
    LABEL_NAME,
    FoundLabel,
    pack_label,
    read_label,
    write_file,
)
from flowbackup.media.places.bucket import put_at
from flowbackup.media.places.kinds import files_at
from flowbackup.model.digest import frame_digest
from flowbackup.model.location import TAPE, is_directory, kind_at
from flowbackup.units import MIB

_DOCUMENT_BYTES_MAX = 16 * MIB


def faults(location: str, device: str) -> tuple[str, ...]:
    """What is wrong with the label and the documents beside it, one line each.  Raises DeviceError
    if no copy of the label can be read."""
    if kind_at(location) == TAPE:
        # What is in front of everything else cannot be written anew.
        return ()
    found = read_label(location, device)
    return (*found.faults, *(f"{name} is not what was written" for name in _bad(location, found)))


def mend(location: str, device: str, calls: SystemCalls = SYSTEM) -> tuple[str, ...]:
    """Writes what has a fault anew, each file beside the old one and then in its place; returns the
    names of those files.  A damaged document gets the text of this version of flowbackup, and the
    label its digest.  Only for the holder of the lock.  Raises DeviceError."""
    found = read_label(location, device)
    bad = [name for name in _bad(location, found) if name in DOCUMENTS]
    if not bad and not found.faults:
        return ()
    digests = dict(found.label.documents)
    try:
        for name in bad:
            data = files("flowbackup.media").joinpath(name).read_bytes()
            _replace(calls, os.path.join(location, name), data)
            digests[name] = frame_digest(data).hex()
        # The label last: until then it still says that the document is damaged.
        label = pack_label(replace(found.label, documents=digests))
        _replace(calls, os.path.join(location, LABEL_NAME), label)
        if is_directory(location):
            calls.sync_directory(location)
    except OSError as error:
        raise device_error(device, f"mending the label of {location}", error) from error
    return (*bad, LABEL_NAME)


def _bad(location: str, found: FoundLabel) -> list[str]:
    return [
        name
        for name, digest in sorted(found.label.documents.items())
        if not _is_sound(os.path.join(location, os.path.basename(name)), digest, found)
    ]


def _is_sound(path: str, digest: str, found: FoundLabel) -> bool:
    """Raises DeviceError for a store that does not answer: that is no damage."""
    try:
        return frame_digest(files_at(path).read(path, _DOCUMENT_BYTES_MAX)).hex() == digest
    except StoreError as error:
        raise device_error(found.label.device, f"reading {path}", error) from error
    except OSError:
        return False


def _replace(calls: SystemCalls, path: str, data: bytes) -> None:
    if not is_directory(path):
        put_at(path, data)
        return
    write_file(calls, path + ".new", data)
    calls.rename(path + ".new", path)
