"""Which streams are meant for which device: what a repair completes is told from this."""

from __future__ import annotations

from pathlib import Path

from flowbackup import api
from flowbackup.lanes.streams import NO_STREAM, lanes_of, streams_of

GRAPH = """
graph: partial
frame_size: 64 KiB
sync_size: 64 KiB
clients:
  web:
    objects:
      one: {path: /srv/one, buffers: "a[0:4]"}
      two: {path: /srv/two, buffers: "a[4:8]"}
      three: {path: /srv/three, buffers: "b[0:8]"}
devices: {a: {kind: "null"}, b: {kind: "null"}, c: {kind: "null"}, d: {kind: "null"}}
backup_groups: {primary: {devices: [a, b], buffers: 8}}
mirror_groups:
  second: {devices: [c], buffers: 4, level: 1}
  third: {devices: [d], buffers: 4, level: 2}
couplings:
  - {from: "primary.a[0:4]", to: "second.c"}
  - {from: "second.c", to: "third.d"}
"""


def test_an_agent_is_meant_for_the_lanes_that_lead_to_it(tmp_path: Path) -> None:
    graph = tmp_path / "graph.yaml"
    graph.write_text(GRAPH)
    plan = api.load_plan(graph)
    lanes = {(lane.edge, lane.first_slot): lane.stream for lane in lanes_of(plan)}
    assert lanes == {
        ("web -> primary.a", 0): 1, ("web -> primary.a", 4): 2, ("web -> primary.b", 0): 3,
    }  # fmt: skip
    assert streams_of(plan) == {
        "primary.a": (1, 2), "primary.b": (3,), "second.c": (1,), "third.d": (1,),
    }  # fmt: skip


def test_a_device_that_no_object_goes_to_is_meant_to_hold_nothing(tmp_path: Path) -> None:
    """And not everything, which a repair would bring to it."""
    graph = tmp_path / "graph.yaml"
    graph.write_text(GRAPH.replace("b[0:8]", "a[0:4]"))
    streams = streams_of(api.load_plan(graph))
    assert (streams["primary.b"], streams["second.c"]) == ((NO_STREAM,), (1,))


def test_in_a_plain_chain_everything_is_meant_for_everybody(tmp_path: Path) -> None:
    plan = api.quick_plan(["/srv"], str(tmp_path / "d0"), [str(tmp_path / "d1")])
    assert set(streams_of(plan).values()) == {()}
