"""What versions are called, behind the session that made them."""

from __future__ import annotations

from dataclasses import replace

from flowbackup.catalog import Catalog, tags
from flowbackup.catalog.holder import holder_text
from flowbackup.catalog.rows import VersionRow
from flowbackup.model.record import SessionRecord, load_record
from flowbackup.model.retag import RETAGS_BYTES_MAX, Retag
from tests.catalog.conftest import frame, identifier, record

SITE = [("web", "site")]


def add(catalog: Catalog, number: int, *words: str, name: str = "site") -> VersionRow:
    session = identifier(100 + number)
    catalog.begin_session(session, "backup", "nightly", "", "here", number, holder_text(), words)
    made = record(identifier(number), frame(number), name=name, finished_ns=number)
    catalog.add_version(replace(made, session=session), [])
    return next(v for v in catalog.versions() if v.object_id == made.object_id)


def test_tags_are_those_of_the_session_until_they_are_changed(catalog: Catalog) -> None:
    first, second = add(catalog, 1, "release", "x"), add(catalog, 2)
    assert catalog.forgetting.tags.of([first, second]) == [("release", "x"), ()]
    assert catalog.forgetting.tags.to_tell(SITE) == ()
    changed = catalog.forgetting.tags.change([first, second], ("kept", "x"), ("release",), 7)
    assert changed == catalog.forgetting.tags.of([first, second]) == [("x", "kept"), ("kept", "x")]
    assert [c.tags for c in catalog.forgetting.candidates("web", "site")] == changed
    assert (
        catalog.forgetting.tags.change([first], (), ("x", "kept"), 8)
        == [()]
        == catalog.forgetting.tags.of([first])
    )


def test_to_look_at_them_changes_nothing(catalog: Catalog) -> None:
    first = add(catalog, 1, "release")
    assert catalog.forgetting.tags.change([first], (), (), 7) == [("release",)]
    assert catalog.forgetting.tags.to_tell(SITE) == ()


def test_a_session_tells_those_of_its_objects(catalog: Catalog) -> None:
    first, second, other = add(catalog, 1), add(catalog, 2), add(catalog, 3, name="mail")
    catalog.forgetting.tags.change([second], ("b",), (), 7)
    catalog.forgetting.tags.change([first, other], ("a",), (), 8)
    told = catalog.forgetting.tags.to_tell(SITE)
    assert told == (Retag(second.object_id, ("b",), 7), Retag(first.object_id, ("a",), 8))
    catalog.forgetting.forget([second], 9)
    assert catalog.forgetting.tags.to_tell(SITE) == told[1:]


def test_a_record_has_room_for_the_newest(catalog: Catalog) -> None:
    words = tuple(f"{number:060}" for number in range(1200))
    versions = [add(catalog, number) for number in range(1, 5)]
    for now_ns, version in enumerate(versions):
        catalog.forgetting.tags.change([version], words, (), now_ns)
    told = catalog.forgetting.tags.to_tell(SITE)
    assert [retag.object_id for retag in told] == [v.object_id for v in versions[-3:]]
    assert sum(len(str(retag.to_json())) for retag in told) < RETAGS_BYTES_MAX * 1.1


def test_a_record_brings_them_back_and_the_newest_counts(catalog: Catalog) -> None:
    version = add(catalog, 1, "release")
    told = (Retag(version.object_id, ("new",), 9), Retag(identifier(77), ("strange",), 9))
    session = SessionRecord(identifier(500), "backup", "g", 1, 2, "success", "here", retags=told)
    assert load_record(session.to_json()) == session
    catalog.rebuild().add_session(session)
    assert catalog.forgetting.tags.of([version]) == [("new",)]
    tags.insert(catalog._database, [Retag(version.object_id, ("old",), 8)])
    assert catalog.forgetting.tags.of([version]) == [("new",)]
