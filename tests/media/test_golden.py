"""Small media of every format version, made once and kept for ever: both readers restore them.

What git does not keep is put back first: that sealed segments are read-only.  `make.py` beside the
media made them; what comes back is compared with the listing that was made then.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from flowbackup import api
from flowbackup.keys import reader_keys
from flowbackup.media.checks.verify import verify_medium
from flowbackup.media.labels.label import read_label
from flowbackup.model.frame import Codec
from flowbackup.monitor import RecordingMonitor, SilentMonitor
from tests.judge import check_media, listed, recovered
from tests.media.golden.make import PASSPHRASE, listing
from tests.media.media_samples import make_device
from tests.media.object_media import restored

GOLDEN = Path(__file__).with_name("golden")
VERSIONS = sorted(path.name for path in GOLDEN.glob("v*"))


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(autouse=True)
def passphrase(memory_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (memory_path / "passphrase").write_bytes(PASSPHRASE)
    monkeypatch.setenv("FLOWBACKUP_PASSPHRASE_FILE", str(memory_path / "passphrase"))


@pytest.fixture
def medium(version: str, memory_path: Path) -> Path:
    place = memory_path / "medium"
    shutil.copytree(GOLDEN / version / "medium", place)
    for segment in (place / "segments").glob("*.seg"):
        segment.chmod(0o444)
    return place


@pytest.fixture
def expected(version: str) -> dict[str, list[dict[str, object]]]:
    found = json.loads((GOLDEN / version / "expected.json").read_text())
    if os.geteuid() != 0:
        for row in (row for rows in found.values() for row in rows):
            del row["owner"]
    return dict(found)


def restored_listing(place: Path) -> list[dict[str, object]]:
    rows = listing(place)
    if os.geteuid() != 0:
        for row in rows:
            del row["owner"]
    return rows


def test_it_is_of_the_version_that_its_folder_says(version: str, medium: Path) -> None:
    label = read_label(str(medium)).label
    assert f"v{label.format_major}.{label.format_minor}" == version.partition("-")[0]
    assert {path.suffix for path in (medium / "segments").iterdir()} == {".seg", ".part"}


def test_both_readers_find_it_whole(
    medium: Path, expected: dict[str, list[dict[str, object]]]
) -> None:
    assert verify_medium(make_device(medium), RecordingMonitor()).damages == ()
    checked = check_media([medium])
    assert (checked.exit_code, checked.problems, checked.notes) == (0, (), ())
    assert sorted(found.name for found in listed([medium])) == sorted(expected)


@pytest.mark.parametrize("reader", ["flowbackup", "recover.py"])
def test_it_is_restored_as_it_was(
    medium: Path, expected: dict[str, list[dict[str, object]]], reader: str
) -> None:
    for name, rows in expected.items():
        target = medium.parent / f"target-{name.split('/')[1]}"
        if reader == "flowbackup":
            target.mkdir()
            restored([medium], name.split("/")[1].partition("@")[0], target, reader_keys())
        else:
            recovery = recovered([medium], target, name)
            assert recovery.exit_code == 0 or os.geteuid() != 0
        is_tree = rows[0]["kind"] == "directory"
        (place,) = [target] if is_tree else target.iterdir()
        assert restored_listing(place) == rows


def test_a_catalog_is_made_from_it_that_restores_it(
    medium: Path, expected: dict[str, list[dict[str, object]]]
) -> None:
    catalog = medium.with_name("catalog.sqlite")
    for mode in ("fast", "slow", "paranoid"):
        report = api.rebuild([str(medium)], SilentMonitor(), catalog, mode=mode, fresh=True)
        assert (report.exit_code, report.problems) == (0, ())
    assert len(report.objects) == len({name.partition("@")[0] for name in expected})
    for number, (name, rows) in enumerate(expected.items()):
        target = medium.with_name(f"target-{number}")
        target.mkdir()
        api.restore(name, str(target), api.RestoreRequest(catalog=catalog), SilentMonitor())
        is_tree = rows[0]["kind"] == "directory"
        (place,) = [target] if is_tree else target.iterdir()
        assert restored_listing(place) == rows


def test_some_of_them_are_packed_and_some_are_encrypted(medium: Path, version: str) -> None:
    codecs = {frame.header.codec for frame in make_device(medium).reader().frames()}
    assert (
        codecs
        == {
            "v1.0": {Codec.PLAIN},
            "v1.1": {Codec.PLAIN, Codec.ZSTD},
            "v1.1-encrypted": {Codec.SEALED, Codec.SEALED | Codec.ZSTD},
            "v1.2": {Codec.PLAIN, Codec.ZSTD},
            "v1.2-encrypted": {Codec.SEALED, Codec.SEALED | Codec.ZSTD},
        }[version]
    )
