"""Routes that tell what this server is."""

from __future__ import annotations

from fastapi import APIRouter

from flowbackup import __version__, api
from flowbackup.ui.roots import Roots
from flowbackup.ui.settings import Settings
from flowbackup.ui.values.standing import ServerState


def state_routes(settings: Settings, roots: Roots) -> APIRouter:
    """One route: what the page asks first."""
    router = APIRouter()

    @router.get("/api/state")
    def get_state() -> ServerState:
        catalog = api.catalog_of(settings.catalog)
        has_sessions = catalog.exists() and bool(api.sessions(catalog))
        return ServerState(
            version=__version__, roots=[str(folder) for folder in roots.folders],
            catalog=str(catalog), has_sessions=has_sessions,
        )  # fmt: skip

    return router
