"""The demonstration says in one sentence that it has no room."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

DEMO = Path(__file__).parents[1] / "demo" / "demo.py"
NO_ROOM = """
import runpy, shutil, sys
from types import SimpleNamespace
shutil.disk_usage = lambda path: SimpleNamespace(free=7 << 20)
sys.path.insert(0, {folder!r})
runpy.run_path({demo!r}, run_name="__main__")
"""


def limit_files() -> None:
    """As a disk that is full behind so much."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 << 10, 64 << 10))


def told(words: list[str], place: Path, *, is_limited: bool = False) -> str:
    done = subprocess.run(
        [sys.executable, *words], cwd=place, capture_output=True, text=True, check=False,
        preexec_fn=limit_files if is_limited else None,
    )  # fmt: skip
    assert done.returncode == 1
    return done.stderr


def test_too_little_room_is_told_before_anything_is_made(tmp_path: Path) -> None:
    program = NO_ROOM.format(folder=str(DEMO.parent), demo=str(DEMO))
    text = told(["-c", program], tmp_path)
    assert text == "demo: build/demo has room for 7 MiB, and 1600 MiB are needed\n"
    assert not any((tmp_path / "build" / "demo").iterdir())


def test_a_disk_that_becomes_full_is_told_in_one_sentence(tmp_path: Path) -> None:
    text = told([str(DEMO)], tmp_path, is_limited=True)
    assert text.startswith("demo: build/demo cannot be written: ") and "File too large" in text
    assert len(text.splitlines()) == 1


def test_a_place_that_is_no_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "build").touch()
    text = told([str(DEMO)], tmp_path)
    assert text == "demo: build/demo cannot be written: Not a directory: build/demo\n"
