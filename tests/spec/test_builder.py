"""Graphs made by programs: in Python, and from a command line."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest

from flowbackup.errors import GraphError
from flowbackup.plan import Machine, make_plan
from flowbackup.spec import GraphBuilder, dump_graph, graph_schema, parse_graph, quick_graph
from flowbackup.spec.strict import read_strict

PLENTY = Machine(1 << 50, 1 << 50)


def test_the_builder_says_what_a_file_says() -> None:
    g = GraphBuilder("nightly", copies=1)
    g.client("web").object("site", path="/srv/www")
    primary = g.backup_group("primary", devices=["/mnt/nas"], buffers=8)
    offsite = primary.mirror("offsite", devices=[Path("/mnt/usb")], on_failure="optional")
    offsite.mirror("vault", devices=[g.device("tape", kind="null", node=g.node("n1"))])
    g.couple("primary.nas[0:4]", "x.y", lag_max="1 GiB")

    assert (
        g.spec()
        == parse_graph("""
graph: nightly
copies: 1
nodes: {n1: {}}
clients: {web: {objects: {site: {path: /srv/www}}}}
devices: {nas: {path: /mnt/nas}, usb: {path: /mnt/usb}, tape: {kind: "null", node: n1}}
backup_groups: {primary: {devices: [nas], buffers: 8}}
mirror_groups:
  offsite: {mirrors: primary, devices: [usb], on_failure: optional}
  vault: {mirrors: offsite, devices: [tape]}
couplings: [{from: "primary.nas[0:4]", to: x.y, lag_max: 1 GiB}]
""").spec
    )


def test_equal_last_parts_of_paths_get_names_of_their_own() -> None:
    g = GraphBuilder("g")
    g.backup_group("a", devices=["/mnt/one/disk", "/mnt/two/disk", "/mnt/one/disk"])
    assert g.spec().backup_groups["a"].devices == ("disk", "disk-2", "disk")


def test_the_builder_refuses_what_a_file_refuses() -> None:
    g = GraphBuilder("g", frame_size=-1)
    g.backup_group("a.b", devices=["x"], buffers=0)
    with pytest.raises(GraphError) as caught:
        g.spec()
    assert len(caught.value.findings) == 3


def test_a_command_line_becomes_one_chain() -> None:
    spec = quick_graph(["/srv/www", "/home/www", "/"], "/mnt/WWW", ["/mnt/b", "/x/b"], client="pc")
    objects = spec.clients["pc"].objects
    assert {name: item.path for name, item in objects.items()} == {
        "www": "/srv/www", "www-2": "/home/www", "root": "/",
    }  # fmt: skip
    assert [str(m.mirrors) for m in spec.mirror_groups.values()] == ["primary", "mirror1"]
    assert list(spec.devices) == ["WWW", "b", "b-2"]
    assert parse_graph(dump_graph(spec)).spec == spec


@pytest.mark.parametrize("frame_size", [64 << 10, "1 MiB", 8 << 20, "64 MiB", "256 MiB"])
def test_a_command_line_with_any_frame_size_can_be_planned(frame_size: int | str) -> None:
    plan = make_plan(quick_graph(["/a/src"], "/b/dev", frame_size=frame_size), machine=PLENTY)
    assert plan.agents[0].slots * plan.frame_bytes >= 2 * plan.sync_bytes


@pytest.mark.parametrize(
    "name", ["caf\u00e9 \u00fc", "latest", ".hidden", "\udcff", "a" * 300, "-", "..."]
)
def test_any_file_name_gives_a_legal_object_name(name: str) -> None:
    path = f"/srv/{name}" if name != "\udcff" else "/srv/bytes"
    assert quick_graph([path], "/b/dev").clients


def test_a_root_that_is_no_text_is_named_as_such() -> None:
    with pytest.raises(GraphError, match=r'"/srv/caf\\xe9" is no UTF-8') as told:
        quick_graph(["/srv/caf\udce9"], "/b/dev")
    assert "name the directory that it is in" in str(told.value)


def test_the_schema_accepts_what_the_model_accepts() -> None:
    schema = graph_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for file in sorted(Path("graphs").glob("*.yaml")):
        tree = read_strict(file.read_text(), str(file))
        validator.validate(tree.value)
    assert not validator.is_valid({"graph": "x", "bufers": 1})
    assert not validator.is_valid({"graph": "x", "couplings": [5]})
