"""flowbackup free, and what other commands say of freed segments, on real media without Ray."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import RunCommand
from tests.runtime.staged import Staged

FREED = ["device", "medium", "segments", "frames", "bytes", "kept"]


@pytest.fixture
def staged(tmp_path: Path) -> Staged:
    staged = Staged(tmp_path, "slow")
    staged.backup()
    staged.plan()
    return staged


@pytest.fixture
def graph(staged: Staged) -> tuple[str, ...]:
    return str(staged.folder / "staging.yaml"), "--catalog", str(staged.catalog)


def test_it_says_what_stays_and_why(
    staged: Staged, graph: tuple[str, ...], flowbackup: RunCommand
) -> None:
    ran = flowbackup("free", *graph)
    assert ran.exit_code == 0
    assert "0 B freed in 0 segments" in ran.out and "fast gave back nothing" in ran.out
    assert "stay (copies): web/site@1 has 0 of 1 copies on other devices" in ran.out


def test_a_dry_run_says_what_would_go_and_changes_nothing(
    staged: Staged, graph: tuple[str, ...], flowbackup: RunCommand
) -> None:
    staged.drain()
    before = staged.segments()
    ran = flowbackup("free", *graph, "--dry-run")
    assert f"1.4 MiB would be freed in {len(before)} segments" in ran.out
    assert f"fast would give back 1.4 MiB in {len(before)} segments" in ran.out
    assert "dry run" in ran.out and staged.segments() == before
    for command in ("run", "copy"):
        plan, room = flowbackup(command, *graph, "--dry-run", "--json").lines
        assert plan["type"] == "plan"
        assert plan["staging"] == [
            {"device": "fast", "node": "here", "copies": 1, "keep_seconds": 0}
        ]
        assert (room["type"], room["segments"]) == ("freed", len(before))
        people = flowbackup(command, *graph, "--dry-run").out
        assert "fast frees versions that have 1 copy on other devices" in people
        assert "fast would give back" in people
    assert staged.segments() == before


def test_its_summary_and_the_list_of_copies(
    staged: Staged, graph: tuple[str, ...], flowbackup: RunCommand
) -> None:
    staged.drain()
    before = staged.segments()
    (summary,) = flowbackup("free", *graph, "fast", "--json").lines
    assert (summary["type"], summary["kind"], summary["outcome"]) == ("summary", "free", "success")
    (freed,) = summary["freed"]  # type: ignore[misc]
    assert list(freed) == FREED and freed["segments"] == len(before) and freed["kept"] == []
    catalog = graph[1:]
    rows = {row["device"]: row for row in flowbackup("copies", "site", *catalog, "--json").lines}
    assert (rows["fast"]["frames_held"], rows["slow"]["frames_freed"]) == (0, 0)
    assert rows["fast"]["frames_freed"] == rows["slow"]["frames_held"]
    assert " freed " in flowbackup("copies", "site", *catalog).out
    assert "success: free of staging" in flowbackup("free", *graph).out


def test_what_is_not_shown_is_told_with_exit_code_4(
    staged: Staged, graph: tuple[str, ...], flowbackup: RunCommand
) -> None:
    staged.drain()
    for segment in (staged.place("slow") / "segments").iterdir():
        segment.unlink()
    ran = flowbackup("free", *graph)
    assert ran.exit_code == 4 and "does not show" in ran.out and staged.segments()


def test_a_device_that_is_no_staging_device_is_refused(
    staged: Staged, graph: tuple[str, ...], flowbackup: RunCommand
) -> None:
    ran = flowbackup("free", graph[0], "slow", *graph[1:])
    assert ran.exit_code == 2 and 'no staging device "slow"' in ran.err
    assert "its staging devices are: fast" in ran.err
