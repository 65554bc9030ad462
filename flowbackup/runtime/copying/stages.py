"""The stages of a plan, one behind the other: which of them run, and what if one fails."""

from __future__ import annotations

from collections.abc import Iterable

from flowbackup.catalog.catalog import Catalog
from flowbackup.errors import FlowbackupError
from flowbackup.frame.keys import WriterKey
from flowbackup.model.ids import id_text
from flowbackup.model.report import Outcome, SessionReport
from flowbackup.monitor import Monitor, Problem
from flowbackup.plan.decided import Plan
from flowbackup.runtime.beginning import Beginning
from flowbackup.runtime.cancel import Cancel
from flowbackup.runtime.copying.session import KIND, CopySession
from flowbackup.runtime.engines.port import Engine


def newest_session(catalog: Catalog, graph: str) -> bytes | None:
    """The backup that ran last of a graph, which `versions: session` means where none has just
    run."""
    found = (row for row in catalog.sessions() if row.kind == "backup" and row.graph_name == graph)
    newest = next(found, None)
    return newest.session if newest is not None else None


def run_stages(
    stages: Iterable[Plan], catalog: Catalog, monitor: Monitor, copied: bytes | None,
    engine: Engine, cancel: Cancel, wait_seconds_max: float = 0.0, first: bytes = b"",
    key: WriterKey | None = None,
) -> list[SessionReport]:  # fmt: skip
    """One report each.  A stage that cannot begin has failed, and the others run nevertheless; who
    interrupts one ends those behind it, too.  wait_seconds_max: how long each may wait for devices
    that others hold; none holds a device meanwhile.  first: the id of the first session, a new
    one for none.  key: seals what tells of the sessions."""
    reports: list[SessionReport] = []
    for stage in stages:
        beginning = Beginning()
        session = CopySession(
            stage, catalog, monitor, copied, cancel, wait_seconds_max, b"" if reports else first,
            key,
        )  # fmt: skip
        try:
            reports.append(session.run(engine))
        except FlowbackupError as error:
            reports.append(_failed(session, stage, engine.name, beginning, error))
        if cancel.is_told:
            break
    return reports


def _failed(
    session: CopySession, stage: Plan, engine: str, beginning: Beginning, error: FlowbackupError
) -> SessionReport:
    names = ", ".join(item.group for item in stage.selections)
    return SessionReport(
        session=id_text(session.session), kind=KIND, graph=stage.graph, outcome=Outcome.FAILED,
        exit_code=error.exit_code, engine=engine, duration_seconds=beginning.seconds(),
        start_seconds=0.0, files=0, bytes_source=0, bytes_read=0, bytes_new=0,
        problems=(Problem("stage_failed", f"{names}: {error}"),),
    )  # fmt: skip
