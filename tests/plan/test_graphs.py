"""Every file in graphs/ is loaded, checked, planned and drawn; what it shows is true."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from flowbackup.plan import Plan, check, draw, load_plan, make_plan
from flowbackup.spec import dump_graph, load_graph
from tests.plan.written import PLENTY

GRAPHS = Path(__file__).resolve().parents[2] / "graphs"
FILES = sorted(GRAPHS.glob("*.yaml"))


def planned(name: str) -> Plan:
    return load_plan(GRAPHS / f"{name}.yaml", machine=PLENTY)


def test_there_are_graphs() -> None:
    assert len(FILES) >= 6


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.stem))
def test_a_graph_is_loaded_planned_and_drawn(file: Path) -> None:
    document = load_graph(file)
    plan = make_plan(document, machine=PLENTY)

    assert document.text.startswith("# ")
    assert check(document, machine=PLENTY) == ()
    assert plan.graph == file.stem
    assert plan.graph_text == dump_graph(document) == file.read_text()
    assert plan.bottleneck.endswith(".")
    parts = (plan, *plan.stages)
    names = {item.client for item in plan.objects} | {a.name for p in parts for a in p.agents}
    for form in ("text", "mermaid", "svg"):
        picture = draw(plan, form)
        assert all(name in picture for name in names)
    svg = ET.fromstring(draw(plan, "svg"))
    lines = svg.findall("{http://www.w3.org/2000/svg}path")
    steps = [label.text for label in svg.iter("{http://www.w3.org/2000/svg}text")].count("then")
    assert len(lines) == sum(len(part.edges) for part in parts) + steps


def test_a_chain_on_one_machine_shares_one_slab() -> None:
    plan = planned("chain-of-three")
    assert [(a.level, a.slab) for a in plan.agents] == [
        (level, "primary.device1") for level in range(3)
    ]
    (slab,) = plan.slabs
    assert slab.size_bytes == dict(plan.memory_bytes)["here"] == 4096 + 8 * plan.slot_bytes
    assert plan.agents[2].device.location == str(GRAPHS.parent / "build" / "demo" / "device3")


def test_a_cascade_crosses_the_network_once_for_each_node() -> None:
    plan = planned("cascade-three-nodes")
    assert [edge.name for edge in plan.edges] == [
        "web -> primary.disk1", "primary.disk1 -> second.disk2", "second.disk2 -> third.disk3",
    ]  # fmt: skip
    assert {edge.transport.value for edge in plan.edges} == {"direct"}
    assert sorted(dict(plan.memory_bytes)) == ["here", "storage1", "storage2", "storage3"]
    assert plan.nodes[1].labels == (("flowbackup.io/node", "storage1"),)


def test_a_partial_coupling_keeps_its_range() -> None:
    plan = planned("partial-coupling")
    (edge,) = plan.edges_from("primary.nas")
    assert (edge.first_slot, edge.last_slot) == (0, 4)
    assert [item.buffers for item in plan.objects] == [(0, 4), (4, 8)]


def test_an_optional_mirror_and_its_policy() -> None:
    plan = planned("mirror")
    (edge,) = plan.edges_into("offsite.usb")
    assert (edge.required, edge.when_slow, edge.lag_bytes_max) == (False, "detach", 1 << 30)
    assert not plan.agent("offsite.usb").required
    assert "80 MB/s" in plan.bottleneck


def test_fan_out_couples_agent_by_agent_and_one_with_all() -> None:
    names = [edge.name for edge in planned("fan-out").edges]
    assert "primary.left -> mirrors.mirror-left" in names
    assert "primary.right -> mirrors.mirror-right" in names
    assert "primary.left -> mirrors.mirror-right" not in names
    assert {"mirrors.mirror-left -> vaults.vault1", "mirrors.mirror-left -> vaults.vault2"} <= set(
        names
    )


def test_a_drawing_in_text_joins_boxes() -> None:
    assert draw(planned("single")) == (
        "single\n\n"
        "┌────────────────┐      ┌─────────────┐\n"
        "│ web            ├─────▶│ primary.nas │\n"
        "│ site: /srv/www │      │ /mnt/nas    │\n"
        "└────────────────┘      │ 8 x 16 MiB  │\n"
        "                        └─────────────┘\n\n"
        'memory: here 130 MiB. Device "nas" writes every byte: its disk sets the pace.\n'
    )


@pytest.mark.parametrize(
    ("arguments", "absent"),
    [
        (["schema"], ["ray", "pyarrow", "networkx"]),
        (["check", "graphs/mirror.yaml"], ["ray", "pyarrow", "ruamel.yaml"]),
        (["plan", "graphs/mirror.yaml"], ["ray", "pyarrow", "ruamel.yaml"]),
        (["draw", "graphs/mirror.yaml"], ["ray", "pyarrow", "ruamel.yaml"]),
    ],
)
def test_graph_commands_do_not_load_what_is_slow(arguments: list[str], absent: list[str]) -> None:
    program = (
        "import sys; from flowbackup.cli.main import run; from flowbackup.cli.output import Output;"
        f"code = run({['graph', *arguments]!r}, Output());"
        f"found = [m for m in {absent!r} if m in sys.modules]; sys.exit(code or found or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=GRAPHS.parent, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_hooks_stand_around_what_they_are_written_in() -> None:
    plan = planned("hooks")
    assert [(h.when.value, h.words[0], h.fails, h.in_background) for h in plan.hooks] == [
        ("before", "mount", True, False), ("success", "/bin/sh", False, True),
        ("after", "umount", True, False),
    ]  # fmt: skip
    assert [[h.number for h in item.hooks] for item in plan.objects] == [[1, 2], []]
    assert [notice.place for notice in plan.notices] == ["$HEALTHCHECKS_URL", "example.org"]
    picture = draw(plan)
    assert "data: /mnt/snapshot, 2 hooks" in picture
    assert picture.endswith("Around it: 3 hooks and 2 notices.\n")
