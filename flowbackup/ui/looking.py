"""Routes of the catalog: by file through time, by version, and where copies are.  All of them only
look."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query

from flowbackup import api
from flowbackup.api import rows as published
from flowbackup.catalog.resolve import split_query
from flowbackup.catalog.rows import CopyRow as KnownCopy
from flowbackup.catalog.rows import HistoryRow as KnownHistory
from flowbackup.catalog.rows import VersionCopies
from flowbackup.model.ids import id_text
from flowbackup.model.published import path_fields
from flowbackup.ui.graph_files import graph_path
from flowbackup.ui.pages import LIMIT_MAX, page_of
from flowbackup.ui.places import query_of, version_id
from flowbackup.ui.roots import Roots
from flowbackup.ui.values.look import (
    CopyRow,
    DifferenceRow,
    DifferenceRows,
    EntryRow,
    EntryRows,
    FoundRow,
    FoundRows,
    HistoryRow,
    HistoryRows,
    ObjectRow,
    ObjectRows,
    VersionRow,
    VersionRows,
    WhyRow,
)

Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]


def look_routes(catalog: Path, roots: Roots) -> APIRouter:
    """catalog: its file."""
    router = APIRouter()

    @router.get("/api/objects")
    def list_objects(after: str = "", limit: Limit = LIMIT_MAX) -> ObjectRows:
        known = api.objects(catalog) if catalog.exists() else []
        rows, following = page_of(known, after, limit)
        told = [ObjectRow.model_validate(published.object_fields(row)) for row in rows]
        return ObjectRows(rows=told, next=following)

    @router.get("/api/versions")
    def list_versions(object: str, after: str = "", limit: Limit = LIMIT_MAX) -> VersionRows:  # noqa: A002
        """object: CLIENT/NAME."""
        rows, following = page_of(api.versions(object, catalog), after, limit)
        return VersionRows(rows=[_version(row) for row in rows], next=following)

    @router.get("/api/ls")
    def list_entries(
        version: str, path: str = "", path_base64: str | None = None, after: str = "",
        limit: Limit = LIMIT_MAX,
    ) -> EntryRows:  # fmt: skip
        """What is in a directory of a version, without itself."""
        query = query_of(version, path, path_base64)
        itself = split_query(query)[1]
        inside = (entry for entry in api.entries(query, catalog) if entry.path != itself)
        rows, following = page_of(inside, after, limit)
        told = [EntryRow.model_validate(published.entry_fields(entry)) for entry in rows]
        return EntryRows(rows=told, next=following)

    _add_time(router, catalog)
    _add_media(router, catalog, roots)
    return router


def _add_time(router: APIRouter, catalog: Path) -> None:
    """Through all versions."""

    @router.get("/api/find")
    def find_entries(
        pattern: str, object: str = "", after: str = "", limit: Limit = LIMIT_MAX  # noqa: A002
    ) -> FoundRows:  # fmt: skip
        """pattern: of names, as in *.conf, or of whole paths.  object: only there."""
        request = api.FindRequest(patterns=(pattern,), query=object)
        rows, following = page_of(api.find(request, catalog), after, limit)
        told = [FoundRow.model_validate(published.found_fields(row)) for row in rows]
        return FoundRows(rows=told, next=following)

    @router.get("/api/history")
    def show_history(place: str, after: str = "", limit: Limit = LIMIT_MAX) -> HistoryRows:
        """place: OBJECT:PATH, or the absolute path of what was backed up."""
        rows, following = page_of(api.history(place, catalog), after, limit)
        return HistoryRows(rows=[_history(row) for row in rows], next=following)

    @router.get("/api/diff")
    def compare_versions(
        before: str, after: str, page: str = "", limit: Limit = LIMIT_MAX
    ) -> DifferenceRows:
        """before, after: ids of versions.  page: what the page of rows before this one said."""
        found = api.diff(version_id(before), version_id(after), catalog)
        rows, following = page_of(found, page, limit)
        told = [DifferenceRow.model_validate(published.difference_fields(row)) for row in rows]
        return DifferenceRows(rows=told, next=following)


def _add_media(router: APIRouter, catalog: Path, roots: Roots) -> None:
    """Where it is, and why it is there."""

    @router.get("/api/copies")
    def list_copies(version: str) -> list[CopyRow]:
        known: Iterable[object] = api.copies(version_id(version), None, catalog)
        media = [row for row in known if isinstance(row, KnownCopy)]
        return [CopyRow.model_validate(published.copy_fields(row)) for row in media]

    @router.get("/api/why")
    def explain_path(path: str, graph: str = "") -> list[WhyRow]:
        """Whether this path of this machine would be backed up.  graph: a file that is asked
        instead of those that ran."""
        file = graph_path(graph, roots) if graph else None
        found = api.why(str(roots.resolve(path)), file, catalog)
        return [
            WhyRow(
                object=row.data_object, kept=row.is_kept, rule=row.rule,
                **_texts(path_fields(row.path)),
            )
            for row in found
        ]  # fmt: skip


def _texts(fields: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in fields.items()}


def _version(row: VersionCopies) -> VersionRow:
    record = row.version.record
    return VersionRow(
        client=record.client, name=record.name, version=row.version.number,
        object_id=id_text(record.object_id), session=id_text(record.session),
        outcome=record.outcome, started_ns=str(record.started_ns),
        finished_ns=str(record.finished_ns), entries=record.entries, files=record.files,
        bytes_source=record.bytes_source, bytes_new=record.bytes_new, problems=record.problems,
        copies_durable=row.copies,
    )  # fmt: skip


def _history(row: KnownHistory) -> HistoryRow:
    entry = row.entry and EntryRow.model_validate(published.entry_fields(row.entry))
    fields = published.versions_fields(row.versions)
    return HistoryRow.model_validate(
        {
            **fields, "change": row.kind.value, "aspects": [str(a) for a in row.aspects],
            "finished_ns": row.versions[0].record.finished_ns, "entry": entry,
        }
    )  # fmt: skip
