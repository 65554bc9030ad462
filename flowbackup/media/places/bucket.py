"""The files of media in buckets: each is an object, and a folder is what names have in common."""

from __future__ import annotations

import errno
from dataclasses import replace

from flowbackup.media.failure import StoreError
from flowbackup.media.places.store import ObjectStore, store_at
from flowbackup.model.location import bucket_place, told

CLAIMS_NAME = "claims"
"""The folder in which the name of a segment is taken before it is sent in parts."""
CLOCK_NAME = "flowbackup.clock"
"""An empty object, written when somebody wants to know what time it is there."""


def object_at(path: str) -> tuple[ObjectStore, str]:
    """The bucket in which a file is, and its key there.  Raises OSError."""
    try:
        place = bucket_place(path)
    except ValueError as error:
        text, remedy = told(path, error)
        raise StoreError(errno.EINVAL, text, remedy=remedy) from error
    return store_at(replace(place, prefix="")), place.prefix


def put_at(path: str, data: bytes) -> None:
    """A file, in the place of one that is there.  Raises OSError."""
    store, key = object_at(path)
    store.put(key, data)


def create_at(path: str, data: bytes) -> None:
    """A new file.  Raises FileExistsError, OSError."""
    store, key = object_at(path)
    store.create(key, data)


class BucketFiles:
    """Objects of a store that speaks S3."""

    def read(self, path: str, bytes_max: int) -> bytes:
        """See Files."""
        store, key = object_at(path)
        return store.read_begin(key, bytes_max)[0]

    def names(self, folder: str) -> list[str]:
        """See Files."""
        store, key = object_at(folder)
        objects, folders = store.listing(key)
        return [*objects, *folders]

    def sizes(self, folder: str) -> dict[str, int]:
        """See Files."""
        store, key = object_at(folder)
        return {name: found.size_bytes for name, found in store.listing(key)[0].items()}

    def has(self, path: str) -> bool:
        """See Files."""
        store, key = object_at(path)
        try:
            store.find(key)
        except FileNotFoundError:
            return False
        return True

    def free_bytes(self, location: str) -> int:
        """See Files."""
        return -1

    def identity(self, place: str) -> tuple[int, int]:
        """See Files: a bucket is never mounted."""
        return 0, 0

    def absence(self, location: str) -> tuple[str, str]:
        """See Files."""
        init = f"`flowbackup device init {location}`"
        if not self.names(location):
            return f"{location} is empty: no medium is there", f"make a medium with {init}"
        return "", ""
