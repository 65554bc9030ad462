"""Memory of every actor while inputs of different sizes pass: PSS without the slab, in peaks.

PSS shares a page among those who map it, so an idle actor with the same libraries is looked at in
the same moments, and what it needs is taken off.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import ray

from flowbackup.runtime.edges.slab import PREFIX, SHARED_MEMORY
from flowbackup.units import GIB, KIB, MIB
from tests.bench.datasets import size_of
from tests.bench.engine import chain_plan, run
from tests.bench.idle import Idle
from tests.bench.measure import Bench, say, settle
from tests.bench.tables import Row, Table

LOOK_SECONDS = 0.25
ACTORS = ("Client", "Buffer", "MediaAgent")
DEVICES = 2
SMALL_BYTES = 1 * GIB
LARGE_BYTES = 4 * GIB
FULL_BYTES = 20 * GIB
SOURCE_BYTES_MAX = 4 * GIB
"""A larger input is this one several times over: it is about memory, and disks are small."""
ACTOR_MIB_MAX = 100.0
GROWTH_MIB_MAX = 16.0
"""Flat: what the catalog's lists need for each frame of the larger input, and no more."""
SLAB = f"{SHARED_MEMORY}/{PREFIX}".encode()


@dataclass(slots=True)
class Memory:
    """Bytes of one process: all of it, and what of it is slab."""

    rss: int = 0
    pss: int = 0
    slab_pss: int = 0

    @property
    def own(self) -> int:
        return self.pss - self.slab_pss


@dataclass(slots=True)
class Peaks:
    """The largest values of one process so far, in bytes.  beyond_idle: own memory less that of
    the idle actor in the same look."""

    rss: int = 0
    pss: int = 0
    own: int = 0
    beyond_idle: int = 0

    def see(self, now: Memory, idle: Memory) -> None:
        self.rss = max(self.rss, now.rss)
        self.pss = max(self.pss, now.pss)
        self.own = max(self.own, now.own)
        self.beyond_idle = max(self.beyond_idle, now.own - idle.own)


@dataclass(slots=True)
class Watcher:
    """Looks at all actors of this process's Ray, four times a second."""

    idle_pid: int
    peaks: dict[int, tuple[str, Peaks]] = field(default_factory=dict)
    idle_own: int = 0
    looks: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def watching(self) -> Iterator[None]:
        thread = threading.Thread(target=self._run, name="memory", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    def by_name(self) -> dict[str, Peaks]:
        """Actors of one kind are numbered in the order of their processes."""
        named: dict[str, Peaks] = {}
        for kind in ACTORS:
            found = [peaks for _, (title, peaks) in sorted(self.peaks.items()) if title == kind]
            for number, peaks in enumerate(found):
                named[kind if len(found) == 1 else f"{kind} {number}"] = peaks
        return named

    def _run(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            self._look()

    def _look(self) -> None:
        idle = memory_of(self.idle_pid)
        if idle is None:
            return
        self.looks += 1
        self.idle_own = max(self.idle_own, idle.own)
        for pid, title in actors_below(os.getpid()):
            now = memory_of(pid)
            if now is not None:
                kept = self.peaks.setdefault(pid, (title, Peaks()))[1]
                kept.see(now, idle)


def memory(bench: Bench) -> Table:
    """Peaks during a small and a large input through a chain of two devices."""
    sizes = (SMALL_BYTES, FULL_BYTES if bench.full else LARGE_BYTES)
    seen: list[tuple[str, Watcher]] = []
    for wanted in sizes:
        source = bench.data.memory(min(wanted, SOURCE_BYTES_MAX))
        settle(source)
        sources = _names(source, wanted // min(wanted, SOURCE_BYTES_MAX), bench)
        size_bytes = len(sources) * size_of(source)[1]
        bench.yard.make_room(DEVICES * size_bytes)
        say(f"  {size_bytes / GIB:.2f} GiB to {DEVICES} devices")
        seen.append((f"{size_bytes / GIB:.4g} GiB", _watch(sources, bench)))
    rows: list[Row] = []
    for size, watcher in seen:
        rows += _rows(size, watcher)
    rows += _growth(seen)
    notes = (
        "Actors: peak of PSS without the slab, less what an idle actor with Ray and pyarrow had in "
        "the same look. In brackets the peaks in MiB of RSS / PSS / PSS without the slab.",
        f"{' and '.join(str(w.looks) for _, w in seen)} looks, {1 / LOOK_SECONDS:.0f} a second.",
    )
    return Table("Memory of the actors", tuple(rows), notes)


def _names(source: Path, count: int, bench: Bench) -> list[Path]:
    """So many names of one source: each is read as a data object of its own."""
    names = [bench.yard.fresh("name") for _ in range(count)]
    for name in names:
        name.symlink_to(source.absolute())
    return names


def _watch(sources: Sequence[Path], bench: Bench) -> Watcher:
    idle = ray.remote(num_cpus=0)(Idle).remote()
    watcher = Watcher(ray.get(idle.process.remote(), timeout=60)[0])
    try:
        with watcher.watching():
            run(chain_plan(sources, bench, DEVICES), bench)
    finally:
        ray.kill(idle)
    missing = set(ACTORS) - {title for title, _ in watcher.peaks.values()}
    if missing:
        raise RuntimeError(f"no process seen of {', '.join(sorted(missing))}")
    return watcher


def _rows(size: str, watcher: Watcher) -> list[Row]:
    rows = []
    for name, peaks in watcher.by_name().items():
        parts = (peaks.rss, peaks.pss, peaks.own)
        what = f"{size}: {name} ({' / '.join(f'{part / MIB:.0f}' for part in parts)})"
        beyond = (peaks.beyond_idle / MIB,)
        rows.append(Row(what, "MiB", beyond, ACTOR_MIB_MAX, at_most=True))
    rows.append(Row(f"{size}: idle actor, PSS", "MiB", (watcher.idle_own / MIB,)))
    return rows


def _growth(seen: list[tuple[str, Watcher]]) -> list[Row]:
    (small, before), (large, after) = seen
    first, second = before.by_name(), after.by_name()
    return [
        Row(f"{name}, growth from {small} to {large}", "MiB",
            ((second[name].own - first[name].own) / MIB,), GROWTH_MIB_MAX, at_most=True)
        for name in first if name in second
    ]  # fmt: skip


def memory_of(pid: int) -> Memory | None:
    """From the kernel's list of mappings; None for a process that has ended."""
    try:
        text = Path(f"/proc/{pid}/smaps").read_bytes()
    except OSError:
        return None
    total = Memory()
    in_slab = False
    for line in text.splitlines():
        key, _, rest = line.partition(b":")
        if b"-" in key and b" " in key:
            in_slab = SLAB in line
        elif key == b"Rss":
            total.rss += int(rest.split()[0]) * KIB
        elif key == b"Pss":
            size = int(rest.split()[0]) * KIB
            total.pss += size
            total.slab_pss += size if in_slab else 0
    return total


def actors_below(root: int) -> list[tuple[int, str]]:
    """Processes of our actors among the descendants of `root`, with their kind."""
    parents: dict[int, int] = {}
    titles: dict[int, str] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                status = Path("/proc", entry, "stat").read_text(errors="replace")
                title = Path("/proc", entry, "cmdline").read_bytes()
            except OSError:
                continue
            parents[int(entry)] = int(status.rpartition(")")[2].split()[1])
            titles[int(entry)] = title.strip(b"\0").decode(errors="replace")
    found = []
    for pid, title in titles.items():
        kind = title.removeprefix("ray::").partition(".")[0]
        if title.startswith("ray::") and kind in ACTORS and _descends(pid, root, parents):
            found.append((pid, kind))
    return found


def _descends(pid: int, root: int, parents: dict[int, int]) -> bool:
    while pid > 1:
        if pid == root:
            return True
        pid = parents.get(pid, 0)
    return False
