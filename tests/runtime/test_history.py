"""Any sequence of changes of a tree, backups and restores gives what a naive model says: a list of
all states that were backed up."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from flowbackup.units import KIB
from tests.runtime.history import History

NAMES = st.sampled_from(["a", "b", "c", "d0", "d1", "d0/a", "d0/b", "d1/a", "d0/d1", "d0/d1/a"])
SIZES = st.sampled_from([0, 1, 3000, 40 * KIB, 200 * KIB])
WHICH = st.integers(0, 99)
"""A file of those that there are."""
STATES_MAX = 12
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


class Changes(RuleBasedStateMachine):
    """Names come, go, change kind, content and place; versions are made and put back.

    States are kept by the number of their version: whoever forgets a version takes its state out.
    """

    chunking = "{size: 64 KiB}"

    def __init__(self) -> None:
        super().__init__()
        base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self._folder = Path(tempfile.mkdtemp(prefix="flowbackup-test-", dir=base))
        self._history = History(self._folder, 1, "256 KiB", self.chunking)
        self._tree = self._history.source
        self._states: dict[int, State] = {}

    def teardown(self) -> None:
        shutil.rmtree(self._folder)

    @initialize(seed=st.integers(0, 99))
    def begin(self, seed: int) -> None:
        for name in ("a", "b", "d0/a", "d1/a"):
            self.write(name, 40 * KIB, seed)

    @rule(name=NAMES, size=SIZES, seed=st.integers(0, 3))
    def write(self, name: str, size: int, seed: int) -> None:
        """A file of content that may have been elsewhere before."""
        place = self._free(name)
        place.write_bytes(bytes([seed]) + b"content %d" % seed * (size // 9))

    @rule(which=WHICH, part=st.floats(0, 1), keeps_time=st.booleans())
    def change(self, which: int, part: float, keeps_time: bool) -> None:
        """A byte of a file, maybe under its old time."""
        place = self._file(which)
        if place is not None and place.stat().st_size:
            status = place.stat()
            with place.open("r+b") as file:
                file.seek(int(part * (status.st_size - 1)))
                file.write(os.urandom(1))
            if keeps_time:
                os.utime(place, ns=(status.st_atime_ns, status.st_mtime_ns))

    @rule(name=NAMES, other=NAMES)
    def rename(self, name: str, other: str) -> None:
        source = self._tree / name
        if os.path.lexists(source) and not f"{other}/".startswith(f"{name}/"):
            place = self._free(other)
            if os.path.lexists(source):  # It may have stood in the way of its target.
                source.rename(place)

    @rule(name=NAMES, other=NAMES)
    def link(self, name: str, other: str) -> None:
        self._free(name).symlink_to(other)

    @rule(which=WHICH, name=NAMES)
    def second_name(self, which: int, name: str) -> None:
        source = self._file(which)
        if source is not None and source != self._tree / name:
            place = self._free(name)
            if source.is_file():
                os.link(source, place)

    @rule(name=NAMES)
    def make_directory(self, name: str) -> None:
        self._free(name).mkdir()

    @rule(name=NAMES)
    def remove(self, name: str) -> None:
        self._clear(self._tree / name)

    @rule(which=WHICH, mode=st.sampled_from([0o600, 0o755]))
    def change_mode(self, which: int, mode: int) -> None:
        place = self._file(which)
        if place is not None:
            place.chmod(mode)

    @rule(which=WHICH, seed=st.integers(0, 3))
    def change_between(self, which: int, seed: int) -> None:
        """Two backups, and between them a file gets other content of its old size and time."""
        place = self._file(which)
        if place is not None:
            self.backup(full=False)
            status = place.stat()
            place.write_bytes(bytes([seed]) * status.st_size)
            os.utime(place, ns=(status.st_atime_ns, status.st_mtime_ns))
            self.backup(full=False)

    @rule(full=st.booleans())
    def backup(self, full: bool) -> None:
        if len(self._states) < STATES_MAX:
            report = self._history.backup(full=full)
            assert report.bytes_read == report.bytes_new + report.bytes_deduplicated
            self._states[report.version] = state_of(self._tree)
            self._check(report.version)

    @rule(choice=st.integers(0, STATES_MAX))
    def restore(self, choice: int) -> None:
        if self._states:
            self._check(sorted(self._states)[choice % len(self._states)])

    @rule()
    def lose_catalog(self) -> None:
        if self._states:
            self._history.rebuild()

    @invariant()
    def numbers_count(self) -> None:
        assert sorted(self._states) == list(self._states)

    def _check(self, number: int) -> None:
        assert state_of(self._history.restored(number)) == self._states[number]

    def _file(self, which: int) -> Path | None:
        files = [p for p in sorted(self._tree.rglob("*")) if p.is_file() and not p.is_symlink()]
        return files[which % len(files)] if files else None

    def _free(self, name: str) -> Path:
        """The place of a name, with directories on the way to it and nothing there."""
        place = self._tree / name
        for parent in reversed(place.relative_to(self._tree).parents):
            directory = self._tree / parent
            if directory.is_symlink() or not directory.is_dir():
                self._clear(directory)
                directory.mkdir()
        self._clear(place)
        return place

    def _clear(self, place: Path) -> None:
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        elif os.path.lexists(place):
            place.unlink()


class ChangesCutByContent(Changes):
    """The same, cut by FastCDC."""

    chunking = "{kind: fastcdc, size: 64 KiB, min: 1 KiB, max: 128 KiB}"


_SETTINGS = settings(max_examples=8, stateful_step_count=25, deadline=None)
TestChanges = Changes.TestCase
TestCutByContent = ChangesCutByContent.TestCase
TestChanges.settings = TestCutByContent.settings = _SETTINGS
