"""recover.py, the reader that shares no code with the package, against what the package writes."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from flowbackup.testing.compare import differences
from flowbackup.testing.trees import random_tree, torture_tree
from tests.judge import (
    RECOVER,
    Listed,
    check_here,
    check_media,
    listed,
    listed_here,
    recovered,
    recovered_here,
)
from tests.media.media_samples import make_device, only_segment
from tests.media.object_media import write_objects


def make_tree(place: Path, seed: int = 1) -> Path:
    random_tree(str(place), seed, files=40, bytes_max=60_000)
    return place


def same(one: Path, other: Path) -> bool:
    return not [*differences(bytes(one), bytes(other))]


def damage(path: Path, offset: int) -> None:
    """Turns one bit, also of a file that is read-only."""
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.seek(offset)
        value = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([value ^ 1]))


def test_it_needs_nothing_of_the_package_and_no_new_python() -> None:
    tree = ast.parse(RECOVER.read_text(), feature_version=(3, 8))
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else
                     [alias.name for alias in node.names])
    }  # fmt: skip
    packages = {"blake3", "cryptography", "pyarrow", "xxhash"}
    assert imported - sys.stdlib_module_names == packages


def test_a_new_medium_restores_itself(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree")
    write_objects([tmp_path / "m"], [("docs", tree)])
    target = tmp_path / "target"
    command = [sys.executable, "-I", tmp_path / "m" / "recover.py", "restore", "latest", target]
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "restore: good\n")
    assert same(tree, target)


@pytest.mark.parametrize("seal", [True, False], ids=["sealed", "left by a killed session"])
def test_it_lists_checks_and_restores_what_the_package_wrote(tmp_path: Path, seal: bool) -> None:
    first, second = make_tree(tmp_path / "1", 1), make_tree(tmp_path / "2", 2)
    media = [tmp_path / "m"]
    write_objects(media, [("docs", first), ("mail", second)], seal=seal)
    write_objects(media, [("docs", second)], session=2, seal=seal)
    names = ["client/docs@1", "client/docs@2", "client/mail@1"]
    assert [version.name for version in listed(media)] == names
    assert listed_here(media) == listed(media)
    assert check_media(media).exit_code == 0 == check_here(media).exit_code
    for version, tree in (
        ("docs@1", first), ("client/docs", second), ("latest", second), ("client/mail@1", second),
        (listed(media)[0].object_id[:18], first),
    ):  # fmt: skip
        target = tmp_path / "target" / version.replace("/", "-")
        assert recovered_here(media, target, version).exit_code == 0
        assert same(tree, target), version


def test_all_brings_the_newest_version_of_everything(tmp_path: Path) -> None:
    first, second = make_tree(tmp_path / "1", 1), make_tree(tmp_path / "2", 2)
    write_objects([tmp_path / "m"], [("docs", first), ("../..", second), ("a/b", first)])
    write_objects([tmp_path / "m"], [("docs", second)], session=2)
    target = tmp_path / "out" / "target"
    assert recovered([tmp_path / "m"], target, "all").exit_code == 0
    assert sorted(path.name for path in (target / "client").iterdir()) == [
        "..%2F..", "a%2Fb", "docs",
    ]  # fmt: skip
    assert same(target / "client" / "docs", second)
    assert same(target / "client" / "a%2Fb", first)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["target"]


def test_everything_unusual_comes_back_equal(tmp_path: Path) -> None:
    torture_tree(str(tmp_path / "tree"), depth=600, links=20)
    write_objects([tmp_path / "m"], [("all", tmp_path / "tree")], frame_bytes=1 << 20)
    recovery = recovered([tmp_path / "m"], tmp_path / "target")
    if os.geteuid() == 0:
        assert (recovery.exit_code, recovery.problems) == (0, ())
        assert [*differences(bytes(tmp_path / "tree"), bytes(tmp_path / "target"))] == []
    else:
        # A user without rights cannot give files away; everything that is said is about that.
        assert {problem.split(": ")[1].split(" ")[1] for problem in recovery.problems} <= {
            "owner", "attribute", "Operation",
        }  # fmt: skip


def test_a_single_file_stands_in_the_target_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_bytes(b"content")
    write_objects([tmp_path / "m"], [("file", tmp_path / "one.txt")])
    assert recovered([tmp_path / "m"], tmp_path / "target").exit_code == 0
    assert (tmp_path / "target" / "one.txt").read_bytes() == b"content"


def test_two_media_with_different_damage_make_one_good_restore(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree")
    media = [tmp_path / "a", tmp_path / "b"]
    write_objects(media, [("docs", tree)])
    for number, medium in enumerate(media):
        # Each medium has lost every second frame, and one its index, the other its footer.
        frames = [*make_device(medium).reader().frames()]
        for frame in frames[number::2]:
            damage(only_segment(medium), frame.place.offset + 40)
            damage(only_segment(medium), frame.place.offset + 512 + 40)
        damage(only_segment(medium), only_segment(medium).stat().st_size - 512 * (1 - number) - 1)
        assert recovered([medium], tmp_path / f"alone-{number}", "docs").exit_code != 0
        checked = check_here([medium])
        assert checked.exit_code == 1
        assert len([line for line in checked.problems if "/segments/" in line]) >= len(frames) // 2
    recovery = recovered(media, tmp_path / "target", "docs")
    assert same(tree, tmp_path / "target")
    assert recovery.notes


def test_damage_is_named_with_its_frame_and_the_files_that_it_hits(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    for name in ("a", "b", "c"):
        (tree / name).write_bytes(name.encode() * 65_536)
    write_objects([tmp_path / "m"], [("docs", tree)])
    segment = only_segment(tmp_path / "m")
    damage(segment, segment.read_bytes().index(b"b" * 65_536) + 5)
    checked = check_media([tmp_path / "m"])
    assert checked.exit_code == 1
    frame, hit = checked.problems
    assert "payload does not match" in frame
    assert str(segment) in frame and "/0/1 of object" in frame
    assert hit.startswith("client/docs@1: b: ")
    recovery = recovered([tmp_path / "m"], tmp_path / "target")
    assert recovery.exit_code == 1
    assert sorted(path.name for path in (tmp_path / "target").iterdir()) == ["a", "c"]
    assert [line.split(":")[0] for line in recovery.problems] == ["b"]


def test_usage_ends_with_two(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree")
    write_objects([tmp_path / "m"], [("docs", tree)])
    assert recovered([tmp_path / "m"], tree).exit_code == 2
    assert recovered([tmp_path / "m"], tmp_path / "target", "nothing").exit_code == 2
    assert recovered_here([tmp_path / "m"], tmp_path / "target", "nothing").exit_code == 2
    assert not (tmp_path / "target").exists()
    assert recovered([tmp_path / "nowhere"], tmp_path / "target", "all").exit_code == 1
    assert listed([tmp_path / "m"]) == [Listed(listed_here([tmp_path / "m"])[0].object_id,
                                               "client/docs@1")]  # fmt: skip


def test_one_device_of_three_is_enough_without_catalog_and_graph(tmp_path: Path) -> None:
    trees = {name: make_tree(tmp_path / name, seed) for seed, name in enumerate(("docs", "mail"))}
    media = [tmp_path / name for name in ("nas", "usb", "vault")]
    write_objects(media, [*trees.items()], segment_bytes=200_000)
    for medium in media[:2]:
        shutil.rmtree(medium)
    command = [sys.executable, "-I", media[2] / "recover.py", "restore", "all", tmp_path / "target"]
    assert subprocess.run(command, cwd="/", check=False).returncode == 0
    for name, tree in trees.items():
        assert same(tree, tmp_path / "target" / "client" / name)


def test_a_copy_of_the_label_and_the_index_may_be_lost(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree")
    write_objects([tmp_path / "m"], [("docs", tree)])
    damage(tmp_path / "m" / "flowbackup.label", 20)
    damage(only_segment(tmp_path / "m"), only_segment(tmp_path / "m").stat().st_size - 512 + 40)
    recovery = recovered_here([tmp_path / "m"], tmp_path / "target")
    assert (recovery.exit_code, recovery.problems) == (1, recovery.problems[:1])
    assert "no sound header stands here" in recovery.problems[0]
    assert ["copy of the label" in note for note in recovery.notes] == [True, False]
    assert same(tree, tmp_path / "target")
    assert len(check_here([tmp_path / "m"]).problems) == 2


@pytest.mark.parametrize("rest", [0, 1], ids=["a frame that was not synced", "a record cut off"])
def test_what_a_killed_session_had_not_committed_is_left_out(tmp_path: Path, rest: int) -> None:
    tree = make_tree(tmp_path / "tree")
    write_objects([tmp_path / "m"], [("docs", tree)], seal=False)
    segment = only_segment(tmp_path / "m")
    committed = segment.read_bytes()
    lone = tmp_path / "lone"
    write_objects([lone], [("docs", tree)], seal=False, group=1000)
    if rest:
        segment.write_bytes(committed + committed[512:1500] + bytes(100_000))
    else:
        segment.write_bytes(committed[: committed.rindex(b"\x89FBK\r\n\x1a\n")])
    checked = check_here([tmp_path / "m"])
    assert (checked.exit_code, checked.problems) == (0, ())
    found = [version.name for version in listed_here([tmp_path / "m"])]
    assert found == (["client/docs@1"] if rest else [])
    # One group, of which a payload is damaged and behind which nothing stands: none of it counts.
    damage(only_segment(lone), 512 * 4)
    assert listed_here([lone]) == []
    assert check_here([lone]).exit_code == 0


@pytest.mark.parametrize("lost", ["damaged", "missing"])
def test_without_a_label_the_first_record_of_a_segment_says_the_same(
    tmp_path: Path, lost: str
) -> None:
    tree = make_tree(tmp_path / "tree")
    write_objects([tmp_path / "m"], [("docs", tree)])
    label = tmp_path / "m" / "flowbackup.label"
    if lost == "missing":
        label.unlink()
    else:
        label.write_bytes(bytes(8192))
    recovery = recovered_here([tmp_path / "m"], tmp_path / "target")
    assert (recovery.exit_code, recovery.problems) == (0, ())
    assert recovery.notes
    assert same(tree, tmp_path / "target")
    assert check_here([tmp_path / "m"]).exit_code == 1
    empty = tmp_path / "empty"
    (empty / "segments").mkdir(parents=True)
    (problem,) = check_here([empty]).problems
    assert "label cannot be read" in problem


@pytest.mark.parametrize("seal", [True, False], ids=["sealed", "unfinished"])
def test_no_changed_byte_goes_unnoticed(memory_path: Path, seal: bool) -> None:
    (memory_path / "one").write_bytes(b"content")
    write_objects([memory_path / "m"], [("one", memory_path / "one")], seal=seal, group=2)
    segment = only_segment(memory_path / "m")
    places = [*range(0, segment.stat().st_size, 11), *range(0, segment.stat().st_size, 512)]
    for offset in places:
        damage(segment, offset)
        checked = check_here([memory_path / "m"])
        # The last group of an unfinished segment may be one that was never acknowledged.
        assert checked.problems or (not seal and checked.notes), offset
        damage(segment, offset)
    assert check_here([memory_path / "m"]).exit_code == 0


def test_records_that_are_lost_doubled_or_of_another_medium_are_noticed(tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree")
    for name in ("a", "b"):
        write_objects([tmp_path / name], [("docs", tree)])
    segment, other = only_segment(tmp_path / "a"), only_segment(tmp_path / "b")
    whole = segment.read_bytes()
    first, second = [f.place.offset for f in make_device(tmp_path / "a").reader().frames()][:2]
    segment.chmod(0o644)
    for changed, reason in (
        (whole[:first] + whole[second:], "does not follow the record before"),
        (whole[:second] + whole[first:], "does not follow the record before"),
        (other.read_bytes(), "a record of another medium"),
        (whole[:-512], "ends before its footer"),
        (whole + whole[-512:], "does not follow the record before"),
    ):
        segment.write_bytes(changed)
        checked = check_here([tmp_path / "a"])
        assert checked.exit_code == 1
        assert any(reason in problem for problem in checked.problems), (reason, checked)


def test_a_group_whose_commit_is_damaged_was_durable_if_a_later_one_is_there(
    tmp_path: Path,
) -> None:
    tree = make_tree(tmp_path / "tree")
    write_objects([tmp_path / "m"], [("docs", tree)], seal=False, group=3)
    segment = only_segment(tmp_path / "m")
    data = segment.read_bytes()
    commits = [
        offset
        for offset in range(0, len(data), 512)
        if data[offset : offset + 8] == b"\x89FBK\r\n\x1a\n" and data[offset + 12] == 17
    ]
    assert len(commits) > 1
    for offset in commits[:-1]:
        damage(segment, offset + 40)
    assert recovered_here([tmp_path / "m"], tmp_path / "target", "docs").exit_code == 1
    assert same(tree, tmp_path / "target")


@pytest.mark.parametrize("level", [1, 19])
def test_it_reads_packed_frames_and_finds_a_bit_in_them(tmp_path: Path, level: int) -> None:
    tree, media = tmp_path / "tree", [tmp_path / "m", tmp_path / "n"]
    tree.mkdir()
    for number in range(40):
        (tree / f"{number}").write_bytes(b"%d bottles of beer on the wall\n" % number * 200)
    write_objects(media, [("docs", tree)], zstd_level=level)
    path = only_segment(media[0])
    assert path.stat().st_size < 100_000
    assert check_media(media[:1]).problems == ()
    recovery = recovered_here(media[:1], tmp_path / "first")
    assert (recovery.exit_code, same(tree, tmp_path / "first")) == (0, True)
    damage(path, 5 * 512 + 9)
    problem, *_ = check_media(media[:1]).problems
    assert "the payload does not match its digest" in problem
    assert recovered([media[0]], tmp_path / "second").exit_code == 1
    recovery = recovered(media, tmp_path / "third")
    assert (recovery.exit_code, same(tree, tmp_path / "third")) == (0, True)
    assert any("another copy is sound" in note for note in recovery.notes)
