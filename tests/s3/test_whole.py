"""A bucket through the life of a backup: run, restore, verify, repair, rebuild, prune, recover.

By the commands themselves, in this process, with a mirror in a directory beside the bucket.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from flowbackup.cli.main import run
from flowbackup.cli.output import Output
from flowbackup.media.open import open_device
from flowbackup.media.places.bucket import object_at
from flowbackup.media.places.kinds import files_at
from flowbackup.model.device import DeviceTarget
from flowbackup.model.frame import FrameKind
from flowbackup.model.location import bucket_place
from flowbackup.testing.compare import differences
from tests import judge
from tests.media.media_samples import EMPTY_BYTES
from tests.runtime.killed_run import killed_run
from tests.s3.conftest import place_at
from tests.s3.proxy import Break, Proxy, Request
from tests.s3.server import WRITER, Server

FILES, FILE_BYTES = 12, 150_000
Command = Callable[..., list[dict[str, object]]]
GRAPH = """
graph: nightly
catalog: catalog.sqlite
frame_size: 256 KiB
sync_size: 512 KiB
sync_seconds: 3600
clients:
  web: {{objects: {{site: {{path: source}}}}}}
devices:
  vault: {{kind: s3, url: "s3://{bucket}/{prefix}", endpoint: "{endpoint}", region: {region}{more}}}
  usb: {{path: usb}}
backup_groups:
  primary: {{devices: [vault]}}
mirror_groups:
  offsite: {{devices: [usb]}}
couplings:
  - primary -> offsite
"""


@pytest.fixture
def place(memory_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(memory_path)
    monkeypatch.setenv("FLOWBACKUP_ENGINE", "local")
    monkeypatch.setenv("FLOWBACKUP_CATALOG", str(memory_path / "catalog.sqlite"))
    (memory_path / "source").mkdir()
    for number in range(FILES):
        (memory_path / "source" / f"{number:02d}.bin").write_bytes(os.urandom(FILE_BYTES))
    return memory_path


@pytest.fixture
def written(place: Path, location: str) -> Callable[[str], Path]:
    return lambda more="": write_graph(place, location, more)


def write_graph(place: Path, location: str, more: str = "") -> Path:
    """The graph with the bucket at this location."""
    bucket = bucket_place(location)
    path = place / "nightly.yaml"
    path.write_text(GRAPH.format(
        bucket=bucket.bucket, prefix=bucket.prefix, endpoint=bucket.endpoint,
        region=bucket.region, more=more,
    ))  # fmt: skip
    return path


def is_segment(request: Request) -> bool:
    return request.method == "PUT" and request.key.endswith(".seg") and request.is_conditional


@pytest.fixture
def flowbackup(capsys: pytest.CaptureFixture[str]) -> Command:
    """flowbackup("ls", "latest", code=0) -> what it says with --json."""

    def command(*words: str, code: int = 0) -> list[dict[str, object]]:
        found = run([*words, "--json"], Output(json=True))
        out, err = capsys.readouterr()
        assert found == code, (words, out, err)
        assert WRITER[1] not in out + err
        return [json.loads(line) for line in out.splitlines()]

    return command


def segments(location: str) -> dict[str, int]:
    return files_at(location).sizes(f"{location}/segments")


def download(location: str, target: Path) -> Path:
    """As `aws s3 cp --recursive` does: each object a file."""
    bucket, prefix = object_at(location)
    for folder in ("", "segments"):
        (target / folder).mkdir(parents=True, exist_ok=True)
        for name, found in bucket.listing(os.path.join(prefix, folder).rstrip("/"))[0].items():
            key = os.path.join(prefix, folder, name)
            (target / folder / name).write_bytes(bucket.read_begin(key, found.size_bytes)[0])
    return target


def restored(flowbackup: Command, place: Path, query: str = "latest") -> bool:
    """Equal to the source?"""
    target = place / "back"
    flowbackup("restore", query, "--target", str(target))
    is_equal = list(differences(str(place / "source"), str(target))) == []
    shutil.rmtree(target)
    return is_equal


def test_a_bucket_keeps_what_it_was_given(
    place: Path, location: str, written: Callable[..., Path], flowbackup: Command
) -> None:
    graph = str(written())
    (summary,) = (row for row in flowbackup("run", graph, "--init") if "outcome" in row)
    assert summary["outcome"] == "success"
    assert {name[-4:] for name in segments(location)} == {".seg"}
    shutil.rmtree(place / "usb")
    assert restored(flowbackup, place)
    flowbackup("verify", "vault")
    flowbackup("verify", location)
    # Nothing but a copy of the objects, and the program that lies among them.
    copied = download(location, place / "copied")
    recovery = judge.recovered_here([copied], place / "recovered")
    assert (recovery.exit_code, recovery.problems) == (0, ())
    assert list(differences(str(place / "source"), str(place / "recovered"))) == []
    assert judge.check_here([copied]).exit_code == 0


def test_damage_in_a_bucket_is_found_and_repaired(
    place: Path, location: str, written: Callable[..., Path], flowbackup: Command
) -> None:
    flowbackup("run", str(written()), "--init")
    bucket, key = object_at(f"{location}/segments/{min(segments(location))}")
    data = bytearray(bucket.read_begin(key, 1 << 30)[0])
    data[40_000] ^= 1
    bucket.put(key, bytes(data))
    flowbackup("verify", "vault", code=1)
    assert restored(flowbackup, place), "the mirror has it, too"
    flowbackup("repair", "vault")
    shutil.rmtree(place / "usb")
    assert restored(flowbackup, place)


def test_a_document_in_a_bucket_is_mended(
    place: Path, location: str, written: Callable[..., Path], flowbackup: Command
) -> None:
    flowbackup("run", str(written()), "--init")
    bucket, key = object_at(f"{location}/recover.py")
    bucket.put(key, b"print('hello')")
    flowbackup("verify", "vault", code=1)
    flowbackup("repair", "vault")
    flowbackup("verify", "vault")


def test_a_catalog_is_rebuilt_from_a_bucket(
    place: Path, location: str, written: Callable[..., Path], flowbackup: Command
) -> None:
    flowbackup("run", str(written()), "--init")
    (place / "catalog.sqlite").unlink()
    shutil.rmtree(place / "usb")
    for mode in ("fast", "paranoid"):
        flowbackup("rebuild", "--fresh", "--mode", mode, location)
        assert restored(flowbackup, place)
    (shown,) = flowbackup("device", "show", location)
    assert shown["location"] == location


def test_what_nobody_needs_is_freed_in_a_bucket(
    place: Path, location: str, written: Callable[..., Path], flowbackup: Command
) -> None:
    graph = str(written())
    flowbackup("run", graph, "--init")
    before = segments(location)
    for number in range(0, 12, 2):
        (place / "source" / f"{number:02d}.bin").write_bytes(os.urandom(150_000))
    flowbackup("run", graph)
    flowbackup("forget", "site@1")
    flowbackup("prune", "vault", "--max-unused", "0%")
    after = segments(location)
    assert set(after) >= set(before), "a note stays in the place of each"
    assert sum(after[name] for name in before) < sum(before.values()) / 4
    flowbackup("verify", "vault")
    shutil.rmtree(place / "usb")
    assert restored(flowbackup, place)
    flowbackup("rebuild", "--fresh", location)
    assert restored(flowbackup, place)


def test_an_object_lies_on_several_media_of_a_bucket(
    place: Path, location: str, written: Callable[..., Path], flowbackup: Command
) -> None:
    media_bytes = EMPTY_BYTES + 1_400_000
    flowbackup("run", str(written(f", media_size: {media_bytes}")), "--init")
    media = [name for name in files_at(location).names(location) if name.startswith("medium-")]
    assert len(media) >= 2
    for name in media:
        sizes = [*files_at(location).sizes(f"{location}/{name}").values()]
        assert sum(sizes) + sum(segments(f"{location}/{name}").values()) <= media_bytes
    shutil.rmtree(place / "usb")
    assert restored(flowbackup, place)
    flowbackup("verify", "vault")
    flowbackup("rebuild", "--fresh", location)
    assert restored(flowbackup, place)
    copied = [download(f"{location}/{name}", place / "copied" / name) for name in media]
    assert judge.recovered_here(copied, place / "recovered").exit_code == 0
    assert list(differences(str(place / "source"), str(place / "recovered"))) == []


def data_frames(location: str) -> int:
    """How many frames with content lie in a bucket; a file of these tests fills one."""
    frames = open_device(DeviceTarget("vault", "s3", location)).reader().frames()
    return sum(stored.header.kind == FrameKind.DATA for stored in frames)


def test_a_killed_run_goes_on_from_what_the_bucket_has(
    place: Path, proxy: Proxy, flowbackup: Command
) -> None:
    """Killed as by `kill -9`, with two segments in the bucket and the third held up.  What was
    read last may not be known by name yet: seven files are, with the first piece of the journal."""
    location = place_at(proxy.endpoint, place / "killed")
    graph = write_graph(place, location)
    sent: list[Request] = []

    def hold(request: Request) -> Break | None:
        sent.extend([request] if is_segment(request) else [])
        return Break(wait=600, cut="before") if is_segment(request) and len(sent) > 2 else None

    proxy.breaks = hold
    killed_run(graph, place / "catalog.sqlite", "bucket", "local")
    before = segments(location)
    assert len(before) == 2
    assert data_frames(location) == 8
    proxy.breaks = lambda request: None
    summary = flowbackup("run", str(graph))[-1]
    read, known = int(str(summary["bytes_read"])), int(str(summary["bytes_known"]))
    assert known >= 7 * FILE_BYTES and read + known == FILES * FILE_BYTES
    assert before.items() <= segments(location).items()
    assert FILES <= data_frames(location) <= FILES + 1, "the others went there once, over both runs"
    assert restored(flowbackup, place)


def test_a_quick_backup_takes_the_place_itself(
    server: Server, place: Path, flowbackup: Command
) -> None:
    location = place_at(server.endpoint, place / "quick")
    flowbackup("backup", str(place / "source"), "--to", location, "--init")
    assert restored(flowbackup, place)
    flowbackup("verify", location)
