"""Chains: across three nodes against their transport alone, and what a device or a mirror adds."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from pathlib import Path

from flowbackup.plan import make_plan
from flowbackup.plan.decided import Plan, Transport
from flowbackup.spec import document_of
from flowbackup.spec.builder import GraphBuilder
from flowbackup.units import MIB
from tests.bench.chain_nodes import ALONE, CHAIN
from tests.bench.crossing import FLIGHT
from tests.bench.datasets import size_of
from tests.bench.engine import run
from tests.bench.measure import COMMAND_SECONDS_MAX, Bench, Rounds, alternate, say
from tests.bench.tables import Row, Table, pair_ratios

OF_THE_TRANSPORT = 0.8
OF_BOTH_DISKS = 0.95
WITH_A_MIRROR = 0.95
TWICE = 2.0
DISK_BYTES_PER_SECOND = 100_000_000
"""Slow enough that neither the processors nor the disk below count."""
CROSSING_BYTES_MAX = 512 * MIB
DIRECT, STORE = Transport.DIRECT.value, Transport.OBJECT_STORE.value


def across_nodes(bench: Bench) -> Table:
    """A chain of three nodes against its transport alone, and that against other transports."""
    source = bench.data.large()
    size_bytes = size_of(source)[1]
    bench.yard.make_room(2 * CROSSING_BYTES_MAX)
    folder = bench.yard.fresh("catalogs")
    folder.mkdir()
    chain = _measured("chain_nodes", str(bench.rounds), str(source), str(folder))
    ratios = pair_ratios(_wall(chain[CHAIN]), _wall(chain[ALONE]))
    rows = [Row(f"{CHAIN} / {ALONE}", "x", ratios, OF_THE_TRANSPORT)]
    for name in (CHAIN, ALONE):
        rows.append(Row(name, "MB/s", _rates(chain[name], size_bytes)))
        rows.append(Row(f"{name}, processor", "s/GB", _processor(chain[name], size_bytes)))
    for flags, protection in (((), "Ray without TLS"), (("--protected",), "Ray with TLS")):
        rows += _transports(bench, min(CROSSING_BYTES_MAX, size_bytes), flags, protection)
    notes = (
        "Three raylets of this machine; devices swallow. Alone: frames of the same size over the "
        "same two edges from node to node, checked and handed on, and no source, credit or device.",
        "One hop: seconds, and processor seconds of all processes that a frame passes, per GB. The "
        "direct way and Arrow Flight have TLS always (Flight with a token), the object store where "
        "Ray has it.",
    )
    return Table("Across nodes", tuple(rows), notes)


def chains(bench: Bench) -> Table:
    """Two slow devices as a group, and one behind the other, against one alone."""
    source = bench.data.large()
    size_bytes = size_of(source)[1]
    one, two, mirrored = "one device", "group of two", "one device and its mirror"
    plans = {
        one: partial(_plan, source, 1, 0),
        two: partial(_plan, source, 2, 0),
        mirrored: partial(_plan, source, 1, 1),
    }
    bench.yard.clear_for(5 * bench.rounds * size_bytes)

    def seconds(name: str) -> float:
        report = run(plans[name](bench), bench)
        return report.duration_seconds - report.start_seconds

    rounds = alternate({name: partial(seconds, name) for name in plans}, bench.rounds, source)
    of_both = tuple(ratio / 2 for ratio in pair_ratios(rounds.seconds[two], rounds.seconds[one]))
    rows = (
        Row("group of two / twice one alone", "x", of_both, OF_BOTH_DISKS),
        Row("with a mirror / without", "x",
            pair_ratios(rounds.seconds[mirrored], rounds.seconds[one]), WITH_A_MIRROR),
        *(Row(name, "MB/s", rounds.rates(name, size_bytes)) for name in plans),
    )  # fmt: skip
    rate = f"{DISK_BYTES_PER_SECOND / 1e6:.0f} MB/s"
    notes = (
        f"Every device is held to {rate}, and has its own syncs beside that: what one reaches "
        "alone in the same round is its rate. From the first frame sent to the last segment "
        "sealed.",
    )
    return Table("L to devices that are slow", rows, notes)


def _plan(source: Path, devices: int, mirrors: int, bench: Bench) -> Plan:
    builder = GraphBuilder("bench")
    builder.client("here").object("source", path=source)
    names = [
        builder.device(
            f"disk{number}", path=bench.yard.fresh("medium"), rate_limit=DISK_BYTES_PER_SECOND
        )
        for number in range(devices + mirrors)
    ]
    group = builder.backup_group("primary", devices=names[:devices])
    for name in names[devices:]:
        group.mirror("second", devices=[name])
    return make_plan(document_of(builder.spec()))


def _transports(
    bench: Bench, size_bytes: int, flags: tuple[str, ...], protection: str
) -> list[Row]:  # fmt: skip
    ways = (DIRECT, STORE, FLIGHT)
    measured = _measured("crossing", *flags, str(bench.rounds), str(size_bytes), *ways)
    ours, rows = measured[DIRECT], []
    for way in (STORE, FLIGHT):
        ratios = pair_ratios(_wall(ours), _wall(measured[way]))
        target = TWICE if way == STORE else None
        rows.append(Row(f"{DIRECT} / {way}, one hop, {protection}", "x", ratios, target))
    for way in ways:
        used = _processor(measured[way], size_bytes)
        rows.append(Row(f"{way}, {protection}", "MB/s", _rates(measured[way], size_bytes)))
        rows.append(Row(f"{way}, {protection}, processor", "s/GB", used))
    return rows


def _measured(program: str, *words: str) -> dict[str, list[tuple[float, float]]]:
    """Runs a program of this folder, in which a Ray of its own lives.  Raises RuntimeError."""
    say(f"  {program} {' '.join(words)}")
    done = subprocess.run(
        [sys.executable, "-m", f"tests.bench.{program}", *words], stdin=subprocess.DEVNULL,
        capture_output=True, timeout=COMMAND_SECONDS_MAX, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{program}: {done.stderr.decode(errors='replace')[-2000:]}")
    found: dict[str, list[tuple[float, float]]] = json.loads(done.stdout.splitlines()[-1])
    return found


def _wall(rounds: list[tuple[float, float]]) -> list[float]:
    return [seconds for seconds, _ in rounds]


def _processor(rounds: list[tuple[float, float]], size_bytes: int) -> tuple[float, ...]:
    return tuple(used / (size_bytes / 1e9) for _, used in rounds)


def _rates(rounds: list[tuple[float, float]], size_bytes: int) -> tuple[float, ...]:
    timed = Rounds({"": _wall(rounds)})
    return timed.rates("", size_bytes)
