"""What would serve a graph better, and why."""

from __future__ import annotations

from flowbackup.plan import Machine
from flowbackup.simulate import DeviceModel, Scenario
from flowbackup.simulate.recommend import Advice, recommend
from flowbackup.spec import GraphSpec
from flowbackup.units import MIB
from tests.simulate.layouts import MB, builder, model

PLENTY = Machine(1 << 50, 1 << 50)


def _chain(buffers: int, sync_size: int, **policy: object) -> GraphSpec:
    graph = builder({"nas": 200, "usb": 190}, frame_size=1 * MIB, sync_size=sync_size)
    primary = graph.backup_group("primary", devices=["nas"], buffers=buffers)
    primary.mirror("offsite", devices=["usb"], buffers=buffers, **policy)  # type: ignore[arg-type]
    return graph.spec()


def _asked(found: tuple[Advice, ...]) -> dict[str, str]:
    return {".".join(item.keys): item.value for item in found}


def test_too_few_buffers_get_more() -> None:
    found = recommend(_chain(4, 1 * MIB), Scenario(), machine=PLENTY)
    asked = _asked(found)
    assert int(asked["backup_groups.primary.buffers"]) > 4
    assert asked["backup_groups.primary.buffers"] == asked["mirror_groups.offsite.buffers"]
    assert "of memory, instead of" in found[0].reason


def test_memory_that_is_spent_for_nothing_is_given_back() -> None:
    quick = {name: DeviceModel(200 * MB, jitter=0.01, sync_seconds=1e-6) for name in ("nas", "usb")}
    asked = _asked(recommend(_chain(64, 4 * MIB), Scenario(devices=quick), machine=PLENTY))
    assert int(asked["backup_groups.primary.buffers"]) <= 16


def test_memory_has_a_limit() -> None:
    found = recommend(_chain(64, 8 * MIB), Scenario(), 9 * MIB, machine=PLENTY)
    assert int(_asked(found)["backup_groups.primary.buffers"]) <= 8


def test_a_mirror_is_not_let_go_to_be_faster() -> None:
    spec = _chain(16, 4 * MIB, when_slow="detach", on_failure="optional")
    slow = Scenario(devices={"usb": model(20)})
    for item in recommend(spec, slow, machine=PLENTY):
        assert float(item.reason.split(" MB/s")[0]) < 30


def test_the_network_is_crossed_once_and_what_may_fail_stands_last() -> None:
    graph = builder({"nas": 200, "usb": 100})
    graph.node("far")
    graph.device("vault", path="/mnt/vault", node="far", rate=100 * MB)
    graph.device("disk", path="/mnt/disk", rate=150 * MB)
    primary = graph.backup_group("primary", devices=["nas"])
    vaults = primary.mirror("vaults", devices=["vault"])
    vaults.mirror("usbs", devices=["usb"], on_failure="optional").mirror("disks", devices=["disk"])
    asked = _asked(recommend(graph.spec(), Scenario(), machine=PLENTY))
    order = {key.split(".")[1]: value for key, value in asked.items() if key.endswith("mirrors")}
    assert order == {"disks": "primary", "usbs": "disks", "vaults": "usbs"}
