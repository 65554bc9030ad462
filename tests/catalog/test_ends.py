"""How sessions ended behind their hooks: kept, told to media by the next one, and taken over."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest

from flowbackup.catalog import Catalog, open_catalog
from flowbackup.model.ids import id_text
from flowbackup.model.record import SessionRecord, load_record
from flowbackup.model.report import Outcome, SessionReport
from flowbackup.model.session_end import (
    ENDS_MAX,
    PROBLEMS_MAX,
    TEXT_CHARACTERS_MAX,
    SessionEnd,
)
from flowbackup.monitor import Problem
from tests.catalog.conftest import identifier
from tests.catalog.dump import dump

HOOK = Problem("hook_failed", "hook 2 (after) ended with exit code 3: not \udcff mounted")
TOLD = replace(HOOK, text=HOOK.text.replace("\udcff", "\\xff"))
READ = Problem("unreadable", "permission denied", b"a")
PLAIN = SessionReport(
    "", "backup", "nightly", Outcome.SUCCESS, 0, "local", 1.5, 0.5, 4, 50, 40, 30, problems=(READ,)
)


def ended(catalog: Catalog, number: int, graph: str = "nightly", holder: str = "me") -> bytes:
    session = identifier(number)
    catalog.begin_session(session, "backup", graph, "", "here", number, holder)
    catalog.end_session(replace(PLAIN, session=id_text(session), graph=graph), number + 1)
    return session


def failed_behind(catalog: Catalog, session: bytes) -> None:
    report = replace(
        PLAIN, session=id_text(session), outcome=Outcome.FAILED, exit_code=1, problems=(READ, HOOK)
    )
    catalog.ends.amend(report, [HOOK])


def record(number: int, *ends: SessionEnd) -> SessionRecord:
    report = replace(PLAIN, session=id_text(identifier(number)))
    made = SessionRecord.of_report(
        report, started_ns=number, finished_ns=number + 1, host="here", graph="", versions={},
        ends=ends,
    )  # fmt: skip
    told = load_record(made.to_json())
    assert isinstance(told, SessionRecord)
    return told


def end_of(number: int) -> SessionEnd:
    return SessionEnd(identifier(number), "failed", 1, (TOLD,))


def test_what_hooks_changed_waits_for_the_next_session_of_the_graph(catalog: Catalog) -> None:
    first, other = ended(catalog, 1), ended(catalog, 2, "weekly")
    for session in (first, other):
        failed_behind(catalog, session)
    row = catalog.session(id_text(first))
    assert (row.outcome, row.exit_code) == (Outcome.FAILED, 1)
    assert [problem.kind for problem in row.problems] == ["unreadable", "hook_failed"]
    assert catalog.ends.untold("nightly", "copy") == ()
    assert catalog.ends.untold("nightly", "backup") == (end_of(1),)
    catalog.ends.told([end_of(1)])
    assert catalog.ends.untold("nightly", "backup") == ()
    assert [end.session for end in catalog.ends.untold("weekly", "backup")] == [other]


def test_a_session_that_was_never_begun_has_no_end(catalog: Catalog) -> None:
    failed_behind(catalog, identifier(1))
    assert catalog.ends.untold("nightly", "backup") == ()


def test_a_record_tells_of_bounded_many_and_of_each_so_much(catalog: Catalog) -> None:
    for number in range(1, ENDS_MAX + 3):
        failed_behind(catalog, ended(catalog, number))
    ends = catalog.ends.untold("nightly", "backup")
    assert len(ends) == ENDS_MAX and ends[-1].session == identifier(ENDS_MAX + 2)
    many = [Problem("hook_failed", "x" * 10_000)] * 100
    end = SessionEnd.of_report(replace(PLAIN, session=id_text(identifier(1))), many)
    assert len(end.problems) == PROBLEMS_MAX
    assert {len(problem.text) for problem in end.problems} == {TEXT_CHARACTERS_MAX}


@pytest.mark.parametrize("again", [1, 2])
def test_what_media_tell_in_any_order_and_however_often_is_the_same(
    tmp_path: Path, again: int
) -> None:
    records = [record(1), record(2, end_of(1)), record(3, end_of(2), end_of(9))]
    found = []
    for number, order in enumerate(permutations(records)):
        with open_catalog(tmp_path / str(number)) as catalog:
            for told in order * again:
                catalog.rebuild().add_session(told)
            rows = {row.session: row for row in catalog.sessions()}
            assert catalog.ends.untold("nightly", "backup") == ()
        assert [rows[identifier(n)].exit_code for n in (1, 2, 3)] == [1, 1, 0]
        assert rows[identifier(1)].problems == (READ, TOLD)
        found.append(dump(tmp_path / str(number)))
    assert all(each == found[0] for each in found)


def test_what_this_catalog_has_seen_itself_no_medium_changes(catalog: Catalog) -> None:
    ended(catalog, 1)
    catalog.rebuild().add_session(record(2, end_of(1)))
    assert catalog.session(id_text(identifier(1))).outcome is Outcome.SUCCESS
