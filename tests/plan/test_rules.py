"""Rules whose findings need exact words, real paths or a machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowbackup.errors import GraphError
from flowbackup.plan import Machine, check, load_plan, make_plan
from flowbackup.spec import Finding, GraphBuilder, Severity, parse_graph, quick_graph
from tests.plan.written import PLENTY

CHAIN = """\
graph: nightly
clients:
  web:
    objects:
      site: {path: /srv/www}
devices:
  nas: {path: /mnt/nas}
  usb: {path: /mnt/usb}
backup_groups:
  primary: {devices: [nas], buffers: 8}
mirror_groups:
  offsite:
    devices: [usb]
    buffers: 8
    level: 1
    mirrors: primary
"""


def lines(text: str, machine: Machine = PLENTY) -> list[str]:
    return [str(finding) for finding in check(parse_graph(text, "x.yaml"), machine=machine)]


def test_a_good_chain_has_no_findings() -> None:
    assert lines(CHAIN) == []


def test_the_line_of_an_unknown_group() -> None:
    assert lines(CHAIN.replace("mirrors: primary", "mirrors: primry")) == [
        'x.yaml:16:5 group "offsite" mirrors "primry", which does not exist. '
        'Did you mean "primary"?'
    ]


def test_a_removed_coupling_names_the_unreached_group_and_its_line() -> None:
    (line,) = lines(CHAIN.replace("    mirrors: primary\n", ""))
    assert line.startswith('x.yaml:12:3 no coupling reaches mirror group "offsite".')


def test_a_level_that_is_too_deep() -> None:
    (line,) = lines(CHAIN.replace("level: 1", "level: 2"))
    assert line.startswith('x.yaml:15:5 group "offsite" says level 2, but its couplings put it on')
    assert line.endswith("Write level: 1, or couple it behind a group of level 1.")


def test_an_unused_device_is_a_warning_and_no_error() -> None:
    text = CHAIN.replace("  usb:", "  old: {path: /mnt/old}\n  usb:")
    (line,) = lines(text)
    assert line.startswith('x.yaml:8:3 warning: no group uses device "old".')
    assert make_plan(parse_graph(text), machine=PLENTY).agents


def test_memory_above_what_the_machine_has() -> None:
    (line,) = lines(CHAIN, Machine(shared_memory_free=-1, memory_available=64 << 20))
    assert line.startswith("x.yaml:10:29 the buffers of this machine need 130 MiB, but 64 MiB are")
    assert line.endswith("Lower buffers or frame_size: 3 buffers of 16 MiB fit.")
    assert lines(CHAIN, Machine(-1, -1)) == []


def test_shared_memory_counts_where_processes_share_it() -> None:
    small = Machine(shared_memory_free=64 << 20, memory_available=1 << 40)
    assert lines(CHAIN, small) == []
    (line,) = lines(CHAIN + "engine: ray\n", small)
    assert "need 130 MiB, but 64 MiB are free in /dev/shm" in line


def test_memory_of_other_nodes_is_asked_when_the_graph_starts() -> None:
    text = CHAIN.replace("web:\n", "web:\n    node: n1\n").replace(
        "/mnt/nas}", "/mnt/nas, node: n1}"
    )
    text = text.replace("/mnt/usb}", "/mnt/usb, node: n1}") + "nodes: {n1: {}}\n"
    assert lines(text, Machine(0, 0)) == []


def test_two_devices_in_one_place_by_a_link(tmp_path: Path) -> None:
    (tmp_path / "nas").mkdir()
    (tmp_path / "usb").symlink_to("nas")
    (line,) = lines(CHAIN.replace("/mnt", str(tmp_path)))
    assert 'device "usb" is the same place as device "nas" in line 7' in line


def test_a_graph_that_nobody_wrote_has_no_lines(tmp_path: Path) -> None:
    place = str(tmp_path / "nas")
    with pytest.raises(GraphError) as caught:
        make_plan(quick_graph([tmp_path / "www"], place, [place]))
    assert caught.value.message == "this makes no valid graph: 1 fault"
    (line,) = caught.value.findings
    assert line.startswith(f'device "nas-2" is the same place as device "nas": {place}.')


def test_a_device_inside_another_by_a_link(tmp_path: Path) -> None:
    (tmp_path / "nas" / "in").mkdir(parents=True)
    (tmp_path / "usb").symlink_to("nas/in")
    (line,) = lines(CHAIN.replace("/mnt", str(tmp_path)))
    assert 'device "usb" lies inside device "nas"' in line


def test_a_device_inside_the_source_by_a_link(tmp_path: Path) -> None:
    (tmp_path / "tree" / "deep").mkdir(parents=True)
    (tmp_path / "nas").symlink_to("tree/deep")
    text = CHAIN.replace("/mnt", str(tmp_path)).replace("/srv/www", str(tmp_path / "tree"))
    (line,) = lines(text)
    assert line.startswith("x.yaml:5:14 ")
    assert 'object "site" of client "web" contains device "nas"' in line


def test_equal_paths_on_two_nodes_are_two_places() -> None:
    text = CHAIN.replace("/mnt/usb}", "/mnt/nas, node: n1}") + "nodes: {n1: {}}\n"
    assert lines(text) == []


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("s3://media/a", "is the same place"),
        ("s3://eu-1@media/a/b", "lies inside"),
        ("s3://media/b", ""),
        ("s3+https://host/media/a", ""),
    ],
)
def test_a_bucket_is_one_place_from_every_node(url: str, told: str) -> None:
    region = "" if "@" in url or "+" in url else ", region: eu-1"
    text = CHAIN.replace("{path: /mnt/nas}", '{kind: s3, url: "s3://media/a", region: eu-1}')
    text = text.replace("{path: /mnt/usb}", f'{{kind: s3, url: "{url}", node: n1{region}}}')
    found = lines(text + "nodes: {n1: {}}\n")
    assert len(found) == (1 if told else 0)
    assert all(told in line for line in found)


def test_relative_paths_refer_to_the_file(tmp_path: Path) -> None:
    file = tmp_path / "sub" / "g.yaml"
    file.parent.mkdir()
    file.write_text(CHAIN.replace("/mnt/", "../media/"))
    plan = load_plan(file, machine=PLENTY)
    assert plan.agents[0].device.location == str(tmp_path / "media" / "nas")


def test_faults_of_form_and_of_meaning_come_together(tmp_path: Path) -> None:
    file = tmp_path / "g.yaml"
    text = CHAIN.replace("mirrors: primary", "mirrors: primry").replace("level: 1", "levl: 1")
    file.write_text(text.replace("/mnt/usb}", "/mnt/usb, node: mars}"))
    with pytest.raises(GraphError) as caught:
        load_plan(file, machine=PLENTY)
    places = [line.removeprefix(f"{file}:").split()[0] for line in caught.value.findings]
    assert places == ["8:25", "15:5", "16:5"]


def test_items_behind_faulty_ones_keep_their_lines(tmp_path: Path) -> None:
    file = tmp_path / "g.yaml"
    file.write_text(CHAIN + "couplings:\n  - a\n  - b\n  - offsite -> primary\n")
    with pytest.raises(GraphError) as caught:
        load_plan(file, machine=PLENTY)
    places = [line.removeprefix(f"{file}:").split()[0] for line in caught.value.findings]
    assert list(dict.fromkeys(places)) == ["18:5", "19:5", "20:5"]
    assert any('feeds "primary", which is a' in line for line in caught.value.findings[2:])


def test_what_follows_from_a_fault_of_form_is_not_told(tmp_path: Path) -> None:
    file = tmp_path / "g.yaml"
    file.write_text(CHAIN.replace("{path: /mnt/usb}", "{kind: floppy, path: 5, x: 1}"))
    with pytest.raises(GraphError) as caught:
        load_plan(file, machine=PLENTY)
    assert len(caught.value.findings) == 3
    assert all(":8:" in line for line in caught.value.findings)


def test_many_wrong_names_do_not_take_for_ever() -> None:
    g = GraphBuilder("g")
    g.client("c").object("o", path="/nothing")
    for i in range(500):
        g.backup_group(f"b{i}", devices=[f"wrong{i}"])
    findings = check(g.spec(), machine=PLENTY)
    assert sum(f.rule == "unknown-device" for f in findings) == 500
    assert sum("Did you mean" in f.remedy for f in findings) <= 50


def test_a_finding_is_one_line() -> None:
    finding = Finding(Severity.WARNING, "a:1:2", "rule", "reason", "Remedy.")
    assert str(finding) == "a:1:2 warning: reason. Remedy."
