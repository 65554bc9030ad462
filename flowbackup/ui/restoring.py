"""Routes of restores.  Each is a run: /api/runs/{id} shows it, follows it and ends it."""

from __future__ import annotations

import shlex
from typing import Annotated

from fastapi import APIRouter, Query

from flowbackup import api
from flowbackup.catalog.location import catalog_of
from flowbackup.ui.pages import LIMIT_MAX, page_of
from flowbackup.ui.places import path_text, version_id
from flowbackup.ui.roots import Roots
from flowbackup.ui.running import catalog_words
from flowbackup.ui.runs import Runs
from flowbackup.ui.settings import Settings
from flowbackup.ui.ticked import exclude_words, include_words
from flowbackup.ui.values.care import StartRestore
from flowbackup.ui.values.runs import RunRows, Started

RESTORE, PLAN = "restore", "restore-plan"
TITLE_CHARACTERS = 80


def restore_routes(settings: Settings, roots: Roots, runs: Runs) -> APIRouter:
    """Started, and listed."""
    router = APIRouter()

    @router.post("/api/restores", status_code=201)
    def start_restore(asked: StartRestore) -> Started:
        target = roots.resolve(asked.target)
        version = version_id(asked.version)
        paths = [path_text(path, None) for path in asked.paths]
        paths += [path_text("", path) for path in asked.paths_base64]
        catalog = catalog_of(settings.catalog)
        (known,) = api.versions(version, catalog)
        words = ["restore", "--json", "--explain", f"--target={target}"]
        words += [f"--overwrite={asked.overwrite}", *include_words(paths)]
        words += exclude_words([path_text(path, None) for path in asked.without])
        words += ["--dry-run"] if asked.dry_run else []
        words += [*catalog_words(settings), "--", version]
        title = f"{known.version} to {shlex.quote(str(target))}"[:TITLE_CHARACTERS]
        kind = PLAN if asked.dry_run else RESTORE
        return Started(id=runs.jobs.start(kind, title, words, catalog=catalog).job)

    @router.get("/api/restores")
    def list_restores(
        after: str = "", limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_MAX
    ) -> RunRows:
        rows, following = page_of(runs.rows_of(RESTORE), after, limit)
        return RunRows(rows=rows, next=following)

    return router
