"""Many small files over several frames: each frame is read once, and a lost one costs its own."""

from __future__ import annotations

from pathlib import Path

from flowbackup.monitor import RecordingMonitor
from flowbackup.restore.settings import RestoreSettings
from flowbackup.restore.tree import restore_tree
from tests.restore.memory import read

FILES = 128


def test_many_files_over_several_frames_come_back_and_each_frame_is_read_once(
    tmp_path: Path,
) -> None:
    source = tmp_path / "source"
    for number in range(5 * FILES):
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
    for number in range(3 * FILES):
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
