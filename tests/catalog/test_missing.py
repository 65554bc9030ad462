"""What media should hold and do not, told from sessions, versions and copies."""

from __future__ import annotations

import pytest

from flowbackup.catalog import Catalog, missing
from flowbackup.catalog.missing import MissingFrame, MissingTotal, Wanted
from flowbackup.model.device import FramePlace, MediumInfo
from flowbackup.model.frame import FrameKind
from flowbackup.model.ids import NO_ID, FrameId, id_text
from flowbackup.model.report import DeviceReport, Outcome, SessionReport
from tests.catalog.conftest import (
    SESSION,
    directory_entry,
    file_entry,
    header,
    identifier,
    medium,
    paged,
    place,
    record,
)

A, B, C = medium(1), medium(2), medium(3)
OBJECT = identifier(1)
LEFT = [FrameId(SESSION, 1, number) for number in range(3)]
RIGHT = [FrameId(SESSION, 2, number) for number in range(2)]
"""Two streams; the last frames of the second are manifest and record."""
RECORD = FrameId(SESSION, 0, 0)


def device(info: MediumInfo, role: str = "backup", **more: object) -> DeviceReport:
    values: dict[str, object] = {"medium": id_text(info.medium), **more}
    return DeviceReport(
        info.device, "g." + info.device, role, 0, "here", "complete", 0, 0, 0, **values
    )  # type: ignore[arg-type]


@pytest.fixture
def session(catalog: Catalog) -> Catalog:
    """A version of five frames, which B holds, and the session that made it."""
    for info in (A, B, C):
        catalog.add_medium(info)
    catalog.begin_session(SESSION, "backup", "graph", "", "here", 1, "")
    hold(catalog, B, *LEFT, *RIGHT)
    entries = [directory_entry(b""), file_entry(b"a", LEFT[0])]
    catalog.add_version(record(OBJECT, RIGHT[0]), paged(entries, 2, RIGHT[0]))
    return catalog


def hold(catalog: Catalog, info: MediumInfo, *frames: FrameId) -> None:
    catalog.add_durable(
        [
            (header(f, NO_ID if f == RECORD else OBJECT, FrameKind.DATA), where(info, f))
            for f in frames
        ]
    )


def where(info: MediumInfo, frame: FrameId) -> FramePlace:
    return place(info, frame, segment=1 + frame.stream)


def end(catalog: Catalog, *devices: DeviceReport) -> None:
    catalog.end_session(
        SessionReport(
            id_text(SESSION), "backup", "graph", Outcome.SUCCESS, 0, "", 1, 0, 0, 0, 0, 0,
            devices=devices,
        ),
        2,
    )  # fmt: skip


def lacks(catalog: Catalog, *wanted: Wanted) -> list[MissingFrame]:
    totals = catalog.find_missing(wanted)
    found = list(catalog.missing_frames())
    for item in wanted:
        mine = [frame for frame, media in found if item.medium in media]
        assert totals[item.medium].frames == len(mine)
        assert totals[item.medium].payload_bytes == 10_000 * len(mine)
    return found


def test_a_device_is_to_hold_what_its_session_meant_for_it(session: Catalog) -> None:
    end(session, device(A), device(B))
    hold(session, A, LEFT[0])
    assert lacks(session, Wanted(A.medium, A.device), Wanted(B.medium, B.device)) == [
        MissingFrame(frame, (A.medium,)) for frame in (*LEFT[1:], *RIGHT)
    ]
    assert lacks(session, Wanted(C.medium, C.device)) == []


def test_devices_that_share_an_object_are_to_hold_their_streams(session: Catalog) -> None:
    end(session, device(A, streams=(1,)), device(B, streams=(2,)), device(C, streams=(1, 2)))
    wanted = [Wanted(info.medium, info.device) for info in (A, B, C)]
    assert lacks(session, *wanted) == [
        *(MissingFrame(frame, (A.medium, C.medium)) for frame in LEFT),
        *(MissingFrame(frame, (C.medium,)) for frame in RIGHT),
    ]


def test_the_record_of_the_session_comes_with_its_versions(session: Catalog) -> None:
    end(session, device(A), device(B))
    hold(session, B, RECORD)
    assert lacks(session, Wanted(A.medium, A.device))[0] == MissingFrame(RECORD, (A.medium,))
    hold(session, A, *LEFT, *RIGHT)
    assert lacks(session, Wanted(A.medium, A.device)) == []


@pytest.mark.parametrize(
    ("wanted", "frames"),
    [
        (Wanted(C.medium, C.device), 0),
        (Wanted(C.medium, C.device, (A.medium,)), 5),
        (Wanted(C.medium, A.device), 0),
        (Wanted(C.medium, C.device, everything=True), 5),
        (Wanted(C.medium, C.device, everything=True, versions=()), 0),
        (Wanted(C.medium, C.device, everything=True, versions=(OBJECT,)), 5),
        (Wanted(A.medium, A.device, versions=(identifier(9),)), 0),
    ],
)
def test_what_is_wanted(session: Catalog, wanted: Wanted, frames: int) -> None:
    end(session, device(A), device(B))
    assert len(lacks(session, wanted)) == frames


def test_a_device_whose_medium_is_not_known_is_known_by_its_name(session: Catalog) -> None:
    """As after a rebuild from one medium: the others are names in the record of the session."""
    end(session, device(A, medium=id_text(identifier(77))), device(B))
    assert len(lacks(session, Wanted(A.medium, A.device))) == 5
    assert lacks(session, Wanted(C.medium, C.device)) == []


def test_only_required_devices_make_a_copy_that_is_required(session: Catalog) -> None:
    end(session, device(A, required=False), device(B), device(C, role="repair"))
    wanted = [Wanted(info.medium, info.device) for info in (A, C)]
    assert session.find_missing(wanted) == {
        A.medium: MissingTotal(5, 50_000, 0), C.medium: MissingTotal(),
    }  # fmt: skip


def test_what_was_damaged_is_wanted_again_until_it_is_held_elsewhere(session: Catalog) -> None:
    end(session, device(A))
    assert session.mark_damaged(where(B, LEFT[1]))
    wanted = Wanted(B.medium, B.device)
    assert lacks(session, wanted) == [MissingFrame(LEFT[1], (B.medium,))]
    session.add_durable([(header(LEFT[1], OBJECT), FramePlace(B.medium, 9, 0, 4096))])
    assert lacks(session, wanted) == []


def test_a_segment_that_was_cut_loses_what_is_behind_its_end(session: Catalog) -> None:
    end(session, device(B))
    wanted = Wanted(B.medium, B.device)
    last = where(B, LEFT[2])
    whole = last.offset + B.block_bytes + 10_000
    assert session.mark_cut_off(B.medium, last.segment, last.epoch, whole) == 0
    assert session.mark_cut_off(B.medium, last.segment, last.epoch, whole - 1) == 1
    assert lacks(session, wanted) == [MissingFrame(LEFT[2], (B.medium,))]
    assert session.mark_cut_off(B.medium, last.segment, last.epoch, -1) == 2
    assert session.segments(B.medium) == [(2, 1), (3, 1)]


def test_more_than_a_page_comes_in_order(session: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    end(session, device(A), device(B), device(C))
    monkeypatch.setattr(missing, "_PAGE_ROWS", 3)
    wanted = [Wanted(info.medium, info.device) for info in (A, C)]
    assert lacks(session, *wanted) == [
        MissingFrame(frame, (A.medium, C.medium)) for frame in (*LEFT, *RIGHT)
    ]


def test_frames_that_are_named_are_missing_and_no_others(session: Catalog) -> None:
    end(session, device(A), device(B))
    hold(session, A, LEFT[0])
    named = frozenset((*LEFT[:2], RECORD))
    assert lacks(session, Wanted(A.medium, A.device, frames=named)) == [
        MissingFrame(LEFT[1], (A.medium,))
    ]
    assert lacks(session, Wanted(A.medium, A.device, frames=frozenset())) == []
