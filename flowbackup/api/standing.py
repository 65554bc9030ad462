"""The part of the api that tells how each data object stands: what its newest version is worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from flowbackup.catalog.catalog import Catalog, open_catalog
from flowbackup.catalog.location import catalog_of
from flowbackup.catalog.rows import SessionRow, SessionState, VersionRow
from flowbackup.model.report import Outcome

BACKUP = "backup"


@dataclass(frozen=True, slots=True)
class Standing:
    """latest: the newest version.  good: the newest that is whole, None if none is.  copies: of the
    latest, durable; wanted: as many as its graph asks for, None where that is not known.
    verified_ns: when that of its copies was verified that waits longest, 0 while some never was.
    failed: the session behind it that did not end well, if there was one.  graph: that made it,
    "" where nobody knows."""

    latest: VersionRow
    good: VersionRow | None
    copies: int
    wanted: int | None
    verified_ns: int
    failed: SessionRow | None = None
    graph: str = ""


def standings(catalog: Path | None = None) -> list[Standing]:
    """Of all data objects; none where there is no catalog."""
    path = catalog_of(catalog)
    if not path.exists():
        return []
    with open_catalog(path, create=False) as opened:
        sessions = list(opened.sessions())
        return [_standing(opened, row.latest, sessions) for row in opened.objects()]


def _standing(
    catalog: Catalog, latest: VersionRow, sessions: Sequence[SessionRow]
) -> Standing:  # fmt: skip
    record = latest.record
    made_by = next((row for row in sessions if row.session == record.session), None)
    whole = (
        row
        for row in reversed(catalog.versions_meant(f"{record.client}/{record.name}"))
        if row.record.outcome == Outcome.SUCCESS
    )
    verified = [row.verified_ns for row in catalog.copies_of(latest) if row.complete]
    return Standing(
        latest, next(whole, None), catalog.copies_durable(latest),
        None if made_by is None else copies_wanted(made_by),
        min(verified, default=0), None if made_by is None else _failed(made_by, sessions),
        "" if made_by is None else made_by.graph_name,
    )  # fmt: skip


def copies_wanted(session: SessionRow) -> int | None:
    """How many durable copies make an object of it complete: what its graph says, or one on each
    required group that it wrote to; None where it did not tell."""
    from flowbackup.spec.document import read_graph_text

    document = read_graph_text(session.graph_text).document if session.graph_text else None
    if document is not None and document.spec.copies is not None:
        return document.spec.copies
    groups = {
        device.agent.partition(".")[0]
        for device in session.devices
        if device.required and device.role in ("backup", "mirror")
    }
    return len(groups) or None


def _failed(made_by: SessionRow, sessions: Sequence[SessionRow]) -> SessionRow | None:
    """The newest session of the same graph, if it came later and did not end well.  sessions:
    newest first."""
    for row in sessions:
        if row.session == made_by.session:
            break
        if row.kind != BACKUP or row.graph_name != made_by.graph_name:
            continue
        if row.state is not SessionState.RUNNING:
            return row if row.is_interrupted or row.outcome is Outcome.FAILED else None
    return None
