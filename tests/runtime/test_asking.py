"""What a path may be called by who asks for its history."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowbackup import api
from flowbackup.errors import NotFoundError
from tests.runtime.history import History


def test_a_path_is_also_one_that_begins_where_the_user_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = History(tmp_path)
    (history.source / "file").write_bytes(b"a")
    history.run()
    monkeypatch.chdir(tmp_path)
    for place in ("tree/file", "file", "tree:file", str(history.source / "file")):
        (row,) = api.history(place, history.catalog)
        assert row.entry is not None and row.entry.path == b"file"
    with pytest.raises(NotFoundError):
        api.history("tree/other", history.catalog)
