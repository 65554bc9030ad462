"""Graphs in Python: what is said in a few lines, and what becomes of it in a file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowbackup import Graph
from flowbackup.errors import GraphError, UsageError
from flowbackup.plan.decided import Plan
from tests.plan.written import legal_graphs

ROOT = Path(__file__).parents[2]
GRAPHS = sorted((ROOT / "graphs").glob("*.yaml"))


def small() -> Graph:
    graph = Graph("nightly")
    graph.client("web").object("site", path="/srv/www")
    primary = graph.backup_group("primary", devices=["/mnt/nas"], buffers=8)
    primary.mirror("offsite", devices=["/mnt/usb"], on_failure="optional")
    return graph


def said(written: dict[str, Any]) -> Graph:
    """A graph as a file has it, said by calls."""
    graph = Graph(**{key: value for key, value in written.items() if not _holds(value)})
    for name, node in written.get("nodes", {}).items():
        graph.node(name, **node)
    for name, client in written.get("clients", {}).items():
        made = graph.client(name, node=client.get("node"))
        for title, item in client.get("objects", {}).items():
            made.object(title, **item)
    calls = {
        "devices": graph.device, "backup_groups": graph.backup_group,
        "mirror_groups": graph.mirror_group, "restore_groups": graph.restore_group,
        "copy_groups": graph.copy_group,
    }  # fmt: skip
    for section, call in calls.items():
        for name, values in written.get(section, {}).items():
            call(name, **values)  # type: ignore[operator]
    for coupling in written.get("couplings", []):
        if isinstance(coupling, str):
            graph.couple(*coupling.split(" -> "))
        else:
            options = dict(coupling)
            graph.couple(options.pop("from"), options.pop("to"), **options)
    for hook in written.get("hooks", []):
        graph.hook(**hook)
    for notice in written.get("notices", []):
        graph.notice(**notice)
    return graph


def _holds(value: object) -> bool:
    return isinstance(value, (dict, list))


INSTEAD_OF_A_PATH = st.sampled_from(
    [
        {"table": True},
        {"stdin": True},
        {"command": ["pg_dump", "a b"]},
        {"source": "sqlite", "options": {"text": "a: b", "number": 7, "part": 0.5, "is": False}},
    ]
)


@given(written=legal_graphs(), other=st.none() | INSTEAD_OF_A_PATH, has_url=st.booleans())
@settings(
    max_examples=100,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_graph_survives_a_file_unchanged(
    written: dict[str, Any], other: dict[str, Any] | None, has_url: bool, tmp_path: Path
) -> None:
    if other is not None:
        item = written["clients"]["c0"]["objects"]["o0"]
        del item["path"]
        item |= other
    if has_url:
        written["devices"]["d0"] = {"url": "shelf:///mnt/a b"}
    graph = said(written)
    path = tmp_path / "graph.yaml"
    graph.to_file(path)
    back = Graph.from_file(path)
    assert back.spec() == graph.spec()
    assert back.text == graph.text == path.read_text()
    assert Graph.of(graph.spec()).text == graph.text
    assert Graph.from_text(graph.text).spec() == graph.spec()


@pytest.mark.parametrize("path", GRAPHS, ids=lambda path: path.stem)
def test_a_file_survives_the_graph_byte_for_byte(path: Path, tmp_path: Path) -> None:
    graph = Graph.from_file(path)
    graph.to_file(tmp_path / path.name)
    assert (tmp_path / path.name).read_bytes() == path.read_bytes()
    assert isinstance(graph.plan(), Plan)


@pytest.mark.parametrize("path", GRAPHS, ids=lambda path: path.stem)
def test_what_is_added_leaves_the_rest_of_a_file_alone(path: Path) -> None:
    graph = Graph.from_file(path)
    graph.device("one-more", path="/mnt/one-more")
    spec = graph.spec()
    assert Graph.from_text(graph.text).spec() == spec
    before = path.read_text().splitlines()
    kept = [line for line in before if line in set(graph.text.splitlines())]
    assert kept == before


def test_buffers_are_coupled_as_they_are_said() -> None:
    graph = Graph("partial")
    primary = graph.backup_group("primary", devices=["/mnt/nas"], buffers=8)
    offsite = graph.mirror_group("offsite", devices=["/mnt/usb"], buffers=8)
    vault = graph.mirror_group("vault", devices=["/mnt/tape"])
    web = graph.client("web")
    web.object("site", path="/srv/www", buffers=primary["nas"][:4])
    web.object("cache", path="/var/cache", buffers=primary["/mnt/nas"][4:])
    primary["nas"][0:4] >> offsite["usb"][0:4]
    offsite["usb"].couple(vault["tape"], on_failure="optional")
    spec = graph.spec()
    assert [str(coupling) for coupling in spec.couplings] == [
        "primary.nas[0:4] -> offsite.usb[0:4]",
        "offsite.usb -> vault.tape",
    ]
    assert spec.couplings[1].on_failure == "optional"
    objects = spec.clients["web"].objects
    assert [str(item.buffers) for item in objects.values()] == ["nas[0:4]", "nas[4:8]"]
    graph.check()


def test_groups_are_coupled_in_a_row() -> None:
    graph = small()
    vaults = graph.mirror_group("vaults", devices=["/mnt/tape"])
    last = graph.mirror_group("last", devices=["/mnt/disk"])
    assert (graph["offsite"] >> vaults >> last) is last
    assert [str(coupling) for coupling in graph.spec().couplings] == [
        "offsite -> vaults",
        "vaults -> last",
    ]


def test_a_group_of_a_file_goes_on() -> None:
    graph = Graph.from_file(ROOT / "graphs" / "mirror.yaml")
    graph["offsite"].mirror("vault", devices=["/mnt/vault"])
    text = graph.text
    assert text.startswith((ROOT / "graphs" / "mirror.yaml").read_text().splitlines()[0])
    assert "devices: [vault]" in text
    assert [agent.level for agent in graph.plan().agents] == [0, 1, 2]


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (lambda g: g["primary"]["tape"], 'group "primary" has no device "tape"'),
        (lambda g: g["primary"]["nas"][4:2], "is no range of buffers"),
        (lambda g: g["primary"]["nas"][0:8:2], "is no range of buffers"),
        (lambda g: g["primary"][0:4], "buffers are those of an agent"),
        (lambda g: g.client("x").object("y", path="/", buffers=g["primary"]), "is assigned to"),
    ],
)
def test_ends_that_cannot_be_meant(wrong: Any, text: str) -> None:
    with pytest.raises(UsageError, match=text):
        wrong(small())


def test_what_is_wrong_is_told_all_at_once() -> None:
    graph = small()
    graph.mirror_group("more", devices=["nowhere"], mirrors="primry")
    with pytest.raises(GraphError) as caught:
        graph.check()
    assert len(caught.value.findings) == 2
    assert "primry" in graph._repr_mimebundle_()["text/plain"]


def test_a_graph_shows_itself() -> None:
    bundle = small()._repr_mimebundle_()
    assert bundle["image/svg+xml"].startswith("<svg")
    assert "primary" in bundle["text/plain"]
    assert small().draw("mermaid").startswith(("flowchart", "graph", "---"))
    assert repr(small()) == "<graph nightly: primary, offsite>"


def test_what_only_looks_does_not_load_it() -> None:
    program = "import sys, flowbackup.cli.main; print('flowbackup.building' in sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, cwd=ROOT
    )
    assert ran.stdout.strip() == "False"
