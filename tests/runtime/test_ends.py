"""How objects end whose frames come to one mirror over several heads."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from flowbackup.model.record import VersionRecord
from flowbackup.model.report import Outcome
from flowbackup.plan import make_plan
from flowbackup.runtime.actors.client import ObjectEnding
from flowbackup.runtime.crew.ends import KnownShares, copies_planned, judge
from flowbackup.spec import parse_graph
from tests.plan.written import PLENTY
from tests.source.memory_sink import read_tree

GRAPH = """
graph: joined
frame_size: 64 KiB
sync_size: 64 KiB
clients: {web: {objects: {site: {path: /srv}}}}
devices: {a: {kind: "null"}, b: {kind: "null"}, m: {kind: "null"}}
backup_groups: {primary: {devices: [a, b], buffers: 8}}
mirror_groups: {second: {devices: [m], buffers: 16}}
couplings: ["primary.a -> second.m[0:8]", "primary.b -> second.m[8:16]"]
"""
OBJECT = b"o" * 16


@pytest.fixture
def record(tmp_path: Path) -> VersionRecord:
    (tmp_path / "file").write_bytes(b"content")
    return read_tree(tmp_path / "file").record


@pytest.mark.parametrize(
    ("mirrored", "copies", "outcome"),
    [(10, 2, Outcome.SUCCESS), (9, 1, Outcome.INCOMPLETE), (6, 1, Outcome.INCOMPLETE),
     (0, 1, Outcome.INCOMPLETE)],
)  # fmt: skip
def test_a_joint_has_a_copy_when_it_has_what_came_over_all_heads(
    mirrored: int, copies: int, outcome: Outcome, record: VersionRecord
) -> None:
    plan = make_plan(parse_graph(GRAPH), machine=PLENTY)
    (item,) = plan.objects
    sent = (("web -> primary.a", 6), ("web -> primary.b", 4))
    ending = ObjectEnding("site", OBJECT, record, None, sent, ())
    durable = {"primary.a": {OBJECT: 6}, "primary.b": {OBJECT: 4}, "second.m": {OBJECT: mirrored}}
    end = judge(plan, ending, item, durable)
    assert (end.copies_durable, end.outcome) == (copies, outcome)
    assert copies_planned(plan, item) == 2


def test_a_head_that_got_nothing_owes_nothing(record: VersionRecord) -> None:
    plan = make_plan(parse_graph(GRAPH), machine=PLENTY)
    ending = ObjectEnding("site", OBJECT, record, None, (("web -> primary.b", 4),), ())
    durable: dict[str, dict[bytes, int]] = {"primary.a": {}, "primary.b": {OBJECT: 4}}
    end = judge(plan, ending, plan.objects[0], durable | {"second.m": {OBJECT: 4}})
    assert (end.copies_durable, end.outcome) == (2, Outcome.SUCCESS)


@pytest.mark.parametrize(
    ("mirrored", "copies", "outcome"), [(3, 2, Outcome.SUCCESS), (2, 1, Outcome.INCOMPLETE)]
)
def test_frames_of_an_earlier_session_count_where_they_lie(
    mirrored: int, copies: int, outcome: Outcome, record: VersionRecord
) -> None:
    plan = make_plan(parse_graph(GRAPH), machine=PLENTY)
    ending = ObjectEnding("site", OBJECT, record, None, (("web -> primary.b", 4),), ())
    durable: dict[str, dict[bytes, int]] = {"primary.a": {}, "primary.b": {OBJECT: 4}}
    known = KnownShares(
        due=Counter({"primary.a": 3}), held=Counter({"primary.a": 3, "second.m": mirrored})
    )
    end = judge(plan, ending, plan.objects[0], durable | {"second.m": {OBJECT: 4}}, known)
    assert (end.copies_durable, end.outcome) == (copies, outcome)
