"""The catalog's file: private, refused when it is another's, newer, damaged or busy."""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest

from flowbackup.catalog import Catalog, open_catalog
from flowbackup.catalog.schema import VERSION
from flowbackup.errors import CatalogError


def test_file_is_private_and_its_directory_made(tmp_path: Path) -> None:
    path = tmp_path / "new" / "deep" / "catalog.sqlite"
    with open_catalog(path) as catalog:
        catalog.sessions()
        for file in path.parent.iterdir():
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_opening_again_keeps_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "c"
    with open_catalog(path) as catalog:
        catalog.begin_session(bytes(16), "backup", "g", "", "h", 1, "")
    with open_catalog(path) as catalog:
        assert [row.session for row in catalog.sessions()] == [bytes(16)]


def test_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c"
    open_catalog(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version={VERSION + 1}")
    connection.close()
    with pytest.raises(CatalogError, match="update flowbackup"):
        open_catalog(path)


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "c"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE sessions (other)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(CatalogError, match="no catalog of flowbackup"):
        open_catalog(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"no database at all, but long enough" * 200, b"x"])
def test_no_database_is_refused_with_what_to_do(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "c"
    path.write_bytes(content)
    with pytest.raises(CatalogError) as caught:
        open_catalog(path)
    assert "rebuild" in caught.value.remedy
    assert path.read_bytes() == content


def test_damaged_pages_are_a_catalog_error(tmp_path: Path) -> None:
    path = tmp_path / "c"
    open_catalog(path).close()
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(CatalogError, match="rebuild"), open_catalog(path) as catalog:
        catalog.sessions()


def test_missing_is_refused_where_nothing_may_be_made(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="no catalog"):
        open_catalog(tmp_path / "c", create=False)
    assert not (tmp_path / "c").exists()


def test_a_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="permissions"):
        open_catalog(tmp_path)


def test_a_failed_transaction_leaves_nothing(catalog: Catalog) -> None:
    with pytest.raises(KeyError), catalog.transaction():
        catalog.begin_session(bytes(16), "backup", "g", "", "h", 1, "")
        raise KeyError
    assert catalog.sessions() == []
    catalog.begin_session(bytes(16), "backup", "g", "", "h", 1, "")
    assert len(catalog.sessions()) == 1


def test_two_openers_see_each_other(catalog: Catalog) -> None:
    with open_catalog(catalog.path) as other:
        other.begin_session(bytes(16), "backup", "g", "", "h", 1, "")
        assert len(catalog.sessions()) == 1
