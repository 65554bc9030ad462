"""make bench: speed and memory, as ratios in one alternating run on this machine.

Absolute figures differ from hour to hour; the ratios of one run are what counts. Nothing is
asserted: the exit code is 0 unless a measure fails to run. The tables go to standard output and to
build/bench/RESULTS.md; a run of everything at full scale also rewrites tests/bench/RESULTS.md.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from flowbackup.runtime.engines.ray_start import ray_engine
from tests.bench.catalog import catalog
from tests.bench.chains import across_nodes, chains
from tests.bench.commands import commands
from tests.bench.datasets import DataSets
from tests.bench.engine import nothing, source_reads, writers
from tests.bench.engines import engines
from tests.bench.increments import increments
from tests.bench.machine import describe
from tests.bench.measure import RUN_PREFIX, Bench, Yard, remove_left_behind, say
from tests.bench.memory import memory
from tests.bench.packing import packing
from tests.bench.rates import rates
from tests.bench.restore import restore
from tests.bench.small import small
from tests.bench.space import text, versions
from tests.bench.tables import Table, markdown, targets

HERE = Path(__file__).parent
BUILD = HERE.parents[1] / "build" / "bench"
QUICK_SCALE = 0.1
ROUNDS, QUICK_ROUNDS = 5, 2
COMMAND_ROUNDS, QUICK_COMMAND_ROUNDS = 3, 1


@dataclass(frozen=True, slots=True)
class Measure:
    """with_ray: it needs a Ray that is up; the others want none beside them."""

    run: Callable[[Bench], Table]
    with_ray: bool


MEASURES = {
    "small": Measure(small, with_ray=False),
    "restore": Measure(restore, with_ray=False),
    "commands": Measure(commands, with_ray=False),
    "increments": Measure(increments, with_ray=False),
    "text": Measure(text, with_ray=False),
    "versions": Measure(versions, with_ray=False),
    "engines": Measure(engines, with_ray=False),
    "catalog": Measure(catalog, with_ray=False),
    "packing": Measure(packing, with_ray=False),
    "nodes": Measure(across_nodes, with_ray=False),
    "writers": Measure(writers, with_ray=True),
    "engine": Measure(nothing, with_ray=True),
    "chains": Measure(chains, with_ray=True),
    "source": Measure(source_reads, with_ray=True),
    "rates": Measure(rates, with_ray=True),
    "memory": Measure(memory, with_ray=True),
}


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    names = options.only or list(MEASURES)
    scale = options.scale or (QUICK_SCALE if options.quick else 1.0)
    whole = scale == 1.0 and not options.quick and not options.only
    started = time.monotonic()
    with _bench(scale, quick=options.quick, full=options.full) as bench:
        tables, failed = _measured(names, bench)
    head = _head(scale, time.monotonic() - started, bench.yard.cleared, failed)
    text = "\n".join([head, *(markdown(table) for table in (targets(tables), *tables))])
    print(text)
    for place in (BUILD, HERE) if whole and not failed else (BUILD,):
        (place / "RESULTS.md").write_text(text, encoding="utf-8")
    return 1 if failed else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--quick", action="store_true",
        help="a tenth of the data and fewer rounds: shows that it works, not how fast it is",
    )  # fmt: skip
    parser.add_argument("--scale", type=float, help="part of the data sets to use, as in 0.5")
    parser.add_argument(
        "--only", action="append", choices=list(MEASURES), metavar="NAME",
        help=f"this measure only; may be given several times: {', '.join(MEASURES)}",
    )  # fmt: skip
    parser.add_argument(
        "--full", action="store_true", help="memory: 20 GiB of input instead of 4"
    )  # fmt: skip
    return parser.parse_args(arguments)


@contextmanager
def _bench(scale: float, *, quick: bool, full: bool) -> Iterator[Bench]:
    """Data sets stay for the next run, what was written goes at the very end."""
    remove_left_behind(BUILD)
    yard = Yard(BUILD / f"{RUN_PREFIX}{os.getpid()}")
    rounds, command_rounds = (
        (QUICK_ROUNDS, QUICK_COMMAND_ROUNDS) if quick else (ROUNDS, COMMAND_ROUNDS)
    )
    data = DataSets(BUILD / "data" / f"{scale:g}", scale)
    try:
        yield Bench(data, yard, rounds, command_rounds, full)
    finally:
        yard.remove()


def _measured(names: Sequence[str], bench: Bench) -> tuple[list[Table], list[str]]:
    """Those without Ray first; tables in the order of MEASURES, and names of what failed."""
    tables: list[Table] = []
    failed: list[str] = []
    for with_ray in (False, True):
        chosen = [n for n, m in MEASURES.items() if n in names and m.with_ray is with_ray]
        if not chosen:
            continue
        with ray_engine() if with_ray else nullcontext():
            for name in chosen:
                say(f"{name}:")
                try:
                    tables.append(MEASURES[name].run(bench))
                except Exception as error:  # noqa: BLE001  the other measures are still worth it
                    traceback.print_exc()
                    failed.append(f"{name}: {type(error).__name__}: {error}")
    return tables, failed


def _head(scale: float, seconds: float, cleared: int, failed: Sequence[str]) -> str:
    lines = ["# What `make bench` measured", ""]
    lines += [f"* {line}" for line in describe(BUILD)]
    lines.append(f"* scale {scale:g}, {seconds / 60:.1f} minutes")
    if cleared:
        lines.append(f"* what was written had to be deleted {cleared} time(s) between measures")
    if scale != 1.0:
        lines.append("* **targets are meant for scale 1**; smaller runs show that it works")
    lines += [f"* **FAILED TO RUN** {failure}" for failure in failed]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
