"""Whole trees: read, restored, compared by somebody else."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from flowbackup.errors import RestoreError
from flowbackup.monitor import RecordingMonitor
from flowbackup.restore import RestoreSettings, restore_tree
from flowbackup.testing.compare import CompareSettings, differences
from flowbackup.testing.trees import random_tree
from tests.restore.memory import first_entry, read

QUICK = RestoreSettings(sync=False)


@pytest.mark.parametrize("seed", range(6))
def test_random_trees_come_back_equal(tmp_path: Path, seed: int) -> None:
    random_tree(str(tmp_path / "a"), seed)
    memory, _ = read(str(tmp_path / "a"))
    done = restore_tree(memory.entries(), memory, os.fsencode(tmp_path / "b"), QUICK)
    assert (done.problems, done.outcome) == (0, "success")
    assert list(differences(tmp_path / "a", tmp_path / "b")) == []
    assert not [n for n in os.walk(tmp_path / "b") if b".part" in os.fsencode(str(n))]


def test_a_part_and_its_hard_links(tmp_path: Path) -> None:
    source = tmp_path / "a"
    (source / "x").mkdir(parents=True)
    (source / "y").mkdir()
    (source / "x" / "1").write_bytes(b"linked")
    for name in ("x/2", "y/3", "y/4"):
        os.link(source / "x" / "1", source / name)
    memory, _ = read(str(source))
    known = first_entry(memory.entries())
    settings = RestoreSettings(under=b"y", sync=False)
    target = os.fsencode(tmp_path / "b")
    done = restore_tree(memory.entries(), memory, target, settings, None, known.__getitem__)
    assert (done.files, done.links, done.problems) == (1, 1, 0)
    found = [os.stat(tmp_path / "b" / name) for name in ("3", "4")]
    assert found[0].st_ino == found[1].st_ino
    assert (tmp_path / "b" / "3").read_bytes() == b"linked"
    monitor = RecordingMonitor()
    done = restore_tree(memory.entries(), memory, target + b"2", settings, monitor)
    assert (done.failed, {p.path for p in monitor.problems}) == (2, {b"3", b"4"})


@pytest.mark.parametrize(
    ("include", "exclude", "expected"),
    [
        ((b"*.txt",), (), ["d", "d/e", "d/e/two.txt", "one.txt"]),
        ((b"d/e",), (), ["d", "d/e", "d/e/three", "d/e/two.txt"]),
        ((b"e/*",), (), []),
        ((b"thr?e", b"one.*"), (), ["d", "d/e", "d/e/three", "one.txt"]),
        ((), (b"e", b"o*"), ["d", "d/x"]),
        ((b"*.txt",), (b"d/*",), ["one.txt"]),
        ((b"d/e",), (b"*.txt",), ["d", "d/e", "d/e/three"]),
    ],
)
def test_patterns(
    tmp_path: Path, include: tuple[bytes, ...], exclude: tuple[bytes, ...], expected: list[str]
) -> None:
    source = tmp_path / "a"
    (source / "d" / "e").mkdir(parents=True)
    for name in ("one.txt", "other", "d/x", "d/e/two.txt", "d/e/three"):
        (source / name).write_text(name)
    memory, _ = read(str(source))
    target = tmp_path / "b"
    settings = RestoreSettings(include=include, exclude=exclude, sync=False)
    if expected:
        restore_tree(memory.entries(), memory, os.fsencode(target), settings)
        assert sorted(str(p.relative_to(target)) for p in target.rglob("*")) == expected
        if "d" in expected:
            assert (target / "d").stat().st_mtime_ns == (source / "d").stat().st_mtime_ns
    else:
        with pytest.raises(RestoreError, match="nothing was selected"):
            restore_tree(memory.entries(), memory, os.fsencode(target), settings)


def test_an_object_that_is_one_file(tmp_path: Path) -> None:
    source = tmp_path / "file"
    source.write_bytes(b"alone")
    os.chmod(source, 0o640)
    memory, _ = read(str(source))
    new, folder = tmp_path / "new", tmp_path / "folder"
    folder.mkdir()
    restore_tree(memory.entries(), memory, os.fsencode(new), QUICK)
    settings = RestoreSettings(root_name=b"named", sync=False)
    restore_tree(memory.entries(), memory, os.fsencode(folder), settings)
    for place in (new, folder / "named"):
        assert place.read_bytes() == b"alone"
        assert stat.S_IMODE(place.stat().st_mode) == 0o640
        assert place.stat().st_mtime_ns == source.stat().st_mtime_ns


def test_a_dry_run_changes_nothing(tmp_path: Path) -> None:
    random_tree(str(tmp_path / "a"), 7)
    memory, _ = read(str(tmp_path / "a"))
    target = tmp_path / "b"
    settings = RestoreSettings(dry_run=True)
    done = restore_tree(memory.entries(), memory, os.fsencode(target), settings)
    assert not target.exists()
    assert memory.asked == []
    real = restore_tree(memory.entries(), memory, os.fsencode(target), QUICK)
    assert (done.files + done.links, done.directories) == (
        real.files + real.links,
        real.directories,
    )
    again = restore_tree(memory.entries(), memory, os.fsencode(target), settings)
    assert again.existing == real.files + real.links + real.others


def test_the_comparer_sees_every_kind_of_change(tmp_path: Path) -> None:
    changes = {
        "content": lambda p: _rewrite(p / "f", b"other12"),
        "mode": lambda p: os.chmod(p / "f", 0o600),
        "mtime": lambda p: os.utime(p / "f", ns=(0, 1)),
        "missing": lambda p: os.unlink(p / "f"),
        "kind": lambda p: (os.unlink(p / "l"), os.mkdir(p / "l")),
        "target": lambda p: (os.unlink(p / "l"), os.symlink("z", p / "l")),
        "attributes": lambda p: os.setxattr(p / "f", "user.x", b"1"),
        "hard link": lambda p: (os.unlink(p / "h"), _copy(p)),
        "data ranges": lambda p: _rewrite(p / "s", bytes(1 << 20)),
    }
    for number, (word, change) in enumerate(changes.items()):
        pair = [tmp_path / f"{number}{side}" for side in "ab"]
        for place in pair:
            _small(place)
        assert list(differences(*pair)) == []
        change(pair[1])
        found = list(differences(*pair, CompareSettings(root=False)))
        assert any(word in line for line in found), (word, found)


def _small(place: Path) -> None:
    place.mkdir()
    (place / "f").write_bytes(b"content")
    os.link(place / "f", place / "h")
    os.symlink("t", place / "l")
    with (place / "s").open("wb") as sparse:
        sparse.truncate(1 << 20)
    for name in ("f", "s", "l", ""):
        os.utime(place / name, ns=(0, 5), follow_symlinks=False)


def _rewrite(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    os.utime(path, ns=(0, 5))


def _copy(place: Path) -> None:
    (place / "h").write_bytes(b"content")
    os.utime(place / "h", ns=(0, 5))
