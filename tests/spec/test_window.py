"""Hours of the week, durations and rates as written."""

from __future__ import annotations

import pytest

from flowbackup.errors import GraphError
from flowbackup.model.rate import RateSchedule
from flowbackup.spec import dump_graph, parse_graph
from flowbackup.spec.window import parse_window

GRAPH = """\
graph: g
devices: {nas: {path: /mnt/nas, staging: {copies: 2, keep: 36 h}}}
copy_groups:
  vault:
    copies: readers
    devices: [nas]
    select: {objects: ["web/*"], since: 2 w}
    rate_windows: {08:00-18:00: 5 MB/s, "fri-mon 18:00-08:00": 0}
"""


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("08:00-18:00", [(0, 480), (6, 1079)], [(0, 479), (0, 1080)]),
        ("mon-fri 22:00-06:00", [(0, 1320), (4, 1439), (5, 0), (5, 359)], [(5, 1320), (0, 0)]),
        ("fri-mon 00:00-24:00", [(4, 0), (5, 1), (6, 2), (0, 1439)], [(1, 0), (3, 1439)]),
        ("sat,sun 10:00-10:01", [(5, 600), (6, 600)], [(4, 600), (5, 601)]),
    ],
)
def test_windows_cover_their_minutes(
    text: str, inside: list[tuple[int, int]], outside: list[tuple[int, int]]
) -> None:
    window = parse_window(text)
    assert all(window.covers(*moment) for moment in inside)
    assert not any(window.covers(*moment) for moment in outside)


@pytest.mark.parametrize(
    "text", ["", "8-18", "25:00-26:00", "08:60-09:00", "08:00-08:00", "mo 08:00-09:00",
             "mon-tue-wed 08:00-09:00", "24:01-09:00", "x" * 1000],
)  # fmt: skip
def test_what_is_no_window_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+\|.+"):
        parse_window(text)


def test_the_first_window_that_covers_a_moment_decides() -> None:
    busy, night = parse_window("08:00-18:00"), parse_window("00:00-24:00")
    schedule = RateSchedule(7, ((busy, 1), (night, 2)))
    assert [schedule.rate_at(0, minute) for minute in (479, 480)] == [2, 1]
    assert RateSchedule(7).rate_at(0, 0) == 7


def test_they_are_written_as_they_were_read() -> None:
    document = parse_graph(GRAPH)
    group = document.spec.copy_groups["vault"]
    assert group.rate_windows == {"08:00-18:00": 5_000_000, "fri-mon 18:00-08:00": 0}
    assert group.select.since == 14 * 86_400
    assert document.spec.devices["nas"].staging.keep == 36 * 3600  # type: ignore[union-attr]
    assert parse_graph(dump_graph(document.spec)).spec == document.spec


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("2 w", "2 y", "is no duration"),
        ("2 w", "9999 w", "over a hundred years"),
        ("08:00-18:00:", "8-18:", "names no hours"),
        ("objects: [", "objcts: [", 'Did you mean "objects"'),
        ("copies: 2", "copys: 2", 'Did you mean "copies"'),
        ("5 MB/s", "-5", "negative"),
    ],
)
def test_faults_have_a_place_and_a_remedy(before: str, after: str, words: str) -> None:
    assert before in GRAPH
    with pytest.raises(GraphError) as caught:
        parse_graph(GRAPH.replace(before, after), "x.yaml")
    assert words in str(caught.value) and "x.yaml:" in str(caught.value)
