"""Target F6: random graphs, half with faults planted, against an oracle of plain Python.

A case that fails is named with its number: `run_case(NUMBER)` does it again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

from flowbackup.plan.context import context_of
from flowbackup.plan.making import check_reading
from flowbackup.plan.rules import RULES
from flowbackup.spec.document import read_graph_file
from tests.faults.parallel import in_folder, shared_out
from tests.oracle import messages, plants_chains
from tests.oracle.cases import (
    FORM,
    MEANING,
    PLENTY,
    Trial,
    name_of,
    plant_one,
    run_case,
    with_too_little_memory,
)
from tests.oracle.legal import legal_graph
from tests.oracle.plants_form import Form
from tests.oracle.plants_text import SPOILERS
from tests.oracle.plot import Plot
from tests.oracle.text import Page
from tests.targets import Target

GRAPHS = 100_000
PARTS = 10
"""A test that takes too long is killed."""
SOME = 600
TEXT = "random graphs, half of them faulty: each verdict that of the oracle, the fault named"
KINDS = [*MEANING, *FORM]


def check(folder: Path, numbers: Sequence[int]) -> Counter[str]:
    """How often each kind of fault was planted, and named."""
    planted: Counter[str] = Counter()
    for number in numbers:
        planted.update(run_case(number).kinds)
    return planted


def test_some_graphs(target: Target) -> None:
    planted = in_folder(check, range(SOME))
    assert len(planted) > 90
    target("F6", cases=SOME, text=TEXT)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_graphs(part: int, target: Target) -> None:
    numbers = range(part * GRAPHS // PARTS, (part + 1) * GRAPHS // PARTS)
    planted = sum(shared_out(check, numbers), Counter())
    # Each kind has an example of its own, too; the rarest may have no room in one of the parts.
    missing = {*map(name_of, KINDS), "memory", "couplings in front"} - set(planted)
    assert len(missing) <= 1, missing
    assert sum(planted.values()) > len(numbers) // 2
    target("F6", cases=len(numbers), text=TEXT)


class Examples(NamedTuple):
    """A graph with each kind of fault.  findings: rule and words of everything that was told."""

    trials: list[Trial]
    findings: list[tuple[str, str]]


@pytest.fixture(scope="module")
def examples() -> Examples:
    """Each is named where it was planted, or this fails."""
    trials = [plant_one(kind, seed) for seed, kind in enumerate([*KINDS, *plants_chains.SELDOM])]
    trials.append(with_too_little_memory(0))
    findings = [
        (finding.rule, f"{finding.reason}\n{finding.remedy}")
        for trial in trials
        for finding in trial.findings
    ]
    return Examples(trials, findings)


@pytest.mark.parametrize("name", SPOILERS)
@pytest.mark.parametrize("seed", [1, 2])
def test_files_that_are_hardly_graphs(name: str, seed: int, tmp_path: Path) -> None:
    random = Random(seed)
    page = Page(random)
    page.write_graph(legal_graph(random))
    fault = SPOILERS[name](page.text)
    file = tmp_path / "x.yaml"
    file.write_bytes(fault.data)

    (finding,) = check_reading(read_graph_file(file), machine=PLENTY)

    assert (finding.rule, finding.severity) == (fault.rule, "error")
    assert finding.place.split(":")[-2] == str(fault.line)
    assert fault.remedy in finding.remedy


def test_every_rule_of_the_table_is_broken_by_a_planted_fault(examples: Examples) -> None:
    unbroken = {rule.__name__: rule for rule in RULES}
    for trial in examples.trials:
        document = trial.reading.document
        if document is not None:
            context = context_of(document, trial.machine)
            for name, rule in list(unbroken.items()):
                if any(rule(context)):
                    del unbroken[name]
    assert not unbroken, "plant a fault for each of these"


def test_every_word_for_a_rule_is_told_by_a_planted_fault(examples: Examples) -> None:
    told = {rule for rule, _ in examples.findings}
    told |= {spoiler("graph: x\n").rule for spoiler in SPOILERS.values()}
    written = messages.rules_written()
    assert len(written) > 60
    silent = {rule for rule in written if not any(rule.fullmatch(word) for word in told)}
    assert not silent, "plant a fault for each of these"


def test_every_reason_against_a_value_is_told_by_a_planted_fault(examples: Examples) -> None:
    told = [words for _, words in examples.findings]
    reasons = messages.reasons_written()
    assert len(reasons) > 45
    silent = {place for place, reason in reasons if not any(reason.search(one) for one in told)}
    assert not silent, "plant a fault for each of these"


def test_there_are_many_kinds_of_faults() -> None:
    names = [name_of(kind) for kind in KINDS]
    assert len(set(names)) == len(names) > 150
    assert len({kind.rule for kind in FORM if isinstance(kind, Form)}) >= 9


@pytest.mark.parametrize("kind", plants_chains.SELDOM, ids=name_of)
def test_faults_of_large_graphs(kind: object) -> None:
    for seed in range(3):
        random = Random(seed)
        graph = legal_graph(random)
        fault = kind(Plot(graph, random))  # type: ignore[operator]
        Trial(graph, random).must_name(fault)
