"""flowbackup forget and prune, and the graph that says what is kept, on real media without Ray."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowbackup.catalog.catalog import open_catalog
from tests.cli.conftest import RunCommand
from tests.retention.keeping import Keeping

DECISION = [
    "type", "client", "name", "version", "object_id", "session", "finished_ns", "outcome", "keep",
    "reasons",
]  # fmt: skip


@pytest.fixture
def keeping(tmp_path: Path) -> Keeping:
    keeping = Keeping(tmp_path)
    for tags in ((), ("release",), (), ()):
        keeping.write("a", 200_000)
        keeping.backup(tags=tags)
    return keeping


@pytest.fixture
def catalog(keeping: Keeping) -> tuple[str, ...]:
    return "--catalog", str(keeping.local.catalog_path)


def numbers(keeping: Keeping) -> list[int]:
    return [version.number for version in keeping.versions()]


def test_a_dry_run_tells_every_version_and_changes_nothing(
    keeping: Keeping, catalog: tuple[str, ...], flowbackup: RunCommand
) -> None:
    rules = ("--keep-last", "1", "--keep-tag", "release", *catalog)
    ran = flowbackup("forget", *rules, "--dry-run")
    assert ran.exit_code == 0 and "dry run" in ran.out
    lines = [line for line in ran.out.splitlines() if "web/site@" in line]
    assert [("  keep  " in line, "  remove  " in line) for line in lines] == [
        (True, False), (False, True), (True, False), (False, True)
    ]  # fmt: skip
    assert "last 1 of 1" in lines[0] and "tag release" in lines[2] and "no rule" in lines[3]
    assert "days and hours of" in ran.err and numbers(keeping) == [1, 2, 3, 4]
    *foreseen, _ = flowbackup("forget", *rules, "--dry-run", "--json").lines
    *decided, summary = flowbackup("forget", *rules, "--json").lines
    rows = [row for row in decided if row["type"] == "decision"]
    assert rows == [row for row in foreseen if row["type"] == "decision"]
    assert [*rows[0]] == DECISION and rows[0]["reasons"] == ["last 1 of 1"]
    assert (summary["type"], summary["kind"], summary["outcome"]) == (
        "summary",
        "forget",
        "success",
    )
    assert numbers(keeping) == [2, 4]


def test_a_named_version_goes_and_the_last_complete_one_stays(
    keeping: Keeping, catalog: tuple[str, ...], flowbackup: RunCommand
) -> None:
    assert flowbackup("forget", "web/site@3", "site@1", *catalog).exit_code == 0
    assert numbers(keeping) == [2, 4]
    ran = flowbackup("forget", "site@4", *catalog)
    assert ran.exit_code == 2 and "last complete version" in ran.err
    assert flowbackup("forget", "site@3", *catalog).exit_code == 1
    assert numbers(keeping) == [2, 4]


def test_no_rule_is_refused(
    keeping: Keeping, catalog: tuple[str, ...], flowbackup: RunCommand
) -> None:
    for given in ((), ("--keep-last", "0"), ("site",), ("--copies", "2")):
        ran = flowbackup("forget", *given, *catalog)
        assert ran.exit_code == 2 and "which versions to keep" in ran.err
    assert flowbackup("forget", "--keep-tag", "a b", *catalog).exit_code == 2
    assert numbers(keeping) == [1, 2, 3, 4]


def test_a_graph_says_what_is_kept(
    keeping: Keeping, catalog: tuple[str, ...], flowbackup: RunCommand, tmp_path: Path
) -> None:
    graph = tmp_path / "g.yaml"
    text = (
        "graph: g\nclients: {{web: {{objects: {{site: {{path: /srv{own}}}}}}}}}\n{all}"
        f"devices: {{{{disk: {{{{path: {keeping.place()}}}}}}}}}\n"
        "backup_groups: {{primary: {{devices: [disk]}}}}\n"
    )
    graph.write_text(text.format(own="", all=""))
    given = ("forget", "--graph", str(graph), *catalog)
    assert flowbackup(*given).exit_code == 2
    graph.write_text(text.format(own="", all="retention: {last: 3}\n"))
    assert flowbackup(*given, "--keep-last", "1").exit_code == 2
    assert flowbackup(*given).exit_code == 0 and numbers(keeping) == [2, 3, 4]
    graph.write_text(
        text.format(own=", retention: {tags: [release]}", all="retention: {last: 9}\n")
    )
    assert flowbackup(*given).exit_code == 0 and numbers(keeping) == [2, 4]


def test_prune_gives_back_what_only_forgotten_versions_needed(
    keeping: Keeping, catalog: tuple[str, ...], flowbackup: RunCommand
) -> None:
    flowbackup("forget", "--keep-last", "1", *catalog)
    before = keeping.used_bytes()
    foreseen = flowbackup("prune", *catalog, "--dry-run")
    assert "would be freed in" in foreseen.out and keeping.used_bytes() == before
    (dry,) = flowbackup("prune", *catalog, "--dry-run", "--json").lines
    (summary,) = flowbackup("prune", "disk", *catalog, "--json").lines
    assert summary["freed"] == dry["freed"] and summary["kind"] == "prune"
    (freed,) = summary["freed"]  # type: ignore[misc]
    assert before - keeping.used_bytes() > freed["bytes"] - freed["moved_bytes"] - 150_000 > 500_000
    assert (
        flowbackup("restore", "latest", "--target", str(keeping.folder / "b"), *catalog).exit_code
        == 0
    )
    assert "disk gave back nothing" in flowbackup("prune", *catalog).out


@pytest.mark.parametrize("share", ["5", "-1%", "101%", "x%", "all"])
def test_a_wrong_share_is_refused(
    catalog: tuple[str, ...], flowbackup: RunCommand, share: str
) -> None:
    assert flowbackup("prune", f"--max-unused={share}", *catalog).exit_code == 2


def test_unlimited_moves_nothing(
    keeping: Keeping, catalog: tuple[str, ...], flowbackup: RunCommand
) -> None:
    assert flowbackup("prune", "--max-unused", "unlimited", *catalog).exit_code == 0
    assert flowbackup("prune", "usb", *catalog).exit_code == 1  # There is no such device.


def test_tags_of_a_run_are_on_the_media(
    keeping: Keeping, catalog: tuple[str, ...], flowbackup: RunCommand
) -> None:
    flowbackup("rebuild", "--fresh", str(keeping.place()), *catalog)
    with open_catalog(catalog[1]) as opened:
        tags = [item.tags for item in opened.forgetting.candidates("web", "site")]
    assert tags == [(), ("release",), (), ()]


def test_tags_come_and_go_and_retention_goes_by_them(
    keeping: Keeping, catalog: tuple[str, ...], flowbackup: RunCommand
) -> None:
    ran = flowbackup("tag", "site@1", "--add", "kept", "--add", "x", *catalog)
    assert ran.exit_code == 0 and "web/site@1" in ran.out and "kept, x" in ran.out
    (row,) = flowbackup("tag", "site@1", "--remove", "x", "--json", *catalog).lines
    assert [*row] == ["type", "client", "name", "version", "object_id", "finished_ns", "tags"]
    assert (row["type"], row["version"], row["tags"]) == ("version", 1, ["kept"])
    rows = flowbackup("tag", "site", "--all", "--json", *catalog).lines
    assert [row["tags"] for row in rows] == [["kept"], ["release"], [], []]
    (row,) = flowbackup("tag", "site", "--add", "newest", "--json", *catalog).lines
    assert row["version"] == 4
    assert flowbackup("tag", "site@1", "--add", "two words", *catalog).exit_code == 2
    assert flowbackup("tag", "site@9", "--add", "x", *catalog).exit_code == 1
    assert flowbackup("forget", "--keep-tag", "kept", *catalog).exit_code == 0
    assert numbers(keeping) == [1, 4]
