"""What this machine keeps beside a drive or a changer: who holds it, and which tapes were seen."""

from __future__ import annotations

import base64
import json
import os
from contextlib import suppress

from flowbackup.media.regular import read_regular
from flowbackup.model.tape_place import TapePlace

STATE = "/run/lock"
"""For all users of the machine, and gone with its next start, as the state of its drives is."""
NOTES_NAME = "tapes.json"
NOTES_BYTES_MAX = 64 << 20


def state_folder(place: TapePlace) -> str:
    """Of a drive, or of a changer with its drive; each tape of a set has one of its own below.  In
    the directory itself, where that is what a drive is."""
    path = place.changer or place.drive
    if not os.path.isdir(path):
        path = os.path.join(STATE, "flowbackup" + path.replace(os.sep, "-"))
    return os.path.join(path, place.name) if place.number else path


def read_notes(place: TapePlace) -> dict[str, bytes]:
    """Bar code -> label of tapes that were seen before.  What cannot be read was never seen."""
    path = os.path.join(state_folder(place), NOTES_NAME)
    try:
        value = json.loads(read_regular(path, NOTES_BYTES_MAX))
        return {str(tag): base64.b64decode(label, validate=True) for tag, label in value.items()}
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return {}


def write_notes(place: TapePlace, labels: dict[str, bytes]) -> None:
    """They save time, and nothing depends on them: one that cannot be written is left out."""
    folder = state_folder(place)
    value = {tag: base64.b64encode(label).decode() for tag, label in labels.items()}
    path = os.path.join(folder, NOTES_NAME)
    new = f"{path}.{os.getpid()}"
    with suppress(OSError):
        os.makedirs(folder, exist_ok=True)
        fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
        with open(fd, "w", encoding="ascii") as file:
            json.dump(value, file)
        os.replace(new, path)
