"""Values of every kind that the command line shows."""

from __future__ import annotations

from dataclasses import replace

from flowbackup.catalog.rows import (
    CopyRow,
    MediumRow,
    ObjectRow,
    SessionRow,
    SessionState,
    VerifiedRow,
    VersionRow,
)
from flowbackup.model.chunk import ChunkRef
from flowbackup.model.device import MediumInfo, Membership
from flowbackup.model.ids import FrameId, id_text, new_id
from flowbackup.model.record import VersionRecord
from flowbackup.model.report import DeviceReport, ObjectReport, Outcome, SessionReport
from flowbackup.monitor import EdgeState, Problem, Progress

SESSION = new_id(1_790_000_000_000, bytes(10))
OBJECT = new_id(1_790_000_000_001, bytes(10))
MEDIUM = new_id(1_790_000_000_002, bytes(10))
STARTED_NS = 1_790_000_000_000_000_000

MEDIUM_INFO = MediumInfo(MEDIUM, "nas", "default", "/mnt/nas", 1, 0, 4096, 1 << 30, STARTED_NS)
MEMBER_INFO = MediumInfo(
    new_id(1_790_000_000_007, bytes(10)), "vault", "default", "/mnt/vault/medium-00002", 1, 0, 4096,
    1 << 20, STARTED_NS, membership=Membership(MEDIUM, 2, 10 << 20),
)  # fmt: skip

VERSION = VersionRow(
    3,
    VersionRecord(
        object_id=OBJECT,
        session=SESSION,
        client="web",
        name="site",
        source=b"/srv/w\xffw",
        started_ns=STARTED_NS,
        finished_ns=STARTED_NS + 10**9,
        outcome="incomplete",
        entries=12,
        files=10,
        bytes_source=5 << 20,
        bytes_read=5 << 20,
        bytes_new=1 << 20,
        problems=1,
        root=ChunkRef(bytes(32), 100, FrameId(SESSION, 0, 1), 0),
    ),
)
OBJECT_ROW = ObjectRow("web", "site", 3, VERSION)
MEDIUM_ROW = MediumRow(MEDIUM_INFO, VerifiedRow(9, 5, 1, 0, STARTED_NS))
COPY_ROW = CopyRow(MEDIUM_INFO, 7, 8)
LINEAGE = (
    replace(COPY_ROW, role="backup"),
    CopyRow(
        replace(MEDIUM_INFO, medium=b"v" * 16, device="vault", location="/mnt/vault"), 8, 8,
        role="copy", copied_from=(MEDIUM_INFO.medium,),
    ),
)  # fmt: skip
RUNNING_SESSION = SessionRow(
    SESSION, "backup", "nightly", "", "web", "", STARTED_NS, SessionState.INTERRUPTED
)
FINISHED_SESSION = SessionRow(
    session=SESSION,
    kind="backup",
    graph_name="nightly",
    graph_text="",
    host="web",
    holder="",
    started_ns=STARTED_NS,
    state=SessionState.FINISHED,
    finished_ns=STARTED_NS + 10**9,
    outcome=Outcome.SUCCESS,
    exit_code=0,
    engine="ray",
    duration_seconds=61.0,
    files=10,
    bytes_read=5 << 20,
)


def report(
    outcome: Outcome = Outcome.SUCCESS, exit_code: int = 0, problems: tuple[Problem, ...] = ()
) -> SessionReport:
    """A backup of one object to a chain of two devices."""
    return SessionReport(
        session=id_text(SESSION),
        kind="backup",
        graph="nightly",
        outcome=outcome,
        exit_code=exit_code,
        engine="ray",
        duration_seconds=12.3456,
        start_seconds=2.3456,
        files=10,
        bytes_source=5 << 20,
        bytes_read=5 << 20,
        bytes_new=1 << 20,
        objects=(ObjectReport("site", "web", id_text(OBJECT), 3, outcome, 1, 2),),
        devices=(
            DeviceReport("nas", "primary.nas", "backup", 0, "here", "complete", 2 << 20, 9, 3),
            DeviceReport("usb", "offsite.usb", "mirror", 1, "here", "failed", 1 << 20, 4, 1),
        ),
        problems=problems,
    )


def edge(
    name: str = "web -> primary.nas", moved: int = 0, waiting_for: str = "", level: int = 0
) -> EdgeState:
    return EdgeState(
        name=name,
        level=level,
        bytes_moved=moved,
        bytes_durable=moved // 2,
        slots_used=6,
        slots=8,
        waiting_for=waiting_for,
        waiting_seconds=14.2 if waiting_for else 0.0,
    )


def moment(moved: int, *, totals: bool = False, waiting_for: str = "") -> Progress:
    return Progress(
        stage="backup",
        files=7,
        bytes_read=moved,
        files_total=10 if totals else None,
        bytes_total=5 << 20 if totals else None,
        edges=(edge(moved=moved, waiting_for=waiting_for),),
    )
