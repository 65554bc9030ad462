"""Routes of devices and media: what there is, what is lost, and verify and repair as runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query

from flowbackup import api
from flowbackup.api import rows as published
from flowbackup.catalog.location import catalog_of
from flowbackup.catalog.rows import MediumRow
from flowbackup.ui.pages import LIMIT_MAX, page_of
from flowbackup.ui.refusal import Refused
from flowbackup.ui.roots import Roots
from flowbackup.ui.running import catalog_words
from flowbackup.ui.runs import Runs
from flowbackup.ui.settings import Settings
from flowbackup.ui.values.care import (
    DeviceRow,
    DeviceRows,
    LostRow,
    MakeDevice,
    StartRepair,
    StartVerify,
)
from flowbackup.ui.values.runs import Started


def care_routes(settings: Settings, roots: Roots, runs: Runs) -> APIRouter:
    """Verify and repair go on when the page is closed."""
    router = APIRouter()
    catalog = catalog_of(settings.catalog)

    @router.get("/api/devices")
    def list_devices(
        after: str = "", limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_MAX
    ) -> DeviceRows:
        known = api.devices(catalog) if catalog.exists() else []
        rows, following = page_of(known, after, limit)
        return DeviceRows(rows=[_device(row) for row in rows], next=following)

    @router.get("/api/devices/lost")
    def list_lost_media() -> list[LostRow]:
        """Looks at each medium of this machine."""
        lost = api.lost_media(catalog) if catalog.exists() else []
        return [LostRow.model_validate(published.lost_fields(row)) for row in lost]

    @router.post("/api/devices", status_code=201)
    def make_device(asked: MakeDevice) -> DeviceRow:
        place = roots.resolve(asked.path)
        info = api.init_device(str(place), asked.name, asked.pool)
        return _device(MediumRow(info))

    @router.post("/api/verify", status_code=201)
    def start_verify(asked: StartVerify) -> Started:
        devices = _devices(asked.devices, catalog)
        words = ["verify", "--json", *catalog_words(settings)]
        words += [f"--sample={asked.sample}"] if asked.sample else []
        title = ", ".join(devices) or "all devices"
        return Started(
            id=runs.jobs.start("verify", title, [*words, "--", *devices], catalog=catalog).job
        )

    @router.post("/api/repair", status_code=201)
    def start_repair(asked: StartRepair) -> Started:
        devices = _devices(asked.devices, catalog)
        words = ["repair", "--json", *catalog_words(settings)]
        words += [f"--object={name}" for name in asked.objects]
        words += ["--full"] if asked.full else []
        words += ["--dry-run"] if asked.dry_run else []
        title = ", ".join(devices) or "all devices"
        return Started(
            id=runs.jobs.start("repair", title, [*words, "--", *devices], catalog=catalog).job
        )

    return router


def _device(row: MediumRow) -> DeviceRow:
    return DeviceRow.model_validate(published.medium_row_fields(row))


def _devices(named: Sequence[str], catalog: Path) -> list[str]:
    """Devices by their names alone: those that the catalog knows."""
    known = {row.info.device for row in api.devices(catalog)} if catalog.exists() else set()
    for name in named:
        if name not in known:
            raise Refused(404, "notfound", f'the catalog knows no device "{name}"')
    return list(named)
