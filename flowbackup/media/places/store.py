"""One bucket, as its server shows it: the only module that knows the library for object stores.

The library tries again by itself what the server or the network refused for a moment, with growing
waits and an end (`Patience`).  What it cannot know is whether a request that should create
something was carried out when no answer came; that is looked up here.
"""

from __future__ import annotations

import errno
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache, partial
from importlib import import_module
from typing import Any

from flowbackup.media.failure import StoreError
from flowbackup.media.places.profile import profile_credentials
from flowbackup.model.location import BucketPlace
from flowbackup.units import KIB, MIB

PART_BYTES = 5 * MIB
"""Stores take no smaller ones."""
PARTS_UNDER_WAY_MAX = 4
"""Of one object that is sent in parts: so much memory beside the frames themselves."""
TAIL_BYTES = 4 * KIB
"""So much of the end of an object tells whether it is the one that was to be created: a segment
ends with a chain over all that is in it."""
CERTIFICATES_BYTES_MAX = 16 * MIB


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a request may take, and how often it is made again before it has failed."""

    connect_seconds: float = 10.0
    request_seconds: float = 60.0
    tries_more: int = 8
    tries_seconds: float = 45.0
    wait_first_seconds: float = 0.1
    wait_seconds_max: float = 10.0


PATIENCE = Patience()
"""Two tries of a segment must end before a session takes the agent for one that hangs, after three
minutes.  Parts that are under way together take a minute at 3 Mbit/s."""


@dataclass(frozen=True, slots=True)
class FoundObject:
    """tag: changes with the content.  changed: when, by the clock of the server."""

    size_bytes: int
    tag: str
    changed: datetime


class ObjectStore:
    """A bucket.  Threads may share it.  Everything raises OSError (see `told`)."""

    def __init__(self, place: BucketPlace) -> None:
        """place: its prefix is not used here; keys are whole."""
        self._place = place
        self._api, self._store = _connected(place, PATIENCE)

    def find(self, key: str) -> FoundObject:
        """What is there.  Raises FileNotFoundError."""
        with self._told("looking at", key):
            meta = self._api.head(self._store, key)
        return FoundObject(meta["size"], meta["e_tag"] or "", meta["last_modified"])

    def read(self, key: str, begin: int, size_bytes: int) -> memoryview:
        """Exactly these bytes of an object."""
        with self._told("reading", key):
            data = self._api.get_range(self._store, key, start=begin, length=size_bytes)
        if len(data) != size_bytes:
            raise StoreError(
                errno.EIO, f"{self.name(key)} gave {len(data)} bytes, expected {size_bytes}"
            )
        return memoryview(data)

    def read_begin(self, key: str, bytes_max: int) -> tuple[bytes, str]:
        """The beginning of an object, and its tag."""
        with self._told("reading", key):
            found = self._api.get(self._store, key)
            data, tag = b"", found.meta["e_tag"] or ""
            for piece in found.stream():
                data += bytes(piece)
                if len(data) >= bytes_max:
                    break
        return data[:bytes_max], tag

    def listing(self, folder: str) -> tuple[dict[str, FoundObject], list[str]]:
        """The objects directly in a folder by name, and the names of the folders there."""
        with self._told("listing", folder):
            found = self._api.list_with_delimiter(self._store, folder or None)
        objects = {
            _last(meta["path"]): FoundObject(
                meta["size"], meta["e_tag"] or "", meta["last_modified"]
            )
            for meta in found["objects"]
            # Some stores list the folder itself.
            if meta["path"].rstrip("/") != folder
        }
        return objects, [_last(path) for path in found["common_prefixes"]]

    def create(self, key: str, data: bytes) -> None:
        """A new object, durable when this returns; one that is there stays as it is.  Raises
        FileExistsError."""
        self._put_if("creating", key, data, "create")

    def put(self, key: str, data: bytes) -> None:
        """An object, in the place of one that is there; durable when this returns."""
        with self._told("writing", key):
            self._api.put(self._store, key, data, use_multipart=False)

    def exchange(self, key: str, data: bytes, tag: str) -> str:
        """An object in the place of that one, which still has this tag; its new tag.  Raises
        FileExistsError where it has changed."""
        return self._put_if("changing", key, data, {"e_tag": tag})

    def _put_if(self, what: str, key: str, data: bytes, mode: Any) -> str:
        """The library does not make a request with a condition again when its answer was lost,
        because it cannot know what that would mean.  Here it is known."""
        started, wait = time.monotonic(), PATIENCE.wait_first_seconds
        for tries_left in reversed(range(PATIENCE.tries_more + 1)):
            try:
                with self._told(what, key):
                    done = self._api.put(self._store, key, data, mode=mode, use_multipart=False)
                return str(done["e_tag"] or "")
            except FileExistsError:
                # By a try before of which the answer was lost, or by somebody else?
                if not self.ends_as(key, len(data), data[-TAIL_BYTES:]):
                    raise
                return self.find(key).tag
            except StoreError as error:
                is_late = time.monotonic() - started > PATIENCE.tries_seconds
                if error.errno != errno.EIO or not tries_left or is_late:
                    raise
            time.sleep(wait)
            wait = min(2 * wait, PATIENCE.wait_seconds_max)
        raise AssertionError("the last try returns or raises")

    def remove(self, key: str) -> None:
        """Takes an object away; one that is gone already is no error."""
        with self._told("removing", key):
            self._api.delete(self._store, key)

    def upload(self, key: str) -> Upload:
        """An object that is sent in parts while it is made, and is there when its last part is."""
        return Upload(self, key, self._api.open_writer(
            self._store, key, buffer_size=PART_BYTES, max_concurrency=PARTS_UNDER_WAY_MAX
        ))  # fmt: skip

    def ends_as(self, key: str, size_bytes: int, tail: bytes) -> bool:
        """Is an object of this length there that ends so?"""
        try:
            if self.find(key).size_bytes != size_bytes:
                return False
            return not tail or self.read(key, size_bytes - len(tail), len(tail)) == tail
        except FileNotFoundError:
            return False

    def server_time(self, key: str) -> datetime:
        """By the clock of the server, which alone says how old something of it is.  It writes."""
        self.put(key, b"")
        return self.find(key).changed

    def name(self, key: str) -> str:
        """For people: what is meant, and where."""
        server = f" at {self._place.endpoint}" if self._place.endpoint else ""
        return f"s3://{self._place.bucket}/{key}{server}"

    @contextmanager
    def _told(self, what: str, key: str) -> Iterator[None]:
        started = time.monotonic()
        try:
            yield
        except OSError as error:
            if isinstance(error, StoreError | FileExistsError):
                raise
            raise _as_told(what, self.name(key), self._place.bucket, error, 0.0) from None
        except self._api.exceptions.BaseError as error:
            seconds = time.monotonic() - started
            # Not from it: its text shows requests, and what a server says of the key of the user.
            raise _as_told(what, self.name(key), self._place.bucket, error, seconds) from None
        except BaseException as error:
            # The library panics where no request can be made of what it was given.
            if type(error).__name__ != "PanicException":
                raise
            raise _unusable(self._place) from None


class Upload:
    """An object under way in parts.  One thread."""

    def __init__(self, store: ObjectStore, key: str, file: Any) -> None:
        self._store = store
        self._key = key
        self._file = file
        self._size_bytes = 0
        self._tail = b""

    def write(self, piece: bytes | memoryview) -> None:
        """More of it; the piece is not needed any more when this returns."""
        if self._file is None or not len(piece):
            return
        with self._store._told("sending", self._key):
            self._file.write(piece)
        self._size_bytes += len(piece)
        self._tail = (self._tail + bytes(memoryview(piece)[-TAIL_BYTES:]))[-TAIL_BYTES:]

    def finish(self) -> None:
        """All of it is durable when this returns."""
        file, self._file = self._file, None
        if file is None:
            return
        try:
            with self._store._told("sending", self._key):
                file.close()
        except OSError:
            # The answer may have been lost, and a second try finds no upload any more.
            if not self._store.ends_as(self._key, self._size_bytes, self._tail):
                raise

    def abandon(self) -> None:
        """It is never there.  Parts that were sent stay with the server until it clears up."""
        self._file = None


def _last(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]


@lru_cache(maxsize=32)
def store_at(bucket: BucketPlace) -> ObjectStore:
    """The one of this process, with its connections.  bucket: without a prefix.  Raises OSError."""
    return ObjectStore(bucket)


def _connected(place: BucketPlace, patience: Patience) -> tuple[Any, Any]:
    try:
        obstore = import_module("obstore")
        stores = import_module("obstore.store")
    except ImportError:
        raise StoreError(
            errno.ENOSYS, "the library for object stores is not installed",
            remedy="pip install 'flowbackup[s3]'",
        ) from None  # fmt: skip
    named = {"endpoint": place.endpoint, "region": place.region}
    config: Any = {name: value for name, value in named.items() if value}
    options: Any = {
        "timeout": timedelta(seconds=patience.request_seconds),
        "connect_timeout": timedelta(seconds=patience.connect_seconds),
        "allow_http": place.endpoint.startswith("http://"),
    }
    authority = os.environ.get("AWS_CA_BUNDLE")
    if authority:
        options["root_certificate"] = _certificates(authority)
    made = partial(
        stores.S3Store,
        place.bucket,
        config=config,
        client_options=options,
        retry_config={
            "max_retries": patience.tries_more,
            "retry_timeout": timedelta(seconds=patience.tries_seconds),
            "backoff": {
                "init_backoff": timedelta(seconds=patience.wait_first_seconds),
                "max_backoff": timedelta(seconds=patience.wait_seconds_max),
                "base": 2,
            },
        },
        credential_provider=profile_credentials(),
        # A bucket with object lock takes nothing without one, and others check it.
        checksum_algorithm="SHA256",
    )
    try:
        return obstore, made()
    except (obstore.exceptions.BaseError, ValueError):
        raise _unusable(place) from None


def _certificates(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            data = file.read(CERTIFICATES_BYTES_MAX)
    except OSError as error:
        # Of its own kind, so that nobody takes it for an object that is not there.
        raise _no_certificates(path, f"cannot be read: {error.strerror}") from error
    if b"-----BEGIN CERTIFICATE-----" not in data:
        raise _no_certificates(path, "has no certificate")
    return data


def _no_certificates(path: str, why: str) -> StoreError:
    return StoreError(
        errno.EINVAL, f"{path}, which AWS_CA_BUNDLE names, {why}",
        remedy="name a file of certificates (PEM) in AWS_CA_BUNDLE, or none",
    )  # fmt: skip


def _unusable(place: BucketPlace) -> StoreError:
    """Not with what the library says: it may show keys."""
    return StoreError(
        errno.EINVAL, f"{place.location()} cannot be reached with the settings of the environment",
        remedy="correct them (AWS_...): keys, region, endpoint, certificates",
    )  # fmt: skip


_CODE = re.compile(r"<Code>(\w+)</Code>")
_STATUS = re.compile(r"status code: (\d{3}[ A-Za-z]*)")
_RETRIES = re.compile(r"after (\d+) retries")
_REMEDIES = {
    errno.EACCES: "check the keys in the environment or the profile, and what they may do there",
    errno.ENODEV: "make the bucket first, or correct the url; flowbackup makes no buckets",
    errno.EIO: "look whether the server is well and reached from here; run the command again",
}


def _as_told(what: str, name: str, bucket: str, error: Exception, seconds: float) -> OSError:
    """What the library says of a request, in words of ours, with a number of the system."""
    text, kind = str(error), type(error).__name__
    code = next(iter(_CODE.findall(text)), "")
    if code == "NoSuchBucket":
        return _store_error(errno.ENODEV, f'there is no bucket "{bucket}" ({what} {name})')
    if isinstance(error, FileNotFoundError):
        return FileNotFoundError(errno.ENOENT, f"{name} is not there")
    if kind in ("AlreadyExistsError", "PreconditionError", "NotModifiedError"):
        return FileExistsError(errno.EEXIST, f"somebody else was there first ({what} {name})")
    reason = code or next(iter(_STATUS.findall(text)), "").strip() or _reason(text)
    if kind in ("PermissionDeniedError", "UnauthenticatedError"):
        return _store_error(errno.EACCES, f"{reason} ({what} {name})")
    tries = next(iter(_RETRIES.findall(text)), "0")
    return _store_error(
        errno.EIO, f"{reason}, after {tries} more tries in {seconds:.0f} s ({what} {name})"
    )


def _store_error(number: int, text: str) -> StoreError:
    return StoreError(number, text, remedy=_REMEDIES[number])


def _reason(text: str) -> str:
    """Of a request without an answer."""
    lowered = text.lower()
    for word, reason in (
        ("credential", "no keys were found"),
        ("timed out", "no answer in time"),
        ("operation timed out", "no answer in time"),
        ("dns", "the server's name is not known"),
        ("certificate", "the server's certificate is not trusted"),
        ("connect", "the server is not reached"),
        ("connection", "the connection was lost"),
        ("decod", "the answer was cut off or cannot be understood"),
        ("sending request", "the connection was lost"),
    ):
        if word in lowered:
            return reason
    return "the server's answer cannot be understood"
