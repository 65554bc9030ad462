"""Routes of retention: what rules would keep, with the reasons, and to forget just what was
shown."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter

from flowbackup import api
from flowbackup.api import rows as published
from flowbackup.api.keeping import calendar
from flowbackup.catalog.location import catalog_of
from flowbackup.catalog.retention import Decision
from flowbackup.model.ids import id_text
from flowbackup.monitor import SilentMonitor
from flowbackup.ui.places import version_id
from flowbackup.ui.refusal import Refused
from flowbackup.ui.running import catalog_words
from flowbackup.ui.runs import Runs
from flowbackup.ui.settings import Settings
from flowbackup.ui.values.care import AskRetention, DecisionRow, Decisions, StartForget
from flowbackup.ui.values.runs import Started
from flowbackup.units import counted


def retention_routes(settings: Settings, runs: Runs) -> APIRouter:
    """The first only looks."""
    router = APIRouter()
    catalog = catalog_of(settings.catalog)

    @router.post("/api/retention")
    def simulate_retention(asked: AskRetention) -> Decisions:
        found = _decided(asked, catalog)
        rows = [DecisionRow.model_validate(published.decision_fields(d)) for d in found]
        return Decisions(rows=rows, calendar=calendar())

    @router.post("/api/forget", status_code=201)
    def forget_versions(asked: StartForget) -> Started:
        """By their ids, so that no other one goes, whatever happens meanwhile."""
        expected = {version_id(version) for version in asked.expected}
        going = {id_text(d.version.object_id) for d in _decided(asked, catalog) if not d.keeps}
        if going != expected:
            raise Refused(
                409, "changed", "other versions would go now than were shown", "look again"
            )
        copies = asked.keep.policy().copies
        words = ["forget", "--json", f"--copies={copies}", *catalog_words(settings), "--"]
        title = counted(len(going), "version")
        words += sorted(going)
        return Started(id=runs.jobs.start("forget", title, words, catalog=catalog).job)

    return router


def _decided(asked: AskRetention, catalog: Path) -> tuple[Decision, ...]:
    if not catalog.exists():
        return ()
    request = api.ForgetRequest(catalog, asked.keep.policy(), dry_run=True)
    return api.forget(asked.objects, request, SilentMonitor()).decisions
