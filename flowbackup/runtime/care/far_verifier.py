"""Reading a medium on the node of its device: only what was found travels."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import groupby, islice

from flowbackup.media.checks.medium_verifier import MediumVerifier, StretchReport
from flowbackup.media.checks.survey import MediumSurvey
from flowbackup.media.open import open_device
from flowbackup.model.device import DeviceTarget, MediumInfo
from flowbackup.model.freed import FreedSegment
from flowbackup.model.stretch import Stretch
from flowbackup.plan.decided import NodePlan
from flowbackup.runtime.care.verify_turn import Verifier
from flowbackup.runtime.engines.far_agent import FarAgent
from flowbackup.runtime.engines.port import Engine, Reference
from flowbackup.runtime.reading.known_media import target_of

CALLS_AHEAD = 2
"""While one report travels the device reads on."""
SURVEY_SECONDS_MAX = 120
READ_SECONDS_MAX = 900
"""A call reads stretches of one segment, at most a GiB: a device slower than 1 MB/s hangs."""


def open_far(engine: Engine, info: MediumInfo) -> Verifier:
    """An actor on the node of the medium reads it.  Raises PeerLostError for a node that is not
    there, DeviceError."""
    return FarVerifier(engine, info)


class FarVerifier:
    """A Verifier whose work is done by an actor on another node, which ends with the reading."""

    def __init__(self, engine: Engine, info: MediumInfo) -> None:
        who = f'the reader of device "{info.device}" on node {info.node}'
        node = NodePlan(info.node, info.node_labels)
        self._agent = FarAgent(engine, node, who, VerifierActor, target_of(info))

    def survey(self) -> MediumSurvey:
        survey: MediumSurvey = self._agent.ask("survey", seconds_max=SURVEY_SECONDS_MAX)
        return survey

    def freed(self, segments: Sequence[tuple[int, int]]) -> tuple[FreedSegment, ...]:
        freed: tuple[FreedSegment, ...] = self._agent.ask(
            "freed", segments, seconds_max=SURVEY_SECONDS_MAX
        )
        return freed

    def read(self, stretches: Sequence[Stretch]) -> Iterator[StretchReport]:
        segments = groupby(stretches, key=lambda stretch: stretch[:2])
        parts = (tuple(part) for _, part in segments)
        calls: deque[Reference] = deque()
        try:
            while True:
                for part in islice(parts, CALLS_AHEAD - len(calls)):
                    calls.append(self._agent.handle.read.remote(part))
                if not calls:
                    return
                yield from self._agent.answer(calls.popleft(), READ_SECONDS_MAX)
        finally:
            self._agent.end()


class VerifierActor:
    """A MediumVerifier in a process on the node of the device."""

    def __init__(self, target: DeviceTarget) -> None:
        self._target = target

    def survey(self) -> MediumSurvey:
        return MediumVerifier(open_device(self._target)).survey()

    def freed(self, segments: Sequence[tuple[int, int]]) -> tuple[FreedSegment, ...]:
        return MediumVerifier(open_device(self._target)).freed(segments)

    def read(self, stretches: Sequence[Stretch]) -> tuple[StretchReport, ...]:
        return tuple(MediumVerifier(open_device(self._target)).read(stretches))
