"""The same commands on both engines: in one process, and on an embedded Ray."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.bench.commands import FLOWBACKUP
from tests.bench.datasets import size_of
from tests.bench.measure import Bench, alternate, command_seconds
from tests.bench.tables import Row, Table, pair_ratios

ENGINES = {"local": "embedded", "ray": "on Ray"}
SMALL_BYTES = 1024
SMALL_SECONDS_MAX = 0.6


def engines(bench: Bench) -> Table:
    """A backup of one small file is all start; one of L is hardly any."""
    small = bench.yard.fresh("small")
    small.mkdir()
    (small / "file").write_bytes(bytes(SMALL_BYTES))
    large = bench.data.large()
    rows: list[Row] = []
    for source, what in ((small, "one file of 1 KiB"), (large, "L, one device")):
        contestants: dict[str, Callable[[], float]] = {
            engine: partial(_seconds, bench, source, engine) for engine in ENGINES
        }
        count = bench.rounds if source == small else bench.command_rounds
        rounds = alternate(contestants, count, source)
        for engine, seconds in rounds.seconds.items():
            target = SMALL_SECONDS_MAX if (source, engine) == (small, "local") else None
            name = f"{what}, {ENGINES[engine]}"
            rows.append(Row(name, "s", tuple(seconds), target, at_most=True))
            if source == large:
                rows.append(Row(name, "MB/s", rounds.rates(engine, size_of(large)[1])))
        ratios = pair_ratios(rounds.seconds["local"], rounds.seconds["ray"])
        rows.append(Row(f"{what}, embedded / on Ray", "x", ratios))
    return Table(
        "Whole commands on both engines", tuple(rows),
        ("From start to exit, with data durable. On Ray it is started and ended each time.",),
    )  # fmt: skip


def _seconds(bench: Bench, source: Path, engine: str) -> float:
    medium, catalog = bench.yard.fresh("medium"), bench.yard.fresh("catalog.sqlite")
    words = ["backup", str(source), "--to", str(medium), "--catalog", str(catalog), "--quiet"]
    return command_seconds([*FLOWBACKUP, *words, "--engine", engine])
