"""Sizes, rates and durations as people write and read them, and alignment arithmetic."""

from __future__ import annotations

import re

KIB = 1 << 10
MIB = 1 << 20
GIB = 1 << 30
TIB = 1 << 40

_UNITS = {
    "": 1, "b": 1,
    "k": KIB, "kib": KIB, "kb": 10**3,
    "m": MIB, "mib": MIB, "mb": 10**6,
    "g": GIB, "gib": GIB, "gb": 10**9,
    "t": TIB, "tib": TIB, "tb": 10**12,
}  # fmt: skip
_ESCAPED_BYTE = re.compile(rb"\\x([89a-f][0-9a-f])")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)")


def parse_size(text: str) -> int:
    """Bytes of "8 MiB", "80MB", "4096".  Raises ValueError naming what is wrong."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f'"{text}" is not a size; write a number and a unit, as in "8 MiB"')
    number, unit = match.groups()
    factor = _UNITS.get(unit.lower())
    if factor is None:
        raise ValueError(f'"{unit}" is not a unit of size; use B, KiB, MiB, GiB, TiB or KB to TB')
    size = float(number) * factor if "." in number else int(number) * factor
    if size != int(size):
        raise ValueError(f'"{text}" is not a whole number of bytes')
    return int(size)


def parse_rate(text: str) -> int:
    """Bytes per second of "80 MB/s", "80MB".  Raises ValueError naming what is wrong."""
    size, mark, per = text.rpartition("/")
    return parse_size(size if mark and per.strip() == "s" else text)


def format_size(size_bytes: int | float) -> str:
    """ "8 MiB", "1.5 GiB", "17 B": short, for people."""
    value = float(size_bytes)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if abs(value) < 1024 or unit == "TiB":
            text = f"{value:.1f}".rstrip("0").rstrip(".") if unit != "B" else f"{value:.0f}"
            return f"{text} {unit}"
        value /= 1024
    raise AssertionError("unreachable")


_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400}
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)\s*")


def parse_duration(text: str) -> float:
    """Seconds of "30s", "5m", "1h30m", "2 h", "0".  Raises ValueError naming what is wrong."""
    plain = text.strip().lower()
    if plain == "0":
        return 0.0
    seconds, at = 0.0, 0
    while match := _DURATION_PART.match(plain, at):
        number, unit = match.groups()
        if unit not in _SECONDS:
            raise ValueError(f'"{unit}" is not a unit of time; use s, m (or min), h or d')
        seconds += float(number) * _SECONDS[unit]
        at = match.end()
    if at < len(plain) or not plain:
        raise ValueError(f'"{text}" is not a duration; write it as in 30s, 5m or 1h30m')
    return seconds


def format_rate(bytes_per_second: float) -> str:
    if 0 < bytes_per_second < 1e6:
        return f"{bytes_per_second / 1e3:.0f} kB/s"
    return f"{bytes_per_second / 1e6:.0f} MB/s" if bytes_per_second else "-"


def format_seconds(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def counted(number: int, noun: str, nouns: str = "") -> str:
    """How many of what: "1 file", "2 files".  nouns: where an s is not enough."""
    return f"{number} {noun if number == 1 else nouns or noun + 's'}"


def format_path(path: bytes) -> str:
    """A path for people and for texts that are stored: bytes that are no UTF-8 as \\xNN."""
    return path.decode("utf-8", "backslashreplace")


def paths_meant(path: bytes) -> tuple[bytes, ...]:
    """What a path or a pattern that was typed may mean: itself, and where it is the text that
    `format_path` makes of another one, that."""
    other = _ESCAPED_BYTE.sub(lambda found: bytes.fromhex(found[1].decode()), path)
    is_text = other != path and format_path(other) == format_path(path)
    return (path, other) if is_text else (path,)


def one_line(text: str) -> str:
    """Text from anywhere, safe on a terminal: what is not printable is escaped."""
    return "".join(c if c.isprintable() else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    """A byte that is no UTF-8, of what was typed or of a name, as `format_path` has it."""
    if "\udc80" <= character <= "\udcff":
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()


def round_up(value: int, multiple: int) -> int:
    """The smallest multiple of `multiple` that is not below `value`."""
    return -(-value // multiple) * multiple
