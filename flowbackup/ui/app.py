"""The application: the guard in front, the routes behind it, and the page itself."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, FastAPI
from fastapi.responses import PlainTextResponse
from fastapi.routing import APIRoute
from starlette.staticfiles import StaticFiles

from flowbackup import __version__
from flowbackup.catalog.location import catalog_of
from flowbackup.ui.access import Guard
from flowbackup.ui.caring import care_routes
from flowbackup.ui.designing import design_routes
from flowbackup.ui.events import Events
from flowbackup.ui.fetching import content_routes
from flowbackup.ui.graphs import graph_routes
from flowbackup.ui.jobs import Jobs
from flowbackup.ui.keeping import retention_routes
from flowbackup.ui.looking import look_routes
from flowbackup.ui.past import past_routes
from flowbackup.ui.refusal import tell_errors
from flowbackup.ui.restoring import restore_routes
from flowbackup.ui.roots import Roots
from flowbackup.ui.running import run_routes
from flowbackup.ui.runs import Runs
from flowbackup.ui.settings import Settings
from flowbackup.ui.simulating import simulation_routes
from flowbackup.ui.standing import state_routes
from flowbackup.ui.values.shape import RefusalBody

BUILT = Path(__file__).parent / "built"
BODY_BYTES_MAX = 4 << 20
"""A graph file has 1 MiB at most, and is escaped in JSON."""
NOT_BUILT = "the page is not built: run make page\n"


def make_app(settings: Settings, built: Path = BUILT) -> FastAPI:
    """built: where the page is, as `make page` leaves it."""
    app = FastAPI(
        title="flowbackup", version=__version__, openapi_url=None, docs_url=None, redoc_url=None,
        generate_unique_id_function=_operation, separate_input_output_schemas=False,
        max_body_size=BODY_BYTES_MAX, responses={"4XX": {"model": RefusalBody}},
    )  # fmt: skip
    for router in _routers(settings):
        app.include_router(router)
    tell_errors(app)
    app.add_middleware(Guard, settings=settings)
    _show_page(app, built)
    return app


def _routers(settings: Settings) -> list[APIRouter]:
    """One for each screen."""
    roots, catalog = Roots(settings.roots), catalog_of(settings.catalog)
    runs = Runs(Jobs(settings.state), catalog)
    return [
        state_routes(settings, roots),
        past_routes(catalog, runs),
        graph_routes(roots),
        design_routes(roots),
        simulation_routes(roots),
        run_routes(settings, roots, runs, Events()),
        look_routes(catalog, roots),
        content_routes(catalog),
        restore_routes(settings, roots, runs),
        care_routes(settings, roots, runs),
        retention_routes(settings, runs),
    ]


def _operation(route: APIRoute) -> str:
    """What a route is called in OpenAPI, and so in the page: as its function."""
    return route.name


def _show_page(app: FastAPI, built: Path) -> None:
    if (built / "index.html").is_file():
        app.mount("/", StaticFiles(directory=built, html=True), name="page")
        return

    @app.get("/", include_in_schema=False)
    def not_built() -> PlainTextResponse:
        return PlainTextResponse(NOT_BUILT, 503)
