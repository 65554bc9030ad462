"""A plan on the virtual clock: how long, who waits, what it takes."""

from __future__ import annotations

import pytest

from flowbackup.errors import UsageError
from flowbackup.plan import make_plan
from flowbackup.simulate import (
    ClientModel,
    Event,
    LinkModel,
    NodeModel,
    ObjectModel,
    Scenario,
    simulate,
)
from flowbackup.units import GIB
from tests.simulate.layouts import MB, SITE, builder, chain, fan, model, named, run, striped

SIZE = 4 * GIB


def test_a_chain_goes_as_fast_as_its_slowest_device() -> None:
    found = run(chain({"nas": 200, "usb": 80, "vault": 120}), SIZE)
    assert found.outcome == "success"
    assert found.seconds == pytest.approx(SIZE / (80 * MB), rel=0.02)
    assert found.bottleneck.startswith("web waited for usb")
    for device in found.devices:
        assert device.bytes_durable >= SIZE


def test_a_group_goes_as_fast_as_its_devices_together() -> None:
    found = run(striped({"left": 150, "right": 50}), 16 * GIB)
    assert found.seconds == pytest.approx(16 * GIB / (200 * MB), rel=0.02)
    left, right = named(found.devices, "left"), named(found.devices, "right")
    assert left.bytes_durable / right.bytes_durable == pytest.approx(3, rel=0.1)


def test_the_limit_of_a_coupling_is_told_as_what_was_waited_for() -> None:
    plan = fan({"nas": 200}, {"usb": 200}, rate_limit="50 MB/s")
    found = run(plan, SIZE)
    assert found.seconds == pytest.approx(SIZE / (50 * MB), rel=0.02)
    assert found.bottleneck.startswith("web waited for primary.nas -> of-usb.usb")


def test_a_network_between_nodes_holds_a_session_up() -> None:
    graph = builder({"nas": 500})
    graph.node("far")
    graph.device("vault", path="/mnt/vault", node="far", rate=500 * MB)
    graph.backup_group("primary", devices=["nas"]).mirror("offsite", devices=["vault"])
    links = {("here", "far"): LinkModel(100 * MB, latency_seconds=0.01)}
    found = run(make_plan(graph.spec()), SIZE, links=links)
    assert found.seconds == pytest.approx(SIZE / (100 * MB), rel=0.05)
    assert found.bottleneck.startswith("web waited for primary.nas -> offsite.vault")


def test_a_node_sends_all_that_it_sends_through_one_port() -> None:
    graph = builder({"nas": 200})
    primary = graph.backup_group("primary", devices=["nas"])
    for node in ("east", "west"):
        graph.node(node)
        graph.device(node, path="/mnt/disk", node=node, rate=200 * MB)
        primary.mirror(f"to-{node}", devices=[node])
    found = run(make_plan(graph.spec()), SIZE, node=NodeModel(network_rate=100 * MB))
    assert found.seconds == pytest.approx(2 * SIZE / (100 * MB), rel=0.05)
    assert "waited for primary.nas -> to-" in found.bottleneck


def test_a_client_reads_and_hashes_no_faster_than_it_can() -> None:
    plan = chain({"nas": 1000})
    slow_disk = run(plan, SIZE, client=ClientModel(read_rate=100 * MB))
    assert slow_disk.seconds == pytest.approx(SIZE / (100 * MB), rel=0.02)
    assert slow_disk.bottleneck.startswith("The source sets the pace")
    small_files = simulate(
        plan,
        Scenario(
            objects={SITE: ObjectModel(SIZE, files=400_000)},
            client=ClientModel(read_rate=1000 * MB, file_seconds=0.0001),
        ),
    )
    assert small_files.seconds == pytest.approx(SIZE / (1000 * MB) + 40, rel=0.02)


def test_the_cores_of_a_node_are_shared_by_its_clients() -> None:
    graph = builder({"left": 1000, "right": 1000})
    graph.client("mail").object("boxes", path="/var/mail")
    graph.backup_group("primary", devices=["left", "right"])
    plan, client = make_plan(graph.spec()), ClientModel(hash_rate=200 * MB)
    one = simulate(plan, _both(client, NodeModel(cores=1)))
    two = simulate(plan, _both(client, NodeModel(cores=2)))
    assert one.seconds == pytest.approx(2 * SIZE / (200 * MB), rel=0.02)
    assert two.seconds == pytest.approx(SIZE / (200 * MB), rel=0.02)


def _both(client: ClientModel, node: NodeModel) -> Scenario:
    return Scenario(object=ObjectModel(SIZE), client=client, nodes={"here": node})


def test_devices_that_share_a_disk_share_its_rate() -> None:
    plan = fan({"nas": 100}, {"usb": 100})
    disks = {name: model(100, disk="one") for name in ("nas", "usb")}
    assert run(plan, SIZE, devices=disks).seconds == pytest.approx(2 * SIZE / (100 * MB), rel=0.02)


def test_syncs_cost_what_they_are_said_to() -> None:
    plan = chain({"nas": 100})
    free, dear = run(plan), run(plan, devices={"nas": model(100, sync_seconds=0.1)})
    assert free.devices[0].syncs == dear.devices[0].syncs
    cost = 0.1 * dear.devices[0].syncs
    assert dear.seconds - free.seconds == pytest.approx(cost, rel=0.1)


def test_memory_stays_within_the_plan() -> None:
    plan = chain({"nas": 200, "usb": 80}, buffers=5)
    found = run(plan)
    assert [(m.node, m.bytes_planned) for m in found.memory] == list(plan.memory_bytes)
    assert found.memory[0].bytes_peak == 5 * plan.slot_bytes
    assert max(fill for sample in found.samples for fill in sample.fill) <= 8


def test_stages_of_copies_follow() -> None:
    graph = builder({"nas": 200, "tape": 50})
    graph.backup_group("primary", devices=["nas"])
    graph.restore_group("back", devices=["nas"]).copy("archive", devices=["tape"])
    found = run(make_plan(graph.spec()), SIZE)
    assert found.seconds == pytest.approx(SIZE / (200 * MB), rel=0.02)
    (stage,) = found.stages
    assert stage.seconds == pytest.approx(SIZE / (50 * MB), rel=0.02)
    assert stage.outcome == "success"
    assert stage.devices[0].bytes_durable == SIZE
    assert stage.bottleneck.startswith("back.nas waited for tape")
    assert found.seconds_total == found.seconds + stage.seconds


def test_the_hour_changes_the_rate_of_a_coupling() -> None:
    windows = {"mon-sun 08:00-18:00": "20 MB/s"}
    plan = fan({"nas": 200}, {"usb": 200}, rate_windows=windows, frame_size="64 MiB")
    size = 200 * GIB
    night = run(plan, size, day=0, minute=19 * 60)
    assert night.seconds == pytest.approx(size / (200 * MB), rel=0.02)
    late = run(plan, size, day=0, minute=18 * 60 - 30)
    # Half an hour at 20 MB/s, then all that is left at 200.
    left = size - 1800 * 20 * MB
    assert late.seconds == pytest.approx(1800 + left / (200 * MB), rel=0.02)


def test_devices_of_which_nothing_is_known_are_told() -> None:
    graph = builder({"nas": 200})
    graph.device("usb", path="/mnt/usb")
    graph.device("slow", path="/mnt/slow", rate_limit=10 * MB)
    graph.device("void", kind="null")
    graph.backup_group("primary", devices=["nas"]).mirror("m", devices=["usb", "slow", "void"])
    assert run(make_plan(graph.spec()), GIB).assumed == ("usb",)


@pytest.mark.parametrize(
    "scenario",
    [
        Scenario(devices={"us": model(1)}),
        Scenario(objects={"web/sit": ObjectModel(1)}),
        Scenario(events=(Event("us", 1.0),)),
        Scenario(events=(Event("here", 1.0, rate=1e6),)),
    ],
)
def test_names_that_the_plan_does_not_have_are_refused(scenario: Scenario) -> None:
    with pytest.raises(UsageError, match=r'has no .* "(us|web/sit|here)"'):
        simulate(chain({"nas": 200, "usb": 80}), scenario)


def test_the_same_seed_gives_the_same_run() -> None:
    plan = fan({"nas": 200}, {"usb": 90, "vault": 100})
    devices = {name: model(rate, jitter=0.3) for name, rate in (("nas", 200), ("usb", 90))}
    first, again, other = (run(plan, devices=devices, seed=seed) for seed in (7, 7, 8))
    assert first == again
    assert first.seconds != other.seconds
