"""The judge of what stands on media: `recover.py`, which shares no code with the package.

`recovered`, `check_media` and `listed` run it as its users do, as a program without the package in
reach (`python -I`, another directory).  `recovered_here` and `check_here` call it in this process,
for tests that judge thousands of media.  What it says is believed: a file that it restored is
right, and a damage that it does not name is none.  It reads data and manifest frames to the last
chunk: frames of noise (`flowbackup.testing.frames`) are damage to it.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType

import flowbackup.media

RECOVER = Path(flowbackup.media.__file__).with_name("recover.py")
_NOTE = "note: "


@dataclass(frozen=True, slots=True)
class Recovery:
    """exit_code: 0 good, 1 something is damaged or was not restored, 2 wrong usage.  problems: a
    line for each damage and each thing that was not restored.  notes: what harms nothing: traces
    of killed sessions, and damage that another medium made good.  output: of `list`."""

    exit_code: int
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    output: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Listed:
    """A line of `list`.  name: CLIENT/NAME@NUMBER."""

    object_id: str
    name: str


def recovered(media: Sequence[Path], target: Path, version: str = "latest") -> Recovery:
    """Restores into `target`, which is missing or empty.  version: as on the command line, `all`
    makes a tree CLIENT/NAME of the newest version of each object."""
    return _run("restore", version, str(target), *map(str, media))


def check_media(media: Sequence[Path]) -> Recovery:
    """Reads every byte of the media."""
    return _run("check", *map(str, media))


def listed(media: Sequence[Path]) -> list[Listed]:
    """The versions on the media, by object, the oldest first."""
    return _listed(_run("list", *map(str, media)))


def recovered_here(media: Sequence[Path], target: Path, version: str = "latest") -> Recovery:
    """As `recovered`, without a process."""
    return _call("restore", [version, str(target)], media)


def check_here(media: Sequence[Path]) -> Recovery:
    """As `check_media`, without a process."""
    return _call("check", [], media)


def listed_here(media: Sequence[Path]) -> list[Listed]:
    """As `listed`, without a process."""
    return _listed(_call("list", [], media))


def _listed(recovery: Recovery) -> list[Listed]:
    return [Listed(*line.split("  ")[:2]) for line in recovery.output if "  " in line]


def _run(*arguments: str) -> Recovery:
    command = [sys.executable, "-I", str(RECOVER), *arguments]
    done = subprocess.run(command, cwd="/", capture_output=True, timeout=300, check=False)
    lines = done.stderr.decode().splitlines()
    return Recovery(
        done.returncode,
        tuple(line for line in lines if not line.startswith(_NOTE)),
        tuple(line.removeprefix(_NOTE) for line in lines if line.startswith(_NOTE)),
        tuple(done.stdout.decode().splitlines()),
    )


def _call(command: str, arguments: list[str], media: Sequence[Path]) -> Recovery:
    module = program()
    log = module.Log(quiet=True)
    with contextlib.redirect_stdout(io.StringIO()) as output:
        try:
            code = module.run(command, arguments, [str(medium) for medium in media], log)
        except module.Usage as error:
            return Recovery(2, (*log.problems, str(error)), tuple(log.notes))
    lines = tuple(output.getvalue().splitlines())
    return Recovery(code, tuple(log.problems), tuple(log.notes), lines)


@cache
def program() -> ModuleType:
    """By its path, as a program that is no part of the package."""
    spec = importlib.util.spec_from_file_location("recover_as_judge", RECOVER)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
