"""The route of what-if."""

from __future__ import annotations

from collections import defaultdict
from typing import cast

from fastapi import APIRouter

from flowbackup.errors import UsageError
from flowbackup.plan.decided import Plan
from flowbackup.plan.making import make_plan
from flowbackup.simulate.asked import Asked, scenario_of, seconds_since_start
from flowbackup.simulate.prediction import Loss, Prediction
from flowbackup.simulate.running import simulate
from flowbackup.simulate.told import rows_of
from flowbackup.spec.document import parse_graph
from flowbackup.ui.design import place_of
from flowbackup.ui.graph_files import graph_path
from flowbackup.ui.roots import Roots
from flowbackup.ui.values.shape import JsonObject
from flowbackup.ui.values.simulation import AskSimulation, Simulation

SAMPLES_SHOWN = 240
"""As many as a plot has columns; of more every so-manieth."""


def simulation_routes(roots: Roots) -> APIRouter:
    """Nothing is read or written."""
    router = APIRouter()

    @router.post("/api/plan/simulate")
    def simulate_graph(asked: AskSimulation) -> Simulation:
        path = graph_path(asked.path, roots) if asked.path else None
        plan = make_plan(parse_graph(asked.text, place_of(path, roots)))
        found = simulate(plan, scenario_of(plan, _scenario(asked, plan)))
        losses = [_loss(found, device, moment) for device, moment in asked.lost.items()]
        return _told(found, [*found.losses, *losses])

    return router


def _scenario(asked: AskSimulation, plan: Plan) -> Asked:
    sizes = dict(asked.sizes)
    each = sizes.pop("", None)
    if each is not None:
        sizes = {f"{o.client}/{o.name}": each for o in plan.objects} | sizes
    return Asked(
        rates=asked.rates, sizes=sizes, rooms=asked.rooms, fails=asked.fails,
        network=asked.network, jitter=asked.jitter, seed=asked.seed,
    )  # fmt: skip


def _loss(found: Prediction, device: str, moment: str) -> Loss:
    try:
        return found.if_lost(device, seconds_since_start(moment))
    except KeyError:
        raise UsageError(f'there is no device "{device}"') from None
    except ValueError as fault:
        raise UsageError(f"{device} at {moment}: {fault}") from None


def _told(found: Prediction, losses: list[Loss]) -> Simulation:
    kinds: defaultdict[str, list[JsonObject]] = defaultdict(list)
    for kind, row in rows_of(found, losses):
        kinds[kind].append(cast(JsonObject, row))
    samples = kinds["sample"]
    step = -(-len(samples) // SAMPLES_SHOWN) or 1
    return Simulation(
        summary=kinds["summary"][0], devices=kinds["device"], edges=kinds["edge"],
        waits=kinds["wait"], samples=samples[::step], losses=kinds["loss"],
    )  # fmt: skip
