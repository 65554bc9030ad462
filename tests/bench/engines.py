"""The same commands on each engine: in one process, on a Ray that is kept, on one of their own."""

from __future__ import annotations

import json
import os
import resource
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from flowbackup.api import quick_plan
from flowbackup.units import MIB
from tests.bench.commands import FLOWBACKUP
from tests.bench.datasets import size_of
from tests.bench.measure import Bench, Rounds, alternate, command_run, command_seconds
from tests.bench.tables import Row, Table, pair_ratios

EMBEDDED, WARM, OWN = "embedded", "warm Ray", "its own Ray"
WORDS = {EMBEDDED: "local", WARM: "ray", OWN: "ray"}
SMALL_BYTES = 1024
SMALL_SECONDS_MAX = {EMBEDDED: 0.6, WARM: 1.5, OWN: None}
AS_FAST = 0.9
DEVICES = (1, 2)
BEYOND_SLOTS_MIB_MAX = 150.0


def engines(bench: Bench) -> Table:
    """A backup of one small file is all start; one of L is hardly any."""
    with _warm_ray() as warm:
        rows = [*_small(bench, warm), *_large(bench, warm)]
    rows.append(_memory(bench))
    return Table(
        "Whole commands on each engine", tuple(rows),
        (
            "From start to exit, with data durable. The warm Ray is that of `flowbackup up`; its "
            "own one is started and ended each time.",
            "Without the start: behind the first frame, as the summary tells it.",
        ),
    )  # fmt: skip


def _small(bench: Bench, warm: Mapping[str, str]) -> Iterator[Row]:
    source = bench.yard.fresh("small")
    source.mkdir()
    (source / "file").write_bytes(bytes(SMALL_BYTES))
    environments = {EMBEDDED: {}, WARM: warm, OWN: {}}
    contestants: dict[str, Callable[[], float]] = {
        engine: partial(_seconds, bench, source, WORDS[engine], environment)
        for engine, environment in environments.items()
    }
    for engine, seconds in alternate(contestants, bench.rounds, source).seconds.items():
        name = f"one file of 1 KiB, {engine}"
        yield Row(name, "s", tuple(seconds), SMALL_SECONDS_MAX[engine], at_most=True)


def _large(bench: Bench, warm: Mapping[str, str]) -> Iterator[Row]:
    source = bench.data.large()
    for devices in DEVICES:
        contestants: dict[str, Callable[[], float]] = {
            engine: partial(_running_seconds, bench, source, devices, WORDS[engine], environment)
            for engine, environment in ((EMBEDDED, {}), (WARM, warm))
        }
        bench.yard.make_room(2 * devices * bench.rounds * size_of(source)[1])
        rounds: Rounds = alternate(contestants, bench.rounds, source)
        what = f"L, {devices} device(s), without the start"
        found = pair_ratios(rounds.seconds[WARM], rounds.seconds[EMBEDDED])
        yield Row(f"{what}, {WARM} / {EMBEDDED}", "x", found, AS_FAST)
        for engine in contestants:
            yield Row(f"{what}, {engine}", "MB/s", rounds.rates(engine, size_of(source)[1]))


def _memory(bench: Bench) -> Row:
    """What the embedded engine needs beyond the slots that the plan has printed."""
    words = _words(bench, bench.data.large(), 1, "local")
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as command:
        _, status, used = os.wait4(command.pid, 0)
        command.returncode = os.waitstatus_to_exitcode(status)
    if command.returncode:
        raise RuntimeError(f"the backup whose memory is measured ended with {command.returncode}")
    ((_, planned),) = quick_plan([str(bench.data.large())], "/nowhere").memory_bytes
    return Row(
        "memory of the embedded engine beyond its slots", "MiB",
        (_resident_bytes(used) / MIB - planned / MIB,), BEYOND_SLOTS_MIB_MAX, at_most=True,
    )  # fmt: skip


def _resident_bytes(used: resource.struct_rusage) -> int:
    return used.ru_maxrss * 1024


def _seconds(bench: Bench, source: Path, engine: str, environment: Mapping[str, str]) -> float:
    return command_seconds([*_words(bench, source, 1, engine), "--quiet"], environment)


def _running_seconds(
    bench: Bench, source: Path, devices: int, engine: str, environment: Mapping[str, str]
) -> float:  # fmt: skip
    words = [*_words(bench, source, devices, engine), "--json"]
    _, said = command_run(words, environment)
    summary = json.loads(said.splitlines()[-1])
    return float(summary["duration_seconds"]) - float(summary["start_seconds"])


def _words(bench: Bench, source: Path, devices: int, engine: str) -> list[str]:
    first, *others = [str(bench.yard.fresh(f"medium{number}")) for number in range(devices)]
    mirrors = [word for other in others for word in ("--mirror", other)]
    catalog = str(bench.yard.fresh("catalog.sqlite"))
    words = ["backup", str(source), "--to", first, *mirrors, "--catalog", catalog]
    return [*FLOWBACKUP, *words, "--engine", engine]


@contextmanager
def _warm_ray() -> Iterator[Mapping[str, str]]:
    """The environment of commands that find one.  It is none that the user of the bench keeps."""
    with TemporaryDirectory(prefix="fbb-", dir="/tmp") as runtime:
        environment = {"XDG_RUNTIME_DIR": runtime}
        command_seconds([*FLOWBACKUP, "up"], environment)
        try:
            yield environment
        finally:
            command_seconds([*FLOWBACKUP, "down", "--now"], environment)
