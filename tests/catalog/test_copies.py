"""Frames and copies: what is complete, what has too few copies, what a damaged place hits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flowbackup.catalog import Catalog
from flowbackup.errors import CatalogError, NotFoundError
from flowbackup.model.device import MediumInfo, Membership
from flowbackup.model.frame import FrameKind
from flowbackup.model.ids import FrameId
from tests.catalog.conftest import (
    directory_entry,
    file_entry,
    frame,
    header,
    identifier,
    medium,
    paged,
    place,
    record,
)

FIRST, SECOND, THIRD = medium(1), medium(2), medium(3)
OBJECT = identifier(1)
FRAMES = [frame(number) for number in range(4)]
"""Two of data, one of the manifest, one of the record."""


def hold(catalog: Catalog, info: MediumInfo, frames: list[FrameId], name: bytes = OBJECT) -> None:
    catalog.add_medium(info)
    manifest = {FRAMES[2]: FrameKind.MANIFEST, FRAMES[3]: FrameKind.CATALOG}
    catalog.add_durable(
        [(header(f, name, manifest.get(f, FrameKind.DATA)), place(info, f)) for f in frames]
    )


def add_version(catalog: Catalog, number: int = 1) -> None:
    entries = [directory_entry(b""), file_entry(b"a", FRAMES[0]), file_entry(b"b", FRAMES[1])]
    pages = paged(entries, 2, FRAMES[2])
    catalog.add_version(record(identifier(number), FRAMES[2]), pages)


def below(catalog: Catalog, required: int) -> dict[str, int]:
    return {str(row.version): row.copies for row in catalog.below_copies(required)}


@pytest.mark.parametrize("version_first", [True, False])
def test_a_killed_mirror_is_seen(catalog: Catalog, version_first: bool) -> None:
    if version_first:
        add_version(catalog)
    hold(catalog, FIRST, FRAMES)
    hold(catalog, SECOND, FRAMES[:3])
    if not version_first:
        add_version(catalog)
    version = catalog.resolve("latest")
    held = [
        (c.medium, c.frames_held, c.frames_needed, c.complete) for c in catalog.copies_of(version)
    ]
    assert held == [(FIRST, 4, 4, True), (SECOND, 3, 4, False)]
    assert (below(catalog, 1), below(catalog, 2)) == ({}, {"web/site@1": 1})
    hold(catalog, SECOND, FRAMES[3:])
    assert (below(catalog, 2), below(catalog, 3)) == ({}, {"web/site@1": 2})
    assert catalog.copies_durable(version) == 2


def test_two_halves_are_one_copy(catalog: Catalog) -> None:
    hold(catalog, FIRST, FRAMES)
    hold(catalog, SECOND, FRAMES[:2])
    hold(catalog, THIRD, FRAMES[2:])
    add_version(catalog)
    assert below(catalog, 3) == {"web/site@1": 2}
    assert [copy.complete for copy in catalog.copies_of(catalog.resolve("latest"))] == [
        True, False, False,
    ]  # fmt: skip


def test_a_frame_that_no_medium_holds_counts(catalog: Catalog) -> None:
    hold(catalog, FIRST, [FRAMES[0], *FRAMES[2:]])
    add_version(catalog)
    version = catalog.resolve("latest")
    assert below(catalog, 1) == {"web/site@1": 0}
    assert [row.frame for row in catalog.frames_of(version)] == FRAMES
    assert [row.header is None for row in catalog.frames_of(version)] == [
        False, True, False, False,
    ]  # fmt: skip
    with pytest.raises(NotFoundError):
        catalog.header(FRAMES[1])
    hold(catalog, FIRST, [FRAMES[1]])
    assert below(catalog, 1) == {}
    assert catalog.header(FRAMES[1]) == header(FRAMES[1], OBJECT)


def test_frames_of_earlier_versions_are_needed(catalog: Catalog) -> None:
    """As when unchanged content is not sent again: the second version refers to the first's."""
    hold(catalog, FIRST, FRAMES)
    hold(catalog, SECOND, [frame(9)], identifier(2))
    catalog.add_durable([(header(frame(9), identifier(2)), place(FIRST, frame(9)))])
    pages = paged([file_entry(b"a", FRAMES[0])], 1, frame(9))
    catalog.add_version(record(identifier(2), frame(9)), pages)
    version = catalog.resolve("latest")
    assert [row.frame for row in catalog.frames_of(version)] == [FRAMES[0], frame(9)]
    assert below(catalog, 2) == {"web/site@1": 1}


def test_the_same_frame_twice_on_a_medium_is_one_copy(catalog: Catalog) -> None:
    hold(catalog, FIRST, FRAMES)
    hold(catalog, FIRST, FRAMES)
    catalog.add_durable([(header(FRAMES[0], OBJECT), place(FIRST, FRAMES[0], segment=2))])
    add_version(catalog)
    assert below(catalog, 2) == {"web/site@1": 1}
    found = catalog.places(FRAMES[0])
    assert [(info, where.segment) for info, where in found] == [(FIRST, 2), (FIRST, 1)]


def test_a_damaged_copy_does_not_count_and_comes_last(catalog: Catalog) -> None:
    hold(catalog, SECOND, FRAMES)
    hold(catalog, FIRST, FRAMES)
    add_version(catalog)
    assert [info for info, _ in catalog.places(FRAMES[1])] == [FIRST, SECOND]
    assert catalog.mark_damaged(place(FIRST, FRAMES[1]))
    assert not catalog.mark_damaged(place(THIRD, FRAMES[1]))
    assert [info for info, _ in catalog.places(FRAMES[1])] == [SECOND, FIRST]
    assert below(catalog, 2) == {"web/site@1": 1}
    assert catalog.mark_damaged(place(FIRST, FRAMES[1]), damaged=False)
    assert below(catalog, 2) == {}


def test_a_frame_never_changes(catalog: Catalog) -> None:
    hold(catalog, FIRST, FRAMES)
    other = header(FRAMES[0], OBJECT)._replace(digest=bytes(16))
    with pytest.raises(CatalogError, match="other content"):
        catalog.add_durable([(other, place(FIRST, FRAMES[0]))])
    with pytest.raises(CatalogError, match="other content"):
        hold(catalog, FIRST, FRAMES, identifier(2))
    assert catalog.header(FRAMES[0]) == header(FRAMES[0], OBJECT)


def test_an_unknown_medium_is_refused(catalog: Catalog) -> None:
    with pytest.raises(CatalogError, match="not in the catalog"):
        catalog.add_durable([(header(FRAMES[0], OBJECT), place(FIRST, FRAMES[0]))])


def test_media_by_place(catalog: Catalog) -> None:
    for info in (FIRST, SECOND, medium(3, FIRST.location)):
        catalog.add_medium(info)
    assert catalog.medium_of_location(FIRST.location) == medium(3, FIRST.location)
    catalog.add_medium(FIRST)
    assert catalog.medium_of_location(FIRST.location) == FIRST
    assert catalog.medium_of_location("/mnt/none") is None
    far = replace(SECOND, location="/mnt/far", node="storage", node_labels=(("rack", "7"),))
    catalog.add_medium(far)
    assert catalog.medium_of_location("/mnt/far") is None
    assert catalog.media() == [FIRST, far, medium(3, FIRST.location)]
    assert [info.is_near for info in catalog.media()] == [True, False, True]


def test_damage_is_told_by_path(catalog: Catalog) -> None:
    hold(catalog, FIRST, FRAMES)
    add_version(catalog)
    where = place(FIRST, FRAMES[1])
    for offset in (0, 5000, 12_000):
        (hit,) = catalog.objects_at(FIRST.medium, where.segment, where.offset + offset)
        assert (str(hit.version), hit.frame, hit.paths) == ("web/site@1", FRAMES[1], (b"b",))
    both = catalog.objects_at(FIRST.medium, 1, where.offset - 1, where.offset + 1)
    assert [hit.frame for hit in both] == FRAMES[:2]
    (hit,) = catalog.objects_at(FIRST.medium, 1, place(FIRST, FRAMES[2]).offset)
    assert (hit.kind, hit.paths) == (FrameKind.MANIFEST, ())
    assert list(catalog.objects_at(FIRST.medium, 2, where.offset)) == []
    assert list(catalog.objects_at(FIRST.medium, 1, 10**9)) == []
    assert list(catalog.objects_at(SECOND.medium, 1, where.offset)) == []


def test_two_media_of_a_set_are_one_copy_together(catalog: Catalog) -> None:
    """Also of frames that lie on both: they are lost together."""
    members = [
        replace(info, membership=Membership(identifier(9), number, 1 << 20))
        for number, info in enumerate((FIRST, SECOND), 1)
    ]
    add_version(catalog)
    hold(catalog, members[0], FRAMES)
    hold(catalog, members[1], FRAMES)
    assert below(catalog, 9) == {str(catalog.resolve("latest")): 1}
    assert catalog.copies_durable(catalog.resolve("latest")) == 1
    hold(catalog, THIRD, FRAMES)
    assert catalog.copies_durable(catalog.resolve("latest")) == 2
