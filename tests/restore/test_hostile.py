"""Entries and targets that mean harm: nothing outside changes, nothing wrong gets a name."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest

from flowbackup.errors import DamageError, NotFoundError, RestoreError, UsageError
from flowbackup.frame.seal import Content
from flowbackup.model.entry import Entry, EntryKind, Extent
from flowbackup.model.ids import FrameId
from flowbackup.monitor import RecordingMonitor
from flowbackup.restore import Overwrite, RestoreSettings, restore_tree, write_content
from flowbackup.restore import publish as publishing
from flowbackup.restore.existing import Existing
from flowbackup.restore.metadata import NOBODY, Owners
from tests.restore.memory import SESSION, Memory

ROOT = Entry(b"", EntryKind.DIRECTORY, 0o755, os.getuid(), os.getgid())


def file(path: bytes, memory: Memory, content: bytes = b"harm", **changes: object) -> Entry:
    entry = Entry(path, EntryKind.FILE, 0o644, os.getuid(), os.getgid(), size=len(content))
    return entry._replace(chunks=memory.put(content), **changes)


def restore(
    tmp_path: Path, memory: Memory, *entries: Entry, overwrite: Overwrite = Overwrite.NEVER
) -> list[tuple[str, bytes | None]]:
    """The problems, by kind and path."""
    monitor = RecordingMonitor()
    settings = RestoreSettings(overwrite, sync=False)
    restore_tree((ROOT, *entries), memory, os.fsencode(tmp_path / "t"), settings, monitor)
    left = [name for _, _, names in os.walk(tmp_path / "t") for name in names if ".part" in name]
    assert left == []
    return [(problem.kind, problem.path) for problem in monitor.problems]


@pytest.mark.parametrize(
    "path",
    [b"/evil", b"..", b"../evil", b"a/../../evil", b".", b"a//b", b"a/", b"./x", b"x\0y", b"/"],
)
def test_names_that_lead_elsewhere(tmp_path: Path, path: bytes) -> None:
    memory = Memory()
    good = file(b"z", memory, b"good")
    directory = ROOT._replace(path=b"a")
    assert restore(tmp_path, memory, directory, file(path, memory), good) == [("damaged", path)]
    assert (tmp_path / "t" / "z").read_bytes() == b"good"
    assert sorted(os.listdir(tmp_path)) == ["t"]


def test_a_link_and_then_a_file_through_it(tmp_path: Path) -> None:
    memory = Memory()
    (tmp_path / "outside").mkdir()
    link = Entry(b"a", EntryKind.SYMLINK, target=os.fsencode(tmp_path / "outside"))
    assert restore(tmp_path, memory, link, file(b"a/evil", memory)) == [("damaged", b"a/evil")]
    again = (ROOT._replace(path=b"a"), file(b"a/evil", memory))
    assert ("exists", b"a") in restore(tmp_path, memory, *again)
    assert os.listdir(tmp_path / "outside") == []
    restore(tmp_path, memory, *again, overwrite=Overwrite.ALWAYS)
    assert os.listdir(tmp_path / "outside") == []
    assert (tmp_path / "t" / "a" / "evil").read_bytes() == b"harm"


def test_a_link_put_there_after_the_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "t").mkdir()
    os.symlink(tmp_path / "outside", tmp_path / "t" / "a")
    monkeypatch.setattr(Existing, "is_directory", lambda self, name, directory: True)
    memory = Memory()
    entries = (ROOT._replace(path=b"a"), file(b"a/evil", memory))
    assert restore(tmp_path, memory, *entries) == [("unwritable", b"a")]
    assert os.listdir(tmp_path / "outside") == []


@pytest.mark.parametrize("overwrite", list(Overwrite))
def test_a_file_never_goes_through_an_existing_link(tmp_path: Path, overwrite: Overwrite) -> None:
    memory = Memory()
    (tmp_path / "t").mkdir()
    (tmp_path / "outside").write_text("mine")
    os.symlink(tmp_path / "outside", tmp_path / "t" / "f")
    restore(tmp_path, memory, file(b"f", memory), overwrite=overwrite)
    assert (tmp_path / "outside").read_text() == "mine"
    assert (tmp_path / "t" / "f").is_symlink() == (overwrite is Overwrite.NEVER)


def test_a_directory_swapped_for_a_link_while_restoring(tmp_path: Path) -> None:
    """Another process puts a link where the restore is writing: what is open stays open."""
    (tmp_path / "outside").mkdir()
    place = tmp_path / "t" / "d"

    class Swapping(Memory):
        def payload(self, frame: FrameId) -> Content:
            if not place.is_symlink():
                os.rename(place, tmp_path / "t" / "moved")
                os.symlink(tmp_path / "outside", place)
            return super().payload(frame)

    memory = Swapping()
    directory = ROOT._replace(path=b"d")
    restore(tmp_path, memory, directory, file(b"d/one", memory), file(b"d/two", memory))
    assert os.listdir(tmp_path / "outside") == []
    assert sorted(os.listdir(tmp_path / "t" / "moved")) == ["one", "two"]


def test_a_hard_link_to_what_was_swapped(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    memory = Memory()
    first = file(b"a", memory, links=2)

    class SwappedMeanwhile(Memory):
        def payload(self, frame: FrameId) -> Content:
            if frame == second.chunks[0].frame:
                os.unlink(tmp_path / "t" / "a")
                os.link(tmp_path / "secret", tmp_path / "t" / "a")
            return super().payload(frame)

    second = file(b"aa", memory)
    link = first._replace(path=b"b", hard_link=b"a", chunks=())
    monitor = RecordingMonitor()
    target = os.fsencode(tmp_path / "t")
    restore_tree(
        (ROOT, first, second, link), SwappedMeanwhile(memory.frames), target,
        RestoreSettings(sync=False), monitor, lambda path: first,
    )  # fmt: skip
    assert [problem.kind for problem in monitor.problems] == ["hard_link"]
    assert (tmp_path / "t" / "b").read_bytes() == b"harm"


def test_a_hard_link_out_of_the_tree(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    memory = Memory()
    link = file(b"b", memory, hard_link=b"../secret", links=2)
    assert restore(tmp_path, memory, link) == [("damaged", b"b")]
    assert os.stat(tmp_path / "secret").st_nlink == 1


def test_nothing_comes_behind_an_object_that_is_one_file(tmp_path: Path) -> None:
    """Its target is a name in a directory of the user, where nothing else may be made."""
    memory, monitor = Memory(), RecordingMonitor()
    entries = [file(b"", memory, b"alone"), ROOT._replace(path=b"d"), file(b"evil", memory)]
    target = os.fsencode(tmp_path / "t")
    restore_tree(entries, memory, target, RestoreSettings(sync=False), monitor)
    assert (tmp_path / "t").read_bytes() == b"alone"
    assert os.listdir(tmp_path) == ["t"]
    assert [(p.kind, p.path) for p in monitor.problems] == [("damaged", b"d"), ("damaged", b"evil")]


@pytest.mark.parametrize("first", [b"l", b"d", b"s"])
def test_a_hard_link_to_what_has_no_content(tmp_path: Path, first: bytes) -> None:
    memory, monitor = Memory(), RecordingMonitor()
    link = file(b"l", memory, b"", hard_link=first, links=2)._replace(chunks=())
    linked = Entry(b"s", EntryKind.SYMLINK, target=b"/etc/passwd", links=2)
    known = {entry.path: entry for entry in (ROOT._replace(path=b"d", links=2), link, linked)}
    entries = [ROOT, known[b"d"], linked._replace(path=b"k"), link]
    settings = RestoreSettings(sync=False)
    target = os.fsencode(tmp_path / "t")
    restore_tree(entries, memory, target, settings, monitor, known.__getitem__)
    assert [(p.kind, p.path) for p in monitor.problems] == [("damaged", b"l")]


@pytest.mark.parametrize(
    "change",
    [
        lambda e: e._replace(size=5),
        lambda e: e._replace(size=3),
        lambda e: e._replace(size=10, holes=(Extent(8, 6),)),
        lambda e: e._replace(size=10, holes=(Extent(0, 4), Extent(2, 2))),
        lambda e: e._replace(size=4, holes=(Extent(-2, 2),)),
        lambda e: e._replace(chunks=(e.chunks[0]._replace(digest=bytes(32)),)),
        lambda e: e._replace(chunks=(e.chunks[0]._replace(offset=1),)),
        lambda e: e._replace(chunks=(e.chunks[0]._replace(size=2**31),), size=2**31),
        lambda e: e._replace(kind=99),
        lambda e: e._replace(kind=EntryKind.SYMLINK, target=b""),
        lambda e: e._replace(kind=EntryKind.SYMLINK, target=None),
    ],
)
def test_entries_that_lie_get_no_name(tmp_path: Path, change: Callable[[Entry], Entry]) -> None:
    memory = Memory()
    lying = change(file(b"f", memory))
    good = file(b"g", memory, b"good")
    assert restore(tmp_path, memory, lying, good) == [("damaged", b"f")]
    assert os.listdir(tmp_path / "t") == ["g"]


def test_damage_names_the_file_and_the_rest_goes_on(tmp_path: Path) -> None:
    memory = Memory()
    entries = [file(name, memory, name * 3) for name in (b"a", b"b", b"c")]
    memory.damaged.add(FrameId(SESSION, 0, 1))
    assert restore(tmp_path, memory, *entries) == [("damaged", b"b")]
    assert sorted(os.listdir(tmp_path / "t")) == ["a", "c"]


def test_listed_twice_or_out_of_order(tmp_path: Path) -> None:
    memory = Memory()
    entries = [ROOT._replace(path=b"a"), file(b"b", memory), file(b"a/x", memory)]
    twice = file(b"b", memory, b"other")
    problems = restore(tmp_path, memory, *entries, twice)
    assert problems == [("damaged", b"a/x"), ("exists", b"b")]
    assert (tmp_path / "t" / "b").read_bytes() == b"harm"


@pytest.mark.parametrize("atomic", [True, False])
def test_overwriting_is_asked_for(
    tmp_path: Path, atomic: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not atomic:
        monkeypatch.setattr(publishing, "_renameat2", None)
    memory = Memory()
    entries = [file(b"same", memory, b"1", mtime_ns=5), file(b"new", memory, b"22", mtime_ns=5)]
    entries += [file(b"dir", memory, b"333")]
    (tmp_path / "t" / "dir").mkdir(parents=True)
    (tmp_path / "t" / "dir" / "keep").write_text("mine")
    for name in ("same", "new"):
        (tmp_path / "t" / name).write_text("9" if name == "same" else "mine")
        os.chmod(tmp_path / "t" / name, 0o644)
        os.utime(tmp_path / "t" / name, ns=(5, 5))

    def found() -> dict[str, str]:
        return {name: (tmp_path / "t" / name).read_text() for name in ("same", "new", "dir/keep")}

    mine = {"same": "9", "new": "mine", "dir/keep": "mine"}
    assert [kind for kind, _ in restore(tmp_path, memory, *entries)] == ["exists"] * 3
    assert found() == mine
    problems = restore(tmp_path, memory, *entries, overwrite=Overwrite.CHANGED)
    assert problems == [("exists", b"dir")]
    assert found() == mine | {"new": "22"}
    restore(tmp_path, memory, *entries, overwrite=Overwrite.ALWAYS)
    assert found() == mine | {"new": "22", "same": "1"}


def test_a_name_taken_while_its_content_is_written(tmp_path: Path) -> None:
    class Racing(Memory):
        def payload(self, frame: FrameId) -> Content:
            (tmp_path / "t" / "d" / "f").write_text("mine")
            return super().payload(frame)

    memory = Racing()
    entries = (ROOT._replace(path=b"d"), file(b"d/f", memory))
    assert restore(tmp_path, memory, *entries) == [("exists", b"d/f")]
    assert (tmp_path / "t" / "d" / "f").read_text() == "mine"


def test_hard_links_overwritten_leave_nothing_behind(tmp_path: Path) -> None:
    memory = Memory()
    first = file(b"a", memory, links=2)
    link = first._replace(path=b"b", hard_link=b"a", chunks=())
    for _ in range(2):
        assert restore(tmp_path, memory, first, link, overwrite=Overwrite.ALWAYS) == []
    problems = restore(tmp_path, memory, first, link, overwrite=Overwrite.CHANGED)
    assert problems == []
    assert sorted(os.listdir(tmp_path / "t")) == ["a", "b"]
    assert os.stat(tmp_path / "t" / "a").st_nlink == 2


def test_a_full_disk_ends_the_restore(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = Memory()

    def full(descriptor: int, data: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(RestoreError, match="No space left"):
        restore(tmp_path, memory, file(b"f", memory))
    assert os.listdir(tmp_path / "t") == []


def test_setuid_does_not_outlive_its_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int, uid: int, gid: int) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "fchown", refuse)
    memory = Memory()
    capability = bytes.fromhex("0100000200200000000000000000000000000000")
    owned = file(b"f", memory, uid=12_345, mode=0o4755)
    owned = owned._replace(xattrs=((b"security.capability", capability), (b"user.kept", b"1")))
    problems = restore(tmp_path, memory, owned)
    assert problems[:2] == [("owner", b"f"), ("xattr", b"f")]
    assert stat.S_IMODE(os.stat(tmp_path / "t" / "f").st_mode) == 0o755
    assert "security.capability" not in os.listxattr(tmp_path / "t" / "f")


def test_an_unknown_owner_never_becomes_root() -> None:
    owners = Owners(numeric=False)
    assert owners.user(0, b"nobody-of-that-name") == NOBODY
    assert owners.user(2**32 - 1, b"") == NOBODY
    assert owners.user(-1, b"") == NOBODY
    assert owners.user(4321, b"root") == 4321
    assert owners.group(0, b"no-such-group") == NOBODY
    assert (owners.user(0, b"root"), owners.user(77, b"no-such"), owners.user(0, b"")) == (0, 77, 0)
    assert owners.user(4321, b"nobody") == NOBODY
    assert Owners(numeric=True).user(4321, b"nobody") == 4321


def test_inherited_rights_are_not_restored_rights(tmp_path: Path) -> None:
    target = tmp_path / "t"
    target.mkdir()
    (target / "there").write_text("")
    os.chmod(target, 0o2755)
    os.chown(target, -1, os.getgid() if os.getuid() else 4321)
    memory = Memory()
    entries = (ROOT._replace(path=b"d"), file(b"d/f", memory), file(b"e", memory))
    assert restore(tmp_path, memory, *entries) == []
    for name in ("d", "d/f", "e"):
        assert os.stat(target / name).st_gid == os.getgid()
    assert stat.S_IMODE(os.stat(target / "d").st_mode) == 0o755


def test_content_as_a_stream() -> None:
    memory = Memory()
    chunks = memory.put(b"ab", b"cde")
    entry = Entry(b"f", EntryKind.FILE, size=9, holes=(Extent(0, 1), Extent(4, 2)), chunks=chunks)
    entry = entry._replace(holes=(Extent(0, 1), Extent(4, 2), Extent(8, 1)))
    out = BytesIO()
    assert write_content(entry, memory, out) == 9
    assert out.getvalue() == b"\0abc\0\0de\0"
    assert len(memory.asked) == 1
    with pytest.raises(UsageError):
        write_content(ROOT, memory, out)
    with pytest.raises(DamageError):
        write_content(entry._replace(size=10), memory, out)
    assert "a directory" in _refusal(ROOT, memory)
    link = Entry(b"l", EntryKind.SYMLINK, target=b"f")
    assert 'l is a symlink to "f": name that path' in _refusal(link, memory)


def _refusal(entry: Entry, memory: Memory) -> str:
    with pytest.raises(UsageError) as caught:
        write_content(entry, memory, BytesIO())
    return str(caught.value)


def test_a_file_that_was_unreadable_is_not_taken_for_a_damaged_one(tmp_path: Path) -> None:
    memory = Memory()
    lost = Entry(b"f", EntryKind.FILE, size=7, problem="unreadable: EACCES")
    assert restore(tmp_path, memory, lost) == [("source", b"f")]
    assert os.listdir(tmp_path / "t") == []
    with pytest.raises(NotFoundError, match="was not saved"):
        write_content(lost, memory, BytesIO())


def test_a_problem_is_told_of_the_entry_that_has_it(tmp_path: Path) -> None:
    before = ROOT._replace(path=b"d")
    after = ROOT._replace(path=b"e", problem="unreadable: EACCES")
    assert restore(tmp_path, Memory(), before, after) == [("source", b"e")]


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_pipe_is_no_target_for_a_tree(tmp_path: Path, dry_run: bool) -> None:
    os.mkfifo(tmp_path / "pipe")
    settings = RestoreSettings(dry_run=dry_run)
    with pytest.raises(RestoreError, match="it is not a directory"):
        restore_tree([ROOT], Memory(), os.fsencode(tmp_path / "pipe"), settings)
