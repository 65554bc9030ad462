"""Routes of contents: previews, and downloads behind a ticket."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from starlette.responses import StreamingResponse

from flowbackup.ui.access import ONE_TIME
from flowbackup.ui.contents import Tickets, answer_of, download_of, preview_of
from flowbackup.ui.places import query_of
from flowbackup.ui.values.look import DownloadTicket, Preview, Ticket


def content_routes(catalog: Path) -> APIRouter:
    """A ticket is asked for with the token; the browser fetches what it names without."""
    router = APIRouter()
    tickets = Tickets()

    @router.get("/api/preview")
    def show_preview(version: str, path: str = "", path_base64: str | None = None) -> Preview:
        return preview_of(query_of(version, path, path_base64), catalog)

    @router.post("/api/download/ticket", status_code=201)
    def ask_for_download(asked: DownloadTicket) -> Ticket:
        query = query_of(asked.version, asked.path, asked.path_base64)
        return Ticket(path=tickets.issue(download_of(query, catalog)))

    @router.get(f"{ONE_TIME}{{secret}}", response_class=StreamingResponse)
    def fetch_download(secret: str) -> StreamingResponse:
        return answer_of(tickets.take(secret))

    return router
