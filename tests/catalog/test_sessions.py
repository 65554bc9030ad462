"""Sessions: begun, ended, interrupted, named."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from dataclasses import replace

import pytest

from flowbackup.catalog import Catalog, open_catalog, sessions
from flowbackup.catalog.holder import holder_is_dead, holder_text
from flowbackup.catalog.rows import SessionState, VerificationRow
from flowbackup.errors import CatalogError, NotFoundError, UsageError
from flowbackup.model.ids import id_text
from flowbackup.model.record import (
    PROBLEM_BYTES_MAX,
    PROBLEMS_MAX,
    SessionRecord,
    load_record,
)
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

SESSION = SessionRecord(identifier(1), "backup", "other", 1, 2, "success", "there")


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
    sessions.insert_record(catalog._database, SESSION)
    assert catalog.session("latest").state == "finished"
    sessions.insert_record(catalog._database, replace(SESSION, host="elsewhere"))
    assert catalog.session("latest").host == "there"


def test_a_record_from_a_medium_ends_a_session_that_was_begun_and_heard_no_more(
    catalog: Catalog,
) -> None:
    begin(catalog, 1, "somebody")
    sessions.insert_record(catalog._database, SESSION)
    row = catalog.session("latest")
    assert (row.state, row.outcome, row.holder) == ("finished", Outcome.SUCCESS, "somebody")


def test_verifications_are_kept(catalog: Catalog) -> None:
    begin(catalog, 1)
    catalog.add_medium(medium(1))
    row = VerificationRow(identifier(1), medium(1).medium, 1, 2, 3, 4, 5, 0)
    catalog.add_verification(row)
    assert catalog.verifications(medium(1).medium) == [row]
    assert catalog.verifications(medium(2).medium) == []


def test_a_record_carries_a_report_through_a_medium(catalog: Catalog) -> None:
    """What the catalog keeps of a session is on the media, too, but for what became of them after
    the record."""
    begin(catalog, 1)
    catalog.end_session(REPORT, 99)
    written = SessionRecord.of_report(
        REPORT, started_ns=1, finished_ns=99, host="here", graph="graph: x", versions={"ray": "2"}
    )
    told = load_record(written.to_json())
    assert told == written
    lost = catalog.session("latest")
    with open_catalog(catalog.path.with_name("other")) as other:
        sessions.insert_record(other._database, written)
        assert replace(other.session("latest"), holder=lost.holder) == lost


def test_a_record_has_room_for_so_many_problems_and_counts_the_rest(catalog: Catalog) -> None:
    many = tuple(Problem("vanished", f"gone \udcff {n}", b"x" * 100) for n in range(5000))
    record = SessionRecord.of_report(
        replace(REPORT, problems=many), started_ns=1, finished_ns=2, host="h", graph="", versions={}
    )
    assert len(record.problems) == PROBLEMS_MAX
    assert record.problems_left_out == 5000 - PROBLEMS_MAX
    long = replace(REPORT, problems=(Problem("x", "y" * PROBLEM_BYTES_MAX), Problem("x", "yy")))
    assert (
        SessionRecord.of_report(
            long, started_ns=1, finished_ns=2, host="h", graph="", versions={}
        ).problems_left_out
        == 1
    )
    sessions.insert_record(catalog._database, record)
    assert catalog.session("latest").problems[-1].text.startswith("4000 more")
    assert catalog.session("latest").problems[7].text == "gone \\xff 7"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("outcome", "splendid"),
        ("host", "\ud800"),
        ("host", 7),
        ("started_ns", 1 << 63),
        ("files", 1.5),
        ("files", True),
        ("duration_seconds", float("inf")),
        ("devices", [7]),
        ("problems", [{"kind": "x"}]),
        ("ends", [{"session": 7}]),
        ("session", 7),
    ],
)
def test_a_forged_record_is_none(key: str, value: object) -> None:
    forged = {**json.loads(SESSION.to_json()), key: value}
    with pytest.raises(ValueError, match="no readable record"):
        load_record(json.dumps(forged).encode())
