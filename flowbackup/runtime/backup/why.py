"""Why a path is backed up, or is not: asked of the tree as it is now, without running anything."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass

from flowbackup.catalog.catalog import Catalog
from flowbackup.catalog.resolve import path_below
from flowbackup.errors import NotFoundError
from flowbackup.model.source_rules import EVERYTHING, SourceRules
from flowbackup.plan.decided import Plan
from flowbackup.plan.outline import source_rules
from flowbackup.runtime.crew.preflight import near_nodes
from flowbackup.source.explaining import explain
from flowbackup.spec.document import parse_graph


@dataclass(frozen=True, slots=True)
class Why:
    """data_object: client/name.  path: below the source of the object.  rule: what decided, "" if
    nothing had anything to say."""

    data_object: str
    path: bytes
    is_kept: bool
    rule: str


@dataclass(frozen=True, slots=True)
class _Covered:
    """An object of this machine, and what is left out of it."""

    name: str
    source: bytes
    rules: SourceRules


def why_by_plan(path: bytes, plan: Plan) -> list[Why]:
    """For each object of the plan that has the path.  Raises NotFoundError, SourceError."""
    near = set(near_nodes(plan))
    return _explained(path, (
        _Covered(f"{o.client}/{o.name}", os.fsencode(o.path), o.rules)
        for o in plan.objects if o.node in near
    ))  # fmt: skip


def why_by_catalog(path: bytes, catalog: Catalog) -> list[Why]:
    """For each object that was backed up on this machine and has the path, by the graph of its
    newest session.  Raises NotFoundError, SourceError."""
    return _explained(path, _backed_up(catalog))


def _backed_up(catalog: Catalog) -> Iterator[_Covered]:
    sessions = {row.session: row for row in catalog.sessions()}
    for row in catalog.objects():
        record = row.latest.record
        session = sessions.get(record.session)
        # A rebuilt catalog may not know the graph; who backed up elsewhere had other paths.
        if session is None or session.host != socket.gethostname():
            continue
        rules = EVERYTHING
        if session.graph_text:
            client = parse_graph(session.graph_text).spec.clients.get(record.client)
            written = client.objects.get(record.name) if client is not None else None
            rules = EVERYTHING if written is None else source_rules(written)
        yield _Covered(f"{record.client}/{record.name}", record.source, rules)


def _explained(path: bytes, objects: Iterator[_Covered]) -> list[Why]:
    whole = os.path.abspath(path)
    found = []
    for covered in objects:
        below = path_below(whole, covered.source)
        if below is not None:
            decision = explain(covered.source, below, covered.rules, time.time_ns())
            found.append(Why(covered.name, below, *decision))
    if not found:
        raise NotFoundError(
            f"no data object of this machine holds {os.fsdecode(whole)}",
            remedy="name the graph that backs it up with --graph, or another path",
        )
    return found
