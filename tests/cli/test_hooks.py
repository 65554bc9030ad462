"""Hooks and notices as commands show them: what is written, and no address."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import RunCommand

GRAPH = """\
graph: g
clients: {web: {objects: {site: {path: /srv, hooks: [{when: after, run: [true-enough, "a b"]}]}}}}
devices: {nas: {path: /mnt/nas}}
backup_groups: {primary: {devices: [nas]}}
hooks: [{when: before, shell: "sync; sync", background: true, timeout: 90}]
notices:
  - {url: "https://example.org/secret?secret", when: [failed]}
"""


@pytest.fixture
def graph(tmp_path: Path) -> str:
    (tmp_path / "g.yaml").write_text(GRAPH)
    return str(tmp_path / "g.yaml")


def test_people_see_tables(graph: str, flowbackup: RunCommand) -> None:
    ran = flowbackup("graph", "plan", graph)
    assert ran.exit_code == 0 and "secret" not in ran.out
    lines = [" ".join(line.split()) for line in ran.out.splitlines()]
    assert "session before (background) /bin/sh -c 'sync; sync' ignore 1:30" in lines
    assert "web/site after true-enough 'a b' ignore 1:00:00" in lines
    assert "example.org plain failed" in lines


def test_programs_see_fields(graph: str, flowbackup: RunCommand) -> None:
    (plan,) = flowbackup("graph", "plan", graph, "--json").lines
    (hook,) = plan["hooks"]  # type: ignore[misc, attr-defined]
    assert hook == {
        "when": "before", "command": ["/bin/sh", "-c", "sync; sync"], "on_error": "ignore",
        "background": True, "timeout_seconds": 90,
    }  # fmt: skip
    assert plan["notices"] == [{"to": "example.org", "style": "plain", "when": ["failed"]}]
    (item,) = plan["objects"]  # type: ignore[misc, attr-defined]
    assert item["hooks"][0]["command"] == ["true-enough", "a b"]


def test_a_check_counts_them(graph: str, flowbackup: RunCommand) -> None:
    assert "2 hooks, 1 notice, 0 warnings" in flowbackup("graph", "check", graph).out
    (row,) = flowbackup("graph", "check", graph, "--json").lines
    assert (row["hooks"], row["notices"]) == (2, 1)
