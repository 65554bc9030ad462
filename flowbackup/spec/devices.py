"""Devices as they are written: where each is, and what it is like."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from flowbackup.model.device import HERE
from flowbackup.model.location import DIRECTORY, KIND_OF_SCHEME, TAPE, declared_bucket, kind_at
from flowbackup.spec.fields import (
    BlockSize,
    Count,
    DottedName,
    Duration,
    Limit,
    PathText,
    Rate,
    Word,
)
from flowbackup.spec.written import Written
from flowbackup.units import MIB, format_size

MEDIA_BYTES_MIN = 1 * MIB
"""Below that, labels and documents are most of a medium."""


class StagingSpec(Written):
    """When the frames of a device may make room for new ones."""

    copies: Count = Field(description="Durable copies that a version must have elsewhere.")
    keep: Duration = Field(default=0, description="And how old it must be.")


class DeviceSpec(Written):
    """A place where media are."""

    path: PathText | None = Field(
        default=None, description="The directory that holds the medium, or a tape drive."
    )
    kind: Literal["directory", "null", "s3", "tape"] = Field(
        default="directory", description='"s3": a bucket. "tape": a drive. "null" swallows and '
        "counts, for measurements.",
    )  # fmt: skip
    url: Word | None = Field(
        default=None, description="Of kind s3: the bucket and a prefix in it, as in "
        "s3://bucket/prefix. Keys are taken from the environment, a profile or the instance. "
        "Without a kind: a place of one that a package brings among its entry points "
        "flowbackup.devices, as in shelf:///mnt/vault.",
    )  # fmt: skip
    endpoint: Word | None = Field(
        default=None, description="Of kind s3: the server, as in https://host:9000; without one "
        "Amazon, or what AWS_ENDPOINT_URL says.",
    )  # fmt: skip
    region: Word | None = Field(
        default=None, description="Of kind s3; without one that of the environment."
    )
    changer: PathText | None = Field(
        default=None, description="Of kind tape: what moves tapes to the drive, as /dev/sg3."
    )
    node: DottedName = Field(default=HERE, description="The machine that it is attached to.")
    block_size: BlockSize = Field(
        default=4096, description="Everything on the medium begins at a multiple of this."
    )
    rate_limit: Rate = Field(default=0, description="Bytes per second at most, 0 for no limit.")
    rate: Rate = Field(
        default=0, description="Bytes per second that it writes, as flowbackup device measure "
        "says; for predictions only.",
    )  # fmt: skip
    media_size: Limit = Field(
        default=0, description="Bytes of one medium; the path then holds a set of media, and an "
        "object may lie on several. 0: one medium without limit.",
    )  # fmt: skip
    staging: StagingSpec | None = Field(
        default=None, description="A fast device whose frames are freed once they are elsewhere."
    )

    @model_validator(mode="after")
    def _path_fits_kind(self) -> DeviceSpec:
        if self.own_kind and self.kind == DIRECTORY:
            return self._without_the_rest()
        if self.kind == "directory" and self.path is None:
            raise ValueError('has no path|Write where it is, as in path: /mnt/nas, or kind: "null"')
        if self.kind not in ("directory", TAPE) and self.path is not None:
            raise ValueError(f'is of kind "{self.kind}" and has a path|Delete the path or the kind')
        self._check_bucket()
        self._check_tape()
        if self.kind == "null" and (self.media_size or self.staging):
            raise ValueError('is of kind "null", which keeps nothing|Delete media_size and staging')
        if 0 < self.media_size < MEDIA_BYTES_MIN:
            raise ValueError(
                f"has media of {format_size(self.media_size)}"
                f"|Write media_size: {format_size(MEDIA_BYTES_MIN)} or more"
            )
        return self

    @property
    def own_kind(self) -> str:
        """The kind that a package brings, with which its url begins; "" for ours."""
        kind = kind_at(self.url) if self.url else DIRECTORY
        return "" if kind in (DIRECTORY, *KIND_OF_SCHEME.values()) else kind

    def _without_the_rest(self) -> DeviceSpec:
        rest = self.path or self.endpoint or self.region or self.changer or self.staging
        if rest:
            raise ValueError(
                f"has a url of the kind {self.own_kind}, which a package brings"
                "|Delete path, endpoint, region, changer and staging, or the url"
            )
        return self

    def _check_bucket(self) -> None:
        if self.kind == "s3" and self.url is None:
            raise ValueError("has no url|Write where it is, as in url: s3://bucket/prefix")
        if self.kind == "s3":
            self.bucket_location()
        elif self.url or self.endpoint or self.region:
            raise ValueError(
                f'is of kind "{self.kind}" and has a bucket'
                "|Write kind: s3, or delete url, endpoint and region"
            )

    def _check_tape(self) -> None:
        if self.kind != TAPE:
            if self.changer is not None:
                raise ValueError(f'is of kind "{self.kind}" and has a changer|Delete it')
            return
        if self.path is None:
            raise ValueError("has no path|Write its drive, as in path: /dev/nst0")
        if self.staging:
            raise ValueError("frees nothing but a whole tape|Delete staging, or use a disk")
        if self.media_size:
            raise ValueError("has media as large as its tapes are|Delete media_size")

    def bucket_location(self) -> str:
        """The place of a device of kind s3, in full.  Raises ValueError."""
        return declared_bucket(self.url or "", self.endpoint or "", self.region or "").location()
