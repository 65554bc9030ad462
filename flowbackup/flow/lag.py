"""Lag: whether a mirror that may be left behind has fallen too far behind."""

from __future__ import annotations

from flowbackup.flow.window import WindowStatistics


def is_behind(lag_bytes: int, lag_bytes_max: int, window: WindowStatistics) -> bool:
    """lag_bytes: what its predecessor has done its part for and it has not released.
    lag_bytes_max: how much that may be; 0 for as much as there is memory.  window: the
    predecessor's.  Memory ends before a large limit does: when the window is full and most of it
    waits for this mirror, it holds the session up, and that is what it must not do."""
    if lag_bytes_max and lag_bytes > lag_bytes_max:
        return True
    is_full = window.slots_used >= window.slots_max
    return is_full and 2 * lag_bytes > window.bytes_used
