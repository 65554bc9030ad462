"""What breaks in a simulated session, how it goes on, and what would be lost."""

from __future__ import annotations

import pytest

from flowbackup.plan import make_plan
from flowbackup.simulate import Event
from flowbackup.units import GIB
from tests.simulate.layouts import FRAME, MB, builder, chain, fan, model, named, run, striped

SIZE = 4 * GIB
LATE = 20.0
"""Seconds after the beginning, in the middle of it."""


def test_a_session_goes_on_without_a_mirror_that_failed() -> None:
    plan = fan({"nas": 100}, {"usb": 50})
    found = run(plan, SIZE, events=(Event("usb", LATE),))
    assert found.outcome == "incomplete"
    usb = named(found.devices, "usb")
    assert usb.failure and usb.failed_at == LATE
    assert usb.bytes_durable == pytest.approx(LATE * 50 * MB, rel=0.1)
    # At 50 MB/s until then, at 100 from then on.
    left = SIZE - LATE * 50 * MB
    assert found.seconds == pytest.approx(LATE + left / (100 * MB), rel=0.05)


def test_an_optional_mirror_that_failed_leaves_a_success() -> None:
    plan = fan({"nas": 100}, {"usb": 50}, on_failure="optional")
    assert run(plan, SIZE, events=(Event("usb", LATE),)).outcome == "success"


def test_an_agent_whose_device_failed_relays() -> None:
    found = run(chain({"nas": 100, "usb": 100, "vault": 100}), SIZE, events=(Event("usb", LATE),))
    assert found.outcome == "incomplete"
    assert named(found.devices, "vault").bytes_durable >= SIZE


def test_a_spare_takes_the_place_of_a_failed_device() -> None:
    graph = builder({"nas": 100, "spare": 100})
    graph.backup_group("primary", devices=["nas"], reserve=["spare"])
    found = run(make_plan(graph.spec()), SIZE, events=(Event("nas", LATE),))
    assert found.outcome == "success"
    (device,) = found.devices
    assert device.name == "spare"
    assert device.bytes_durable == pytest.approx(SIZE - LATE * 100 * MB, rel=0.1)


def test_a_full_device_fails_and_keeps_what_it_took() -> None:
    devices = {"usb": model(100, size_bytes=GIB)}
    found = run(fan({"nas": 100}, {"usb": 100}), SIZE, devices=devices)
    assert found.outcome == "incomplete"
    usb = named(found.devices, "usb")
    assert usb.failure == "is full"
    assert GIB - 2 * FRAME < usb.bytes_durable <= GIB


def test_a_session_without_its_only_device_has_failed() -> None:
    found = run(chain({"nas": 100}), SIZE, events=(Event("nas", LATE),))
    assert found.outcome == "failed"
    assert found.seconds < LATE + 1


def test_of_a_group_the_others_go_on() -> None:
    found = run(striped({"left": 100, "right": 100}), SIZE, events=(Event("left", LATE),))
    left, right = named(found.devices, "left"), named(found.devices, "right")
    assert left.bytes_durable + right.bytes_durable >= SIZE - 8 * FRAME
    assert right.bytes_durable > left.bytes_durable


def test_those_behind_a_lost_node_are_adopted() -> None:
    graph = builder({"nas": 100})
    group = graph.backup_group("level0", devices=["nas"])
    for number, node in enumerate(("storage1", "storage2"), 1):
        graph.node(node)
        graph.device(f"disk{number}", path="/mnt/disk", node=node, rate=100 * MB)
        group = group.mirror(f"level{number}", devices=[f"disk{number}"])
    found = run(make_plan(graph.spec()), SIZE, events=(Event("storage1", LATE),))
    assert found.outcome == "incomplete"
    assert named(found.devices, "disk2").bytes_durable >= SIZE
    assert named(found.devices, "disk1").bytes_durable < SIZE / 2


def test_who_was_adopted_may_fail_as_well() -> None:
    graph = builder({"nas": 100})
    group = graph.backup_group("level0", devices=["nas"])
    for number, node in enumerate(("storage1", "storage2"), 1):
        graph.node(node)
        graph.device(f"disk{number}", path="/mnt/disk", node=node, rate=50 * MB)
        group = group.mirror(f"level{number}", devices=[f"disk{number}"])
    events = (Event("storage1", LATE), Event("disk2", 2 * LATE))
    found = run(make_plan(graph.spec()), SIZE, events=events)
    assert named(found.devices, "nas").bytes_durable >= SIZE
    assert named(found.devices, "disk2").failed_at == 2 * LATE


def test_those_behind_several_agents_of_a_lost_node_are_adopted() -> None:
    graph = builder({"nas": 100, "last": 100})
    graph.node("storage")
    group = graph.backup_group("level0", devices=["nas"])
    for name in ("disk1", "disk2"):
        graph.device(name, path=f"/mnt/{name}", node="storage", rate=100 * MB)
        group = group.mirror(f"of-{name}", devices=[name])
    group.mirror("level3", devices=["last"])
    found = run(make_plan(graph.spec()), SIZE, events=(Event("storage", LATE),))
    assert named(found.devices, "last").bytes_durable >= SIZE


def test_a_mirror_that_lags_is_detached_or_waited_for() -> None:
    facts = {"nas": 200}, {"usb": 20}
    blocked = run(fan(*facts, when_slow="block"), SIZE)
    detached = run(fan(*facts, when_slow="detach", on_failure="optional"), SIZE)
    assert blocked.seconds == pytest.approx(SIZE / (20 * MB), rel=0.02)
    assert detached.seconds < SIZE / (150 * MB)
    assert named(detached.devices, "usb").failure == "was detached: it was too slow"


def test_a_device_that_gets_slow_slows_the_session_from_then_on() -> None:
    found = run(chain({"nas": 100}), SIZE, events=(Event("nas", LATE, rate=10 * MB),))
    left = SIZE - LATE * 100 * MB
    assert found.seconds == pytest.approx(LATE + left / (10 * MB), rel=0.05)


def test_what_a_death_would_cost_is_told() -> None:
    plan = fan({"nas": 100}, {"usb": 100}, on_failure="optional")
    found = run(plan, SIZE, events=(Event("usb", LATE), Event("nas", 2 * LATE)))
    first, second = found.losses
    assert (first.device, first.bytes_lost) == ("usb", 0)
    assert [name for name, _ in first.elsewhere] == ["nas"]
    # What nas took when usb had gone is nowhere else.
    assert second.bytes_lost == pytest.approx(second.bytes_durable - first.bytes_durable, abs=4e8)
    assert second.bytes_lost > SIZE / 4
    assert found.outcome == "failed"


def test_what_a_death_at_any_moment_would_cost_can_be_asked() -> None:
    found = run(fan({"nas": 100}, {"usb": 100}), SIZE)
    for seconds in (0.0, LATE, 1000.0):
        loss = found.if_lost("nas", seconds)
        assert loss.bytes_lost == 0
        assert loss.bytes_durable == pytest.approx(min(SIZE, seconds * 100 * MB), abs=3e8)
    lonely = run(chain({"nas": 100}), SIZE).if_lost("nas", 1000.0)
    assert lonely.bytes_lost == lonely.bytes_durable >= SIZE
    with pytest.raises(KeyError):
        found.if_lost("tape", 1.0)
