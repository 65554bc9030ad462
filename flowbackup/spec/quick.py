"""A graph without a file: what `flowbackup backup PATH... --to DIR [--mirror DIR]...` asks for."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath

from flowbackup.model.location import whole_place
from flowbackup.model.source_rules import EVERYTHING, SourceRules
from flowbackup.spec.builder import GraphBuilder, unique_name
from flowbackup.spec.fields import read_frame_size
from flowbackup.spec.models import FRAME_BYTES, GraphSpec
from flowbackup.spec.names import safe_name
from flowbackup.units import MIB

QUICK_BUFFERS = 8


def quick_graph(
    paths: Sequence[str | os.PathLike[str]],
    to: str | os.PathLike[str],
    mirrors: Sequence[str | os.PathLike[str]] = (),
    *,
    frame_size: int | str = FRAME_BYTES,
    sync_size: int | str | None = None,
    buffers: int = QUICK_BUFFERS,
    graph: str = "backup",
    client: str = "",
    catalog: str | None = None,
    compression: str | Mapping[str, int] | None = None,
    key: str = "",
    rules: SourceRules = EVERYTHING,
    stdin: str = "",
) -> GraphSpec:
    """One chain: `to` is level 0, each of `mirrors` one more level.  Objects and devices are
    named after the last parts of their absolute paths, made unique.  rules: of all objects.
    client: this host without one.  stdin: the name of an object that is standard input, "" for
    none.  sync_size: 32 MiB without one, or half of the buffers if these are small.  Raises
    GraphError where no legal graph can be made of it."""
    if sync_size is None:
        sync_size = min(32 * MIB, buffers * _bytes(frame_size) // 2)
    builder = GraphBuilder(
        graph, frame_size=frame_size, sync_size=sync_size, catalog=catalog,
        compression=compression, key=os.path.abspath(key) if key else None,
    )  # fmt: skip
    reader = builder.client(client or safe_name(socket.gethostname()) or "here")
    objects: dict[str, object] = {}
    for path in paths:
        absolute = Path(os.path.abspath(path))
        name = unique_name(_name_of(absolute, "root"), objects)
        objects[name] = None
        reader.object(
            name, path=absolute, exclude=rules.exclude,
            ignore_files=None if rules.ignore_files else False,
            exclude_caches=rules.exclude_caches or None,
            one_file_system=rules.one_file_system or None,
            exclude_larger_than=rules.larger_than_bytes or None,
            exclude_older_than=rules.older_than_seconds or None,
        )  # fmt: skip
    if stdin:
        reader.object(stdin, stdin=True)
    devices: dict[str, object] = {}
    for place in (whole_place(os.fspath(level)) for level in (to, *mirrors)):
        name = unique_name(_name_of(PurePath(place), "device"), devices)
        devices[name] = None
        builder.place(name, place)
    first, *behind = devices
    group = builder.backup_group("primary", devices=[first], buffers=buffers)
    for level, device in enumerate(behind, 1):
        group = group.mirror(f"mirror{level}", devices=[device], buffers=buffers)
    return builder.spec()


def _bytes(frame_size: int | str) -> int:
    """Bytes of a size, the default's where it is none: the builder will name that fault."""
    try:
        return max(1, read_frame_size(frame_size))
    except ValueError:
        return FRAME_BYTES


def _name_of(path: PurePath, otherwise: str) -> str:
    name = safe_name(path.name) or otherwise
    return f"{name}-tree" if name.casefold() == "latest" else name
