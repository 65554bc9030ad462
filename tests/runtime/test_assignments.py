"""Who may fill which slot: no two ever the same, and nobody none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from flowbackup import api
from flowbackup.errors import GraphError
from flowbackup.model.ids import new_id
from flowbackup.process import identify
from flowbackup.runtime.crew.assignments import Assignments


def assignments(tmp_path: Path, buffers: int) -> tuple[Assignments, Path]:
    """One client beside the head, one on another node."""
    graph = tmp_path / "graph.yaml"
    graph.write_text(
        f"""
        graph: mixed
        frame_size: 64 KiB
        sync_size: 64 KiB
        nodes: {{away: {{}}}}
        clients:
          near: {{objects: {{one: {{path: /srv/one}}}}}}
          far: {{node: away, objects: {{two: {{path: /srv/two}}}}}}
          third: {{objects: {{three: {{path: /srv/three}}}}}}
        devices: {{disk: {{kind: "null"}}}}
        backup_groups: {{primary: {{devices: [disk], buffers: {buffers}}}}}
        """
    )
    return Assignments(api.load_plan(graph), new_id(), identify()), graph


def test_a_near_client_and_what_comes_from_far_never_meet_in_a_slot(tmp_path: Path) -> None:
    made, graph = assignments(tmp_path, 8)
    head = api.load_plan(graph).agent("primary.disk")
    slots = {c: dict(dict(made.client(c).slots)[f"{c} -> primary.disk"]) for c in ("near", "third")}
    near, third = slots.values()
    assert all(slot == buffer for each in (near, third) for slot, buffer in each.items())
    received = made.buffer(head).receiving_slots
    assert sorted((*near, *third, *received)) == list(range(8))
    (edge,) = made.edges_from("far")
    assert edge.frames_max == len(received)


def test_a_bucket_is_not_made_to_take_an_object_every_half_second(tmp_path: Path) -> None:
    graph = tmp_path / "graph.yaml"
    graph.write_text(
        """
        graph: far
        clients: {near: {objects: {one: {path: /srv/one}}}}
        devices: {disk: {kind: "null"}, cloud: {kind: s3, url: "s3://media/x"}}
        backup_groups: {primary: {devices: [disk]}}
        mirror_groups: {offsite: {mirrors: primary, devices: [cloud]}}
        """
    )
    plan = api.load_plan(graph)
    for seconds, expected in ((plan.sync_seconds, (0.5, 5.0)), (60.0, (60.0, 60.0))):
        made = Assignments(replace(plan, sync_seconds=seconds), new_id(), identify())
        found = tuple(made.buffer(agent).sync_seconds for agent in plan.agents)
        assert found == expected


def test_more_feeders_than_buffers_are_refused_and_not_waited_for(tmp_path: Path) -> None:
    """Before anything starts, and by whoever is told to start it all the same."""
    with pytest.raises(GraphError, match="3 feed it"):
        assignments(tmp_path, 2)
    plan = api.load_plan(assignments(tmp_path, 3)[1])
    head = replace(plan.agents[0], slots=2)
    made = Assignments(replace(plan, agents=(head,)), new_id(), identify())
    with pytest.raises(GraphError, match="fed by 3"):
        made.client("near")
