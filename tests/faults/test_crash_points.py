"""Target F1: a session of three stages is stopped at every call of every stage, in every way.

What holds then: each device has every frame that it has acknowledged, and no frame that is not as
it was sent; it is verified, written and read without any repair; and the other stages went on.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import product
from pathlib import Path
from random import Random

import pytest

from tests.faults.crash_cases import CrashCases, End, Place
from tests.faults.parallel import in_folder, shared_out
from tests.faults.pipeline import STAGES
from tests.targets import Target

SEED = 1
TEXT = "0 acknowledged objects lost, 0 wrong bytes, 0 repairs by hand"
STAGE_NUMBERS = range(len(STAGES))


@pytest.fixture(scope="module")
def calls() -> list[int]:
    """Of each stage in a session in which nothing happens."""
    return in_folder(lambda folder, _: CrashCases(folder).calls(), [])


def check(folder: Path, places: Sequence[Place], *, threads: bool = False) -> int:
    cases = CrashCases(folder, threads=threads)
    return sum(cases.check(place) for place in places)


check_with_threads = partial(check, threads=True)


def places_of(end: End, stage: int, calls: list[int]) -> list[Place]:
    return [Place(stage, call, end) for call in range(1, calls[stage] + 1)]


def sample(count: int, calls: list[int]) -> list[Place]:
    """Some of each kind, the same in every run."""
    random = Random(SEED)
    kinds = product(End, STAGE_NUMBERS)
    return [p for kind in kinds for p in random.sample(places_of(*kind, calls), count)]


def test_some_crash_points(calls: list[int], target: Target) -> None:
    target("F1", cases=in_folder(check, sample(4, calls)), text=TEXT)


def test_some_crash_points_of_writes_in_threads(calls: list[int], target: Target) -> None:
    target("F1", cases=in_folder(check_with_threads, sample(1, calls)), text=TEXT)


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGE_NUMBERS)
@pytest.mark.parametrize("end", End)
def test_every_crash_point(end: End, stage: int, calls: list[int], target: Target) -> None:
    cases = sum(shared_out(check, places_of(end, stage, calls)))
    target("F1", cases=cases, text=TEXT)


@pytest.mark.slow
@pytest.mark.parametrize("end", End)
def test_every_tenth_crash_point_of_writes_in_threads(
    end: End, calls: list[int], target: Target
) -> None:
    places = [place for stage in STAGE_NUMBERS for place in places_of(end, stage, calls)]
    target("F1", cases=sum(shared_out(check_with_threads, places[::10])), text=TEXT)
