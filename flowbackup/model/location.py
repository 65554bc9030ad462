"""How the places of media are written, and which kind of device each of them means.

A place is a text: an absolute path, or something with a scheme.  The catalog remembers nothing else
of a device, so whatever finds its media again stands in that text; a secret never does.

    /mnt/nas                                    a directory
    s3://eu-central-1@bucket/prefix             a prefix of a bucket at Amazon, and its region
    s3+https://garage@host:3900/bucket/prefix   the same at another server
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from flowbackup.errors import UsageError

DIRECTORY = "directory"
S3 = "s3"
TAPE = "tape"
KIND_OF_SCHEME: dict[str, str] = {"s3": S3, "s3+http": S3, "s3+https": S3, TAPE: TAPE}
"""The one table from what stands before "://" to the kind of the device."""
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_REGION = re.compile(r"[A-Za-z0-9-]*")
_SERVER = re.compile(
    r"(?P<address>https?://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:(?P<port>[0-9]{1,5}))?)/?"
)
_PORT_MAX = 65535
_PREFIX = re.compile(r"[A-Za-z0-9!_.*'()+-]+(/[A-Za-z0-9!_.*'()+-]+)*")


def kind_at(location: str) -> str:
    """The kind of the device at a place; "directory" for every path.  A scheme that is not in the
    table is the name of a kind that an installed package brings."""
    scheme, mark, _ = location.partition("://")
    is_path = not mark or not _SCHEME.fullmatch(scheme)
    return DIRECTORY if is_path else KIND_OF_SCHEME.get(scheme, scheme)


def is_directory(location: str) -> bool:
    """Is it a path of the file system?"""
    return kind_at(location) == DIRECTORY


def whole_place(written: str) -> str:
    """A place as it was written for a command, in full: a path from here, another one without a
    last slash.  Raises UsageError for a bucket that cannot be."""
    if is_directory(written):
        return os.path.abspath(written)
    refuse_no_bucket(written)
    scheme, mark, rest = written.partition("://")
    return scheme + mark + rest.rstrip("/")


def refuse_no_bucket(place: str) -> None:
    """Raises UsageError for a place that means a bucket, and none that can be."""
    if kind_at(place) == S3:
        try:
            bucket_place(place)
        except ValueError as error:
            text, remedy = told(place, error)
            raise UsageError(text, remedy=remedy) from error


def told(location: str, error: ValueError) -> tuple[str, str]:
    """What is wrong with a place, by `bucket_place`, and what to do.  What stands before an @ where
    a region should is not shown: it may be a key."""
    text, _, remedy = str(error).partition("|")
    return f"{re.sub('//[^/]*@', '//...@', location)} {text}", remedy


@dataclass(frozen=True, slots=True)
class BucketPlace:
    """A prefix in a bucket.  region: "" for that of the environment.  endpoint: the server, as in
    https://host:port; "" for Amazon, or for what the environment says."""

    bucket: str
    prefix: str = ""
    region: str = ""
    endpoint: str = ""

    def location(self) -> str:
        """The text that `bucket_place` reads."""
        region = f"{self.region}@" if self.region else ""
        below = f"{self.bucket}/{self.prefix}".rstrip("/")
        if not self.endpoint:
            return f"s3://{region}{below}"
        scheme, _, host = self.endpoint.partition("://")
        return f"s3+{scheme}://{region}{host}/{below}"


def bucket_place(location: str) -> BucketPlace:
    """Raises ValueError, whose text says what is wrong | and what to do, for anything else."""
    scheme, _, rest = location.partition("://")
    if kind_at(location) != S3:
        raise ValueError("is no place in a bucket|Write it as s3://bucket/prefix")
    head, _, below = rest.partition("/")
    region, _, host = head.rpartition("@")
    endpoint, bucket, prefix = "", host, below.strip("/")
    if scheme != "s3":
        endpoint = _server(f"{scheme.removeprefix('s3+')}://{host}")
        bucket, _, prefix = prefix.partition("/")
    if not _REGION.fullmatch(region):
        raise ValueError(
            "has something before the @ that is no region"
            "|Keys are taken from the environment or a profile, and stand in no place"
        )
    if not _BUCKET.fullmatch(bucket):
        raise ValueError("names no bucket that can be|Write it as s3://bucket/prefix")
    if prefix and (not _PREFIX.fullmatch(prefix) or {".", ".."} & set(prefix.split("/"))):
        raise ValueError(
            "has a prefix with signs that not every store keeps|Use letters, digits, - _ . and /"
        )
    return BucketPlace(bucket, prefix, region, endpoint)


def declared_bucket(url: str, endpoint: str = "", region: str = "") -> BucketPlace:
    """What a graph says of a bucket.  Raises ValueError, as `bucket_place`."""
    place = bucket_place(url)
    if endpoint and place.endpoint:
        raise ValueError("names its server twice|Delete the endpoint")
    if region and not _REGION.fullmatch(region):
        raise ValueError("has a region that cannot be|Write it as in region: eu-central-1")
    return BucketPlace(
        place.bucket, place.prefix, region or place.region,
        _server(endpoint) if endpoint else place.endpoint,
    )  # fmt: skip


def _server(endpoint: str) -> str:
    """A server's address, without anything behind it.  Raises ValueError."""
    if "@" in endpoint:
        raise ValueError(
            "has a user in its endpoint"
            "|Keys are taken from the environment or a profile, and stand in no graph"
        )
    found = _SERVER.fullmatch(endpoint)
    if found is None or not 0 < int(found["port"] or 1) <= _PORT_MAX:
        raise ValueError(
            "has an endpoint that is no server|Write it as in endpoint: https://host:9000"
        )
    return found["address"]
