"""Couplings of parts of buffers: what they lead where, whose buffers are whose, what is refused."""

from __future__ import annotations

from random import Random

import pytest

from flowbackup.lanes.streams import agents_behind, lanes_of, streams_of, streams_over
from flowbackup.plan import check, draw, make_plan
from flowbackup.plan.buffers import Demand, dealt_out, passed_on, unserved
from flowbackup.plan.decided import Plan
from flowbackup.process import identify
from flowbackup.runtime.crew.assignments import Assignments
from flowbackup.spec import Severity, parse_graph
from tests.plan.written import PLENTY

HEAD = """
graph: g
frame_size: 64 KiB
sync_size: 64 KiB
"""


def plan_of(text: str) -> Plan:
    return make_plan(parse_graph(HEAD + text), machine=PLENTY)


def errors(text: str) -> list[tuple[str, str]]:
    findings = check(parse_graph(HEAD + text), machine=PLENTY)
    return [(f.rule, f.reason) for f in findings if f.severity is Severity.ERROR]


@pytest.mark.parametrize(
    ("buffers", "coupled", "into", "behind"),
    [
        ((0, 4), (0, 8), (0, 8), (0, 4)),
        ((4, 6), (4, 8), (0, 4), (0, 2)),
        ((0, 2), (0, 4), (8, 12), (8, 10)),
        ((0, 2), (0, 4), (0, 8), (0, 8)),
        ((0, 8), (0, 8), (0, 4), (0, 4)),
        ((2, 6), (0, 4), (0, 4), None),
        ((4, 8), (0, 4), (0, 4), None),
    ],
)
def test_equal_ranges_keep_their_numbers_and_others_do_not(
    buffers: tuple[int, int], coupled: tuple[int, int], into: tuple[int, int],
    behind: tuple[int, int] | None,
) -> None:  # fmt: skip
    assert passed_on(buffers, coupled, into) == behind


def test_buffers_are_dealt_out_in_turn_and_every_range_gets_some() -> None:
    whole = [Demand(name, (0, 8)) for name in "abc"]
    assert dealt_out(whole) == {"a": (0, 3, 6), "b": (1, 4, 7), "c": (2, 5)}
    tight = [Demand("a", (0, 8)), Demand("b", (0, 1)), Demand("c", (0, 2))]
    dealt = dealt_out(tight)
    assert (dealt["b"], dealt["c"]) == ((0,), (1,)) and dealt["a"] == (2, 3, 4, 5, 6, 7)
    apart = [Demand("a", (0, 4)), Demand("b", (4, 8))]
    assert dealt_out(apart) == {"a": (0, 1, 2, 3), "b": (4, 5, 6, 7)}


def test_nobody_is_left_without_a_buffer_as_long_as_there_are_enough() -> None:
    """Against all ways to give everybody one: as many as can be served are served."""
    random = Random(4)
    for _ in range(300):
        demands = []
        for edge in range(random.randint(1, 5)):
            first = random.randrange(4)
            demands.append(Demand(str(edge), (first, random.randint(first + 1, 5))))
        dealt = dealt_out(demands)
        given = [number for numbers in dealt.values() for number in numbers]
        assert len(given) == len(set(given))
        assert (unserved(dealt, demands) == []) == _can_be_served(demands, frozenset())


def _can_be_served(demands: list[Demand], taken: frozenset[int]) -> bool:
    if not demands:
        return True
    first, *others = demands
    free = set(range(*first.buffers)) - taken
    return any(_can_be_served(others, taken | {number}) for number in free)


CASCADE = """
nodes: {far: {}}
clients:
  web:
    objects:
      one: {path: /srv/one, buffers: "a[0:2]"}
      two: {path: /srv/two, buffers: "a[2:4]"}
      three: {path: /srv/three, buffers: "a[4:8]"}
devices:
  a: {kind: "null"}
  b: {kind: "null", node: far}
  c: {kind: "null", node: far}
  d: {kind: "null"}
  e: {kind: "null"}
backup_groups: {primary: {devices: [a], buffers: 8}}
mirror_groups:
  second: {devices: [b], buffers: 8}
  third: {devices: [c], buffers: 4}
  fourth: {devices: [d], buffers: 8}
  aside: {devices: [e], buffers: 8}
couplings:
  - primary.a[0:4] -> second.b[4:8]
  - second.b[4:6] -> third.c
  - third.c -> fourth.d
  - primary.a[4:8] -> aside.e
"""


def test_parts_of_a_head_lead_to_different_mirrors_on_every_level() -> None:
    plan = plan_of(CASCADE)
    behind = {
        buffers: {agent.name for agent in agents_behind(plan, "primary.a", buffers)}
        for buffers in ((0, 2), (2, 4), (4, 8))
    }
    assert behind == {
        (0, 2): {"primary.a", "second.b", "third.c", "fourth.d"},
        (2, 4): {"primary.a", "second.b"},
        (4, 8): {"primary.a", "aside.e"},
    }
    lanes = {(lane.first_slot, lane.last_slot): lane.stream for lane in lanes_of(plan)}
    assert lanes == {(0, 2): 1, (2, 4): 2, (4, 8): 3}
    assert streams_of(plan) == {
        "primary.a": (), "second.b": (1, 2), "third.c": (1,), "fourth.d": (1,), "aside.e": (3,),
    }  # fmt: skip
    assert streams_over(plan)["second.b -> third.c"] == (1,)
    assert streams_over(plan)["web -> primary.a"] == (1, 2, 3)


def test_a_client_elsewhere_has_a_slot_for_every_buffer_that_its_objects_may_use() -> None:
    text = CASCADE.replace("a: {kind", "a: {node: far, kind").replace("[a],", "[a, a2],")
    plan = plan_of(text.replace("devices:\n", 'devices:\n  a2: {kind: "null"}\n', 1).replace(
        "a[4:8]\"}", "a2[6:8]\"}"))  # fmt: skip
    settings = Assignments(plan, bytes(16), identify()).client("web")
    slots = {edge: dict(pairs) for edge, pairs in settings.slots}
    assert slots == {
        "web -> primary.a": {0: 0, 1: 1, 2: 2, 3: 3},
        "web -> primary.a2": {4: 6, 5: 7},
    }
    assert settings.own_slab is not None and settings.own_slab.slots == 6
    assert {edge.name: edge.frames_max for edge in settings.edges} == {
        "web -> primary.a": 4, "web -> primary.a2": 2,
    }  # fmt: skip


def test_halves_are_refused_on_every_level_by_name() -> None:
    assert errors(CASCADE) == []
    ((rule, reason),) = errors(CASCADE.replace("b[4:6] -> third.c", "b[4:5] -> third.c"))
    assert rule == "half-mirrored" and 'object "one"' in reason
    assert "may come into buffers [4:6] of second.b, of which only [4:5]" in reason
    found = errors(CASCADE.replace("second.b[4:8]", "second.b"))
    assert [rule for rule, _ in found] == ["half-mirrored"] * 2
    assert "may come into buffers [0:8] of second.b, of which only [4:6]" in found[0][1]


JOINED = """
clients: {web: {objects: {site: {path: /srv}}}}
devices: {a: {kind: "null"}, b: {kind: "null"}, m: {kind: "null"}}
backup_groups: {primary: {devices: [a, b], buffers: 8}}
mirror_groups: {second: {devices: [m], buffers: 16}}
copies: 2
couplings:
  - primary.a -> second.m[0:8]
  - primary.b -> second.m[8:16]
"""


def test_a_mirror_may_have_buffers_for_each_of_several_feeders() -> None:
    assert errors(JOINED) == []
    plan = plan_of(JOINED)
    assert streams_of(plan)["second.m"] == ()
    assignments = Assignments(plan, bytes(16), identify())
    assert [assignments.edges_from(f"primary.{n}")[0].frames_max for n in "ab"] == [8, 8]
    for coupling in ("primary.b -> second.m[7:15]", "primary.b -> second.m"):
        ((rule, reason),) = errors(JOINED.replace("primary.b -> second.m[8:16]", coupling))
        assert rule == "two-sources" and "primary.b here and by primary.a in line" in reason


def test_behind_a_joint_lies_what_all_memories_in_front_hold() -> None:
    behind = "third: {devices: [o], buffers: 16, mirrors: second}, second"
    text = JOINED.replace("second", behind, 1).replace("m: {kind", 'o: {kind: "null"}, m: {kind')
    assert {agent.name: agent.slots for agent in plan_of(text).agents} == {
        "primary.a": 8, "primary.b": 8, "second.m": 16, "third.o": 16,
    }  # fmt: skip


def test_nothing_comes_to_a_device_by_two_ways() -> None:
    diamond = """
clients: {web: {objects: {site: {path: /srv}}}}
devices: {a: {kind: "null"}, b: {kind: "null"}, c: {kind: "null"}, m: {kind: "null"}}
backup_groups: {primary: {devices: [a], buffers: 8}}
mirror_groups:
  left: {devices: [b], buffers: 8}
  right: {devices: [c], buffers: 8}
  last: {devices: [m], buffers: 16}
couplings: [primary -> left, primary -> right, "left.b -> last.m[0:8]", "right.c -> last.m[8:16]"]
"""
    ((rule, reason),) = errors(diamond)
    assert rule == "two-ways" and "come to last.m over " in reason and "once more over " in reason
    parted = diamond.replace("path: /srv", 'path: /srv, buffers: "a[0:4]"')
    for name, buffers in (("left", "[0:4]"), ("right", "[4:8]")):
        parted = parted.replace(f"primary -> {name}", f'"primary.a{buffers} -> {name}"')
    assert errors(parted) == []


COPIED = """
devices:
  a: {kind: "null"}
  t: {kind: "null"}
  u: {kind: "null"}
  m: {kind: "null"}
restore_groups: {library: {devices: [a]}}
copy_groups:
  one: {devices: [t], buffers: 8, copies: library}
  two: {devices: [u], buffers: 8, copies: library}
mirror_groups: {second: {devices: [m], buffers: 16}}
"""


def test_copies_take_whatever_is_free_and_one_group_feeds_a_mirror() -> None:
    joined = 'couplings: ["one.t -> second.m[0:8]", "two.u -> second.m[8:16]"]\n'
    ((rule, reason),) = errors(COPIED + joined)
    assert rule == "two-ways" and 'copies of groups "one" and "two" come to second.m' in reason
    ((rule, reason),) = errors(COPIED + 'couplings: ["one.t[0:4] -> second.m"]\n')
    assert rule == "range-of-copy" and "one.t[0:4] is a part of the buffers of a copy" in reason
    both = COPIED.replace("[t], buffers", "[t, u], buffers").replace(
        "  two: {devices: [u], buffers: 8, copies: library}\n", "")  # fmt: skip
    assert errors(both + joined.replace("two.u", "one.u")) == []


def test_more_feeders_than_buffers_are_refused_before_anything_starts() -> None:
    clients = ", ".join(
        f'c{n}: {{objects: {{o: {{path: /srv/{n}, buffers: "a[0:2]"}}}}}}' for n in range(3)
    )
    text = f"""
clients: {{{clients}}}
devices: {{a: {{kind: "null"}}}}
backup_groups: {{primary: {{devices: [a], buffers: 8}}}}
"""
    ((rule, reason),) = errors(text)
    assert rule == "shared-buffers"
    assert reason.startswith("none of the buffers [0:2] of primary.a is left for c2: 3 feed it")
    assert errors(text.replace("a[0:2]", "a[0:3]")) == []
    many = ", ".join(f"c{n}: {{objects: {{o: {{path: /srv/{n}}}}}}}" for n in range(9))
    assert [r for r, _ in errors(text.replace(clients, many))] == ["shared-buffers"]


def test_a_drawing_tells_which_buffers_are_coupled_with_which() -> None:
    assert "to [0:8], to [8:16]" in draw(plan_of(JOINED), "text")
    picture = draw(plan_of(CASCADE), "mermaid")
    for label in ("[0:4] to [4:8] network", "[4:6]", "[4:8]"):
        assert f'|"{label}"|' in picture
    assert picture.count("|") == 2 * 4
