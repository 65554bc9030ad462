"""Whether this machine can do what is asked of it.  Looks only; starts nothing."""

from __future__ import annotations

import os
import platform
import resource
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from flowbackup.catalog.catalog import open_catalog
from flowbackup.errors import CatalogError
from flowbackup.runtime.edges.slab import SHARED_MEMORY, free_shared_memory, stale_slabs
from flowbackup.runtime.versions import tool_versions
from flowbackup.units import MIB, counted, format_size

SHARED_MEMORY_LEAST = 256 * MIB
"""A slab of eight frames of 16 MiB, Ray's own store, and room for a second session."""
FILES_LEAST = 1024
"""A session holds some tens of sockets per actor, a walk one descriptor per level of a tree."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at; remedy: what to do where it is not ok."""

    name: str
    ok: bool
    text: str
    remedy: str = ""


def examine(catalog: Path) -> list[Check]:
    """All checks, in the order in which a session would meet them."""
    checks: tuple[Callable[[], Check], ...] = (
        _python, _tools, _shared_memory, _slabs, _open_files, lambda: _catalog(catalog),
    )  # fmt: skip
    return [check() for check in checks]


def _python() -> Check:
    text = f"{platform.python_implementation()} {platform.python_version()}"
    return Check("python", platform.system() == "Linux", f"{text} on {platform.system()}",
                 "flowbackup runs on Linux")  # fmt: skip


def _tools() -> Check:
    versions = tool_versions()
    missing = [tool for tool, version in versions.items() if version == "unknown"]
    text = ", ".join(f"{tool} {version}" for tool, version in versions.items())
    return Check("packages", not missing, text, f"install {', '.join(missing)} with pip")


def _shared_memory() -> Check:
    state = os.statvfs(SHARED_MEMORY)
    size, free = state.f_blocks * state.f_frsize, free_shared_memory()
    return Check(
        "shared memory", free >= SHARED_MEMORY_LEAST,
        f"{SHARED_MEMORY} has {format_size(free)} free of {format_size(size)}",
        "give the host or container more, as with `--shm-size 1g`",
    )  # fmt: skip


def _slabs() -> Check:
    left = sorted(path.name for path in stale_slabs())
    text = ", ".join(left) if left else "none"
    return Check("memory of dead sessions", not left, text, "the next session removes it")


def _open_files() -> Check:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return Check("open files", soft >= FILES_LEAST, f"{soft} at once",
                 f"raise the limit, as with `ulimit -n {FILES_LEAST}`")  # fmt: skip


def _catalog(path: Path) -> Check:
    if not path.exists():
        return Check("catalog", True, f"{path} is made by the first session")
    try:
        with open_catalog(path, create=False) as catalog:
            return Check(
                "catalog", True, f"{path} knows {counted(len(catalog.objects()), 'object')}"
            )
    except CatalogError as error:
        return Check("catalog", False, error.message, error.remedy)
