"""A mirror more for a plan that runs: the same rules, and nothing else changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowbackup.errors import GraphError, UsageError
from flowbackup.lanes.streams import lanes_of, streams_of
from flowbackup.plan.attaching import Attachment, attach_mirror, document_of_plan
from flowbackup.plan.decided import Plan, Transport
from flowbackup.plan.machine import Machine
from flowbackup.plan.making import make_plan
from flowbackup.spec.document import parse_graph

GRAPH = """
# Kept as it was written.
graph: live
frame_size: 1 MiB
sync_size: 2 MiB
nodes: {far: {}}
clients:
  web:
    objects:
      site: {path: /srv/www, buffers: "nas[0:3]"}
      mail: {path: /srv/mail, buffers: "nas[3:6]"}
devices:
  nas: {path: /mnt/nas}
  usb: {path: /mnt/usb}
  shelf: {path: /mnt/shelf, rate_limit: 3 MB/s}
  vault: {path: /mnt/vault, node: far}
backup_groups: {primary: {devices: [nas], buffers: 6}}
mirror_groups: {offsite: {mirrors: "primary[0:3]", devices: [usb]}}
"""


@pytest.fixture
def plan() -> Plan:
    return make_plan(parse_graph(GRAPH), machine=Machine())


def attach(plan: Plan, place: str, source: str = "primary") -> Attachment:
    return attach_mirror(document_of_plan(plan), plan, place, source)


def test_only_the_mirror_and_its_coupling_are_new(plan: Plan) -> None:
    attachment = attach(plan, "shelf", "")
    after = attachment.plan
    assert attachment.agent == "attached.shelf"
    assert [a for a in after.agents if a.name != "attached.shelf"] == list(plan.agents)
    new = [edge for edge in after.edges if edge not in plan.edges]
    assert [(edge.source, edge.target) for edge in new] == [("primary.nas", "attached.shelf")]
    assert [slab.name for slab in after.slabs] == [slab.name for slab in plan.slabs]
    agent = after.agent("attached.shelf")
    assert (agent.role, agent.level, agent.required, agent.slots) == ("mirror", 1, False, 6)
    assert agent.device.rate_limit == 3_000_000
    assert lanes_of(after) == lanes_of(plan), "streams that are under way keep their numbers"
    assert streams_of(after)["attached.shelf"] == ()
    assert after.graph_text == plan.graph_text
    assert "# Kept as it was written." in attachment.document.text


def test_behind_a_mirror_comes_what_that_one_gets(plan: Plan) -> None:
    after = attach(plan, "/mnt/more", "usb").plan
    assert after.agent("attached.more").level == 2
    assert streams_of(after)["attached.more"] == streams_of(after)["offsite.usb"] != ()


def test_a_bucket_is_attached_by_its_place_or_its_name(plan: Plan) -> None:
    place = "s3://eu-1@media/more"
    after = attach(plan, place)
    assert after.agent == "attached.more"
    device = after.plan.agent("attached.more").device
    assert (device.kind, device.location) == ("s3", place)
    text = GRAPH.replace(
        "  shelf: ", '  cloud: {kind: s3, url: "s3://media/x", region: eu-1}\n  shelf: '
    )
    declared = make_plan(parse_graph(text), machine=Machine())
    assert attach(declared, "s3://eu-1@media/x").agent == "attached.cloud"


def test_a_tape_drive_is_attached_by_its_place_or_its_name(plan: Plan) -> None:
    place = "tape:///dev/nst0?changer=/dev/sg3"
    attachment = attach(plan, place)
    assert attachment.agent == "attached.nst0"
    device = attachment.plan.agent("attached.nst0").device
    assert (device.kind, device.location) == ("tape", place)
    drive = "  lto: {kind: tape, path: /dev/nst0, changer: /dev/sg3}\n  shelf: "
    declared = make_plan(parse_graph(GRAPH.replace("  shelf: ", drive)), machine=Machine())
    for name in (place, "tape:///dev/nst0", "/dev/nst0", "lto"):
        assert attach(declared, name).agent == "attached.lto"


@pytest.mark.parametrize(
    ("place", "text", "remedy"),
    [
        ("tape://nst0", "is no place of a tape", "the whole path of the drive"),
        ("tape:///dev/nst0/medium-00002", "one tape of a set", "name the drive: tape:///dev/nst0"),
    ],
)
def test_what_is_no_drive_is_not_attached(plan: Plan, place: str, text: str, remedy: str) -> None:
    with pytest.raises(UsageError, match=text) as told:
        attach(plan, place)
    assert remedy in told.value.remedy


def test_a_mirror_on_another_node_has_memory_of_its_own(plan: Plan) -> None:
    after = attach(plan, "vault").plan
    (edge,) = after.edges_into("attached.vault")
    assert edge.transport is Transport.DIRECT
    assert [slab.owner for slab in after.slabs if slab not in plan.slabs] == ["attached.vault"]


def test_the_next_one_stands_beside_or_behind_the_first(plan: Plan) -> None:
    first = attach(plan, "shelf")
    second = attach_mirror(first.document, first.plan, "/mnt/shelf-2", "shelf")
    assert second.agent == "attached-2.shelf-2"
    assert second.plan.agent(second.agent).level == 2
    assert second.plan.graph_text == plan.graph_text


def test_a_directory_that_the_graph_declares_is_that_device(plan: Plan, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/mnt/shelf")
    assert attach(plan, str(tmp_path / "link")).agent == "attached.shelf"


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("usb", 'device "usb" is used by group "attached"'),
        ("/mnt/nas/inside", 'device "inside" lies inside device "nas"'),
        ("/srv/www/backup", "/srv/www/backup"), ("/srv", "/srv"),
    ],
)  # fmt: skip
def test_what_the_graph_may_not_be_it_may_not_become(plan: Plan, place: str, text: str) -> None:
    with pytest.raises(GraphError) as caught:
        attach(plan, place)
    assert str(caught.value).startswith("the graph would not be valid with this mirror")
    assert text in str(caught.value)


@pytest.mark.parametrize(
    ("place", "source", "text"),
    [
        ("nobody", "primary", 'no device "nobody" (name a directory, or one of: nas, usb'),
        ("shelf", "secondary", 'called "secondary" (one of: primary.nas, offsite.usb)'),
    ],
)
def test_names_that_do_not_exist_are_answered_with_those_that_do(
    plan: Plan, place: str, source: str, text: str
) -> None:
    with pytest.raises(UsageError) as caught:
        attach(plan, place, source)
    assert text in str(caught.value)


def test_with_several_heads_one_must_be_named() -> None:
    text = GRAPH.replace("devices: [nas]", "devices: [nas, shelf]").replace(
        "primary[", "primary.nas["
    )
    plan = make_plan(parse_graph(text), machine=Machine())
    with pytest.raises(UsageError, match="several agents could feed the mirror"):
        attach(plan, "/mnt/more", "")
    with pytest.raises(UsageError, match='"primary" names several agents'):
        attach(plan, "/mnt/more", "primary")
    assert attach(plan, "/mnt/more", "shelf").agent == "attached.more"
