"""DECIDED: what will run where, with how much memory, made from a spec before a byte moves.

`decided` the plan's values; `graph` the directed acyclic graph; `context` what rules look at;
`rules` the table of rules, one function each; `placement` nodes, slabs and edges; `bottleneck`
what carries most; `machine` what this machine has; `making` checks and plans; `drawing` one model
with several renderings.  The only house that knows networkx.

Actors need `decided` alone, so that the rest is loaded when it is first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flowbackup.plan.decided import Plan
    from flowbackup.plan.drawing import draw
    from flowbackup.plan.machine import Machine
    from flowbackup.plan.making import check, load_checked, load_plan, make_plan

_HOMES = {
    "Machine": "flowbackup.plan.machine",
    "Plan": "flowbackup.plan.decided",
    "check": "flowbackup.plan.making",
    "draw": "flowbackup.plan.drawing",
    "load_checked": "flowbackup.plan.making",
    "load_plan": "flowbackup.plan.making",
    "make_plan": "flowbackup.plan.making",
}

__all__ = ["Machine", "Plan", "check", "draw", "load_checked", "load_plan", "make_plan"]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return getattr(importlib.import_module(_HOMES[name]), name)
