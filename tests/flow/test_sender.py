"""Which head gets the next frame, and what the client still has to keep."""

from __future__ import annotations

import pytest

from flowbackup.errors import PeerLostError, ProtocolError
from flowbackup.flow.sender import Lane, Lent, SenderMachine, in_place
from flowbackup.model.frame import FrameDescriptor, Route
from tests.flow.parts import SESSION, frame, identity


def sender() -> SenderMachine:
    """Head x with 4 slots in two lanes, head y with 2 slots."""
    lanes = [Lane("x", 0, 0, 2), Lane("x", 1, 2, 4), Lane("y", 2, 0, 2)]
    return SenderMachine(SESSION, lanes, {"x": in_place(range(4)), "y": in_place(range(2))})


def lend(machine: SenderMachine, *edges: str, slots: tuple[int, int] | None = None) -> Lent:
    lent = machine.lend(edges, slots)
    assert lent is not None
    return lent


def fill(machine: SenderMachine, lent: Lent) -> FrameDescriptor:
    sent = frame(lent.frame.sequence, stream=lent.frame.stream, slot=lent.slot)
    machine.filled(sent)
    return sent


def test_the_next_frame_goes_where_most_credit_is_free() -> None:
    machine = sender()
    streams = []
    for _ in range(6):
        lent = lend(machine, "x", "y")
        streams.append(lent.frame.stream)
        fill(machine, lent)
    assert sorted(streams[:3]) == sorted(streams[3:]) == [0, 1, 2]
    assert machine.lend(["x", "y"]) is None
    assert machine.frames_out == 6


@pytest.mark.parametrize("sync_frames", [1, 2, 4])
def test_frames_divide_as_the_speeds_of_the_devices(sync_frames: int) -> None:
    """Row 3: the fast device writes a frame in one tick, the slow one in three, and each gives
    slots back when a sync is done."""
    lanes = [Lane("fast", 0, 0, 8), Lane("slow", 1, 0, 8)]
    slots = {edge: in_place(range(8)) for edge in ("fast", "slow")}
    machine = SenderMachine(SESSION, lanes, slots)
    ticks_of = {"fast": 1, "slow": 3}
    waiting: dict[str, list[FrameDescriptor]] = {"fast": [], "slow": []}
    written: dict[str, list[FrameDescriptor]] = {"fast": [], "slow": []}
    sent = dict.fromkeys(ticks_of, 0)
    for tick in range(1, 1201):
        while (lent := machine.lend(["fast", "slow"])) is not None:
            waiting[lent.lane.edge].append(fill(machine, lent))
            sent[lent.lane.edge] += 1
        for edge, ticks in ticks_of.items():
            if tick % ticks == 0 and waiting[edge]:
                written[edge].append(waiting[edge].pop(0))
            if len(written[edge]) == sync_frames:
                for done in written[edge]:
                    assert machine.released(edge, done.header.frame_id, done.slot, epoch=0)
                written[edge].clear()
    # Nobody waits for anybody: each has written all that its speed allows.
    assert sent["fast"] >= 1200 and sent["slow"] >= 400
    assert sent["fast"] / sent["slow"] == pytest.approx(3, rel=0.05)


def test_a_released_slot_is_lent_again_under_the_next_sequence() -> None:
    machine = sender()
    first, _ = fill(machine, lend(machine, "y")), fill(machine, lend(machine, "y"))
    assert machine.lend(["y"]) is None
    assert not machine.released("y", first.header.frame_id, first.slot, epoch=1)
    assert machine.released("y", first.header.frame_id, first.slot, epoch=0)
    assert not machine.released("y", first.header.frame_id, first.slot, epoch=0)
    lent = lend(machine, "y")
    assert (lent.slot, lent.frame) == (first.slot, identity(2, stream=2))


def test_an_object_may_be_pinned_to_a_range_of_buffers() -> None:
    machine = sender()
    assert fill(machine, lend(machine, "x", "y", slots=(3, 4))).slot == 3
    assert machine.lend(["x", "y"], (3, 4)) is None
    assert fill(machine, lend(machine, "x", slots=(1, 3))).slot in (1, 2)


def test_slots_of_its_own_memory_stand_for_buffers_of_the_head() -> None:
    """As where the head is on another node: its buffers 4 to 8, in slots that begin at 0."""
    lanes = [Lane("x", 0, 0, 6), Lane("x", 1, 6, 8)]
    machine = SenderMachine(SESSION, lanes, {"x": {0: 4, 1: 5, 2: 6, 3: 7}})
    sent = [fill(machine, lend(machine, "x", slots=slots)) for slots in ((6, 8), (4, 6), (5, 6))]
    assert [(each.slot, each.header.stream) for each in sent] == [(2, 1), (0, 0), (1, 0)]
    assert machine.lend(["x"], (4, 6)) is None
    with pytest.raises(ProtocolError, match="belongs to this client"):
        machine.lend(["x"], (0, 4))


def test_a_slot_given_back_keeps_its_identity() -> None:
    machine = sender()
    lent = lend(machine, "y")
    machine.give_back()
    assert lend(machine, "y") == lent


def test_slots_are_filled_one_at_a_time_and_only_as_lent() -> None:
    machine = sender()
    with pytest.raises(ProtocolError, match="no slot is lent"):
        machine.filled(frame(0))
    lend(machine, "y")
    with pytest.raises(ProtocolError, match="one at a time"):
        machine.lend(["y"])
    with pytest.raises(ProtocolError, match="does not lie in the slot lent"):
        machine.filled(frame(7, stream=2, slot=0))
    lent = lend(machine, "y")
    with pytest.raises(ProtocolError, match="does not lie in the slot lent"):
        machine.filled(frame(0, stream=2, slot=lent.slot + 1))


def test_a_frame_of_another_session_is_taken_only_as_a_copy() -> None:
    machine = sender()
    made, lent = frame(0, stream=2), lend(machine, "y")
    other = made._replace(header=made.header._replace(session=b"another session."), slot=lent.slot)
    with pytest.raises(ProtocolError, match="does not lie in the slot lent"):
        machine.filled(other)
    lent = lend(machine, "y")
    copied = other._replace(copied=Route(2, 0), slot=lent.slot)
    assert machine.filled(copied) is not None


def test_a_range_without_a_slot_of_this_client_is_not_waited_for() -> None:
    machine = SenderMachine(SESSION, [Lane("x", 0, 0, 4)], {"x": in_place([0, 1])})
    with pytest.raises(ProtocolError, match=r"\(2, 4\) belongs to this client"):
        machine.lend(["x"], (2, 4))
    assert lend(machine, "x", slots=(1, 4)).slot == 1


@pytest.mark.parametrize(("lost", "slots"), [("x", (0, 2)), ("y", (2, 4))])
def test_a_range_whose_only_head_is_lost_has_no_chain(lost: str, slots: tuple[int, int]) -> None:
    lanes = [Lane("x", 0, 0, 2), Lane("y", 1, 2, 4)]
    machine = SenderMachine(SESSION, lanes, {"x": in_place([0, 1]), "y": in_place([2, 3])})
    machine.head_lost(lost, "its device failed")
    with pytest.raises(PeerLostError, match="its device failed"):
        machine.lend(["x", "y"], slots)


def test_a_restarted_head_gets_again_what_it_had_not_released() -> None:
    machine = sender()
    sent = [fill(machine, lend(machine, "y")) for _ in range(2)]
    machine.released("y", sent[0].header.frame_id, sent[0].slot, epoch=0)
    again = machine.head_restarted("y", 1)
    assert [(f.epoch, f.frame) for f in again] == [(1, sent[1])]
    assert machine.asked("y", 2, 0, epoch=0) == []
    assert machine.asked("y", 2, 0, epoch=1) == again


def test_a_lost_head_counts_what_was_not_safe_and_the_others_go_on() -> None:
    machine = sender()
    lost = fill(machine, lend(machine, "y"))
    assert machine.head_lost("y", "its node is gone") == 1
    assert machine.is_empty
    assert machine.has("x") and not machine.has("y")
    assert machine.head_lost("y", "its node is gone") == 0
    assert machine.head_restarted("y", 1) == machine.asked("y", 2, 0, epoch=0) == []
    assert not machine.released("y", lost.header.frame_id, lost.slot, epoch=0)
    assert lend(machine, "x", "y").lane.edge == "x"
    assert machine.filled(frame(0, slot=0)) is not None
    machine.head_lost("x", "its device failed")
    with pytest.raises(PeerLostError, match="its device failed"):
        machine.lend(["x", "y"])


def test_a_frame_filled_for_a_head_that_is_gone_goes_nowhere() -> None:
    machine = sender()
    lent = lend(machine, "y")
    machine.head_lost("y", "gone")
    assert machine.filled(frame(0, stream=2, slot=lent.slot)) is None
