"""The bench's arithmetic and tables, and that it starts; how fast anything is, no test says."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from flowbackup.catalog.catalog import open_catalog
from flowbackup.catalog.search import Search
from flowbackup.model.entry import EntryKind
from tests.bench.bench import MEASURES
from tests.bench.datasets import DataSets, size_of
from tests.bench.large_catalog import VERSIONS, make_catalog
from tests.bench.measure import Yard, remove_left_behind
from tests.bench.memory import memory_of
from tests.bench.tables import Row, Table, cells, markdown, pair_ratios, targets
from tests.bench.three_nodes import Processors, processor_seconds

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        (Row("a", "x", (0.8, 0.95, 1.2), 0.9), "met"),
        (Row("a", "x", (0.8, 0.85, 1.2), 0.9), "MISSED"),
        (Row("a", "MiB", (99.0,), 100, at_most=True), "met"),
        (Row("a", "MiB", (101.0,), 100, at_most=True), "MISSED"),
        (Row("a", "MB/s", (1.0, 2.0)), ""),
    ],
)
def test_the_median_decides_whether_a_target_is_met(row: Row, verdict: str) -> None:
    assert cells(row)[-1] == verdict


def test_a_table_shows_median_spread_runs_and_target() -> None:
    row = Row("engine / bare", "x", (0.81, 0.95, 1.25), 0.9)
    text = markdown(Table("Title", (row,), ("a note",)))
    assert "| engine / bare | 0.95 x | 0.81 to 1.25 | 3    | >= 0.90 x | met |" in text
    assert text.startswith("## Title\n")
    assert text.endswith("* a note\n")
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len({len(line) for line in lines}) == 1


def test_the_targets_of_all_tables_are_one_table() -> None:
    first = Table("A", (Row("a", "x", (1.0,), 2.0), Row("info", "s", (3.0,))))
    second = Table("B", (Row("b", "s", (0.5,), 0.6, at_most=True),))
    together = targets([first, second])
    assert [row.what for row in together.rows] == ["a", "b"]
    assert together.notes == ("1 of 2 are met.",)


def test_a_large_catalog_is_one_that_can_be_asked(tmp_path: Path) -> None:
    file = make_catalog(tmp_path / "catalog.sqlite", 2, shared=True)
    with open_catalog(file) as catalog:
        versions = catalog.versions()
        assert len(versions) == VERSIONS
        entries = list(catalog.entries(versions[-1], b""))
        assert len(entries) == versions[-1].record.entries
        assert sum(entry.kind == EntryKind.FILE for entry in entries) == versions[-1].record.files
        path = b"d00001/e3/x00001-3-07.dat"
        (row,) = catalog.looking.find(versions, Search(patterns=(path.rpartition(b"/")[2],)))
        assert (row.entry.path, len(row.versions)) == (path, VERSIONS)


def test_ratios_are_of_pairs_and_above_one_where_we_were_faster() -> None:
    assert pair_ratios([1.0, 4.0], [2.0, 2.0]) == (2.0, 0.5)


def test_data_sets_are_the_same_each_time(tmp_path: Path) -> None:
    def contents(root: Path) -> list[tuple[str, bytes]]:
        small = DataSets(root, 0.0025).small()
        return sorted((p.name, p.read_bytes()) for p in small.rglob("*.dat"))

    first = contents(tmp_path / "a")
    assert len(first) == 100
    assert first == contents(tmp_path / "b")
    assert size_of(tmp_path / "a")[1] == sum(len(content) for _, content in first)


def test_places_are_fresh_and_gone_at_the_end(tmp_path: Path) -> None:
    yard = Yard(tmp_path / "yard")
    first, second = yard.fresh("medium"), yard.fresh("medium")
    assert first != second
    assert not first.exists()
    assert first.parent.is_dir()
    yard.remove()
    assert list(tmp_path.iterdir()) == []


def test_only_what_dead_runs_left_is_removed(tmp_path: Path) -> None:
    alive, dead, other = (
        tmp_path / name for name in (f"run-{os.getpid()}", "run-99999999", "data")
    )
    for path in (alive, dead, other):
        path.mkdir()
    remove_left_behind(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([alive, other])


def test_places_are_deleted_early_only_for_want_of_room(tmp_path: Path) -> None:
    yard = Yard(tmp_path / "yard")
    kept = yard.fresh("medium").parent
    yard.clear_for(0)
    assert (kept.is_dir(), yard.cleared) == (True, 0)
    yard.clear_for(1 << 60)
    assert (kept.is_dir(), yard.cleared) == (False, 1)


def test_a_disk_without_room_is_named_before_it_is_full(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="GiB are free"):
        Yard(tmp_path / "yard").make_room(1 << 60)


def test_memory_of_this_process_is_seen() -> None:
    memory = memory_of(os.getpid())
    assert memory is not None
    assert 0 < memory.own <= memory.pss <= memory.rss


def test_what_processes_use_is_seen_also_of_those_that_have_ended() -> None:
    started = time.monotonic()
    with Processors() as processors:
        begun = time.monotonic()
        with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as child:
            while processor_seconds().get(child.pid, 0) < 0.5:
                pass
            processors._look()
            child.kill()
        assert processors.seconds(begun, time.monotonic()) > 0.5
        assert processors.seconds(started - 9, started - 8) < 0.5


def test_help_names_every_measure() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.bench", "--help"], cwd=ROOT, capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    for name in (*MEASURES, "--quick"):
        assert name in done.stdout


def test_bare_writers_write_the_bytes_asked_for(tmp_path: Path) -> None:
    content = tmp_path / "content"
    content.write_bytes(os.urandom(8 << 20))
    from tests.bench.bare import bare_seconds

    files = [tmp_path / "one", tmp_path / "two"]
    try:
        assert bare_seconds(16 << 20, content, files) > 0
    except subprocess.CalledProcessError:
        pytest.skip("the file system of the temporary directory takes no O_DIRECT")
    assert files[0].read_bytes() == files[1].read_bytes() == content.read_bytes() * 2
