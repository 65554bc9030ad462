"""Credit: a bound in slots and in bytes that is never exceeded and never negative."""

from __future__ import annotations

from dataclasses import dataclass

from flowbackup.errors import ProtocolError


@dataclass(frozen=True, slots=True)
class WindowStatistics:
    """used, peak and max in slots and bytes."""

    slots_used: int
    slots_peak: int
    slots_max: int
    bytes_used: int
    bytes_peak: int
    bytes_max: int


class CreditWindow:
    """Counts what is on its way.  Not a queue: it holds numbers only."""

    __slots__ = (
        "_bytes_max", "_bytes_peak", "_bytes_used", "_slots_max", "_slots_peak", "_slots_used",
    )  # fmt: skip

    def __init__(self, slots_max: int, bytes_max: int) -> None:
        if slots_max < 1 or bytes_max < 1:
            raise ValueError("a window needs at least one slot and one byte")
        self._slots_max = slots_max
        self._bytes_max = bytes_max
        self._slots_used = self._bytes_used = self._slots_peak = self._bytes_peak = 0

    def fits(self, size_bytes: int) -> bool:
        """Is there credit for one more frame of this size?"""
        return (
            self._slots_used < self._slots_max and self._bytes_used + size_bytes <= self._bytes_max
        )

    def take(self, size_bytes: int) -> None:
        """Spends credit.  Raises ProtocolError where there is none."""
        if not self.fits(size_bytes):
            raise ProtocolError(
                f"a frame of {size_bytes} bytes exceeds the credit: {self._slots_used} of "
                f"{self._slots_max} slots, {self._bytes_used} of {self._bytes_max} bytes in use"
            )
        self._slots_used += 1
        self._bytes_used += size_bytes
        self._slots_peak = max(self._slots_peak, self._slots_used)
        self._bytes_peak = max(self._bytes_peak, self._bytes_used)

    def give_back(self, size_bytes: int) -> None:
        """Returns credit.  Raises ProtocolError if more comes back than was taken."""
        if self._slots_used < 1 or self._bytes_used < size_bytes:
            raise ProtocolError("more credit came back than was taken")
        self._slots_used -= 1
        self._bytes_used -= size_bytes

    @property
    def is_full(self) -> bool:
        return self._slots_used >= self._slots_max

    def statistics(self) -> WindowStatistics:
        return WindowStatistics(
            self._slots_used, self._slots_peak, self._slots_max,
            self._bytes_used, self._bytes_peak, self._bytes_max,
        )  # fmt: skip
