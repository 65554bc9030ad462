"""The leap over steady times: it agrees with the run in which every frame is followed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from flowbackup.plan import make_plan
from flowbackup.plan.decided import Plan
from flowbackup.simulate import Event, ObjectModel, Prediction, Scenario, simulate
from flowbackup.units import GIB
from tests.simulate.layouts import builder, chain, fan, model, run, striped

SIZE = 240 * GIB
"""Enough frames for several windows, few enough to follow them all."""

TB = 10**12
FRAMES_FOLLOWED_MAX = 40_000
"""At a tenth of a millisecond for a frame and level, some seconds for any graph of 20 devices."""


def _copying() -> Plan:
    graph = builder({"nas": 200, "tape": 50, "vault": 60})
    graph.backup_group("primary", devices=["nas"])
    back = graph.restore_group("back", devices=["nas"])
    back.copy("archive", devices=["tape"])
    back.copy("second", devices=["vault"])
    return make_plan(graph.spec())


LAYOUTS: dict[str, Callable[[], Plan]] = {
    "chain": lambda: chain({"nas": 200, "usb": 80}),
    "fan": lambda: fan({"nas": 200}, {"usb": 110, "vault": 100}),
    "striped": lambda: striped({"left": 150, "right": 50}),
    "many buffers, nearly equal rates": lambda: chain({"nas": 100, "usb": 99}, buffers=64),
    "copies": _copying,
}


def _numbers(found: Prediction) -> list[float]:
    """What both runs must agree in."""
    durable = [float(device.bytes_durable) for device in found.devices]
    moved = [float(edge.bytes_moved) for edge in found.edges]
    waits = sum(wait.seconds for wait in found.waits)
    return [found.seconds, found.bytes_safe, waits, *durable, *moved]


@pytest.mark.slow
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("jitter", [0.0, 0.2])
def test_it_agrees_within_one_percent(layout: str, jitter: float) -> None:
    plan = LAYOUTS[layout]()
    devices = {a.device.name: model(a.device.rate // 10**6, jitter=jitter) for a in plan.agents}
    exact, leapt = (
        run(plan, SIZE, devices=devices, exact=exact, seed=3) for exact in (True, False)
    )
    assert exact.leapt_seconds == 0
    assert leapt.leapt_seconds > exact.seconds / 4
    for one, other in zip((exact, *exact.stages), (leapt, *leapt.stages), strict=True):
        assert _numbers(other) == pytest.approx(_numbers(one), rel=0.01)
        assert other.outcome == one.outcome


def test_it_stops_at_what_happens() -> None:
    plan = fan({"nas": 200}, {"usb": 100}, on_failure="optional")
    events = (Event("usb", 40_000.0), Event("nas", 60_000.0, rate=50e6))
    found = run(plan, 8 * TB, events=events)
    expected = 60_000 + (8 * TB - 4 * TB - 20_000 * 200e6) / 50e6
    assert found.seconds == pytest.approx(expected, rel=0.01)
    slow = run(plan, 9 * TB, events=events)
    assert slow.seconds == pytest.approx(60_000 + 1 * TB / 50e6, rel=0.01)
    assert slow.losses[0].bytes_durable == pytest.approx(4 * TB, rel=0.01)


def test_a_device_gets_full_when_it_does() -> None:
    devices = {"usb": model(100, size_bytes=3 * TB)}
    found = run(fan({"nas": 200}, {"usb": 100}), 8 * TB, devices=devices)
    usb = next(d for d in found.devices if d.name == "usb")
    assert usb.bytes_durable == pytest.approx(3 * TB, rel=1e-4)
    assert usb.failed_at == pytest.approx(30_000, rel=0.01)
    assert found.seconds == pytest.approx(30_000 + 5 * TB / 200e6, rel=0.01)


def test_objects_end_one_after_the_other() -> None:
    graph = builder({"nas": 100})
    for number in range(4):
        graph.client("web").object(f"more{number}", path=f"/srv/{number}")
    graph.backup_group("primary", devices=["nas"])
    found = simulate(make_plan(graph.spec()), Scenario(object=ObjectModel(2 * TB)))
    assert found.bytes_safe == 10 * TB
    assert found.seconds == pytest.approx(100_000, rel=0.01)


def _grid() -> Plan:
    names = [f"disk{number:02}" for number in range(20)]
    graph = builder({name: 150 + number for number, name in enumerate(names)})
    group = graph.backup_group("level0", devices=names[:5])
    for level in (1, 2, 3):
        group = group.mirror(f"level{level}", devices=names[5 * level : 5 * level + 5])
    return make_plan(graph.spec())


def _cascade() -> Plan:
    return chain({f"disk{number:02}": 150 + number for number in range(20)})


@pytest.mark.parametrize("make", [_grid, pytest.param(_cascade, marks=pytest.mark.slow)])
def test_100_tb_over_20_devices(make: Callable[[], Plan]) -> None:
    found = run(make(), 100 * TB)
    assert found.outcome == "success"
    assert found.bytes_safe == 100 * TB
    assert found.frames <= FRAMES_FOLLOWED_MAX
