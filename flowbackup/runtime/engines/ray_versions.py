"""Whether all nodes have the same flowbackup, Ray and pyarrow: what one sends, another
reads.  Ray itself compares its own version and Python's where a process joins."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from flowbackup.errors import FlowbackupError, PeerLostError

COMPARED = ("flowbackup", "ray", "pyarrow")
SECONDS_MAX = 60.0
"""A node that is busy takes a while to start a process for it."""


def refuse_other_versions(nodes: Mapping[str, str]) -> None:
    """nodes: name of the plan -> Ray node id.  Raises FlowbackupError, PeerLostError."""
    asked = asking()
    here = asked(COMPARED)
    told = {name: _told(asked, node) for name, node in nodes.items()}
    answers: dict[str, dict[str, str]] = {}
    for name, answer in told.items():
        try:
            answers[name] = ray.get(answer, timeout=SECONDS_MAX)
        except RayError as error:
            raise PeerLostError(
                f'node "{name}" does not say which versions it has: {type(error).__name__}',
                remedy="look at its Ray with `ray status`",
            ) from error
    faults = differences(here, answers)
    if faults:
        raise FlowbackupError(
            "; ".join(faults), remedy="install the same versions on all nodes (requirements.lock)"
        )


def differences(here: Mapping[str, str], answers: Mapping[str, Mapping[str, str]]) -> list[str]:
    """A line for each node that has something else."""
    lines: list[str] = []
    for name, there in answers.items():
        other = [
            f"{tool} {there.get(tool) or 'missing'} instead of {version}"
            for tool, version in here.items()
            if there.get(tool) != version
        ]
        if other:
            lines.append(f'node "{name}" has {", ".join(other)}')
    return lines


def _told(asked: Callable[[tuple[str, ...]], dict[str, str]], node: str) -> Any:
    remote: Any = ray.remote(num_cpus=0, max_retries=0)
    placed = NodeAffinitySchedulingStrategy(node, soft=False)
    return remote(asked).options(scheduling_strategy=placed).remote(COMPARED)


def asking() -> Callable[[tuple[str, ...]], dict[str, str]]:
    """A function inside this one travels as code, and not by the name of a module that may not be
    there."""

    def versions(tools: tuple[str, ...]) -> dict[str, str]:
        import importlib.metadata  # noqa: PLC0415  it is run elsewhere

        found: dict[str, str] = {}
        for tool in tools:
            try:
                found[tool] = importlib.metadata.version(tool)
            except importlib.metadata.PackageNotFoundError:
                found[tool] = ""
        return found

    return versions
