"""Entries from what the system says, and when an earlier one says the same."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from flowbackup.source.metadata import EntryMaker


@pytest.fixture
def status(tmp_path: Path) -> os.stat_result:
    path = tmp_path / "file"
    path.write_bytes(b"content")
    return path.stat()


def test_an_entry_that_is_still_so_is_what_would_be_made_again(status: os.stat_result) -> None:
    maker = EntryMaker()
    entry = maker.make(b"file", status)
    assert maker.is_still(entry, status)
    assert entry == maker.make(b"file", status)


@pytest.mark.parametrize("field", ["device", "links", "uid", "gid", "mode"])
def test_one_of_another_number_is_not(status: os.stat_result, field: str) -> None:
    maker = EntryMaker()
    entry = maker.make(b"file", status)
    assert not maker.is_still(entry._replace(**{field: getattr(entry, field) + 1}), status)


@pytest.mark.parametrize("field", ["owner", "group"])
def test_one_whose_owner_has_another_name_is_not(status: os.stat_result, field: str) -> None:
    maker = EntryMaker()
    entry = maker.make(b"file", status)
    assert not maker.is_still(entry._replace(**{field: b"renamed"}), status)


def test_nobody_is_known_before_the_first_file(status: os.stat_result) -> None:
    entry = EntryMaker().make(b"file", status)
    assert not EntryMaker().is_still(entry, status)
