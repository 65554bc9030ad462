"""How often the dead are started again."""

from __future__ import annotations

from flowbackup.flow.restarts import Restarts


def test_so_many_restarts_within_so_long_and_each_station_for_itself() -> None:
    restarts = Restarts(times_max=2, seconds=10)
    assert [restarts.may("a", now) for now in (0, 1, 2)] == [True, True, False]
    assert restarts.may("b", 2)
    # The first is forgotten at 10, the second at 11; what was refused at 2 has not counted.
    assert [restarts.may("a", now) for now in (9, 10, 10.5, 11)] == [False, True, False, True]
