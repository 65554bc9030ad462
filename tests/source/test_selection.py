"""What is left out of a tree, and by which rule; git itself judges the dialect."""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from flowbackup.errors import NotFoundError
from flowbackup.model.source_rules import IGNORE_FILE, SourceRules
from flowbackup.source.explaining import explain
from flowbackup.source.patterns import IgnoreLines
from flowbackup.source.scan import scan
from flowbackup.source.selection import CACHE_SIGNATURE, IGNORE_FILE_BYTES_MAX
from flowbackup.units import KIB
from tests.source.memory_sink import read_tree

NOW_NS = 10**18
IGNORE = os.fsdecode(IGNORE_FILE)


def make(place: Path, *names: str) -> None:
    for name in names:
        path = place / name
        if name.endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
            os.utime(path, ns=(NOW_NS, NOW_NS))


def kept(place: Path, **rules: object) -> list[str]:
    """Paths that a backup has, and that `explain` and `scan` agree with it."""
    written = SourceRules(**rules)  # type: ignore[arg-type]
    reading = read_tree(place, started_ns=NOW_NS, rules=written)
    found = sorted(os.fsdecode(path) for path in reading.by_path() if path)
    for folder, folders, files in os.walk(os.fsencode(place)):
        for name in folders + files:
            path = os.path.relpath(os.path.join(folder, name), os.fsencode(place))
            decision = explain(os.fsencode(place), path, written, NOW_NS)
            assert decision.is_kept == (os.fsdecode(path) in found), (path, decision)
            assert decision.is_kept or decision.rule
    total = scan(os.fsencode(place), rules=written)
    assert total is not None
    if not written.older_than_seconds:
        assert total.files == reading.record.files
    return found


TREE = ("a.tmp", "b.txt", "d/a.tmp", "d/keep.tmp", "d/e/c.txt", "cache/x", "d/cache/y")
EXCLUDED: dict[str, tuple[tuple[str, ...], list[str]]] = {
    "by name": (("*.tmp",), ["b.txt", "cache", "cache/x", "d", "d/cache", "d/cache/y", "d/e",
                             "d/e/c.txt"]),
    "brought back": (("*.tmp", "!keep.tmp", "cache"), ["b.txt", "d", "d/e", "d/e/c.txt",
                                                       "d/keep.tmp"]),
    "at the root": (("/cache", "/d/*", "!/d/e"), ["a.tmp", "b.txt", "d", "d/e", "d/e/c.txt"]),
    "below": (("d/**",), ["a.tmp", "b.txt", "cache", "cache/x", "d"]),
    "directories only": (("cache/", "b.txt/"), ["a.tmp", "b.txt", "d", "d/a.tmp", "d/e",
                                                "d/e/c.txt", "d/keep.tmp"]),
    "everything": (("*",), []),
    "nothing": (("# *", "", "/"), ["a.tmp", "b.txt", "cache", "cache/x", "d", "d/a.tmp", "d/cache",
                                   "d/cache/y", "d/e", "d/e/c.txt", "d/keep.tmp"]),
}  # fmt: skip


@pytest.mark.parametrize("case", EXCLUDED)
def test_exclude(tmp_path: Path, case: str) -> None:
    lines, expected = EXCLUDED[case]
    make(tmp_path, *TREE)
    assert kept(tmp_path, exclude=lines) == expected


def test_what_is_left_out_is_not_opened(tmp_path: Path) -> None:
    make(tmp_path, *TREE)
    reading = read_tree(tmp_path, rules=SourceRules(exclude=("*",)))
    assert (reading.record.files, reading.record.bytes_read, reading.record.outcome) == (
        0, 0, "success",
    )  # fmt: skip


def test_lines_in_directories_count_below_them_and_the_deepest_decides(tmp_path: Path) -> None:
    make(tmp_path, *TREE)
    (tmp_path / IGNORE).write_text("# a comment\n*.txt\n/cache\n")
    (tmp_path / "d" / IGNORE).write_bytes(b"\xef\xbb\xbf!c.txt\n/a.tmp\n")
    assert kept(tmp_path, exclude=("!b.txt", "keep.*")) == [
        IGNORE, "a.tmp", "d", f"d/{IGNORE}", "d/cache", "d/cache/y", "d/e", "d/e/c.txt",
    ]  # fmt: skip
    decision = explain(os.fsencode(tmp_path), b"b.txt", SourceRules(), NOW_NS)
    assert decision == (False, f'"*.txt", line 2 of {IGNORE}')
    decision = explain(os.fsencode(tmp_path), b"d/e/c.txt", SourceRules(), NOW_NS)
    assert decision == (True, f'"!c.txt", line 1 of d/{IGNORE}')
    assert len(kept(tmp_path, ignore_files=False)) == len(TREE) + 6


def test_a_sister_directory_does_not_inherit(tmp_path: Path) -> None:
    make(tmp_path, "d/x", "d.y/x", "e/x", "d/f/x")
    (tmp_path / "d" / IGNORE).write_text("x\n")
    assert set(kept(tmp_path)) == {"d", f"d/{IGNORE}", "d.y", "d.y/x", "d/f", "e", "e/x"}


def test_lines_that_cannot_be_had_are_told_and_leave_nothing_out(tmp_path: Path) -> None:
    make(tmp_path, "x")
    (tmp_path / IGNORE).write_bytes(b"x\n" + b"#" * IGNORE_FILE_BYTES_MAX)
    reading = read_tree(tmp_path)
    assert set(reading.by_path()) == {b"", b"x", IGNORE_FILE}
    assert reading.kinds_of_problems() == ["ignore_file"]
    (tmp_path / IGNORE).unlink()
    (tmp_path / "lines").write_text("x\n")
    (tmp_path / IGNORE).symlink_to("lines")
    assert b"x" in read_tree(tmp_path).by_path()


def test_of_a_cache_its_tag_is_kept(tmp_path: Path) -> None:
    make(tmp_path, "c/CACHEDIR.TAG", "c/x", "c/d/y", "f/CACHEDIR.TAG", "f/x")
    (tmp_path / "c" / "CACHEDIR.TAG").write_bytes(CACHE_SIGNATURE + b"\n# by a program")
    (tmp_path / "CACHEDIR.TAG").write_bytes(CACHE_SIGNATURE)
    expected = ["CACHEDIR.TAG", "c", "c/CACHEDIR.TAG", "f", "f/CACHEDIR.TAG", "f/x"]
    assert kept(tmp_path, exclude_caches=True) == expected
    assert "c/x" in kept(tmp_path)
    decision = explain(os.fsencode(tmp_path), b"c/d/y", SourceRules(exclude_caches=True), NOW_NS)
    assert decision == (False, "exclude_caches: the directory has a CACHEDIR.TAG (c)")


def test_sizes_and_ages(tmp_path: Path) -> None:
    make(tmp_path, "new", "d/old")
    (tmp_path / "large").write_bytes(bytes(KIB + 1))
    os.utime(tmp_path / "d" / "old", ns=(0, NOW_NS - 100 * 10**9))
    os.utime(tmp_path / "large", ns=(0, NOW_NS))
    assert kept(tmp_path, larger_than_bytes=KIB) == ["d", "d/old", "new"]
    assert kept(tmp_path, larger_than_bytes=KIB + 1) == ["d", "d/old", "large", "new"]
    assert kept(tmp_path, older_than_seconds=99) == ["d", "large", "new"]
    assert kept(tmp_path, older_than_seconds=100) == ["d", "d/old", "large", "new"]


@pytest.mark.root
def test_one_file_system(tmp_path: Path) -> None:
    make(tmp_path, "here", "m/", "f")
    with mounted("-t", "tmpfs", "none", tmp_path / "m"):
        make(tmp_path, "m/x", "m/d/y")
        with mounted("--bind", tmp_path / "m" / "x", tmp_path / "f"):
            assert kept(tmp_path, one_file_system=True) == ["here", "m"]
            assert kept(tmp_path) == ["f", "here", "m", "m/d", "m/d/y", "m/x"]
        rules = SourceRules(one_file_system=True)
        decision = explain(os.fsencode(tmp_path), b"m/x", rules, NOW_NS)
        assert decision.rule == "one_file_system: another file system is mounted there (m)"


@contextmanager
def mounted(*words: str | Path) -> Iterator[None]:
    done = subprocess.run(["mount", *words], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"mount: {done.stderr.decode()}")
    try:
        yield
    finally:
        subprocess.run(["umount", words[-1]], check=True)


def test_names_are_bytes(tmp_path: Path) -> None:
    make(tmp_path, "é", "ab")
    for name in (b"\xff", b"x\n"):
        (tmp_path / os.fsdecode(name)).touch()
    assert kept(tmp_path, exclude=("?",)) == ["ab", "x\n"]


def test_what_is_not_there_is_decided_only_by_what_is_above(tmp_path: Path) -> None:
    make(tmp_path, "d/x")
    rules = SourceRules(exclude=("/d",))
    assert not explain(os.fsencode(tmp_path), b"d/nothing", rules, NOW_NS).is_kept
    with pytest.raises(NotFoundError, match="is not there"):
        explain(os.fsencode(tmp_path), b"nothing", rules, NOW_NS)


@pytest.mark.parametrize(
    "line",
    ["*a" * 60 + "b", "[!b]*" * 60 + "b", "**/a/" * 60 + "b", "*" * 60 + "b", "a**" * 60 + "b"],
)
def test_no_line_takes_for_ever(line: str) -> None:
    """Whoever may write to a tree may write lines: they must not hold the backup up."""
    lines = IgnoreLines([line])
    for path in ("a" * 255, "/".join("a" * 2000), "/".join(["a" * 255] * 100)):
        assert lines.decides(path, is_directory=True) is None


_NAMES = ("a", "b", "ab", "a.o", "b.c", "d", "foo", "-x", "#h", "!n", "a b", "[z]")
_PARTS = ("*", "**", "?", "a", "b", "ab", "*.o", "[ab]", "[!a]", "a*", "d", "foo", "\\#h", "\\!n",
          "a\\ b", "*b", "[z]", "\\[z]", "[a-")  # fmt: skip
# Without "a**" and "***": git takes them for more than the stars that its manual calls them.


@pytest.mark.parametrize("seed", range(30))
def test_the_dialect_is_that_of_git(tmp_path: Path, seed: int) -> None:
    if subprocess.run(["git", "--version"], capture_output=True, check=False).returncode:
        pytest.skip("git")
    chance = random.Random(seed)
    folders = [""]
    for _ in range(6):
        folders.append(f"{chance.choice(folders)}{chance.choice(_NAMES)}/")
    make(tmp_path, *set(folders[1:]))
    for _ in range(14):
        path = tmp_path / (chance.choice(folders) + chance.choice(_NAMES))
        if not path.exists():
            path.touch()
    for folder in {"", *chance.sample(folders, 2)}:
        lines = "\n".join(_line(chance) for _ in range(4))
        for name in (IGNORE, ".gitignore"):
            (tmp_path / folder / name).write_text(lines)
    everything = [
        os.path.relpath(os.path.join(folder, name), tmp_path)
        for folder, inner, files in os.walk(tmp_path) for name in inner + files
    ]  # fmt: skip
    subprocess.run(["git", "init", "-q", tmp_path / "repository"], check=True)
    done = subprocess.run(
        ["git", f"--git-dir={tmp_path / 'repository' / '.git'}", f"--work-tree={tmp_path}",
         "check-ignore", "--no-index", "-z", "--stdin"],
        cwd=tmp_path, input="\0".join(everything).encode(), capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stderr
    ignored = set(done.stdout.decode().split("\0"))
    found = set(map(os.fsdecode, read_tree(tmp_path).by_path()))
    assert {path for path in everything if path not in found} == ignored - {""}


def _line(chance: random.Random) -> str:
    body = "/".join(chance.choice(_PARTS) for _ in range(chance.choice((1, 1, 1, 2, 3))))
    before = chance.choice(("", "", "", "!", "/", "!/"))
    return before + body + chance.choice(("", "", "", "/", " "))
