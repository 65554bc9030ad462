"""What callers of the api may ask for beside the names of things: values, without I/O."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path


@dataclass(frozen=True, slots=True)
class RunSettings:
    """catalog: its file, None for the graph's or the default one.  address: of a Ray cluster, ""
    for an embedded Ray.  create: make device directories that are missing, and label them.  init:
    label empty ones too, any of which may be a mount point without its disk.  wait_seconds_max: how
    long each session may wait for devices that others hold; 0 fails at once.
    resume: None goes on with what interrupted sessions of the graph have left, if there is
    anything; True wants that there is; False leaves that alone.  full: files are read also where
    they are as they were; what devices have of them is not sent again.  engine: auto, local or ray,
    None for what the graph says.  tags: what its versions are called, for retention."""

    catalog: Path | None = None
    address: str = ""
    create: bool = False
    init: bool = False
    wait_seconds_max: float = 0.0
    resume: bool | None = None
    full: bool = False
    engine: str | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RestoreRequest:
    """overwrite: never, changed or always.  include, exclude: patterns on paths below the object's
    root.  as_of: the version that was current at this time (ISO 8601).  explain: the report says
    which copies were used, or in a dry run would be, and why.  address: of the Ray cluster that
    reads media of other nodes, "" for none."""

    catalog: Path | None = None
    overwrite: str = "never"
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    dry_run: bool = False
    as_of: str = ""
    explain: bool = False
    address: str = ""


@dataclass(frozen=True, slots=True)
class FindRequest:
    """What to find; what is left empty excludes nothing.  patterns: any of these, on names or with
    a slash on whole paths.  regex: found in the path (RE2).  ignore_case: of the letters A to Z.
    query: only in OBJECT[:PATH], in all versions of it if it names none.  kinds: file, directory,
    symlink, fifo, socket, device.  Sizes of regular files, both included.  newer, older: changed at
    or after the first time, before the second (ISO 8601)."""

    patterns: tuple[str, ...] = ()
    regex: str = ""
    ignore_case: bool = False
    query: str = ""
    kinds: tuple[str, ...] = ()
    size_bytes_min: int | None = None
    size_bytes_max: int | None = None
    newer: str = ""
    older: str = ""


@dataclass(frozen=True, slots=True)
class RepairRequest:
    """objects: only their versions.  full: each device is to hold every one of them, also if it was
    never meant to.  dry_run: say what would move, and write to no medium.  address: of the Ray
    cluster that reads media of other nodes, "" for none.  wait_seconds_max: how long it may wait
    for all of its devices; then those that are free are repaired."""

    catalog: Path | None = None
    objects: tuple[str, ...] = ()
    full: bool = False
    dry_run: bool = False
    address: str = ""
    wait_seconds_max: float = 0.0


@dataclass(frozen=True, slots=True)
class DrillRequest:
    """sample: so many entries of each version, or a share of them, None for about 100 and 1 GiB.
    seed: which part, None for the next one.  target: where the files stay, "" for a place that is
    removed in the end.  address: of a Ray cluster that reaches media of other nodes."""

    catalog: Path | None = None
    sample: int | Fraction | None = None
    seed: int | None = None
    target: str = ""
    address: str = ""
