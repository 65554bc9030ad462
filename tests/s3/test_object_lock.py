"""A bucket with object lock: writing and reading do not notice, and nothing can be taken away."""

from __future__ import annotations

import re
import time
from pathlib import Path
from urllib.parse import quote

import pytest

from flowbackup.media.freeing import SegmentFreer
from flowbackup.media.open import make_first_medium, open_device
from flowbackup.model.device import DeviceTarget
from flowbackup.model.location import bucket_place
from flowbackup.testing.device_conformance import OTHER_SESSION, SESSION
from flowbackup.testing.frames import sample_frame
from tests.s3.conftest import place_at
from tests.s3.server import BUCKET, WRITER, Server
from tests.s3.signed import ask

LOCKED = "locked"
RETENTION = b"""<ObjectLockConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
<ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention><Mode>COMPLIANCE</Mode>
<Days>1</Days></DefaultRetention></Rule></ObjectLockConfiguration>"""


@pytest.fixture
def place(server: Server, tmp_path: Path) -> str:
    """In a bucket where everything must stay for a day."""
    bucket = f"{server.endpoint}/{LOCKED}"
    asked = {"x-amz-bucket-object-lock-enabled": "true"}
    assert ask("PUT", bucket, keys=WRITER, headers=asked)[0] == 200
    assert ask("PUT", f"{bucket}?object-lock=", keys=WRITER, body=RETENTION)[0] == 200
    return place_at(server.endpoint, tmp_path).replace(f"/{BUCKET}/", f"/{LOCKED}/")


def versions(server: Server, key: str) -> list[str]:
    """The versions of an object, the newest first."""
    url = f"{server.endpoint}/{LOCKED}?prefix={quote(key, safe='')}&versions="
    status, text = ask("GET", url, keys=WRITER)
    assert status == 200
    return re.findall(r"<VersionId>([^<]+)</VersionId>", text.decode())


def test_what_is_freed_stays_as_long_as_it_is_locked(server: Server, place: str) -> None:
    target = DeviceTarget("vault", "s3", place)
    make_first_medium(place, name="vault")
    device = open_device(target)
    device.lock("test")
    writer = device.writer(SESSION, 1)
    for number in range(3):
        writer.append(*sample_frame(5000, number))
    writer.finish()
    device.close()
    assert len(list(device.reader().frames())) == 3
    key = f"{bucket_place(place).prefix}/segments/00000001-0001.seg"
    (written,) = versions(server, key)

    freer = SegmentFreer(target)
    freer.lock("test")
    sealed = freer.sealed(1, 1)
    assert sealed is not None
    freer.free(sealed, OTHER_SESSION, time.time_ns(), ())
    freer.close()
    assert list(device.reader().frames()) == []
    assert [freed.segment for freed in freer.freed([(1, 1)])] == [1]
    assert versions(server, key)[1:] == [written]
    at = f"{server.endpoint}/{LOCKED}/{key}?versionId={written}"
    assert ask("DELETE", at, keys=WRITER)[0] == 403
    assert len(ask("GET", at, keys=WRITER)[1]) == sealed.size_bytes
