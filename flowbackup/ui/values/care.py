"""Of restores, devices, verification, repair and retention."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from flowbackup.spec.retention import RetentionSpec
from flowbackup.ui.values.look import Nanoseconds
from flowbackup.ui.values.shape import Asked, Told

TICKED_MAX = 500
"""More names do not fit into a command line; whoever wants so many takes their directory."""


class StartRestore(Asked):
    """version: an object_id.  paths, paths_base64: of what was ticked, directories with everything
    in them; none for all of it.  except: of what was taken out of that again.  target: a folder
    below a root.  dry_run: tells which copies would be read, and why."""

    version: str
    paths: list[str] = Field(default=[], max_length=TICKED_MAX)
    paths_base64: list[str] = Field(default=[], max_length=TICKED_MAX)
    without: list[str] = Field(default=[], max_length=TICKED_MAX, alias="except")
    target: str
    overwrite: Literal["never", "changed", "always"] = "never"
    dry_run: bool = False


class DeviceRow(Told):
    """A medium that the catalog knows.  free_bytes, and what was verified: null where unknown or
    never."""

    device: str
    medium: str
    pool: str
    set: str | None
    set_number: int | None
    media_bytes: int | None
    location: str
    node: str
    format: str
    block_bytes: int
    free_bytes: int | None
    created_ns: Nanoseconds
    frames: int | None = None
    frames_verified: int | None = None
    frames_damaged: int | None = None
    verified_oldest_ns: Nanoseconds | None = None
    verified_newest_ns: Nanoseconds | None = None


class DeviceRows(Told):
    rows: list[DeviceRow]
    next: str | None


class TakenVersion(Told):
    """A version of which so many frames lie nowhere else."""

    object: str
    object_id: str
    frames: int


class LostRow(Told):
    """A medium that is not where it was, and what it takes along."""

    device: str
    medium: str
    set: str | None
    set_number: int | None
    media_bytes: int | None
    location: str
    fault: str
    versions: list[TakenVersion]


class MakeDevice(Asked):
    """path: an empty or new folder below a root."""

    path: str
    name: str = ""
    pool: str = "default"


class StartVerify(Asked):
    """devices: names, none for all.  sample: a part of each medium, as in "1/30"; "" for all."""

    devices: list[str] = Field(default=[], max_length=200)
    sample: str = Field(default="", pattern=r"^(?:[0-9]{1,6}/[0-9]{1,6})?$")


class StartRepair(Asked):
    """devices: names, none for all.  objects: only their versions.  full: each device is to hold
    every one of them."""

    devices: list[str] = Field(default=[], max_length=200)
    objects: list[str] = Field(default=[], max_length=200)
    full: bool = False
    dry_run: bool = False


class AskRetention(Asked):
    """objects: CLIENT/NAME, none for all.  keep: as `retention:` of a graph file."""

    objects: list[str] = Field(default=[], max_length=200)
    keep: RetentionSpec


class DecisionRow(Told):
    """reasons: what keeps it; none for one that would go."""

    client: str
    name: str
    version: int
    object_id: str
    session: str
    finished_ns: Nanoseconds
    outcome: str
    keep: bool
    reasons: list[str]


class Decisions(Told):
    """calendar: whose days and hours count.  All of them, newest first of each object."""

    rows: list[DecisionRow]
    calendar: str


class StartForget(AskRetention):
    """expected: object_ids of what was shown as going, all of them and no others."""

    expected: list[str] = Field(min_length=1, max_length=5000)
