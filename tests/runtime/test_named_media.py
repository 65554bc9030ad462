"""What names and places of devices mean, by the media that a catalog knows."""

from __future__ import annotations

import os

import pytest

from flowbackup.errors import NotFoundError
from flowbackup.model.device import MediumInfo, Membership
from flowbackup.runtime.reading.named_media import media_named, newest_of_places
from flowbackup.testing.frames import sample_id


def medium(
    number: int, device: str, location: str, node: str = "", membership: Membership | None = None
) -> MediumInfo:
    far = {"node": node} if node else {}
    return MediumInfo(
        sample_id(number), device, "", location, 1, 0, 4096, membership=membership, **far
    )


DISK = medium(1, "disk", "/mnt/disk")
OTHER_DISK = medium(2, "disk", "/mnt/other")
FAR = medium(3, "far", "/mnt/disk", "storage2")
FIRST, SECOND = (
    medium(3 + n, "set", f"/mnt/set/{n}", "", Membership(sample_id(9), n, 1 << 20)) for n in (1, 2)
)
BUCKET = medium(6, "vault", "s3://backups/vault")
KNOWN = [DISK, OTHER_DISK, FAR, FIRST, SECOND, BUCKET]


@pytest.mark.parametrize(
    ("names", "meant"),
    [
        (["disk"], [DISK, OTHER_DISK]),
        (["/mnt/other"], [OTHER_DISK]),
        (["/mnt/disk/"], [DISK]),
        (["far"], [FAR]),
        (["set"], [FIRST, SECOND]),
        (["/mnt/set"], [FIRST, SECOND]),
        (["/mnt/set/2"], [SECOND]),
        (["s3://backups/vault/"], [BUCKET]),
        (["set", "/mnt/disk", "/mnt/set/1"], [FIRST, SECOND, DISK]),
        ([], []),
    ],
    ids=lambda value: " ".join(value) if value and isinstance(value[0], str) else "",
)
def test_names_and_places_mean(names: list[str], meant: list[MediumInfo]) -> None:
    assert media_named(KNOWN, names) == meant


def test_a_place_is_meant_from_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    assert media_named(KNOWN, [os.path.join("mnt", "disk")]) == [DISK]


@pytest.mark.parametrize("name", ["/mnt/far", "usb", "/mnt", "/mnt/set/3"])
def test_what_means_none_is_refused(name: str) -> None:
    with pytest.raises(NotFoundError, match=f'no medium of device "{name}"') as raised:
        media_named(KNOWN, ["disk", name], "look again")
    assert raised.value.remedy == "look again"


def test_of_a_place_the_newest_medium_counts() -> None:
    newer = medium(7, "disk", "/mnt/disk")
    nowhere = [medium(8, "lost", ""), medium(9, "lost", "")]
    found = newest_of_places([*KNOWN, newer, *nowhere])
    assert DISK not in found
    assert set(found) == {*KNOWN, newer, *nowhere} - {DISK}, "the same path of another node is kept"
