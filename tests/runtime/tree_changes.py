"""A tree in which names come, go, change kind, content and place: the rules for that."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from random import Random
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from flowbackup.units import KIB

NAMES = st.sampled_from(["a", "b", "c", "d0", "d1", "d0/a", "d0/b", "d1/a", "d0/d1", "d0/d1/a"])
SIZES = st.sampled_from([0, 1, 3000, 40 * KIB, 200 * KIB])
WHICH = st.integers(0, 99)
"""A file of those that there are."""
_SEEDS = st.integers(0, 3)
_CHANGES = st.one_of(
    st.tuples(st.just("write"), NAMES, SIZES, _SEEDS),
    st.tuples(st.just("change"), WHICH, st.floats(0, 1), st.booleans()),
    st.tuples(st.just("rename"), NAMES, NAMES),
    st.tuples(st.just("link"), NAMES, NAMES),
    st.tuples(st.just("second_name"), WHICH, NAMES),
    st.tuples(st.just("make_directory"), NAMES),
    st.tuples(st.just("remove"), NAMES),
    st.tuples(st.just("change_mode"), WHICH, st.sampled_from([0o600, 0o755])),
)
"""A method of TreeChanges, and what it is called with."""
State = dict[str, tuple[str, int, bytes]]
"""Path -> kind, mode, content."""


def state_of(tree: Path) -> State:
    """What there is, read without any part of flowbackup."""
    found: State = {}
    for place in sorted(tree.rglob("*")):
        status = place.lstat()
        if place.is_symlink():
            kind, content = "link", os.fsencode(os.readlink(place))
        elif place.is_dir():
            kind, content = "directory", b""
        else:
            kind, content = "file", place.read_bytes()
        found[str(place.relative_to(tree))] = (kind, status.st_mode, content)
    return found


class TreeChanges(RuleBasedStateMachine):
    """Whoever goes on from here does something with the tree between changes."""

    def __init__(self, tree: Path) -> None:
        super().__init__()
        self.tree = tree

    @rule(changes=st.lists(_CHANGES, min_size=1, max_size=4))
    def change_tree(self, changes: list[tuple[Any, ...]]) -> None:
        for name, *arguments in changes:
            getattr(self, name)(*arguments)

    def begin(self, seed: int) -> None:
        """Something is there to be changed."""
        for name in ("a", "b", "d0/a", "d1/a"):
            self.write(name, 40 * KIB, seed)

    def write(self, name: str, size: int, seed: int) -> None:
        """A file of content that may have been elsewhere before, and takes its room."""
        self.free(name).write_bytes(Random(seed).randbytes(size))

    def change(self, which: int, part: float, keeps_time: bool) -> None:
        """A byte of a file, maybe under its old time.  The same change of the same file gives the
        same one: where chunks are cut is no matter of chance."""
        place = self.file(which)
        if place is not None and place.stat().st_size:
            status = place.stat()
            with place.open("r+b") as file:
                where = int(part * (status.st_size - 1))
                (byte,) = os.pread(file.fileno(), 1, where)
                os.pwrite(file.fileno(), bytes([(byte + 1) % 256]), where)
            if keeps_time:
                os.utime(place, ns=(status.st_atime_ns, status.st_mtime_ns))

    def rename(self, name: str, other: str) -> None:
        source = self.tree / name
        if os.path.lexists(source) and not f"{other}/".startswith(f"{name}/"):
            place = self.free(other)
            if os.path.lexists(source):  # It may have stood in the way of its target.
                source.rename(place)

    def link(self, name: str, other: str) -> None:
        self.free(name).symlink_to(other)

    def second_name(self, which: int, name: str) -> None:
        source = self.file(which)
        if source is not None and source != self.tree / name:
            place = self.free(name)
            if source.is_file():
                os.link(source, place)

    def make_directory(self, name: str) -> None:
        self.free(name).mkdir()

    def remove(self, name: str) -> None:
        self.clear(self.tree / name)

    def change_mode(self, which: int, mode: int) -> None:
        place = self.file(which)
        if place is not None:
            place.chmod(mode)

    def file(self, which: int) -> Path | None:
        """One of the files that there are."""
        files = [p for p in sorted(self.tree.rglob("*")) if p.is_file() and not p.is_symlink()]
        return files[which % len(files)] if files else None

    def free(self, name: str) -> Path:
        """The place of a name, with directories on the way to it and nothing there."""
        place = self.tree / name
        for parent in reversed(place.relative_to(self.tree).parents):
            directory = self.tree / parent
            if directory.is_symlink() or not directory.is_dir():
                self.clear(directory)
                directory.mkdir()
        self.clear(place)
        return place

    def clear(self, place: Path) -> None:
        """Nothing is there."""
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        elif os.path.lexists(place):
            place.unlink()
