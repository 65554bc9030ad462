"""What copy groups select, and stages with some of their groups only."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowbackup.catalog.rows import VersionRow
from flowbackup.frame.page import ChunkRef
from flowbackup.model.ids import FrameId
from flowbackup.model.record import VersionRecord
from flowbackup.plan.decided import CopySelection
from flowbackup.plan.making import load_plan
from flowbackup.plan.narrowing import copies_only, narrowed
from flowbackup.plan.selection import SECOND_NS, Candidate, selected

GRAPHS = Path(__file__).parents[2] / "graphs"
NOW_NS = 1_000 * SECOND_NS


def version(name: str, number: int, finished_seconds: int) -> VersionRow:
    client, _, plain = name.partition("/")
    record = VersionRecord(
        object_id=f"{name}{number}".encode().ljust(16), session=bytes(16), client=client,
        name=plain, source=b"/", started_ns=0, finished_ns=finished_seconds * SECOND_NS,
        outcome="success", entries=0, files=0, bytes_source=0, bytes_read=0, bytes_new=0,
        problems=0, root=ChunkRef(bytes(32), 0, FrameId(bytes(16), 0, 0), 0),
    )  # fmt: skip
    return VersionRow(number, record)


CANDIDATES = (
    Candidate(version("web/site", 1, 100), frozenset({"far"}), 3),
    Candidate(version("web/mail", 1, 200), frozenset({"near"}), 1),
    Candidate(version("web/site", 2, 900), frozenset({"near", "far"}), 2, in_session=True),
    Candidate(version("db/dump", 1, 950), frozenset({"near"}), 1, in_session=True),
)


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (CopySelection("g"), "web/mail@1 web/site@2 db/dump@1"),
        (CopySelection("g", versions="all"), "web/site@1 web/mail@1 web/site@2 db/dump@1"),
        (CopySelection("g", versions="session"), "web/site@2 db/dump@1"),
        (CopySelection("g", objects=("web/*",)), "web/mail@1 web/site@2"),
        (CopySelection("g", objects=("*/dump", "web/mail")), "web/mail@1 db/dump@1"),
        (CopySelection("g", versions="all", since_seconds=100), "web/site@2 db/dump@1"),
        (CopySelection("g", versions="all", since_seconds=99), "db/dump@1"),
        (CopySelection("g", versions="all", pool="far"), "web/site@1 web/site@2"),
        (CopySelection("g", versions="all", below=2), "web/mail@1 db/dump@1"),
        # The newest is meant, whatever else holds for the one before.
        (CopySelection("g", objects=("web/site",), since_seconds=50), ""),
    ],
)
def test_everything_that_is_written_must_hold(selection: CopySelection, expected: str) -> None:
    assert " ".join(map(str, selected(selection, CANDIDATES, NOW_NS))) == expected


def test_a_stage_with_one_of_its_groups_keeps_what_that_needs() -> None:
    plan = load_plan(GRAPHS / "copy-after-session.yaml")
    (stage,) = plan.stages
    part = narrowed(stage, {"vault"})
    assert [agent.name for agent in part.agents] == ["readers.nas", "vault.vault1"]
    assert [edge.target for edge in part.edges] == ["vault.vault1"]
    assert [item.group for item in part.selections] == ["vault"]
    assert narrowed(stage, {"vault", "archive"}) == stage
    alone = copies_only(plan, (part,))
    assert (alone.agents, alone.objects, alone.stages) == ((), (), (part,))


def test_mirrors_stay_with_their_copy_group() -> None:
    (stage,) = load_plan(GRAPHS / "restore-and-copy.yaml").stages
    assert narrowed(stage, {"archive"}) == stage
    assert {agent.role for agent in narrowed(stage, ()).agents} == {"restore"}
