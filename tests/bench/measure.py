"""What all measures share: fresh places to write to, warm sources, alternating rounds.

Three things fool a benchmark: memory and cache touched for the first time (so sources are read
before each run, and peers alternate), deleting just before creating (so places are fresh, and
deleted at the very end), and pipes (so the limit is measured with direct writes from memory).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from flowbackup.units import GIB, MIB
from tests.bench.datasets import DataSets

ROOM_LEFT_BYTES = 6 * GIB
ROOM_LEFT_SHARE = 0.06
"""What a run leaves free on the disk, the more of both: a full file system is slow, others live
there too, and Ray takes a disk for full where less than 5 % of it are free."""
READ_BYTES = 8 * MIB
COMMAND_SECONDS_MAX = 900
RUN_PREFIX = "run-"


class Yard:
    """Fresh directories below one root, deleted together at the very end, or earlier where the
    disk would become full.  cleared: how often that was so."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._made: list[Path] = []
        self._count = 0
        self.cleared = 0
        root.mkdir(parents=True, exist_ok=True)

    def fresh(self, name: str) -> Path:
        """A path below the root where nothing exists yet; its parent does."""
        self._count += 1
        holder = self._root / f"{self._count:03d}"
        holder.mkdir()
        self._made.append(holder)
        return holder / name

    def clear_for(self, need_bytes: int) -> None:
        """Called before a row of rounds that will write `need_bytes` together: what must be
        deleted is deleted here, where no contestant pays for it."""
        if self._lacks(need_bytes):
            self.clear()

    def make_room(self, need_bytes: int) -> None:
        """Called before a run that writes `need_bytes`.  Raises OSError where they do not fit."""
        self.clear_for(need_bytes)
        if self._lacks(need_bytes):
            raise OSError(
                f"{need_bytes / GIB:.1f} GiB are to be written and {self._left() / GIB:.0f} GiB "
                f"to be left free, but {self._free() / GIB:.1f} GiB are free"
            )

    def clear(self) -> None:
        for path in self._made:
            shutil.rmtree(path, ignore_errors=True)
        self.cleared += bool(self._made)
        self._made.clear()
        os.sync()

    def _lacks(self, need_bytes: int) -> bool:
        return self._free() - need_bytes < self._left()

    def remove(self) -> None:
        """The end: the root goes too."""
        shutil.rmtree(self._root, ignore_errors=True)

    def _left(self) -> float:
        status = os.statvfs(self._root)
        return max(ROOM_LEFT_BYTES, ROOM_LEFT_SHARE * status.f_blocks * status.f_frsize)

    def _free(self) -> int:
        status = os.statvfs(self._root)
        return status.f_bavail * status.f_frsize


def remove_left_behind(build: Path) -> None:
    """What runs that were killed wrote; their directories end in their process number."""
    for path in build.glob(f"{RUN_PREFIX}*"):
        number = path.name.removeprefix(RUN_PREFIX)
        if number.isdigit() and not Path("/proc", number).exists():
            shutil.rmtree(path, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Bench:
    """One run of the bench.  rounds: of alternating runs with bare writers and in process;
    command_rounds: of whole commands, which take longest."""

    data: DataSets
    yard: Yard
    rounds: int
    command_rounds: int
    full: bool = False


@dataclass(slots=True)
class Rounds:
    """Seconds of each contestant, round by round."""

    seconds: dict[str, list[float]] = field(default_factory=dict)

    def add(self, name: str, seconds: float) -> None:
        self.seconds.setdefault(name, []).append(seconds)

    def note(self, name: str, seconds: float) -> None:
        """As `add`, and says so."""
        self.add(name, seconds)
        say(f"    {name}: {seconds:.2f} s")

    def rates(self, name: str, size_bytes: int) -> tuple[float, ...]:
        """MB/s of source."""
        return tuple(size_bytes / 1e6 / seconds for seconds in self.seconds[name])


def alternate(
    contestants: Mapping[str, Callable[[], float]], count: int, source: Path
) -> Rounds:  # fmt: skip
    """A B A B: every round runs each contestant once, on a warm source and a settled disk.  A
    contestant returns its own seconds."""
    rounds = Rounds()
    for number in range(count):
        for name, run in contestants.items():
            settle(source)
            seconds = run()
            rounds.add(name, seconds)
            say(f"  round {number + 1} of {count}: {name}: {seconds:.2f} s")
    return rounds


def in_rounds(
    bench: Bench, write_bytes: int, one_round: Callable[[], Iterable[tuple[str, float]]]
) -> Rounds:
    """Rounds whose contestants begin anew each time.  write_bytes: what a round writes, at most.
    one_round: runs each once, and tells its name and seconds."""
    rounds = Rounds()
    for number in range(bench.rounds):
        say(f"  round {number + 1} of {bench.rounds}")
        bench.yard.make_room(write_bytes)
        for name, seconds in one_round():
            rounds.note(name, seconds)
    return rounds


def settle(source: Path) -> None:
    """What was written before is on disk, what will be read is in memory."""
    os.sync()
    buffer = bytearray(READ_BYTES)
    for path in files_of(source):
        with path.open("rb", buffering=0) as file:
            while file.readinto(buffer):
                pass


def forget() -> bool:
    """What was written before is on disk, and nothing of any file is in memory.  False where this
    user may not ask for the latter."""
    os.sync()
    try:
        Path("/proc/sys/vm/drop_caches").write_text("3\n", encoding="ascii")
    except OSError:
        return False
    return True


def files_of(source: Path) -> Iterator[Path]:
    for where, directories, names in os.walk(source):
        directories.sort()
        yield from (Path(where, name) for name in sorted(names))


def command_seconds(
    words: Sequence[str], environment: Mapping[str, str] | None = None
) -> float:  # fmt: skip
    """Runs a command to its end.  Raises RuntimeError with what it said if it fails."""
    return command_run(words, environment)[0]


def together_seconds(runs: Sequence[Callable[[], object]]) -> float:
    """All at once, each in a thread: until the last one has ended.  Raises what one of them did."""
    started = time.perf_counter()
    with ThreadPoolExecutor(len(runs)) as threads:
        for run in [threads.submit(run) for run in runs]:
            run.result()
    return time.perf_counter() - started


def command_run(
    words: Sequence[str], environment: Mapping[str, str] | None = None
) -> tuple[float, str]:  # fmt: skip
    """The seconds of a command, and what it said on standard output.  Raises as above."""
    started = time.perf_counter()
    done = subprocess.run(
        words, env=None if environment is None else {**os.environ, **environment},
        stdin=subprocess.DEVNULL, capture_output=True, timeout=COMMAND_SECONDS_MAX,
        check=False,
    )  # fmt: skip
    seconds = time.perf_counter() - started
    if done.returncode != 0:
        said = (done.stderr or done.stdout).decode(errors="replace").strip()[-2000:]
        raise RuntimeError(f"{words[0]} ended with {done.returncode}: {said}")
    return seconds, done.stdout.decode(errors="replace")


def say(text: str) -> None:
    """Progress goes to standard error, the tables to standard output."""
    print(text, file=sys.stderr, flush=True)
