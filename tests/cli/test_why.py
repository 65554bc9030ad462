"""flowbackup why, on real trees: the graph decides, or the one that ran."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowbackup import api
from flowbackup.model.source_rules import SourceRules
from tests.cli.conftest import RunCommand
from tests.local_backup import LocalBackup

GRAPH = """\
graph: g
clients:
  web:
    objects:
      site: {path: tree, exclude: ["*.tmp", "!keep.tmp"], exclude_larger_than: 1 KiB}
      part: {path: tree/d}
devices: {nas: {path: medium}}
backup_groups: {primary: {devices: [nas]}}
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "graph.yaml").write_text(GRAPH)
    (tmp_path / "tree" / "d").mkdir(parents=True)
    for name in ("x", "x.tmp", "d/keep.tmp", "d/y.tmp"):
        (tmp_path / "tree" / name).write_text(name)
    (tmp_path / "tree" / "large").write_bytes(bytes(1025))
    (tmp_path / "tree" / "d" / ".flowbackupignore").write_text("\n/z\n")
    (tmp_path / "tree" / "d" / "z").mkdir()
    (tmp_path / "tree" / "d" / "z" / "below").touch()
    return tmp_path / "tree"


def test_a_stream_has_no_path(tree: Path, flowbackup: RunCommand) -> None:
    graph = tree.parent / "graph.yaml"
    graph.write_text(GRAPH.replace("part: {path: tree/d}", "part: {command: [date]}"))
    ran = flowbackup("why", str(tree / "x"), "--graph", str(graph), "--json")
    assert ran.exit_code == 0
    assert [row["object"] for row in ran.lines] == ["web/site"]


@pytest.mark.parametrize(
    ("path", "object_name", "kept", "rule"),
    [
        ("x", "web/site", True, ""),
        ("x.tmp", "web/site", False, '"*.tmp", line 1 of exclude of the object'),
        ("d/keep.tmp", "web/site", True, '"!keep.tmp", line 2 of exclude of the object'),
        ("d/y.tmp", "web/part", True, ""),
        ("d/z/below", "web/site", False, '"/z", line 2 of d/.flowbackupignore'),
        ("d/z/below", "web/part", False, '"/z", line 2 of .flowbackupignore'),
        ("large", "web/site", False, "exclude_larger_than: it has 1025 bytes"),
        ("", "web/site", True, "it is the object itself"),
    ],
)
def test_by_a_graph(
    tree: Path, flowbackup: RunCommand, path: str, object_name: str, kept: bool, rule: str
) -> None:
    graph = str(tree.parent / "graph.yaml")
    ran = flowbackup("why", str(tree / path), "--graph", graph, "--json")
    assert ran.exit_code == 0
    (row,) = [row for row in ran.lines if row["object"] == object_name]
    assert (row["type"], row["kept"], row["rule"]) == ("why", kept, rule)


def test_for_people(tree: Path, flowbackup: RunCommand) -> None:
    graph = str(tree.parent / "graph.yaml")
    assert flowbackup("why", str(tree / "x"), "--graph", graph).out == (
        "x: backed up with web/site: no rule leaves it out\n"
    )
    ran = flowbackup("why", str(tree.parent), "--graph", graph)
    assert ran.exit_code == 1
    assert "no data object of this machine holds" in ran.err
    ran = flowbackup("why", str(tree / "nothing"), "--graph", graph)
    assert "is not there" in ran.err


def test_by_what_was_backed_up_here(tree: Path, tmp_path: Path, flowbackup: RunCommand) -> None:
    local = LocalBackup(tmp_path, "nas")
    local.run(tree, "nas")
    catalog = str(local.catalog_path)
    (row,) = flowbackup("why", str(tree / "d" / "z"), "--catalog", catalog, "--json").lines
    assert (row["object"], row["kept"]) == ("web/tree", False)
    assert row["rule"] == '"/z", line 2 of d/.flowbackupignore'


def test_backup_takes_rules_and_writes_them_into_its_graph(tmp_path: Path) -> None:
    rules = SourceRules(
        exclude=("*.tmp", "!keep.tmp", "\\#x"), ignore_files=False, exclude_caches=True,
        one_file_system=True, larger_than_bytes=1 << 30, older_than_seconds=86_400,
    )  # fmt: skip
    plan = api.quick_plan([str(tmp_path / "a")], str(tmp_path / "m"), rules=rules)
    assert [item.rules for item in plan.objects] == [rules]
    (tmp_path / "g.yaml").write_text(plan.graph_text)
    assert [item.rules for item in api.load_plan(tmp_path / "g.yaml").objects] == [rules]
