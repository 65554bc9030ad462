"""Numbers as Prometheus reads them, by its own parser."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from flowbackup.metrics.families import FAMILIES, Sample
from flowbackup.metrics.measured import (
    History,
    Stalls,
    of_end,
    of_history,
    of_progress,
    of_report,
)
from flowbackup.metrics.textfile import text_of, write_textfile
from flowbackup.model.report import Outcome
from flowbackup.monitor import EdgeState, Problem, Progress
from tests.cli import samples

EDGE = EdgeState("primary.nas -> offsite.usb", 1, 5 << 20, 4 << 20, 8, 8, "running", "usb", 2.0)


def everything() -> Iterator[Sample]:
    """Every family at least once."""
    problems = (Problem("vanished", "a"), Problem("vanished", "b"), Problem("changed", "c"))
    report = replace(samples.report(Outcome.INCOMPLETE, 4), problems=problems)
    yield from of_history("nightly", History(1000.5, 3), running=True)
    yield from of_progress("nightly", Progress("backup", edges=(EDGE,)), Stalls())
    yield from of_end("nightly", Outcome.INCOMPLETE, 4, 2000.25, 12.0)
    yield from of_report("nightly", replace(report, stages=(report,)))


def parsed(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_prometheus_reads_every_family_as_it_was_written() -> None:
    text = text_of(everything())
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert families.keys() == FAMILIES.keys()
    assert all(family.documentation == FAMILIES[name].help for name, family in families.items())
    read = parsed(text)
    graph = ("graph", "nightly")
    assert read["flowbackup_last_success_timestamp_seconds", (graph,)] == 1000.5
    assert read["flowbackup_versions_below_copies", (graph,)] == 3
    assert read["flowbackup_last_outcome", (graph, ("outcome", "incomplete"))] == 1
    assert read["flowbackup_last_outcome", (graph, ("outcome", "success"))] == 0
    assert read["flowbackup_last_problems", (graph, ("kind", "vanished"))] == 4
    edge = (("edge", EDGE.name), graph)
    assert read["flowbackup_edge_slots_used", edge] == 8


def test_a_device_of_several_stages_is_told_once_with_all_that_it_got() -> None:
    report = samples.report()
    (first, *others), count = report.devices, len(report.devices)
    report = replace(report, devices=(replace(first, state="complete"), *others))
    stage = replace(report, devices=(replace(first, state="failed"), *others), stages=(report,))
    read, short = (parsed(text_of(of_report("g", replace(report, stages=(each,)))))
                   for each in (report, stage))  # fmt: skip
    complete = next(key for key in read if key[0] == "flowbackup_device_complete")
    assert (read[complete], short[complete]) == (1, 0)
    written = {
        dict(labels)["agent"]: value
        for (name, labels), value in read.items()
        if name == "flowbackup_device_written_bytes"
    }
    assert len(written) == count and written[first.agent] == 2 * first.bytes_written


def test_marks_in_labels_are_escaped() -> None:
    name = 'a "b" \\ c\nd'
    read = parsed(text_of([Sample("flowbackup_last_problems", "g", (name,), 1)]))
    assert read == {("flowbackup_last_problems", (("graph", "g"), ("kind", name))): 1}


def test_the_file_is_replaced_and_open_to_the_collector(tmp_path: Path) -> None:
    path = tmp_path / "g.prom"
    write_textfile(path, everything())
    assert path.stat().st_mode & 0o777 == 0o644
    inode = path.stat().st_ino
    write_textfile(path, [])
    assert path.stat().st_ino != inode
    assert [each.name for each in tmp_path.iterdir()] == ["g.prom"]


def test_a_file_that_cannot_be_replaced_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "g.prom").mkdir()
    with pytest.raises(OSError):
        write_textfile(tmp_path / "g.prom", everything())
    assert [each.name for each in tmp_path.iterdir()] == ["g.prom"]


def test_stalls_are_added_up_over_the_waits_of_an_edge() -> None:
    stalls = Stalls()
    for waiting in (0.0, 1.0, 3.0, 0.0, 2.0, 0.5):
        edge = replace(EDGE, waiting_for="usb" if waiting else "", waiting_seconds=waiting)
        stalls.add(Progress("backup", edges=(edge,)))
    assert stalls.seconds(EDGE.name) == 3.0 + 2.0 + 0.5
    assert stalls.seconds("another") == 0.0
