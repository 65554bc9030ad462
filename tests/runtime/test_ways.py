"""Every way that a graph can draw through one machine: each object is where the graph says."""

from __future__ import annotations

import os
import random
from pathlib import Path
from unittest.mock import patch

import pytest

from flowbackup import api
from flowbackup.api import RunSettings
from flowbackup.catalog.catalog import open_catalog
from flowbackup.errors import EXIT_FAILED, FlowbackupError
from flowbackup.model.ids import new_id
from flowbackup.model.report import Outcome, SessionReport
from flowbackup.monitor import SilentMonitor
from flowbackup.runtime.actors import client
from flowbackup.runtime.crew import crew
from flowbackup.testing.compare import differences
from tests.runtime.gates import agents_in_turn

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("engine")]
ENGINES = ("ray", "local")
KIB = 1 << 10


def tree(place: Path, files: int = 6) -> Path:
    place.mkdir()
    for number in range(files):
        (place / f"file{number}").write_bytes(os.urandom(700 * KIB + number))
    return place


def run(tmp_path: Path, text: str) -> SessionReport:
    graph = tmp_path / "ways.yaml"
    graph.write_text(text)
    settings = RunSettings(catalog=tmp_path / "catalog.sqlite", init=True)
    report = api.run_backup(api.load_plan(graph), settings, SilentMonitor())
    assert list(Path("/dev/shm").glob(f"flowbackup-{report.session}*")) == []
    return report


def frames_on(tmp_path: Path) -> dict[str, dict[str, int]]:
    """Object -> device -> frames of its newest version."""
    with open_catalog(tmp_path / "catalog.sqlite") as catalog:
        return {
            version.record.name: {
                copy.medium.device: copy.frames_held for copy in catalog.copies_of(version)
            }
            for version in catalog.versions()
        }


def restored_equal(tmp_path: Path, name: str) -> bool:
    target = tmp_path / f"restored-{name}"
    request = api.RestoreRequest(catalog=tmp_path / "catalog.sqlite")
    api.restore(name, str(target), request, SilentMonitor())
    return list(differences(str(tmp_path / name), str(target))) == []


def test_an_object_goes_where_its_buffers_lead_and_nowhere_else(tmp_path: Path) -> None:
    site, cache = tree(tmp_path / "site"), tree(tmp_path / "cache")
    report = run(
        tmp_path,
        f"""
        graph: partial
        frame_size: 512 KiB
        sync_size: 1 MiB
        clients:
          web:
            objects:
              site: {{path: {site}, buffers: "nas[0:4]"}}
              cache: {{path: {cache}, buffers: "nas[4:8]"}}
        devices: {{nas: {{path: {tmp_path}/nas}}, usb: {{path: {tmp_path}/usb}}}}
        backup_groups: {{primary: {{devices: [nas], buffers: 8}}}}
        mirror_groups: {{offsite: {{devices: [usb], buffers: 8, level: 1}}}}
        couplings:
          - {{from: "primary.nas[0:4]", to: "offsite.usb[0:4]"}}
        """,
    )
    assert (report.outcome, report.exit_code) == (Outcome.SUCCESS, 0), report.problems
    copies = {o.name: (o.copies_durable, o.copies_required) for o in report.objects}
    assert copies == {"site": (2, 2), "cache": (1, 1)}
    held = frames_on(tmp_path)
    assert set(held["site"]) == {"nas", "usb"} and set(held["cache"]) == {"nas"}
    (tmp_path / "nas").rename(tmp_path / "away")
    assert restored_equal(tmp_path, "site")


def test_a_group_spreads_an_object_and_its_mirrors_hold_it_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_turn = agents_in_turn(tmp_path / "log", ("a0", "a1"), 12)
    monkeypatch.setattr(crew, "MediaAgent", in_turn)
    source = tree(tmp_path / "source", files=16)
    report = run(
        tmp_path,
        f"""
        graph: striped
        frame_size: 256 KiB
        sync_size: 512 KiB
        clients: {{web: {{objects: {{source: {{path: {source}}}}}}}}}
        devices:
          a0: {{path: {tmp_path}/a0}}
          a1: {{path: {tmp_path}/a1}}
          b0: {{path: {tmp_path}/b0}}
          b1: {{path: {tmp_path}/b1}}
        backup_groups: {{primary: {{devices: [a0, a1], buffers: 4}}}}
        mirror_groups: {{second: {{mirrors: primary, devices: [b0, b1], buffers: 4}}}}
        """,
    )
    assert (report.outcome, report.exit_code) == (Outcome.SUCCESS, 0), report.problems
    assert [(o.copies_durable, o.copies_required) for o in report.objects] == [(2, 2)]
    held = frames_on(tmp_path)["source"]
    assert min(held.values()) >= 4 and held["a0"] == held["b0"] and held["a1"] == held["b1"]
    for name in ("a0", "b1"):
        (tmp_path / name).rename(tmp_path / f"{name}.away")
    assert restored_equal(tmp_path, "source")


def test_clients_share_a_head_and_each_object_comes_back(tmp_path: Path) -> None:
    names = ["one", "two", "three", "four"]
    one, two, three, four = (tree(tmp_path / name) for name in names)
    report = run(
        tmp_path,
        f"""
        graph: shared
        frame_size: 512 KiB
        sync_size: 1 MiB
        clients:
          web: {{objects: {{one: {{path: {one}}}, two: {{path: {two}}}}}}}
          mail: {{objects: {{three: {{path: {three}}}, four: {{path: {four}}}}}}}
        devices: {{nas: {{path: {tmp_path}/nas}}, usb: {{path: {tmp_path}/usb}}}}
        backup_groups: {{primary: {{devices: [nas], buffers: 6}}}}
        mirror_groups: {{offsite: {{mirrors: primary, devices: [usb], buffers: 4}}}}
        """,
    )
    assert (report.outcome, report.exit_code) == (Outcome.SUCCESS, 0), report.problems
    assert report.bytes_read == sum(o.bytes_source for o in report.objects)
    assert all(restored_equal(tmp_path, name) for name in names)


def test_a_level_with_fewer_buffers_passes_everything_on(tmp_path: Path) -> None:
    """Three levels share the slots of the head; the middle one may hold fewer of them at once."""
    source = tree(tmp_path / "source", files=12)
    report = run(
        tmp_path,
        f"""
        graph: narrow
        frame_size: 256 KiB
        sync_size: 512 KiB
        clients: {{web: {{objects: {{source: {{path: {source}}}}}}}}}
        devices:
          a: {{path: {tmp_path}/a}}
          b: {{path: {tmp_path}/b}}
          c: {{path: {tmp_path}/c}}
        backup_groups: {{primary: {{devices: [a], buffers: 12}}}}
        mirror_groups:
          second: {{mirrors: primary, devices: [b], buffers: 4}}
          third: {{mirrors: second, devices: [c], buffers: 4}}
        """,
    )
    assert (report.outcome, report.exit_code) == (Outcome.SUCCESS, 0), report.problems
    assert len(set(frames_on(tmp_path)["source"].values())) == 1
    assert report.objects[0].copies_durable == 3


def test_an_object_id_that_is_sent_twice_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repeated = new_id()

    class Repeating(client.Client):
        """Gives all of its objects one id, as no client may."""

        async def run(self) -> FlowbackupError | None:
            with patch.object(client, "new_id", lambda: repeated):
                return await super().run()

    monkeypatch.setattr(crew, "Client", Repeating)
    first, _ = tree(tmp_path / "first"), tree(tmp_path / "second")
    report = run(
        tmp_path,
        f"""
        graph: doubled
        clients:
          web: {{objects: {{first: {{path: {first}}}, second: {{path: {tmp_path}/second}}}}}}
        devices: {{nas: {{path: {tmp_path}/nas}}}}
        backup_groups: {{primary: {{devices: [nas]}}}}
        """,
    )
    # Who breaks the rules is not heard any more, so the first may not have become durable in time.
    assert report.objects[1].outcome is Outcome.FAILED
    assert any("an object id may be sent once" in problem.text for problem in report.problems)
    assert report.exit_code == EXIT_FAILED
    assert "second" not in frames_on(tmp_path)


def test_any_sequence_of_objects_of_any_size_comes_back(tmp_path: Path) -> None:
    frame_bytes, chance = 256 * KIB, random.Random(18)
    borders = [m * frame_bytes + off for m in (0, 1, 2) for off in (-1, 0, 1) if m or off >= 0]
    sizes = [*borders, *(chance.randrange(5 * frame_bytes) for _ in range(8))]
    chance.shuffle(sizes)
    for number, size in enumerate(sizes):
        (tmp_path / f"object{number}").write_bytes(chance.randbytes(size))
    objects = ", ".join(
        f"object{number}: {{path: {tmp_path}/object{number}}}" for number in range(len(sizes))
    )
    report = run(
        tmp_path,
        f"""
        graph: sizes
        frame_size: {frame_bytes}
        sync_size: 512 KiB
        clients: {{web: {{objects: {{{objects}}}}}}}
        devices: {{nas: {{path: {tmp_path}/nas}}, usb: {{path: {tmp_path}/usb}}}}
        backup_groups: {{primary: {{devices: [nas]}}}}
        mirror_groups: {{offsite: {{mirrors: primary, devices: [usb]}}}}
        """,
    )
    assert report.outcome is Outcome.SUCCESS, report.problems
    assert report.bytes_read == sum(sizes)
    for lost in ("usb", "nas"):
        (tmp_path / lost).rename(tmp_path / "away")
        for number, size in enumerate(sizes):
            target = tmp_path / f"{lost}-object{number}"
            request = api.RestoreRequest(catalog=tmp_path / "catalog.sqlite")
            api.restore(f"object{number}", str(target), request, SilentMonitor())
            source = tmp_path / f"object{number}"
            assert target.read_bytes() == source.read_bytes(), (number, size)
        (tmp_path / "away").rename(tmp_path / lost)


def striped(tmp_path: Path, objects: str, group: str, left: str = "") -> str:
    """A graph of two devices in one group."""
    return f"""
        graph: striped
        frame_size: 256 KiB
        sync_size: 512 KiB
        clients: {{web: {{objects: {{{objects}}}}}}}
        devices:
          left: {{path: {tmp_path}/left{left}}}
          right: {{path: {tmp_path}/right}}
        backup_groups: {{primary: {{devices: [left, right], buffers: 4{group}}}}}
        """


def test_a_group_spreads_frames_by_the_speed_of_its_devices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever gave frames in another proportion would wait for a device that waits for frames."""
    in_turn = agents_in_turn(tmp_path / "log", ("left", "left", "left", "right"), 112)
    monkeypatch.setattr(crew, "MediaAgent", in_turn)
    tree(tmp_path / "site", files=48)
    report = run(tmp_path, striped(tmp_path, f"site: {{path: {tmp_path}/site}}", ""))
    assert report.outcome is Outcome.SUCCESS, report.problems
    left, right = (device.frames for device in report.devices)
    # Those behind the first 112 found both as fast as the machine is.
    assert left >= 84 and right >= 28
    assert (tmp_path / "log").stat().st_size > 112
    assert restored_equal(tmp_path, "site")


def test_objects_that_lie_together_lie_on_one_device_each(tmp_path: Path) -> None:
    names = [f"object{number}" for number in range(6)]
    for name in names:
        tree(tmp_path / name, files=2)
    objects = ", ".join(f"{name}: {{path: {tmp_path}/{name}}}" for name in names)
    report = run(tmp_path, striped(tmp_path, objects, ", assign: object", ", rate_limit: 9 MB/s"))
    assert report.outcome is Outcome.SUCCESS, report.problems
    assert {o.copies_durable for o in report.objects} == {1}
    frames = frames_on(tmp_path)
    assert all(len(on) == 1 for on in frames.values())
    assert {device for on in frames.values() for device in on} == {"left", "right"}
    assert all(restored_equal(tmp_path, name) for name in names)


def test_parts_of_buffers_lead_apart_and_together_again(tmp_path: Path) -> None:
    """On every level, with the numbers that the couplings give them; the last mirror is fed by
    two."""
    names = ["one", "two", "three"]
    one, two, three = (tree(tmp_path / name, files=4) for name in names)
    report = run(
        tmp_path,
        f"""
        graph: parts
        frame_size: 512 KiB
        sync_size: 512 KiB
        clients:
          web: {{objects: {{one: {{path: {one}, buffers: "nas[0:2]"}}}}}}
          mail:
            objects:
              two: {{path: {two}, buffers: "nas[2:4]"}}
              three: {{path: {three}, buffers: "nas[4:8]"}}
        devices:
          nas: {{path: {tmp_path}/nas}}
          usb: {{path: {tmp_path}/usb}}
          vault: {{path: {tmp_path}/vault}}
          shelf: {{path: {tmp_path}/shelf}}
          safe: {{path: {tmp_path}/safe}}
        backup_groups: {{primary: {{devices: [nas], buffers: 8}}}}
        mirror_groups:
          second: {{devices: [usb], buffers: 6, level: 1}}
          aside: {{devices: [shelf], buffers: 4, level: 1}}
          third: {{devices: [vault], buffers: 2, level: 2}}
          joint: {{devices: [safe], buffers: 6, level: 3}}
        couplings:
          - primary.nas[0:4] -> second.usb[2:6]
          - primary.nas[4:8] -> aside.shelf
          - second.usb[2:4] -> third.vault
          - third.vault -> joint.safe[0:2]
          - aside.shelf -> joint.safe[2:6]
        """,
    )
    assert (report.outcome, report.exit_code) == (Outcome.SUCCESS, 0), report.problems
    copies = {o.name: (o.copies_durable, o.copies_required) for o in report.objects}
    assert copies == {"one": (4, 4), "two": (2, 2), "three": (3, 3)}
    held = frames_on(tmp_path)
    assert {name: set(found) for name, found in held.items()} == {
        "one": {"nas", "usb", "vault", "safe"}, "two": {"nas", "usb"},
        "three": {"nas", "shelf", "safe"},
    }  # fmt: skip
    for name in ("nas", "usb", "vault", "shelf"):
        (tmp_path / name).rename(tmp_path / f"{name}.away")
    assert restored_equal(tmp_path, "one") and restored_equal(tmp_path, "three")
