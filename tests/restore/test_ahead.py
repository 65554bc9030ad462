"""Contents that are checked ahead: never taken for sound when they are not, never in the way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from flowbackup.errors import DamageError
from flowbackup.model.chunk import ChunkRef
from flowbackup.model.entry import Entry
from flowbackup.monitor import RecordingMonitor
from flowbackup.restore.ahead import BATCH, CheckedAhead, batches
from flowbackup.restore.content import FRAMES_KEPT, ContentSource
from flowbackup.restore.settings import RestoreSettings
from flowbackup.restore.tree import restore_tree
from tests.restore.memory import Memory, read


def test_batches_are_shown_before_those_in_front_are_given() -> None:
    told: list[str] = []
    for item in batches(range(2 * BATCH + 1), lambda following: told.append(f"{len(following)}")):
        if item % BATCH == 0:
            told.append(f"item {item}")
    assert told == [f"{BATCH}", "item 0", "1", f"item {BATCH}", "0", f"item {2 * BATCH}"]


@pytest.mark.parametrize("sound", [0, 1, BATCH - 1, BATCH, BATCH + 1, 2 * BATCH])
def test_a_failure_comes_behind_everything_before_it(sound: int) -> None:
    def items() -> Iterator[int]:
        yield from range(sound)
        raise DamageError("the page is damaged")

    given: list[int] = []
    with pytest.raises(DamageError):
        for item in batches(items(), lambda following: None):
            given.append(item)
    assert given == list(range(sound))


def test_only_what_is_sound_is_found() -> None:
    memory = Memory()
    good, bad, short = memory.put(b"good", b"bad!", b"short")
    bad = bad._replace(digest=bytes(32))
    short = short._replace(size=9)
    payload = memory.payload(good.frame)
    ahead = CheckedAhead()
    try:
        ahead.begin(
            [(ref, payload[ref.offset : ref.offset + ref.size]) for ref in (good, bad, short)]
        )
        assert ahead.found(good) is None, "it may still be under way"
        ahead.begin([])
        assert [ahead.found(ref) is None for ref in (good, bad, short)] == [False, True, True]
        assert bytes(ahead.found(good) or b"") == b"good"
        ahead.begin([])
        assert ahead.found(good) is None, "kept longer than its batch"
    finally:
        ahead.close()


def _entries(template: Entry, refs: Sequence[ChunkRef]) -> list[Entry]:
    return [
        template._replace(path=b"%04d" % number, size=ref.size, chunks=(ref,))
        for number, ref in enumerate(refs)
    ]


def test_a_batch_looks_into_few_frames(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    template = next(iter(read(str(tmp_path / "file"))[0].entries()))
    memory = Memory()
    refs = [memory.put(b"frame %d" % number)[0] for number in range(FRAMES_KEPT + 3)]
    ahead = CheckedAhead()
    try:
        content = ContentSource(memory, ahead)
        content.check_ahead(_entries(template, refs))
        assert len(memory.asked) == FRAMES_KEPT
        content.check_ahead([])
        assert [bytes(content.chunk(ref)) for ref in refs] == [
            b"frame %d" % number for number in range(len(refs))
        ]
        assert len(memory.asked) == len(refs), "a frame was read twice"
    finally:
        ahead.close()


def test_many_files_over_several_frames_come_back_and_each_frame_is_read_once(
    tmp_path: Path,
) -> None:
    source = tmp_path / "source"
    for number in range(5 * BATCH):
        folder = source / f"d{number // 100}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"f{number:04}").write_bytes(bytes([number % 256]) * 20_000)
    memory, _ = read(str(source))
    assert len(memory.frames) > 2
    monitor = RecordingMonitor()
    target = tmp_path / "target"
    restore_tree(memory.entries(), memory, bytes(target), RestoreSettings(sync=False), monitor)
    assert not monitor.problems
    assert len(memory.asked) == len(set(memory.asked))
    for path in source.rglob("f*"):
        assert (target / path.relative_to(source)).read_bytes() == path.read_bytes()


def test_a_damaged_frame_fails_its_files_only(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "d").mkdir(parents=True)
    for number in range(3 * BATCH):
        (source / "d" / f"f{number:04}").write_bytes(bytes([number % 256]) * 20_000)
    memory, _ = read(str(source))
    lost = max(ref.frame for entry in memory.entries() for ref in entry.chunks)
    memory.damaged.add(lost)
    hit = {e.path for e in memory.entries() if any(ref.frame == lost for ref in e.chunks)}
    monitor = RecordingMonitor()
    target = tmp_path / "target"
    restore_tree(memory.entries(), memory, bytes(target), RestoreSettings(sync=False), monitor)
    assert {problem.path for problem in monitor.problems} == hit
    assert hit
    there = {bytes(path.relative_to(target)) for path in target.rglob("f*")}
    assert there == {e.path for e in memory.entries() if e.chunks} - hit
