"""Target F11: everything that a tree may hold comes back, and what cannot is told."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from flowbackup.model.entry import FLAGS_ATTRIBUTE
from flowbackup.monitor import RecordingMonitor
from flowbackup.restore import RestoreSettings, RestoreStatistics, restore_tree
from flowbackup.testing.trees import Torture, torture_tree
from tests.restore.memory import first_entry, read
from tests.targets import Target
from tests.trees.conftest import AsUser, roomy_folder
from tests.trees.judges import JUDGES, compare, needs

QUICK = RestoreSettings(sync=False)
PACKAGES = {"rsync": "rsync", "mtree": "mtree-netbsd"}


@dataclass(frozen=True)
class Torn:
    """The torture tree, and what came back of it."""

    source: Path
    target: Path
    torture: Torture
    read_problems: RecordingMonitor
    restore_problems: RecordingMonitor
    done: RestoreStatistics
    left_open: int


@pytest.fixture(scope="module")
def torn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Torn]:
    if os.geteuid():
        pytest.skip("root, who alone can restore everything")
    with roomy_folder(tmp_path_factory.mktemp("torn")) as folder:
        source, target = folder / "a", folder / "b"
        torture = torture_tree(str(source))
        before = _open_descriptors()
        memory, read_problems = read(str(source))
        monitor = RecordingMonitor()
        done = restore_tree(memory.entries(), memory, os.fsencode(target), QUICK, monitor)
        left_open = _open_descriptors() - before
        yield Torn(source, target, torture, read_problems, monitor, done, left_open)


@pytest.mark.root
@pytest.mark.parametrize("judge", JUDGES)
def test_the_torture_tree_comes_back_equal(torn: Torn, judge: str, target: Target) -> None:
    if judge in PACKAGES:
        needs(judge, PACKAGES[judge])
    assert JUDGES[judge](torn.source, torn.target) == []
    names = torn.done.files + torn.done.links + torn.done.directories + torn.done.others
    target("F11", cases=names, text=f"0 differences as root by {judge}")


@pytest.mark.root
def test_nothing_of_the_torture_tree_is_a_problem(torn: Torn) -> None:
    assert torn.read_problems.problems == []
    assert torn.restore_problems.problems == []
    assert torn.left_open == 0
    assert torn.done.links > 300
    print("not made here:", torn.torture.missing)


@pytest.mark.root
@pytest.mark.parametrize("judge", JUDGES)
def test_the_judges_see_changes(torn: Torn, judge: str) -> None:
    """One that finds nothing must be one that looks."""
    if judge in PACKAGES:
        needs(judge, PACKAGES[judge])
    changed = torn.target / "times" / "0"
    before = changed.stat().st_mtime_ns
    os.utime(changed, ns=(1, 1))
    try:
        assert [line for line in JUDGES[judge](torn.source, torn.target) if "0" in line]
    finally:
        os.utime(changed, ns=(before, before))


@pytest.mark.root
def test_what_a_user_cannot_restore_is_told(roomy: Path, as_user: AsUser, target: Target) -> None:
    torture_tree(str(roomy / "a"), depth=50)
    memory, _ = read(str(roomy / "a"))
    monitor = RecordingMonitor()
    roomy.chmod(0o777)
    with as_user():
        restore_tree(memory.entries(), memory, os.fsencode(roomy / "b"), QUICK, monitor)
    entries = first_entry(memory.entries())
    told = {problem.path for problem in monitor.problems}
    # What is told of a file holds for all of its names.
    told |= {path for path, entry in entries.items() if entry.hard_link in told}
    found = compare(roomy / "a", roomy / "b")
    assert len(found) > 100
    assert _untold(found, told) == []
    left = {path for path in entries if not _exists(roomy / "b", path)}
    assert left == {b"specials/null", b"specials/loop0"}
    target("F11", cases=len(found), text="differences as a user, each of them told")


@pytest.mark.root
def test_what_a_user_cannot_read_is_told(roomy: Path, as_user: AsUser) -> None:
    torture_tree(str(roomy / "a"), depth=50)
    roomy.chmod(0o777)
    with as_user():
        memory, monitor = read(str(roomy / "a"))
    beyond = len(os.fsencode(roomy / "a")) + 1
    told = {problem.path[beyond:] for problem in monitor.problems if problem.path is not None}
    entries = first_entry(memory.entries())
    assert {path for path, entry in entries.items() if entry.problem} == told
    assert {b"modes/0000", b"modes/d0000", b"modes/owner1"} <= told
    restore_tree(memory.entries(), memory, os.fsencode(roomy / "b"), QUICK, RecordingMonitor())
    # Names that begin with "trusted." do not exist for whom they are not trusted to.
    found = [line for line in compare(roomy / "a", roomy / "b") if "trusted.mark" not in line]
    assert _untold(found, told) == []


def test_locks_are_told_and_not_given_back(tmp_path: Path) -> None:
    """An immutable directory would keep the next restore out."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "f").write_bytes(b"content")
    memory, _ = read(str(tmp_path / "a"))
    locked = (entry._replace(xattrs=((FLAGS_ATTRIBUTE, b"ai"),)) for entry in memory.entries())
    monitor = RecordingMonitor()
    done = restore_tree(locked, memory, os.fsencode(tmp_path / "b"), QUICK, monitor)
    assert (done.problems, done.failed) == (2, 0)
    told = [(problem.kind, problem.path, problem.text) for problem in monitor.problems]
    text = "it was locked (chattr +ai), and is not any more"
    assert told == [("flags", b"f", text), ("flags", b"", text)]
    assert compare(tmp_path / "a", tmp_path / "b") == []


@pytest.mark.slow
@pytest.mark.root
def test_a_file_with_65000_names(roomy: Path, target: Target) -> None:
    if os.geteuid():
        pytest.skip("root, who alone can restore everything")
    torture_tree(str(roomy / "a"), depth=2, links=65_000)
    memory, _ = read(str(roomy / "a"))
    done = restore_tree(memory.entries(), memory, os.fsencode(roomy / "b"), QUICK)
    assert compare(roomy / "a", roomy / "b") == []
    assert os.stat(roomy / "b" / "linked" / "0").st_nlink == 65_000
    target("F11", cases=done.links, text="further names of files are names of the same file")


def _untold(found: list[str], told: Iterable[bytes | None]) -> list[str]:
    """Lines of the comparer on names of which nothing was told."""
    shown = {(path or b".").decode(errors="backslashreplace") for path in told}
    return [line for line in found if line.partition(": ")[0] not in shown]


def _exists(tree: Path, path: bytes) -> bool:
    return os.path.lexists(os.path.join(os.fsencode(tree), path))


def _open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))
