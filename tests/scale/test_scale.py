"""The loads of cluster/SCALE.md, small, by their counts: no time is looked at."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from flowbackup.errors import GraphError
from flowbackup.plan.making import load_plan
from tests.scale import loads

SCALE = Path(__file__).parents[2] / "cluster" / "SCALE.md"


def test_a_thousand_clients_and_a_hundred_devices_are_planned(tmp_path: Path) -> None:
    plan = loads.plan_load(tmp_path, loads.CLIENTS, loads.DEVICES)
    assert (len(plan.objects), len(plan.agents), len(plan.edges)) == (1_000, 100, 1_050)
    slots = max(size for _, size in plan.memory_bytes) / plan.slot_bytes
    assert 80 <= slots < 81, "two slots for each of the twenty feeders, and as many of a mirror"
    assert {agent.slots for agent in plan.agents} == {40}


def test_more_feeders_than_slots_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "g.yaml"
    text = loads.large_graph(loads.CLIENTS, loads.DEVICES)
    path.write_text(text.replace(", buffers: 40", ""))
    with pytest.raises(GraphError, match="50 faults"):
        load_plan(path, machine=loads.ROOMY)


def test_a_frame_with_two_copies_takes_some_three_hundred_bytes(tmp_path: Path) -> None:
    load = loads.catalog_load(tmp_path, 20_000, 2_000)
    assert (load.frames, load.versions) == (20_000, 10)
    assert 200 < load.bytes_per_frame < 400


def test_an_acknowledged_frame_is_a_bounded_number_of_events() -> None:
    counts = loads.machine_load(200)
    assert 5 < counts["steps"] / counts["acknowledged"] < 40


def test_a_frame_takes_few_calls_for_each_device(tmp_path: Path) -> None:
    """Each is handed over, written and committed, alone or with others: fewer calls where they had
    to wait for each other, and never many more."""
    few, many = (loads.calls_load(tmp_path, 2, frames) for frames in (40, 160))
    assert few > 0, "they are counted"
    assert (many - few) / 120 < 8


def test_every_number_names_its_load() -> None:
    rows = [line.split("|") for line in SCALE.read_text().splitlines() if line.startswith("| ")]
    named = {name for row in rows for name in re.findall(r"`(\w+_load)`", row[2])}
    there = {name for name in vars(loads) if name.endswith("_load")}
    assert named == there
    assert all(row[2].strip() == "-" or "`" in row[2] for row in rows[1:])
