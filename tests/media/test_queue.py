"""The queue of a medium: who stands there is alive, and nobody is lost or left behind."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from flowbackup.errors import DeviceError
from flowbackup.media.calls import SYSTEM
from flowbackup.media.labels.label import QUEUE_NAME
from flowbackup.media.locks import queue as queue_module
from flowbackup.media.locks.door import DeviceDoor
from flowbackup.media.locks.queue import MediumQueue
from flowbackup.model.ids import id_text
from flowbackup.model.queue import Ticket
from flowbackup.process import identify
from flowbackup.testing.frames import sample_id
from tests.media.media_samples import make_device

FIRST, SECOND = Ticket(1, sample_id(1)), Ticket(2, sample_id(2))
STANDING = """
import sys
from flowbackup.media.locks.queue import MediumQueue
from flowbackup.model.queue import Ticket
queue = MediumQueue(sys.argv[1], "nas")
queue.enter(Ticket(1, bytes.fromhex(sys.argv[2])), "another process")
print("stands", flush=True)
sys.stdin.read()
"""


def queues(place: Path, count: int = 2) -> list[MediumQueue]:
    return [MediumQueue(str(place / QUEUE_NAME), "nas") for _ in range(count)]


def tickets(queue: MediumQueue) -> list[Ticket]:
    return [waiting.ticket for waiting in queue.standing()]


def test_the_lower_ticket_stands_first_and_the_last_one_leaves_nothing(tmp_path: Path) -> None:
    one, other = queues(tmp_path)
    assert one.standing() == ()
    one.enter(SECOND, "late")
    other.enter(FIRST, "early")
    for queue in (one, other):
        assert tickets(queue) == [FIRST, SECOND]
    assert one.standing()[0].holder.startswith(f"early (process {os.getpid()} on ")
    one.leave()
    assert tickets(other) == [FIRST]
    other.leave()
    other.leave()
    assert list(tmp_path.iterdir()) == []


def test_who_enters_again_stands_there_once(tmp_path: Path) -> None:
    one, other = queues(tmp_path)
    one.enter(FIRST, "me")
    one.enter(Ticket(5, FIRST.session), "me")
    assert tickets(other) == [Ticket(5, FIRST.session)]
    one.leave()


def test_the_ticket_of_a_killed_process_is_removed_by_whoever_looks(tmp_path: Path) -> None:
    (mine,) = queues(tmp_path, 1)
    process = subprocess.Popen(
        [sys.executable, "-c", STANDING, str(tmp_path / QUEUE_NAME), FIRST.session.hex()],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    with process:
        assert process.stdout is not None and process.stdout.readline() == b"stands\n"
        mine.enter(SECOND, "me")
        # Its age does not matter as long as it lives.
        os.utime(tmp_path / QUEUE_NAME / f"0000000001-{id_text(FIRST.session)}", (0, 0))
        assert [w.ticket for w in mine.standing()] == [FIRST, SECOND]
        process.kill()
    assert tickets(mine) == [SECOND]
    assert len(list((tmp_path / QUEUE_NAME).iterdir())) == 1
    mine.leave()


def left(place: Path, process: dict[str, str | int], name: str = "") -> Path:
    """A ticket that nobody holds, with the name of a process in it."""
    (queue,) = queues(place, 1)
    queue.enter(FIRST, "left behind")
    (path,) = (place / QUEUE_NAME).iterdir()
    text = json.dumps(json.loads(path.read_text()) | process)
    queue.leave()
    path.parent.mkdir()
    (path.parent / (name or path.name)).write_text(text)
    return path


@pytest.mark.parametrize("change", [{"boot": "of yesterday"}, {"start_ticks": 1}])
def test_a_ticket_of_an_earlier_boot_or_of_another_process_of_that_number_is_stale(
    tmp_path: Path, change: dict[str, str | int]
) -> None:
    path = left(tmp_path, {**identify(1).as_dict(), **change})
    assert queues(tmp_path)[0].standing() == () and not path.exists()


def test_a_ticket_of_a_living_process_stands_where_its_lock_does_not_reach(tmp_path: Path) -> None:
    path = left(tmp_path, identify(1).as_dict())
    (waiting,) = queues(tmp_path)[0].standing()
    assert waiting.ticket == FIRST and "left behind (process 1 on " in waiting.holder
    assert path.exists()


@pytest.mark.parametrize("name", ["1-x", "0000000001-x", "new-1-0", "notes", "٠٠٠٠٠٠٠٠٠١-x"])
def test_what_is_no_ticket_counts_for_nothing(tmp_path: Path, name: str) -> None:
    left(tmp_path, identify(1).as_dict(), name)
    assert queues(tmp_path)[0].standing() == ()


def test_links_and_strange_files_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "kept").write_text("kept")
    (mine,) = queues(tmp_path, 1)
    mine.enter(SECOND, "me")
    folder = tmp_path / QUEUE_NAME
    (folder / f"0000000001-{id_text(FIRST.session)}").symlink_to(tmp_path / "outside" / "kept")
    os.mkfifo(folder / f"0000000001-{id_text(SECOND.session)}")
    (folder / f"0000000000-{id_text(SECOND.session)}").mkdir()
    assert tickets(mine) == [SECOND]
    mine.leave()
    other = tmp_path / "m"
    other.mkdir()
    (other / QUEUE_NAME).symlink_to(tmp_path / "outside")
    (linked,) = queues(other, 1)
    for attempt in (linked.standing, lambda: linked.enter(FIRST, "me")):
        with pytest.raises(DeviceError, match=r'device "nas": .* the queue') as caught:
            attempt()
        assert caught.value.errno in (errno.ENOTDIR, errno.ELOOP)
    assert [path.name for path in (tmp_path / "outside").iterdir()] == ["kept"]


def test_a_folder_that_keeps_nothing_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = os.listdir("/proc/self/fd")
    monkeypatch.setattr(queue_module, "try_flock", lambda fd, operation: False)
    (mine,) = queues(tmp_path, 1)
    with pytest.raises(DeviceError, match="does not keep what is put there"):
        mine.enter(FIRST, "me")
    assert os.listdir("/proc/self/fd") == before


def test_those_who_come_go_and_tidy_up_at_the_same_time_do_not_hinder_each_other(
    tmp_path: Path,
) -> None:
    """The folder comes and goes, and everybody looks at tickets that are just being made."""
    faults: list[BaseException] = []

    def come_and_go(number: int) -> None:
        try:
            (queue,) = queues(tmp_path, 1)
            ticket = Ticket(number, sample_id(number))
            for _ in range(100):
                queue.enter(ticket, "me")
                assert ticket in tickets(queue)
                queue.leave()
        except BaseException as fault:
            faults.append(fault)
            raise

    threads = [threading.Thread(target=come_and_go, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert list(tmp_path.iterdir()) == []


def test_a_door_shows_the_medium_its_holder_and_its_queue(tmp_path: Path) -> None:
    device = make_device(tmp_path / "m")
    mine, other = DeviceDoor(device, "me"), DeviceDoor(make_device(tmp_path / "m"), "other")
    assert mine.look().holder == "" and mine.look().standing == ()
    mine.enter(FIRST)
    view = other.look()
    assert (view.device, view.medium) == ("nas", device.info().medium)
    assert [w.ticket for w in view.standing] == [FIRST]
    mine.lock()
    assert "me (process" in other.look().holder
    mine.unlock()
    mine.leave()
    assert other.look() == mine.look()


def test_room_that_a_killed_session_reserved_keeps_nobody_out_of_the_queue(
    memory_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = make_device(memory_path / "medium")
    left = memory_path / "medium" / "segments" / "00000001-0001.part"
    with left.open("wb") as file:
        SYSTEM.fallocate(file.fileno(), 0, 1 << 20)
    enter = MediumQueue.enter

    def on_a_full_disk(self: MediumQueue, ticket: Ticket, holder: str) -> None:
        if left.stat().st_blocks:
            raise DeviceError("no room for a ticket", device="nas", errno=errno.ENOSPC)
        enter(self, ticket, holder)

    monkeypatch.setattr(MediumQueue, "enter", on_a_full_disk)
    door = DeviceDoor(device, "next")
    door.enter(FIRST)
    assert tickets(queues(memory_path / "medium", 1)[0]) == [FIRST]
    door.leave()
    assert device.holder() == ""


def test_a_disk_that_is_full_of_other_things_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: MediumQueue, ticket: Ticket, holder: str) -> None:
        raise DeviceError("no room for a ticket", device="nas", errno=errno.ENOSPC)

    monkeypatch.setattr(MediumQueue, "enter", full)
    with pytest.raises(DeviceError, match="no room for a ticket"):
        DeviceDoor(make_device(tmp_path / "medium"), "next").enter(FIRST)


def test_a_disk_that_fails_is_not_taken_for_a_full_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(self: MediumQueue, ticket: Ticket, holder: str) -> None:
        raise DeviceError("it burns", device="nas", errno=errno.EIO)

    door = DeviceDoor(make_device(tmp_path / "medium"), "next")
    monkeypatch.setattr(MediumQueue, "enter", fails)
    monkeypatch.setattr(door, "lock", lambda: pytest.fail("it is not full"))
    with pytest.raises(DeviceError, match="it burns"):
        door.enter(FIRST)


def test_a_ticket_that_cannot_be_removed_counts_for_nothing_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = MediumQueue(str(tmp_path / "queue"), "nas")
    queue.enter(FIRST, "one that dies")
    (file,) = (tmp_path / "queue").iterdir()
    text = json.loads(file.read_bytes())
    left = tmp_path / "queue" / f"{2:0{queue_module.NUMBER_DIGITS}d}-{id_text(SECOND.session)}"
    left.write_text(json.dumps(text | {"pid": 2**22 - 1}))

    def fails(*arguments: object, **named: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "unlink", fails)
    assert tickets(queue) == [FIRST]


def test_an_attempt_that_failed_half_way_hinders_no_later_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a disk that was full, or failed, for a moment."""
    queue = MediumQueue(str(tmp_path / "queue"), "nas")
    ticket = Ticket(1, sample_id(1))

    def full(*arguments: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        with pytest.raises(DeviceError, match="standing in the queue") as caught:
            queue.enter(ticket, "first")
    assert caught.value.errno == errno.ENOSPC
    queue.enter(ticket, "first")
    assert [waiting.ticket for waiting in queue.standing()] == [ticket]
    queue.leave()
    assert not (tmp_path / "queue").exists()
