"""Graph files below the roots, with the places of their boxes beside them."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from flowbackup.spec.saving import create_text, replace_text
from flowbackup.spec.tree import TEXT_BYTES_MAX
from flowbackup.ui.refusal import Refused
from flowbackup.ui.roots import Roots
from flowbackup.ui.values.design import Position

ENDINGS = (".yaml", ".yml")
DEPTH_MAX = 4
LOOKED_AT_MAX = 20_000
"""Names below a root: whoever gives the page a whole disk waits no minute for a list."""
HEAD_BYTES = 4096
LAYOUT_BYTES_MAX = 1 << 20
Positions = Mapping[str, Position]
_POSITIONS = TypeAdapter(dict[str, Position])


@dataclass(frozen=True, slots=True)
class GraphFile:
    """changed_ns: when it was last written."""

    path: Path
    changed_ns: int


def find_graphs(roots: Roots) -> Iterator[GraphFile]:
    """Each root in turn, its files before its folders; none twice."""
    seen: set[Path] = set()
    for folder in roots.folders:
        for path in _below(folder):
            if path not in seen and _begins_as_graph(path):
                seen.add(path)
                yield GraphFile(path, _changed_ns(path))


def _below(folder: Path) -> Iterator[Path]:
    looked = 0
    for place, folders, files in os.walk(folder):
        depth = len(Path(place).relative_to(folder).parts)
        folders[:] = (
            sorted(f for f in folders if not f.startswith(".")) if depth < DEPTH_MAX else []
        )
        for name in sorted(files):
            looked += 1
            path = Path(place) / name
            if name.endswith(ENDINGS) and not name.startswith(".") and not path.is_symlink():
                yield path
        if looked > LOOKED_AT_MAX:
            return


def _changed_ns(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0  # It has just gone.


def _begins_as_graph(path: Path) -> bool:
    try:
        with open(path, "rb", opener=_regular) as file:
            head = file.read(HEAD_BYTES)
    except OSError:
        return False
    return any(line.startswith(b"graph:") for line in head.splitlines())


def graph_path(named: str, roots: Roots) -> Path:
    """Raises Refused for what is outside the roots, not called as a graph file, or no file."""
    path = roots.resolve(named)
    if path.suffix not in ENDINGS:
        raise Refused(400, "usage", f"{named} is no .yaml file", "call it as in nightly.yaml")
    if path.exists() and not path.is_file():
        raise Refused(404, "notfound", f"{named} is no regular file", "name a graph file")
    return path


def read_text(path: Path) -> str:
    """Raises Refused where there is no readable text."""
    try:
        with open(path, "rb", opener=_regular) as file:
            data = file.read(TEXT_BYTES_MAX + 1)
    except OSError as fault:
        raise Refused(404, "notfound", f"{path} cannot be read: {fault.strerror}") from None
    if len(data) > TEXT_BYTES_MAX:
        raise Refused(422, "graph", f"{path} is over 1 MiB")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Refused(422, "graph", f"{path} is not UTF-8", "save it as UTF-8") from None


def _regular(path: str, flags: int) -> int:
    """No link, and nothing that reads without an end."""
    handle = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)
    if stat.S_ISREG(os.fstat(handle).st_mode):
        return handle
    os.close(handle)
    raise OSError(errno.EINVAL, "no regular file")


def version_of(text: str) -> str:
    """Which state of a text somebody has before him."""
    return hashlib.sha256(text.encode()).hexdigest()


def save(path: Path, text: str, before: str | None) -> None:
    """before: the version that was loaded, None for a file that is new.  Raises Refused where that
    is not what is there."""
    _refuse_large(text)
    try:
        if before is None:
            create_text(path, text)
            return
        if version_of(read_text(path)) != before:
            raise Refused(
                409, "changed", f"{path} was changed by somebody else since it was loaded",
                "load it again, and make the change once more",
            )  # fmt: skip
        replace_text(path, text)
    except FileExistsError:
        raise Refused(409, "exists", f"{path} is there already", "choose another name") from None
    except OSError as fault:
        raise Refused(422, "failed", f"{path} cannot be written: {fault.strerror}") from None


def _refuse_large(text: str) -> None:
    if len(text.encode("utf-8", "surrogatepass")) > TEXT_BYTES_MAX:
        raise Refused(422, "graph", "the text is over 1 MiB", "split it into several graphs")


def layout_path(path: Path) -> Path:
    """Positions are no part of a graph: moving a box changes nothing that it says."""
    return path.with_name(f"{path.stem}.layout.json")


def read_positions(path: Path) -> dict[str, Position]:
    """Of a graph file; none where there are none, or where they make no sense."""
    try:
        with open(layout_path(path), "rb", opener=_regular) as file:
            return _POSITIONS.validate_json(file.read(LAYOUT_BYTES_MAX))
    except (OSError, ValueError):
        return {}


def save_positions(path: Path, positions: Positions) -> None:
    """Raises Refused where they cannot be written."""
    text = _POSITIONS.dump_json(dict(sorted(positions.items())), indent=1).decode() + "\n"
    layout = layout_path(path)
    try:
        if layout.is_symlink():
            raise Refused(403, "outside", f"{layout} is a link", "remove it")
        replace_text(layout, text)
    except OSError as fault:
        raise Refused(422, "failed", f"{layout} cannot be written: {fault.strerror}") from None
