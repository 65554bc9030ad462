"""Values of JSON that came from a medium: of the type they must have, and no other.

`int()` and `str()` take nearly everything, and JSON has numbers that are none (NaN, 1e999), whole
ones of any length, and texts that no encoding has.
"""

from __future__ import annotations

NUMBER_MAX = (1 << 63) - 1
"""What databases and dates can hold; counters of bytes and nanoseconds stay below."""


def whole_number(value: object) -> int:
    """A whole number that fits 63 bits.  Raises TypeError or ValueError."""
    if type(value) is not int:
        raise TypeError(f"{type(value).__name__} stands where a whole number must be")
    if abs(value) > NUMBER_MAX:
        raise ValueError("a number is beyond 63 bits")
    return value


def plain_text(value: object) -> str:
    """A text that UTF-8 can hold: JSON may hold halves of surrogate pairs.  Raises TypeError or
    ValueError."""
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} stands where a text must be")
    value.encode()
    return value
