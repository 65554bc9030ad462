"""Sessions: begun, ended, interrupted, named."""

from __future__ import annotations

import pickle
import subprocess
import sys
from dataclasses import replace

import pytest

from flowbackup.catalog import Catalog
from flowbackup.catalog.holder import holder_is_dead, holder_text
from flowbackup.catalog.rows import SessionState, VerificationRow
from flowbackup.errors import CatalogError, NotFoundError, UsageError
from flowbackup.model.ids import id_text
from flowbackup.model.record import SessionRecord
from flowbackup.model.report import DeviceReport, Outcome, SessionReport
from flowbackup.monitor import Problem
from tests.catalog.conftest import identifier, medium

DEVICE = DeviceReport("nas", "primary.nas", "backup", 0, "here", "complete", 100, 2, 1)
PART = replace(DEVICE, medium=id_text(identifier(9)), required=False, streams=(1, 3))
PROBLEMS = (Problem("vanished", "gone", b"a/\xff"), Problem("device_failed", "EIO", None, "usb"))
REPORT = SessionReport(
    id_text(identifier(1)), "backup", "nightly", Outcome.INCOMPLETE, 3, "ray", 1.5, 0.5, 4, 50, 40,
    30, (), (DEVICE, PART), PROBLEMS,
)  # fmt: skip


def begin(catalog: Catalog, number: int, holder: str = "") -> None:
    catalog.begin_session(
        identifier(number), "backup", "nightly", "graph: x", "here", number, holder
    )


def test_a_finished_session_comes_back_whole(catalog: Catalog) -> None:
    begin(catalog, 1)
    catalog.end_session(REPORT, 99)
    row = catalog.session("latest")
    assert (row.state, row.outcome, row.exit_code) == ("finished", Outcome.INCOMPLETE, 3)
    assert (row.graph_text, row.finished_ns, row.engine) == ("graph: x", 99, "ray")
    assert (row.files, row.bytes_source, row.bytes_read, row.bytes_new) == (4, 50, 40, 30)
    assert (row.devices, row.problems) == ((DEVICE, PART), PROBLEMS)
    assert catalog.sessions() == [row]
    assert pickle.loads(pickle.dumps(row)) == row


def test_ending_twice_or_without_begin_is_refused(catalog: Catalog) -> None:
    with pytest.raises(CatalogError):
        catalog.end_session(REPORT, 99)
    begin(catalog, 1)
    catalog.end_session(REPORT, 99)
    with pytest.raises(CatalogError):
        catalog.end_session(replace(REPORT, outcome=Outcome.SUCCESS), 100)
    assert catalog.session("latest").outcome is Outcome.INCOMPLETE


def test_state_follows_the_process(catalog: Catalog) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from flowbackup.catalog.holder import *; print(holder_text())"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    begin(catalog, 1, holder_text())
    begin(catalog, 2, done.stdout)
    begin(catalog, 3, "somebody")
    states = {row.session: row.state for row in catalog.sessions()}
    assert states == {
        identifier(1): SessionState.RUNNING,
        identifier(2): SessionState.INTERRUPTED,
        identifier(3): SessionState.RUNNING,
    }
    assert not holder_is_dead("[]")


def test_newest_first_and_found_by_prefix(catalog: Catalog) -> None:
    for number in (2, 3, 1):
        begin(catalog, number)
    assert [row.started_ns for row in catalog.sessions()] == [3, 2, 1]
    text = id_text(identifier(2))
    assert catalog.session(text).session == identifier(2)
    assert catalog.session(text[:11].upper()).session == identifier(2)
    with pytest.raises(UsageError, match="3 sessions"):
        catalog.session("00")
    for query in ("ffff", "", "no-such", "%"):
        with pytest.raises(NotFoundError):
            catalog.session(query)


def test_a_record_from_a_medium_never_replaces_what_is_known(catalog: Catalog) -> None:
    record = SessionRecord(identifier(1), "backup", "other", 1, 2, "success", "there")
    catalog.add_session(record)
    assert catalog.session("latest").state == "finished"
    catalog.add_session(replace(record, host="elsewhere"))
    assert catalog.session("latest").host == "there"


def test_verifications_are_kept(catalog: Catalog) -> None:
    begin(catalog, 1)
    catalog.add_medium(medium(1))
    row = VerificationRow(identifier(1), medium(1).medium, 1, 2, 3, 4, 0)
    catalog.add_verification(row)
    assert catalog.verifications(medium(1).medium) == [row]
    assert catalog.verifications(medium(2).medium) == []
