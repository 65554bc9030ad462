"""Stages behind the backup: what is read, in which order, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowbackup.plan import Plan, check, load_plan, make_plan
from flowbackup.plan.decided import Transport
from flowbackup.spec import parse_graph
from tests.plan.written import PLENTY

GRAPHS = Path(__file__).parents[2] / "graphs"
STAGES = """\
graph: nightly
clients: {web: {objects: {site: {path: /srv/www}}}}
devices:
  nas: {path: /mnt/nas}
  usb: {path: /mnt/usb}
  tape: {path: /mnt/tape}
  vault: {path: /mnt/vault}
backup_groups: {primary: {devices: [nas]}}
restore_groups:
  later: {devices: [tape]}
  first: {devices: [nas]}
copy_groups:
  to-vault: {copies: later, devices: [vault]}
  to-tape: {copies: first, devices: [tape]}
mirror_groups:
  twin: {mirrors: to-tape, devices: [usb], level: 1}
"""


def planned(text: str) -> Plan:
    return make_plan(parse_graph(text, "x.yaml"), machine=PLENTY)


def faults(text: str) -> list[tuple[str, str]]:
    """(rule, line) of every finding."""
    found = check(parse_graph(text, "x.yaml"), machine=PLENTY)
    return [(finding.rule, finding.place.split(":")[1]) for finding in found]


def test_a_stage_comes_behind_those_that_write_what_it_reads() -> None:
    plan = planned(STAGES)
    assert [agent.name for agent in plan.agents] == ["primary.nas"]
    assert [[a.name for a in stage.agents] for stage in plan.stages] == [
        ["first.nas", "to-tape.tape", "twin.usb"], ["later.tape", "to-vault.vault"],
    ]  # fmt: skip
    first = plan.stages[0]
    assert [(a.role, a.level) for a in first.agents] == [("restore", 0), ("copy", 0), ("mirror", 1)]
    assert {a.slab for a in first.agents} == {"first.nas"}
    assert [(edge.name, edge.spread) for edge in first.edges] == [
        ("first.nas -> to-tape.tape", "to-tape"), ("to-tape.tape -> twin.usb", ""),
    ]  # fmt: skip


def test_memory_is_that_of_the_largest_stage() -> None:
    text = STAGES.replace("first: {devices: [nas]}", "first: {devices: [nas], buffers: 32}")
    (slab,) = planned(text).stages[0].slabs
    assert slab.slots == 32
    assert dict(planned(text).memory_bytes) == {"here": slab.size_bytes}


def test_one_read_serves_every_copy_group_with_its_own_choice() -> None:
    plan = load_plan(GRAPHS / "copy-after-session.yaml", machine=PLENTY)
    (stage,) = plan.stages
    assert [(s.group, s.objects, s.required) for s in stage.selections] == [
        ("vault", (), True), ("archive", ("web/mail",), False),
    ]  # fmt: skip
    assert len([a for a in stage.agents if a.role == "restore"]) == 1


def test_readers_of_a_group_come_together_in_each_agent_that_copies() -> None:
    text = STAGES.replace("first: {devices: [nas]}", "first: {devices: [nas, old]}").replace(
        "devices:\n", "devices:\n  old: {path: /mnt/old, node: far}\n", 1
    )
    plan = planned(text.replace("clients:", "nodes: {far: {}}\nclients:"))
    stage = plan.stages[0]
    assert [(edge.name, edge.transport) for edge in stage.edges][:2] == [
        ("first.nas -> to-tape.tape", Transport.SHARED_MEMORY),
        ("first.old -> to-tape.tape", Transport.DIRECT),
    ]
    # What comes from another node needs memory of its own.
    assert {a.name: a.slab for a in stage.agents}["to-tape.tape"] == "to-tape.tape"


def test_spares_are_the_reserve_and_what_is_beyond_max() -> None:
    text = STAGES.replace("devices: [nas]}}", "devices: [nas, n2], reserve: [n3], max: 1, min: 1}}")
    text = text.replace("devices:\n", "devices:\n  n2: {path: /n2}\n  n3: {path: /n3}\n", 1)
    group = planned(text).group("primary")
    assert [spare.device.name for spare in group.spares] == ["n2", "n3"]
    assert group.devices_min == 1
    assert [agent.name for agent in planned(text).agents] == ["primary.nas"]


def test_a_coupling_has_the_rate_of_its_target_unless_it_says_another() -> None:
    twin = "twin: {mirrors: to-tape,"
    text = STAGES.replace(twin, f"{twin} rate_limit: 9 MB/s,")
    (edge,) = [e for e in planned(text).stages[0].edges if e.target == "twin.usb"]
    assert edge.rate.rate_at(0, 0) == 9_000_000
    text = text.replace(twin, "twin: {").replace(
        "mirror_groups:",
        'couplings: [{from: to-tape, to: twin, rate_windows: {"sat 22:00-02:00": 1 MB/s}}]\n'
        "mirror_groups:",
    )
    (edge,) = [e for e in planned(text).stages[0].edges if e.target == "twin.usb"]
    night = 23 * 60
    assert [edge.rate.rate_at(day, night) for day in (4, 5, 6)] == [9_000_000, 1_000_000, 9_000_000]
    assert [edge.rate.rate_at(day, 60) for day in (5, 6, 0)] == [9_000_000, 1_000_000, 9_000_000]


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ("to-vault: {copies: later, devices: [vault]}", "to-vault: {copies: later, devices: [nas]}",
         ("device-twice", "13")),
        ("first: {devices: [nas]}", "first: {devices: [usb]}", ("copy-loop", "11")),
        ("copies: first", "copies: primary", ("feeds-copy-group", "14")),
        ("mirrors: to-tape", "mirrors: first", ("feeds-mirror-group", "16")),
        ("copies: first", "copies: frist", ("unknown-group", "14")),
        ("to-tape: {copies: first,", "to-tape: {", ("unreached", "14")),
        ("copy_groups:", "couplings: [primary -> first]\ncopy_groups:",
         ("feeds-restore-group", "12")),
        ("{copies: first,", "{copies: 'first.nas[0:4]',", ("range-of-copy", "14")),
        ("copy_groups:", "couplings: [later -> to-tape]\ncopy_groups:", ("two-sources", "12")),
        ("level: 1", "level: 2", ("wrong-level", "16")),
        ("devices: [nas]}}", "devices: [nas], reserve: [far]}}", ("spare-elsewhere", "10")),
        ("{path: /mnt/vault}", "{path: /mnt/vault, media_size: 4 MiB}", ("media-too-small", "7")),
        ("{path: /mnt/vault}", "{path: /mnt/vault, staging: {copies: 1}}",
         ("staging-undrained", "7")),
        ("first: {devices: [nas]}", "first: {devices: [nas]}\n  idle: {devices: [usb]}",
         ("unused-group", "12")),
        ("devices: [nas]}}", "devices: [nas, n2], max: 1}}\ncouplings: [primary.n2 -> twin]",
         ("spare-agent", "10")),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_named(before: str, after: str, fault: tuple[str, str]) -> None:
    text = STAGES
    for name in ("far", "n2"):
        if name in after:
            node = ", node: away" if name == "far" else ""
            text = text.replace("devices:\n", f"devices:\n  {name}: {{path: /{name}{node}}}\n", 1)
            text = text.replace("clients:", "nodes: {away: {}}\nclients:") if node else text
    assert before in text
    assert fault in faults(text.replace(before, after))


def test_spares_of_two_groups_of_one_name_are_told_of_the_first() -> None:
    found = faults(
        "graph: g\nnodes: {away: {}}\n"
        "clients: {web: {objects: {site: {path: /srv/www, group: other}}}}\n"
        "devices:\n  nas: {path: /nas}\n  usb: {path: /usb}\n  tape: {path: /tape}\n"
        "  far: {path: /far, node: away}\n"
        "backup_groups:\n  primary: {devices: [nas], reserve: [far]}\n  other: {devices: [usb]}\n"
        "mirror_groups:\n  primary: {mirrors: other, devices: [tape]}\n"
    )
    assert {("spare-elsewhere", "10"), ("doubled-name", "13")} <= set(found)


def test_a_mirror_of_a_copy_may_not_have_the_name_of_a_backup_group() -> None:
    found = faults(
        "graph: g\nclients: {web: {objects: {site: {path: /srv/www}}}}\n"
        "devices: {nas: {path: /nas}, usb: {path: /usb}, tape: {path: /tape}}\n"
        "backup_groups: {primary: {devices: [nas]}}\n"
        "restore_groups: {readers: {devices: [nas]}}\n"
        "copy_groups: {vault: {copies: readers, devices: [usb], select: {versions: all}}}\n"
        "mirror_groups: {primary: {mirrors: vault, devices: [tape]}}\n"
    )
    assert ("doubled-name", "7") in found


def test_a_graph_without_clients_copies_what_there_is() -> None:
    text = STAGES.replace("clients: {web: {objects: {site: {path: /srv/www}}}}\n", "").replace(
        "backup_groups: {primary: {devices: [nas]}}\n", ""
    )
    assert faults(text) == []
    assert planned(text).agents == () and len(planned(text).stages) == 2
    session = text.replace("copies: first,", "copies: first, select: {versions: session},")
    assert ("no-session", "12") in faults(session)
