"""One case: a legal graph, or one with faults planted, through the oracle and the code under test.

A case that fails is named with its number: `run_case(NUMBER)` does it again.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from flowbackup.plan import Machine
from flowbackup.plan.making import check_reading
from flowbackup.spec import dump_graph, parse_graph
from flowbackup.spec.document import Reading, read_graph_text
from flowbackup.spec.finding import Finding
from tests.oracle import plants_chains, plants_form, plants_names
from tests.oracle.chains import Chains
from tests.oracle.expected import Expected
from tests.oracle.legal import legal_graph
from tests.oracle.memory import memory_needed
from tests.oracle.model import Graph, Keys
from tests.oracle.plot import NoRoom, Planted, Planter, Plot, planted
from tests.oracle.text import Page
from tests.oracle.verdict import verdict

Kind = Planter | plants_form.Form
PATH = "/nowhere/graphs/x.yaml"
PLENTY = Machine(shared_memory_free=1 << 60, memory_available=1 << 60)
MEANING: tuple[Planter, ...] = (*plants_names.PLANTERS, *plants_chains.PLANTERS)
FORM: tuple[Kind, ...] = (*plants_form.PLANTERS, *plants_form.FORMS)
STOPS = ONLY_LINES = ("depth",)
"""Behind it nothing is read; its column is inside of what was planted."""
TOLD_WITH_FORM = frozenset(
    {"unknown-node", "unknown-device", "unknown-group", "unknown-agent", "object-to-mirror",
     "self-loop", "cycle", "doubled-name", "reserved-name", "device-twice", "same-device",
     "device-inside-device", "source-in-device", "device-in-source", "two-sources",
     "doubled-coupling"}
)  # fmt: skip
"""Faults of meaning that a fault of form in the head of the file does not hide."""

HEADS = (("graph", "graph"), ("graph", "catalog"))
"""Keys of which a fault touches nothing else."""

Spot = tuple[str, bool, int, int]
"""Rule, is it an error, line, column."""


class Case(NamedTuple):
    """kinds: what was planted.  rules: what was named.  messages: reason and remedy of each."""

    kinds: tuple[str, ...]
    rules: frozenset[str]
    text: str
    reading: Reading
    findings: tuple[Finding, ...]


class WrongVerdict(AssertionError):
    """The oracle and the code under test do not agree."""


class Trial:
    """A graph as a text, and what was found in it."""

    def __init__(self, graph: Graph, random: Random, machine: Machine = PLENTY) -> None:
        self.machine = machine
        self.page = Page(random)
        self.page.write_graph(graph)
        self.reading = read_graph_text(self.page.text, PATH)
        self.findings = check_reading(self.reading, machine=machine)
        self.spots = {_spot(finding): finding for finding in self.findings}

    def places(self, keys: Keys, is_value: bool = False) -> tuple[int, int]:
        """Line and column of the nearest thing that was written there."""
        if is_value:
            return self.page.values[keys]
        while keys and keys not in self.page.places:
            keys = keys[:-1]
        return self.page.places.get(keys, (1, 1))

    def must_name(self, fault: Planted) -> Finding:
        """The finding of a planted fault."""
        at = [self.places(keys, fault.is_value) for keys in fault.places]
        if fault.rule == "doubled-key":
            at += [self.places((*k[:-1], str.__str__(k[-1]))) for k in fault.places]
            at = [max(at)]
        for spot, finding in self.spots.items():
            is_there = spot[2:] in at or (fault.rule in ONLY_LINES and spot[2] == at[0][0])
            if spot[:2] == (fault.rule, fault.is_error) and is_there:
                self.check(fault.remedy in finding.remedy, f"remedy without {fault.remedy!r}")
                return finding
        self.fail(f"{fault} is not named at {at}")
        raise AssertionError

    def must_be(self, expected: set[Expected]) -> None:
        """Exactly these findings."""
        left = set(self.spots)
        for each in sorted(expected, key=lambda each: len(each.places)):
            spots = {(each.rule, each.is_error, *self.places(keys)) for keys in each.places}
            self.check(bool(spots & set(self.spots)), f"{each} is not named")
            left -= spots
        self.check(not left, f"nothing is wrong at {sorted(left)}")

    def check(self, holds: bool, words: str) -> None:
        if not holds:
            self.fail(words)

    def fail(self, words: str) -> None:
        found = "\n".join(f"{f.rule}: {f}" for f in self.findings)
        raise WrongVerdict(f"{words}\nfound:\n{found}\nin:\n{self.page.text}")


def plant_one(kind: Kind, seed: int) -> Trial:
    """The first random graph from this number on that has room for the fault, which is named."""
    while True:
        random = Random(seed)
        graph = legal_graph(random)
        try:
            fault = _plant_in(kind, Plot(graph, random))
        except NoRoom:
            seed += 1
            continue
        trial = Trial(graph, random)
        trial.must_name(fault)
        return trial


def with_too_little_memory(seed: int) -> Trial:
    """The first random graph from this number on that needs memory here, which it does not get."""
    graph = legal_graph(Random(seed))
    while not memory_needed(graph, Chains(graph)):
        seed += 1
        graph = legal_graph(Random(seed))
    return _without_memory(graph, Random(seed))


def run_case(number: int) -> Case:
    """Raises WrongVerdict."""
    random = Random(number)
    graph = legal_graph(random)
    _choose_copies(graph, random)
    try:
        if number % 2 == 0:
            return _legal(graph, random)
        return _faulty(graph, random)
    except Exception as error:
        error.add_note(f"run_case({number})")
        raise


def _choose_copies(graph: Graph, random: Random) -> None:
    """As many as all objects have, or none are said."""
    if random.random() < 0.5 and graph.get("backup_groups"):
        for wanted in (random.randint(2, 3), 1):
            graph["copies"] = wanted
            if not any(each.rule == "too-many-copies" for each in verdict(graph)):
                return


def _legal(graph: Graph, random: Random) -> Case:
    """With just enough memory; sometimes one byte too little is the fault."""
    chains = Chains(graph)
    needed = memory_needed(graph, chains)
    expected = verdict(graph, needed)
    assert not any(each.is_error for each in expected), f"the oracle refuses {expected}"
    trial = Trial(graph, random, Machine(needed, 1 << 60))
    trial.must_be(expected)
    _comes_back(trial)
    return _case(trial, ())


def _comes_back(trial: Trial) -> None:
    """What was read and written again is read as the same graph."""
    document = trial.reading.document
    assert document is not None
    trial.check(parse_graph(dump_graph(document), PATH) == document, "the file does not come back")
    again = parse_graph(dump_graph(document.spec), PATH)
    trial.check(again.spec == document.spec, f"another graph comes back:\n{again.text}")


def _faulty(graph: Graph, random: Random) -> Case:
    kind = random.random()
    if kind < 0.05:
        return _short_of_memory(graph, random)
    if kind < 0.5:
        return _of_meaning(graph, random, count=1 if kind < 0.4 else random.choice((2, 3)))
    if kind < 0.93:
        return _of_form(graph, random, count=1 if kind < 0.85 else random.choice((2, 3)))
    return _of_both(graph, random)


def _short_of_memory(graph: Graph, random: Random) -> Case:
    if not memory_needed(graph, Chains(graph)):
        return _of_meaning(graph, random, count=1)
    return _case(_without_memory(graph, random), ("memory",))


def _without_memory(graph: Graph, random: Random) -> Trial:
    """One byte is missing."""
    needed = memory_needed(graph, Chains(graph))
    expected = verdict(graph, needed - 1)
    machines = [Machine(1 << 60, needed - 1), Machine(-1, needed - 1)]
    if graph.get("engine") == "ray" or graph.get("nodes"):
        # Several processes have to see it.
        machines.append(Machine(needed - 1, 1 << 60))
    trial = Trial(graph, random, random.choice(machines))
    trial.must_be(expected)
    (fault,) = (each for each in expected if each.is_error)
    trial.must_name(Planted("memory", fault.places, "Lower buffers"))
    return trial


def _of_meaning(graph: Graph, random: Random, count: int) -> Case:
    plot = Plot(graph, random)
    kinds, faults = _plant(plot, MEANING, count)
    expected = verdict(graph)
    trial = Trial(graph, random)
    trial.must_be(expected)
    for fault in faults if count == 1 else ():
        trial.must_name(fault)
    return _case(trial, kinds)


def _of_form(graph: Graph, random: Random, count: int) -> Case:
    """Nothing else may be told: what follows from a fault of form is none."""
    plot = Plot(graph, random)
    kinds, faults = _plant(plot, FORM, 1)
    heads = [f for f in plants_form.FORMS if f.part == "graph" and f.key != "nodes"]
    more, in_head = _plant(plot, heads, count - 1)
    faults += in_head
    if _overlap(faults) or (count > 1 and any(fault.rule in STOPS for fault in faults)):
        return run_case(random.randrange(1 << 40) | 1)
    trial = Trial(graph, random)
    named = {_spot(trial.must_name(fault)) for fault in faults}
    others = set(trial.spots) - named
    trial.check(not others, f"nothing is wrong at {sorted(others)}")
    return _case(trial, (*kinds, *more))


def _overlap(faults: list[Planted]) -> bool:
    """Do two of them concern one part?  What is cut out whole has one fault."""
    parts = [next(iter(fault.places))[:2] for fault in faults]
    return any(one[: len(other)] == other for one in parts for other in parts if one is not other)


def _of_both(graph: Graph, random: Random) -> Case:
    """One of meaning, and one of form in the head of the file, or some in front of its list."""
    plot = Plot(graph, random)
    kinds, (of_meaning,) = _plant(plot, MEANING, 1)
    expected = verdict(graph)
    in_front = random.randint(1, 2) if "couplings" in graph and random.random() < 0.5 else 0
    if in_front:
        graph["couplings"][:0] = ["no coupling"] * in_front
        form: tuple[str, ...] = ("couplings in front",)
        faults = [planted("value", "source -> target", "couplings", at) for at in range(in_front)]
    else:
        heads = [f for f in plants_form.FORMS if (f.part, f.key) in HEADS]
        form, faults = _plant(plot, heads, 1)
    trial = Trial(graph, random)
    for fault in faults:
        trial.must_name(fault)
    if of_meaning.rule in TOLD_WITH_FORM:
        places = frozenset(_moved(keys, in_front) for keys in of_meaning.places)
        trial.must_name(of_meaning._replace(places=places))
    allowed = {
        (e.rule, e.is_error, *trial.places(_moved(keys, in_front)))
        for e in expected
        for keys in e.places
    }
    others = {spot for spot in trial.spots if spot[0] != faults[0].rule} - allowed
    trial.check(not others, f"nothing is wrong at {sorted(others)}")
    return _case(trial, (*kinds, *form))


def _moved(keys: Keys, count: int) -> Keys:
    """Where a coupling stands when so many were written in front of all."""
    return (keys[0], keys[1] + count, *keys[2:]) if keys[:1] == ("couplings",) else keys


def _plant(plot: Plot, table: Sequence[Kind], count: int) -> tuple[tuple[str, ...], list[Planted]]:
    """So many different faults; those for which the graph has no room are passed over."""
    kinds: list[str] = []
    faults: list[Planted] = []
    while len(faults) < count:
        kind = plot.random.choice(table)
        try:
            fault = _plant_in(kind, plot)
        except NoRoom:
            continue
        faults.append(fault)
        kinds.append(name_of(kind))
    return tuple(kinds), faults


def _plant_in(kind: Kind, plot: Plot) -> Planted:
    return plants_form.plant_form(kind, plot) if isinstance(kind, plants_form.Form) else kind(plot)


def name_of(kind: Kind) -> str:
    """A word for a kind of fault."""
    if isinstance(kind, plants_form.Form):
        return f"{kind.part} {kind.key}: {kind.value}"[:80]
    return kind.__name__


def _spot(finding: Finding) -> Spot:
    _, line, column = finding.place.rsplit(":", 2)
    return finding.rule, finding.severity == "error", int(line), int(column)


def _case(trial: Trial, kinds: tuple[str, ...]) -> Case:
    trial.check(all(f.remedy and f.reason for f in trial.findings), "no remedy")
    rules = frozenset(finding.rule for finding in trial.findings)
    return Case(kinds, rules, trial.page.text, trial.reading, trial.findings)
