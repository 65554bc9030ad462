"""What a measurement was made with: the machine and the versions."""

from __future__ import annotations

import datetime as dt
import os
import platform
from importlib.metadata import version
from pathlib import Path

from flowbackup import __version__
from flowbackup.units import GIB
from tests.bench.peers import versions

LIBRARIES = ("ray", "pyarrow", "blake3", "xxhash")


def describe(place: Path) -> tuple[str, ...]:
    """Lines about this machine; place: where the bench writes."""
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return (
        f"date: {dt.date.today().isoformat()}",
        f"machine: {len(os.sched_getaffinity(0))} cores, {_cpu_model()}, {total / GIB:.1f} GiB",
        f"system: {platform.system()} {platform.release()}, {_file_system(place)}",
        f"flowbackup {__version__}, Python {platform.python_version()}, {libraries}",
        f"peers: {', '.join(versions().values()) or 'none'}",
    )


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return value.strip()
    return platform.machine()


def _file_system(place: Path) -> str:
    """Kind of the file system that holds `place`: the longest mount point that is above it."""
    best, kind = "", "unknown file system"
    for line in Path("/proc/self/mounts").read_text().splitlines():
        point, name = line.split()[1:3]
        above = str(place.resolve()).startswith(point.rstrip("/") + "/")
        if above and len(point) >= len(best):
            best, kind = point, name
    return kind
