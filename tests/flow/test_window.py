"""Credit is never exceeded, never negative, and counted in slots and bytes."""

from __future__ import annotations

import pytest

from flowbackup.errors import ProtocolError
from flowbackup.flow.window import CreditWindow


def test_both_bounds_hold() -> None:
    window = CreditWindow(2, 100)
    window.take(60)
    assert window.fits(40) and not window.fits(41)
    with pytest.raises(ProtocolError, match="exceeds the credit: 1 of 2 slots, 60 of 100 bytes"):
        window.take(41)
    window.take(40)
    assert window.is_full and not window.fits(0)
    with pytest.raises(ProtocolError):
        window.take(0)


def test_what_was_not_taken_cannot_come_back() -> None:
    window = CreditWindow(2, 100)
    with pytest.raises(ProtocolError, match="more credit"):
        window.give_back(0)
    window.take(10)
    with pytest.raises(ProtocolError, match="more credit"):
        window.give_back(11)
    window.give_back(10)
    assert window.statistics().slots_used == window.statistics().bytes_used == 0


def test_statistics_remember_the_peak() -> None:
    window = CreditWindow(3, 100)
    window.take(30)
    window.take(50)
    window.give_back(30)
    statistics = window.statistics()
    assert (statistics.slots_used, statistics.slots_peak, statistics.slots_max) == (1, 2, 3)
    assert (statistics.bytes_used, statistics.bytes_peak, statistics.bytes_max) == (50, 80, 100)


@pytest.mark.parametrize(("slots", "size"), [(0, 1), (1, 0), (-1, 1)])
def test_a_window_without_room_is_refused(slots: int, size: int) -> None:
    with pytest.raises(ValueError, match="at least one slot"):
        CreditWindow(slots, size)
