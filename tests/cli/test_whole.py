"""The command line on real files and Ray: one backup, then what each command makes of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from flowbackup.testing.compare import differences

pytestmark = pytest.mark.ray

PROGRAM = "from flowbackup.cli.main import main; main()"
ROOT = Path(__file__).parents[2]
CONTENT = {"a.txt": b"alpha\n", "folder/b.bin": bytes(range(256)) * 8192, "folder/c.txt": b""}


@dataclass(frozen=True)
class Place:
    """A source, a chain of two devices and a catalog; `summary` is how the backup ended."""

    folder: Path
    summary: dict[str, object]

    def run(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        return call(self.folder, *words)

    def rows(self, *words: str) -> list[dict[str, object]]:
        done = self.run(*words, "--json")
        assert done.returncode == 0, done
        return [json.loads(line) for line in done.stdout.splitlines()]


def call(
    folder: Path, *words: str, input_: bytes | None = None
) -> subprocess.CompletedProcess[bytes]:  # fmt: skip
    environment = {
        **os.environ,
        "FLOWBACKUP_CATALOG": str(folder / "catalog.sqlite"),
        "PYTHONPATH": str(ROOT),
    }
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *words], cwd=folder, env=environment, capture_output=True,
        input=input_,
    )  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder = tmp_path_factory.mktemp("whole")
    for name, content in CONTENT.items():
        path = folder / "src" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    assert call(folder, "device", "init", "nas").returncode == 0
    done = call(
        folder, "backup", "src", "--to", "nas", "--mirror", "usb", "--init", "--json",
        "--save-graph", "graph.yaml",
    )  # fmt: skip
    assert done.returncode == 0, done
    return Place(folder, json.loads(done.stdout.splitlines()[-1]))


def test_the_source_was_read_once_for_two_devices(place: Place) -> None:
    size = sum(map(len, CONTENT.values()))
    summary = place.summary
    assert (summary["type"], summary["outcome"], summary["exit_code"]) == ("summary", "success", 0)
    assert (summary["files"], summary["bytes_source"], summary["bytes_read"]) == (3, size, size)
    devices = summary["devices"]
    assert isinstance(devices, list)
    assert {item["level"]: item["state"] for item in devices} == {0: "complete", 1: "complete"}


def test_the_saved_graph_is_a_good_one(place: Place) -> None:
    assert place.run("graph", "check", "graph.yaml").returncode == 0


def test_the_catalog_knows_session_object_and_copies(place: Place) -> None:
    (session,) = place.rows("sessions")
    assert session["session"] == place.summary["session"]
    (row,) = place.rows("objects")
    assert (row["name"], row["versions"], row["files"]) == ("src", 1, 3)
    (copies,) = place.rows("copies")
    assert copies["copies_durable"] == 2
    assert place.rows("copies", "--below", "2") == []
    media = place.rows("copies", "src")
    assert [medium["complete"] for medium in media] == [True, True]
    assert {item["location"] for item in place.rows("device", "list")} == {
        str(place.folder / "nas"),
        str(place.folder / "usb"),
    }


@pytest.mark.parametrize("name", ["latest", "src", "id"])
def test_ls_takes_names_latest_and_the_beginning_of_an_id(name: str, place: Place) -> None:
    if name == "id":
        name = str(place.rows("objects")[0]["object_id"])[:13]
    paths = {row["path"]: row["size"] for row in place.rows("ls", name, "-r")}
    assert {path: len(content) for path, content in CONTENT.items()}.items() <= paths.items()
    assert "a.txt" not in {row["path"] for row in place.rows("ls", f"{name}:folder")}


@pytest.mark.parametrize("path", CONTENT)
def test_cat(path: str, place: Place) -> None:
    done = place.run("cat", f"latest:{path}")
    assert (done.returncode, done.stdout) == (0, CONTENT[path])


def test_restore_and_what_it_does_to_files_that_exist(place: Place, tmp_path: Path) -> None:
    target = tmp_path / "back"
    assert place.run("restore", "latest", "--target", str(target), "--dry-run").returncode == 0
    assert not list(tmp_path.rglob("*.txt"))
    assert place.run("restore", "latest", "--target", str(target)).returncode == 0
    found = {path.name: path for path in target.rglob("*") if path.is_file()}
    assert {name: path.read_bytes() for name, path in found.items()} == {
        Path(name).name: content for name, content in CONTENT.items()
    }
    found["a.txt"].write_bytes(b"mine, and newer")
    place.run("restore", "latest", "--target", str(target))
    assert found["a.txt"].read_bytes() == b"mine, and newer"
    done = place.run("restore", "latest", "--target", str(target), "--overwrite", "always")
    assert done.returncode == 0, done
    assert found["a.txt"].read_bytes() == CONTENT["a.txt"]


def test_verify_reads_all_and_is_content(place: Place) -> None:
    assert place.run("verify").returncode == 0


def test_one_device_is_enough_without_catalog_graph_and_program(
    place: Place, tmp_path: Path
) -> None:
    shutil.copytree(place.folder / "usb", tmp_path / "usb")
    target = tmp_path / "back"
    command = [sys.executable, "-I", tmp_path / "usb" / "recover.py", "restore", "latest", target]
    done = subprocess.run(command, cwd="/", capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert not list(differences(bytes(place.folder / "src"), bytes(target)))


@pytest.mark.slow
def test_standard_input_becomes_an_object(place: Place) -> None:
    words = ("backup", "--stdin", "dump.sql", "--to", "nas", "--mirror", "usb")
    assert call(place.folder, *words, input_=b"select 1;\n").returncode == 0
    assert place.run("cat", "dump.sql:").stdout == b"select 1;\n"


def test_what_does_not_exist_is_named(place: Place) -> None:
    done = place.run("ls", "nonsense")
    assert done.returncode == 1
    assert b"nonsense" in done.stderr
    assert b"Traceback" not in done.stderr


def test_doctor(place: Place) -> None:
    names = {str(row["name"]) for row in place.rows("doctor")}
    assert len(names) >= 5
