"""A chain of three nodes that swallow, and its transport alone over the same two hops.

python -m tests.bench.chain_nodes ROUNDS SOURCE CATALOGS

Prints JSON: contestant -> rounds of [seconds, processor seconds]; they take turns.  The client is
on the first node, so that two edges cross from node to node.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from flowbackup.api import RunSettings, run_backup
from flowbackup.model.report import Outcome
from flowbackup.monitor import SilentMonitor
from flowbackup.plan import make_plan
from flowbackup.plan.decided import Plan, Transport
from flowbackup.spec import document_of
from flowbackup.spec.builder import GraphBuilder
from tests.bench.crossing import Line
from tests.bench.datasets import size_of
from tests.bench.measure import settle
from tests.bench.three_nodes import NODES, Processors, three_nodes

CHAIN, ALONE = "chain of three nodes", "transport alone, two hops"


def chain_plan(source: Path) -> Plan:
    """One device that swallows on each node."""
    builder = GraphBuilder("bench")
    for node in NODES:
        builder.node(node)
        builder.device(f"null-{node}", kind="null", node=node)
    builder.client("here", node=NODES[0]).object("source", path=source)
    group = builder.backup_group("primary", devices=[f"null-{NODES[0]}"])
    for level, node in enumerate(NODES[1:], 1):
        group = group.mirror(f"mirror{level}", devices=[f"null-{node}"])
    return make_plan(document_of(builder.spec()))


def chain_seconds(plan: Plan, catalog: Path) -> tuple[float, float]:
    """From the first frame to the end.  Raises RuntimeError if that is no success."""
    settings = RunSettings(catalog=catalog, create=True)
    with Processors() as processors:
        started = time.monotonic()
        report = run_backup(plan, settings, SilentMonitor())
        first = started + report.start_seconds
        used = processors.seconds(first, started + report.duration_seconds)
    if report.outcome is not Outcome.SUCCESS:
        raise RuntimeError(f"the session ended {report.outcome}: {report.problems}")
    return report.duration_seconds - report.start_seconds, used


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rounds", type=int)
    parser.add_argument("source", type=Path)
    parser.add_argument("catalogs", type=Path)
    options = parser.parse_args()
    plan, size_bytes = chain_plan(options.source), size_of(options.source)[1]
    rounds: dict[str, list[tuple[float, float]]] = {CHAIN: [], ALONE: []}
    with three_nodes() as nodes:
        line = Line([nodes[name] for name in NODES])
        for number in range(options.rounds + 1):
            settle(options.source)
            chain = chain_seconds(plan, options.catalogs / f"{number}.sqlite")
            alone = line.run(Transport.DIRECT.value, size_bytes)
            if number:  # the first touches memory for the first time
                rounds[CHAIN].append(chain)
                rounds[ALONE].append(alone)
        line.close()
    print(json.dumps(rounds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
