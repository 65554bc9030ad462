"""A new catalog that takes the place of the old one when it is complete, and not before."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from flowbackup.catalog.catalog import Catalog, open_catalog
from flowbackup.errors import CatalogError
from flowbackup.leaving import taken_away

_BESIDE = ("-wal", "-shm")
"""What sqlite keeps beside a file.  Left behind by an old catalog, it would be taken for the new
one's and written into it."""


@contextmanager
def replacing_catalog(path: Path, tell: Callable[[str], None]) -> Iterator[Catalog]:
    """An empty catalog that is called `path` from the end of the block on, durably.

    What was called so before is kept under another name, which is told.  If the block raises, it
    stays where it is and nothing is left of the new one.  Raises CatalogError."""
    path = Path(os.path.realpath(path))
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Unlike the catalog's: who is killed leaves a file that nobody takes for one.
        place = tempfile.mkdtemp(prefix=f".{path.name}.rebuild-", dir=path.parent)
    except OSError as error:
        raise _failed(path, error) from error
    new = Path(place) / path.name
    try:
        with taken_away(partial(_remove, new)):
            with open_catalog(new) as catalog:
                yield catalog
            _swap(new, path, tell)
    except OSError as error:
        raise _failed(path, error) from error
    finally:
        _remove(new)


def _remove(new: Path) -> None:
    """A new catalog and the directory in which it was made."""
    for name in ("", *_BESIDE):
        Path(f"{new}{name}").unlink(missing_ok=True)
    os.rmdir(new.parent)


def _kept_path(path: Path) -> Path:
    """Where the old catalog goes: a name beside it that nothing has yet."""
    time = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    kept = path.with_name(f"{path.name}.before-rebuild-{time}")
    number = 1
    while os.path.lexists(kept):
        number += 1
        kept = path.with_name(f"{path.name}.before-rebuild-{time}-{number}")
    return kept


def _swap(new: Path, path: Path, tell: Callable[[str], None]) -> None:
    """The name means a whole catalog at any time: the old one until the last step, or the new."""
    _sync(new)
    if path.exists():
        kept = _kept_path(path)
        try:
            os.link(path, kept)
        except PermissionError:
            # A file system without hard links: for a moment there is none of that name.
            os.rename(path, kept)
        for name in _BESIDE:
            if os.path.lexists(f"{path}{name}"):
                os.rename(f"{path}{name}", f"{kept}{name}")
        tell(f"the old catalog is kept as {kept}")
    os.rename(new, path)
    _sync(path.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _failed(path: Path, error: OSError) -> CatalogError:
    return CatalogError(
        f"no new catalog can be made at {path}: {error.strerror}",
        remedy="check the path, its permissions and the space of its disk",
    )
