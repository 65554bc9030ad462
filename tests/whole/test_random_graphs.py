"""Random legal graphs, run in process with random objects: on every device are exactly the frames
that the graph says, each once, all equal.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest

from flowbackup.lanes.streams import streams_of, streams_over
from flowbackup.model.frame import FrameHeader, FrameKind
from tests.whole.graphs import AGENTS_MAX, Graph, GraphMaker
from tests.whole.oracle import Oracle
from tests.whole.session import Held, ids, prepared, run_backup, run_graph
from tests.whole.world import Failure

QUICK_SEEDS = 25
SLOW_SEEDS = 800
PARTS = 10
FAILURE_SEEDS = range(50, 65)
"""Among them are devices that fail while frames of theirs are safe behind them only."""
SECTIONS = ("backup_groups", "mirror_groups", "copy_groups")


@pytest.mark.parametrize("seed", range(QUICK_SEEDS))
def test_every_device_has_what_the_graph_says(seed: int, memory_path: Path) -> None:
    check(seed, memory_path)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_every_device_of_many_graphs(part: int, memory_path: Path) -> None:
    for seed in range(QUICK_SEEDS + part, SLOW_SEEDS, PARTS):
        with TemporaryDirectory(dir=memory_path) as folder:
            check(seed, Path(folder))


@pytest.mark.parametrize("seed", FAILURE_SEEDS)
def test_a_failed_device_costs_what_it_should_have_had(seed: int, memory_path: Path) -> None:
    check_failure(seed, memory_path)


@pytest.mark.slow
def test_failed_devices_of_many_graphs(memory_path: Path) -> None:
    for seed in range(QUICK_SEEDS, SLOW_SEEDS // 2):
        with TemporaryDirectory(dir=memory_path) as folder:
            check_failure(seed, Path(folder))


def check(seed: int, folder: Path) -> None:
    graph = GraphMaker(seed).make()
    try:
        held = run_graph(graph, folder, seed)
        check_backup(graph, held)
        check_copies(graph, held)
    except BaseException as error:
        error.add_note(f"seed {seed}: {graph}")
        raise


def check_failure(seed: int, folder: Path) -> None:
    """A mirror whose device fails hands everything on that others behind it are to have."""
    graph, random = GraphMaker(seed).make(), Random(seed)
    plan = prepared(graph, folder, random)
    over, through = streams_over(plan), streams_of(plan)
    every = {stream for streams in over.values() for stream in streams}
    behind = {
        a.name: {s for e in plan.edges_from(a.name) for s in over[e.name]} for a in plan.agents
    }
    mirrors = [agent.name for agent in plan.agents if agent.level > 0]
    relays = [a for a in mirrors if behind[a] and behind[a] >= set(through[a] or every)]
    failing = relays or [agent for agent in mirrors if not behind[agent]]
    if not failing:
        return
    failure = Failure(random.choice(failing), random.randint(0, 5))
    try:
        held = run_backup(plan, seed, failure)
        due = what_is_due(graph, held)
        found = held.frames.pop(failure.agent)
        assert ids(found) <= ids(due.pop(failure.agent))
        assert len(found) <= failure.frames
        for agent, frames in due.items():
            check_equal(held.frames[agent], frames)
            assert in_order(held.frames[agent])
    except BaseException as error:
        error.add_note(f"seed {seed}, {failure}: {graph}")
        raise


def check_backup(graph: Graph, held: Held) -> None:
    due = what_is_due(graph, held)
    for agent, frames in due.items():
        check_equal(held.frames[agent], frames)
        assert in_order(held.frames[agent])
    assert not any(held.missing.values()), held.missing
    check_copies_told(graph, held)


def what_is_due(graph: Graph, held: Held) -> dict[str, list[FrameHeader]]:
    """Agent -> its frames, by what lies on the heads, each frame of an object on one of them."""
    oracle = Oracle(graph)
    sent = _by_object(held, held.sent)
    assert set(sent) == objects_of(graph)
    due: dict[str, list[FrameHeader]] = {agent: [] for agent in held.frames}
    for name, frames in sent.items():
        heads = oracle.heads(*name.split("/"))
        lying = {head: _by_object(held, held.frames[head]).get(name, []) for head in heads}
        # Each frame on one head, and nothing of it is missing.
        assert ids(list(chain(*lying.values()))) == ids(frames)
        used = [head for head, found in lying.items() if found]
        assert len(used) == 1 or not oracle.lies_together(*name.split("/"))
        for head, buffers in heads.items():
            agents = [head, *oracle.reached(head, buffers)]
            assert len(set(agents)) == len(agents)
            for agent in agents:
                due[agent] += lying[head]
    return due


def check_copies_told(graph: Graph, held: Held) -> None:
    """A copy is one agent of a group behind each head that has something of the object."""
    oracle = Oracle(graph)
    for name in objects_of(graph):
        groups = [
            Counter(group_of(agent) for agent in (head, *oracle.reached(head, buffers)))
            for head, buffers in oracle.heads(*name.split("/")).items()
            if name in _by_object(held, held.frames[head])
        ]
        assert held.copies_durable[name] == sum(
            min(counts[group] for counts in groups) for group in groups[0]
        )


def check_copies(graph: Graph, held: Held) -> None:
    oracle = Oracle(graph)
    sent = _by_object(held, held.sent)
    due: dict[str, list[FrameHeader]] = {agent: [] for agent in held.copies}
    for _, agents, selected, lies_together in oracle.copy_groups():
        frames = list(chain.from_iterable(held.copies[agent] for agent in agents))
        ids(frames)
        copied = _by_object(held, frames)
        assert set(copied) == selected
        for name in selected:
            content = [f for f in sent[name] if f.kind != FrameKind.CATALOG]
            records = set(sent[name]) - set(content)
            assert set(content) <= set(copied[name]) <= set(sent[name])
            assert records & set(copied[name])
            places = [a for a in agents if name in _by_object(held, held.copies[a])]
            assert len(places) == 1 or not lies_together
        for agent in agents:
            due[agent] += held.copies[agent]
            for behind in oracle.reached(agent, oracle.buffers(agent)):
                due[behind] += held.copies[agent]
    for agent, frames in due.items():
        check_equal(held.copies[agent], frames)


def check_equal(found: list[FrameHeader], due: list[FrameHeader]) -> None:
    """Each once, with the digests that were sent; those of a stream in their order."""
    assert ids(found) == ids(due)
    assert set(found) == set(due)


def in_order(frames: Iterable[FrameHeader]) -> bool:
    last: dict[int, int] = defaultdict(lambda: -1)
    for frame in frames:
        if frame.sequence <= last[frame.stream]:
            return False
        last[frame.stream] = frame.sequence
    return True


def objects_of(graph: Graph) -> set[str]:
    clients = graph["clients"].items()
    return {f"{client}/{name}" for client, written in clients for name in written["objects"]}


def group_of(agent: str) -> str:
    return agent.partition(".")[0]


def _by_object(held: Held, frames: Iterable[FrameHeader]) -> dict[str, list[FrameHeader]]:
    found: dict[str, list[FrameHeader]] = {}
    for frame in frames:
        found.setdefault(held.objects[frame.object_id], []).append(frame)
    return found


def test_the_graphs_are_worth_it() -> None:
    """Edges, groups and objects of all kinds are among them, and up to twelve agents."""
    seen = Counter[str]()
    sizes = []
    for seed in range(QUICK_SEEDS):
        graph = GraphMaker(seed).make()
        oracle = Oracle(graph)
        groups = [group for section in SECTIONS for group in graph.get(section, {}).values()]
        sizes.append(sum(len(group["devices"]) for group in groups))
        feeders = Counter(target for _, _, target, _ in oracle.couplings)
        node = {f"{name}.{d}": graph["devices"][d]["node"] for s in SECTIONS
                for name, g in graph.get(s, {}).items() for d in g["devices"]}  # fmt: skip
        for source, coupled, target, into in oracle.couplings:
            is_part = set(coupled) != oracle.buffers(source)
            seen["part"] += is_part
            seen["part of a mirror"] += is_part and source.startswith("m")
            seen["other numbers"] += len(coupled) == len(into) and coupled != into
            seen["other counts"] += len(coupled) != len(into)
            seen["joined"] += feeders[target] > 1
            seen["between nodes"] += node[source] != node[target]
            seen["part between nodes"] += is_part and node[source] != node[target]
            seen["mirror of copies"] += source.startswith("k")
        objects = [o for c in graph["clients"].values() for o in c["objects"].values()]
        seen["pinned"] += sum("buffers" in item for item in objects)
        seen["spread"] += sum("buffers" not in item for item in objects)
        seen["stage"] += "copy_groups" in graph
        seen["object"] += sum(group.get("assign") == "object" for group in groups)
    assert max(sizes) == AGENTS_MAX and min(sizes) <= 3, sizes
    assert len(seen) == 12 and min(seen.values()) >= 3, seen
