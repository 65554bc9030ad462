"""Every error that a call of a session of three stages may meet, and what must hold then."""

from __future__ import annotations

import errno
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from flowbackup.media.failure import FULL
from flowbackup.testing.faulty_calls import SHORT_WRITE, Fault, FaultySystemCalls
from tests.faults.pipeline import STAGES, Stage
from tests.faults.workplace import Workplace

OBJECTS = 15
HARD = (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EROFS)
HARMLESS = (SHORT_WRITE, errno.EINTR)
"""Of writes: the rest is written behind them."""


class ErrorCase(NamedTuple):
    """A stage, from 0, and what happens to its calls."""

    stage: int
    fault: Fault


class ErrorCases:
    """Tries one case after the other.  longest_seconds: what the slowest session took."""

    def __init__(self, folder: Path, *, threads: bool = False) -> None:
        self._work = Workplace(folder, objects=OBJECTS, threads=threads)
        self.longest_seconds = 0.0

    def calls(self) -> list[list[str]]:
        """The calls that each stage makes when nothing happens."""
        calls = [FaultySystemCalls() for _ in STAGES]
        self._work.check_complete(self._work.run(calls), range(len(STAGES)))
        return [these.made for these in calls]

    def check(self, case: ErrorCase) -> None:
        """Raises AssertionError, or what nobody has answered for."""
        try:
            self._check(case)
        except Exception as error:
            error.add_note(f"case: {case}")
            raise

    def _check(self, case: ErrorCase) -> None:
        calls = [FaultySystemCalls() for _ in STAGES]
        calls[case.stage] = FaultySystemCalls(case.fault)
        started = time.monotonic()
        pipeline = self._work.run(calls)
        self.longest_seconds = max(self.longest_seconds, time.monotonic() - started)
        others = [number for number in range(len(STAGES)) if number != case.stage]
        self._work.check_complete(pipeline, others)
        stage = pipeline.stages[case.stage]
        made_good = stage.agent.durable_since(0).made_good
        if made_good:
            assert not case.fault.for_ever and "[EIO]" in made_good, made_good
        if stage.failure is None:
            verb = _hit(case.fault, calls[case.stage])
            assert made_good or _may_end_well(case.fault, verb), "not told"
            self._work.check_complete(pipeline, [case.stage])
        else:
            _check_told(stage, case.fault)
        self._work.check(case.stage, stage.durable.keys())


def cases_of(stage: int, made: list[str]) -> Iterator[ErrorCase]:
    """Every error, once and for ever, before and after each of the calls that are made; what is
    harmless for writes at writes only, if it has no meaning elsewhere."""
    for nth in range(1, len(made) + 1):
        for for_ever in (False, True):
            for error in HARD:
                for late in (False, True):
                    yield ErrorCase(stage, Fault(nth, error, for_ever=for_ever, late=late))
            yield ErrorCase(stage, Fault(nth, errno.EINTR, for_ever=for_ever))
    for nth in range(1, made.count("pwritev") + 1):
        for for_ever in (False, True):
            yield ErrorCase(stage, Fault(nth, SHORT_WRITE, "pwritev", for_ever=for_ever))


def _hit(fault: Fault, calls: FaultySystemCalls) -> str:
    return fault.verb or calls.made[fault.nth - 1]


def _may_end_well(fault: Fault, verb: str) -> bool:
    if fault.error == SHORT_WRITE:
        return True
    if fault.for_ever:
        return False
    if fault.error == errno.EINTR:
        return verb in ("pwritev", "fallocate")
    # A reservation that finds no room is tried again with what is needed only.
    return verb == "fallocate" and fault.error in FULL


def _check_told(stage: Stage, fault: Fault) -> None:
    failure = stage.failure
    assert failure is not None
    endless = fault.error == errno.EINTR and failure.errno == errno.EIO
    assert endless or failure.errno == fault.error, failure
    assert failure.device == stage.name and f'device "{stage.name}"' in failure.message, failure
    assert errno.errorcode[failure.errno] in failure.message and failure.remedy, failure
