"""Routes of runs: started, watched, changed and ended.  What runs is a process of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import StreamingResponse

from flowbackup import api
from flowbackup.catalog.location import catalog_of
from flowbackup.model.retention import is_tag
from flowbackup.ui.demo import make_demo
from flowbackup.ui.events import Events
from flowbackup.ui.graph_files import graph_path
from flowbackup.ui.pages import LIMIT_MAX, page_of
from flowbackup.ui.refusal import Refused
from flowbackup.ui.roots import Roots
from flowbackup.ui.runs import Runs
from flowbackup.ui.settings import Settings
from flowbackup.ui.values.runs import (
    AttachMirror,
    CancelRun,
    Changed,
    DetachMirror,
    Limited,
    LimitEdge,
    RunRows,
    RunState,
    Started,
    StartRun,
)


def run_routes(settings: Settings, roots: Roots, runs: Runs, events: Events) -> APIRouter:
    """Of sessions, whoever has started them."""
    router = APIRouter()

    @router.post("/api/runs", status_code=201)
    def start_run(asked: StartRun) -> Started:
        return Started(id=_start(graph_path(asked.path, roots), asked, settings, runs))

    @router.post("/api/runs/demo", status_code=201)
    def start_demo() -> Started:
        graph = make_demo(roots.folders[0])
        asked = StartRun(path=str(graph), init=True)
        return Started(id=_start(graph, asked, settings, runs))

    @router.get("/api/runs")
    def list_runs(
        after: str = "", limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_MAX
    ) -> RunRows:
        rows, following = page_of(runs.rows(), after, limit)
        return RunRows(rows=rows, next=following)

    @router.get("/api/runs/{run}")
    def get_run(run: str) -> RunState:
        return runs.state(run)

    @router.get("/api/runs/{run}/events", response_class=StreamingResponse)
    def follow_run(run: str) -> StreamingResponse:
        """Server-sent events `state`, each a RunEvent; the last one is of the end."""
        return events.answer(runs.reader(run))

    @router.post("/api/runs/{run}/cancel")
    def cancel_run(run: str, asked: CancelRun) -> None:
        runs.cancel(run, now=asked.now)

    @router.post("/api/runs/{run}/attach")
    def attach_mirror(run: str, asked: AttachMirror) -> Changed:
        device = str(roots.resolve(asked.device)) if "/" in asked.device else asked.device
        session, catalog = runs.place_of(run)
        agent = api.change_session(
            session, "attach", catalog, device=device, from_=asked.source, init=asked.init
        )
        return Changed(agent=agent)

    @router.post("/api/runs/{run}/pace")
    def limit_edge(run: str, asked: LimitEdge) -> Limited:
        session, catalog = runs.place_of(run)
        rate = asked.rate or 0
        return Limited(
            edge=api.change_session(session, "limit", catalog, edge=asked.edge, rate=rate)
        )

    @router.post("/api/runs/{run}/detach")
    def detach_mirror(run: str, asked: DetachMirror) -> Changed:
        session, catalog = runs.place_of(run)
        agent = api.change_session(session, "detach", catalog, device=asked.device)
        return Changed(agent=agent)

    return router


def _start(graph: Path, asked: StartRun, settings: Settings, runs: Runs) -> str:
    """Raises GraphError for a graph that cannot run."""
    for tag in asked.tags:
        if not is_tag(tag):
            raise Refused(400, "usage", f"{tag!r} is no tag", "write one short word")
    plan = api.load_plan(graph)
    words = ["run", str(graph), "--json"]
    words += ["--init"] if asked.init else []
    words += ["--dry-run"] if asked.dry_run else []
    words += [word for tag in asked.tags for word in ("--tag", tag)]
    words += catalog_words(settings)
    catalog = catalog_of(settings.catalog, plan.catalog)
    kind = "plan" if asked.dry_run else "run"
    return runs.jobs.start(kind, plan.graph, words, catalog=catalog, graph=str(graph)).job


def catalog_words(settings: Settings) -> list[str]:
    """For a command that is to use the catalog of the page."""
    return ["--catalog", str(settings.catalog)] if settings.catalog else []
