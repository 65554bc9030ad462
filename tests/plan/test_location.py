"""Places are texts from which devices are found again."""

from __future__ import annotations

import os
import re

import pytest

from flowbackup.errors import UsageError
from flowbackup.model.device import DeviceTarget
from flowbackup.model.location import (
    BucketPlace,
    bucket_place,
    declared_bucket,
    is_directory,
    kind_at,
    whole_place,
)

PLACES = {
    "s3://media": BucketPlace("media"),
    "s3://media/a/b": BucketPlace("media", "a/b"),
    "s3://eu-1@media/a": BucketPlace("media", "a", "eu-1"),
    "s3+https://eu-1@host:9000/media/a": BucketPlace("media", "a", "eu-1", "https://host:9000"),
    "s3+http://127.0.0.1:1/media": BucketPlace("media", "", "", "http://127.0.0.1:1"),
}


@pytest.mark.parametrize("text", PLACES)
def test_a_place_is_what_its_text_says_and_back(text: str) -> None:
    assert bucket_place(text) == PLACES[text]
    assert PLACES[text].location() == text
    assert bucket_place(text + "/") == PLACES[text]
    assert kind_at(text) == kind_at(os.path.join(text, "medium-00001")) == "s3"
    assert whole_place(text + "/") == text


BAD_PLACES = {
    "s3://": "names no bucket",
    "s3:///": "names no bucket",
    "s3:///prefix": "names no bucket",
    "s3://b": "names no bucket",
    "s3://Bucket": "names no bucket",
    "s3://\udcff\udcff\udcff": "names no bucket",
    "s3+https://host": "names no bucket",
    "s3://media/a?versionId=1": "has a prefix with signs",
    "s3://media/../a": "has a prefix with signs",
    "s3+http:///media": "has an endpoint that is no server",
    "s3+http://:9000/media": "has an endpoint that is no server",
    "s3+http://host:/media": "has an endpoint that is no server",
    "s3+http://host:0/media": "has an endpoint that is no server",
    "s3+http://host:-1/media": "has an endpoint that is no server",
    "s3+http://host:99999/media": "has an endpoint that is no server",
    "s3+http://host:x/media": "has an endpoint that is no server",
    "s3+http://[::1/media": "has an endpoint that is no server",
    "s3+http://a b/media": "has an endpoint that is no server",
    "s3+http://h\u00f6st/media": "has an endpoint that is no server",
    "s3+http://host?a=1/media": "has an endpoint that is no server",
    "s3+http://host#a/media": "has an endpoint that is no server",
}


@pytest.mark.parametrize("text", BAD_PLACES)
def test_a_bucket_that_cannot_be_is_named(text: str) -> None:
    with pytest.raises(UsageError, match=re.escape(f"{text} {BAD_PLACES[text]}")) as told:
        whole_place(text)
    with pytest.raises(UsageError, match=re.escape(str(told.value))):
        DeviceTarget("vault", "s3", text)
    assert told.value.remedy.startswith(("Write it as", "Use letters"))


def test_a_key_in_a_place_is_not_shown() -> None:
    with pytest.raises(UsageError, match="before the @") as told:
        whole_place("s3+https://user:secret@host/media")
    assert "secret" not in str(told.value)


@pytest.mark.parametrize("text", ["s3+http://[::1]:9000/media", "s3+https://a_b.c-d/media"])
def test_servers_have_all_kinds_of_names(text: str) -> None:
    assert bucket_place(text).location() == text


@pytest.mark.parametrize("path", ["/mnt/nas", "nas", "./s3", "s3:/x", "a b://host/x"])
def test_all_else_is_a_directory(path: str) -> None:
    assert is_directory(path)
    assert whole_place(path) == os.path.abspath(path)


def test_another_scheme_is_a_kind_that_a_package_brings() -> None:
    assert kind_at("shelf:///mnt/vault/") == "shelf"
    assert whole_place("shelf:///mnt/vault/") == "shelf:///mnt/vault"


def test_a_graph_may_say_it_in_parts() -> None:
    place = declared_bucket("s3://media/a", "https://host:9000/", "eu-1")
    assert place.location() == "s3+https://eu-1@host:9000/media/a"
