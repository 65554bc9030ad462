"""What runs a graph comes to all of its nodes."""

from __future__ import annotations

from collections.abc import Iterator

from flowbackup.plan.context import Context
from flowbackup.spec.finding import Finding, listed


def engine_reaches(context: Context) -> Iterator[Finding]:
    """One process is on one machine."""
    spec = context.spec
    if spec.engine == "local" and spec.nodes:
        yield context.error(
            ("engine",), "engine-far",
            f"the engine local does not come to other machines, as {listed(spec.nodes)}",
            "Write engine: ray, or delete the nodes.",
        )  # fmt: skip
