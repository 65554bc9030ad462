"""The kinds of values that stand in a graph file, as pydantic understands them.

A ValueError that a field raises reads "reason|remedy"; `faults` splits it.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema

from flowbackup.model.retention import TAG_CHARACTERS_MAX, is_tag
from flowbackup.spec.endpoint import (
    Endpoint,
    PinnedBuffers,
    parse_endpoint,
    parse_pinned,
)
from flowbackup.spec.names import check_dotted_name, check_name, check_object_name, shown
from flowbackup.spec.window import parse_window
from flowbackup.units import GIB, KIB, MIB, TIB, format_size, one_line, parse_size

FRAME_BYTES_MIN = 64 * KIB
FRAME_BYTES_MAX = 256 * MIB
SIZE_BYTES_MAX = 1 << 60
BUFFERS_MAX = 65_536
IGNORE_LINE_LENGTH_MAX = 1024

ZSTD_LEVELS = range(1, 20)
"""Those above take hundreds of MiB for each processor."""
ZSTD_LEVEL = 2
"""Text, logs and records became 2.50 times smaller, as with restic.  Level 3 gave 2.52 and took a
third longer, level 1 gave 2.36 in a fifth less."""

DURATION_SECONDS_MAX = 100 * 366 * 86_400
_DURATION = re.compile(r"\s*(\d{1,10})\s*(s|min|h|d|w)\s*", re.IGNORECASE)
_DURATION_UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}

OnFailure = Literal["required", "optional"]
WhenSlow = Literal["block", "detach"]
_SIZE_SCHEMA = {"type": ["string", "integer"], "examples": ["8 MiB", 8388608]}


def read_size(value: object) -> int:
    """Bytes of an int or of "8 MiB".  Raises ValueError "reason|remedy"."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise ValueError(f'{shown(str(value))} is not a size|Write bytes, or a unit as in "8 MiB"')
    if isinstance(value, str):
        if len(value) > 40 or not value.isascii():
            raise ValueError(f'"{shown(value, 20)}" is not a size|Write it as in "8 MiB"')
        if re.match(r"\s*-", value):
            raise ValueError(f"the size {value} is negative|Write a positive size")
        value = _parsed(value)
    if value < 0:
        raise ValueError(f"the size {value} is negative|Write a positive size")
    if value > SIZE_BYTES_MAX:
        raise ValueError(
            f"the size {value} is over {SIZE_BYTES_MAX // TIB} TiB|Write a smaller one"
        )
    return value


def _parsed(text: str) -> int:
    try:
        return parse_size(text)
    except ValueError as fault:
        reason, _, remedy = str(fault).partition("; ")
        raise ValueError(f"{reason}|{remedy[:1].upper()}{remedy[1:] or 'Write 8 MiB'}") from None


def written_size(size_bytes: int) -> int | str:
    """The shortest form that reads back to the same number."""
    for unit in (GIB, MIB, KIB):
        if size_bytes and size_bytes % unit == 0 and size_bytes < 1024 * unit:
            return format_size(size_bytes)
    return size_bytes


def read_rate(value: object) -> int:
    """Bytes per second of "10 MB/s"."""
    return read_size(re.sub(r"\s*/\s*s\s*$", "", value) if isinstance(value, str) else value)


def written_rate(bytes_per_second: int) -> int | str:
    """As people write it: "80 MB/s"; else as a size."""
    if bytes_per_second and bytes_per_second % 10**6 == 0:
        return f"{bytes_per_second // 10**6} MB/s"
    return written_size(bytes_per_second)


def read_positive_size(value: object) -> int:
    size_bytes = read_size(value)
    if size_bytes == 0:
        raise ValueError("the size is zero|Write a positive size")
    return size_bytes


def read_frame_size(value: object) -> int:
    size_bytes = read_positive_size(value)
    if not FRAME_BYTES_MIN <= size_bytes <= FRAME_BYTES_MAX:
        raise ValueError(
            f"the frame size {format_size(size_bytes)} is outside "
            f"{format_size(FRAME_BYTES_MIN)} to {format_size(FRAME_BYTES_MAX)}"
            "|8 MiB to 64 MiB serve most devices well"
        )
    if size_bytes % 4096:
        raise ValueError(
            f"the frame size {size_bytes} is no multiple of 4096|Write one, such as 8 MiB"
        )
    return size_bytes


def read_block_size(value: object) -> int:
    size_bytes = read_positive_size(value)
    if not 512 <= size_bytes <= 16 * MIB or size_bytes & (size_bytes - 1):
        raise ValueError(
            f"the block size {size_bytes} is no power of two from 512 to 16 MiB|Write 4096"
        )
    return size_bytes


def read_duration(value: object) -> int:
    """Seconds of an int or of "7d", "12h", "30 min"."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        seconds = value
    else:
        match = _DURATION.fullmatch(value) if isinstance(value, str) and len(value) < 40 else None
        if match is None:
            raise ValueError(f"{shown(str(value))} is no duration|Write it as in 7d, 12h or 30 min")
        seconds = int(match[1]) * _DURATION_UNITS[match[2].lower()]
    if seconds > DURATION_SECONDS_MAX:
        raise ValueError(f"{shown(str(value))} is over a hundred years|Write a shorter one")
    return seconds


def written_duration(seconds: int) -> int | str:
    """The shortest form that reads back to the same number."""
    for unit in ("d", "h", "min"):
        if seconds and seconds % _DURATION_UNITS[unit] == 0:
            return f"{seconds // _DURATION_UNITS[unit]} {unit}"
    return seconds


def read_compression(value: object) -> int:
    """The level of "zstd", of {"zstd": 9}, or 0 for "none"."""
    if value == "none":
        return 0
    if value == "zstd":
        return ZSTD_LEVEL
    level = value["zstd"] if isinstance(value, dict) and [*value] == ["zstd"] else None
    if isinstance(level, int) and not isinstance(level, bool):
        if level in ZSTD_LEVELS:
            return level
        least, most = ZSTD_LEVELS[0], ZSTD_LEVELS[-1]
        raise ValueError(f"zstd has no level {level}|Write one of {least} to {most}")
    raise ValueError(
        f"{shown(str(value))} is no compression|Write none, zstd, or a level as in {{zstd: 9}}"
    )


def written_compression(level: int) -> str | dict[str, int]:
    """The shortest form that reads back to the same level."""
    return {0: "none", ZSTD_LEVEL: "zstd"}.get(level) or {"zstd": level}


def read_window(value: str) -> str:
    """Hours of the week in the form in which they were written."""
    parse_window(value)
    return value


def check_pattern(text: str) -> str:
    """A pattern of object names as in "web/*"."""
    if not text or not text.isprintable() or len(text) > 256:
        raise ValueError(f'"{shown(text)}" is no pattern of objects|Write it as in "web/*"')
    return text


def check_ignore_line(text: str) -> str:
    """A line of gitignore's dialect that says something."""
    body = text.removeprefix("!").strip(" ")
    if not body or body == "/":
        raise ValueError(f'"{shown(text)}" matches no name|Write a pattern as in "*.tmp"')
    if not text.isprintable() or len(text) > IGNORE_LINE_LENGTH_MAX:
        raise ValueError(
            f'the pattern "{shown(text, 20)}" is too long, or holds control characters'
            f"|Write one of at most {IGNORE_LINE_LENGTH_MAX} characters, without them"
        )
    if text.startswith("#"):
        raise ValueError(
            f'"{shown(text)}" is a comment in a list of patterns'
            '|Begin with "\\\\#" in quotes for names with that sign, or delete it'
        )
    return text


def check_tag(text: str) -> str:
    """What a user calls the versions of a run."""
    if not is_tag(text):
        raise ValueError(
            f'"{shown(text)}" is no tag|Write up to {TAG_CHARACTERS_MAX} characters without '
            "spaces and commas"
        )
    return text


def check_word(text: str) -> str:
    """A word of a command."""
    if not text or "\0" in text or len(text) > 4096:
        raise ValueError(f'"{shown(text)}" is no word of a command|Write one without NUL')
    return text


def check_path(path: str) -> str:
    """A path as text; it need not exist now."""
    if not path:
        raise ValueError("the path is empty|Write where it is")
    if any("\udc80" <= character <= "\udcff" for character in path):
        raise ValueError(
            f'the path "{one_line(path)}" is no UTF-8, as the text of a graph must be|Rename it, '
            "or name the directory that it is in: below that, names may be any bytes"
        )
    if "\0" in path or not path.isprintable():
        raise ValueError(f'the path "{shown(path)}" holds control characters|Write it without them')
    if path.startswith("~"):
        raise ValueError(
            f'the path "{shown(path)}" begins with "~", which differs from user to user'
            "|Write the path in full, or relative to this file"
        )
    if len(path.encode("utf-8", "surrogatepass")) > 4096:
        raise ValueError("the path is over 4096 bytes|Write a shorter one")
    return path


def _endpoint(value: object) -> Endpoint:
    if isinstance(value, Endpoint):
        return value
    if not isinstance(value, str):
        raise ValueError(f"{shown(str(value))} does not name buffers|Write group or group.device")
    return parse_endpoint(value)


def _pinned(value: object) -> PinnedBuffers:
    if isinstance(value, PinnedBuffers):
        return value
    if not isinstance(value, str):
        raise ValueError(
            f'{shown(str(value))} is no range of buffers|Write "device[0:4]", in quotes'
        )
    return parse_pinned(value)


_as_size = PlainSerializer(written_size)
_size_in_schema = WithJsonSchema(_SIZE_SCHEMA)
_as_text = PlainSerializer(str, return_type=str)

Name = Annotated[str, AfterValidator(check_name)]
DottedName = Annotated[str, AfterValidator(check_dotted_name)]
ObjectName = Annotated[str, AfterValidator(check_object_name)]
PathText = Annotated[str, AfterValidator(check_path)]
Size = Annotated[int, BeforeValidator(read_positive_size), _as_size, _size_in_schema]
FrameSize = Annotated[int, BeforeValidator(read_frame_size), _as_size, _size_in_schema]
BlockSize = Annotated[int, BeforeValidator(read_block_size), _as_size, _size_in_schema]
Rate = Annotated[
    int,
    BeforeValidator(read_rate),
    PlainSerializer(written_rate),
    WithJsonSchema({"type": ["string", "integer"], "examples": ["80 MB/s"]}),
]
Duration = Annotated[
    int,
    BeforeValidator(read_duration),
    PlainSerializer(written_duration),
    WithJsonSchema({"type": ["string", "integer"], "examples": ["7d", 3600]}),
]
Tag = Annotated[str, AfterValidator(check_tag)]
Compression = Annotated[
    int,
    BeforeValidator(read_compression),
    PlainSerializer(written_compression),
    WithJsonSchema({
        "anyOf": [
            {"enum": ["none", "zstd"]},
            {
                "type": "object", "required": ["zstd"], "additionalProperties": False,
                "properties": {
                    "zstd": {
                        "type": "integer", "minimum": ZSTD_LEVELS[0], "maximum": ZSTD_LEVELS[-1]
                    }
                },
            },
        ],
        "examples": ["zstd"],
    }),
]  # fmt: skip
Word = Annotated[str, AfterValidator(check_word)]
WindowText = Annotated[str, AfterValidator(read_window)]
Pattern = Annotated[str, AfterValidator(check_pattern)]
IgnoreLine = Annotated[str, AfterValidator(check_ignore_line)]
Limit = Annotated[int, BeforeValidator(read_size), _as_size, _size_in_schema]
Count = Annotated[int, Field(ge=1, le=BUFFERS_MAX)]
Seconds = Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)]
EndpointText = Annotated[
    Endpoint,
    BeforeValidator(_endpoint),
    _as_text,
    WithJsonSchema({"type": "string", "examples": ["primary", "primary.nas[0:4]"]}),
]
PinnedText = Annotated[
    PinnedBuffers,
    BeforeValidator(_pinned),
    _as_text,
    WithJsonSchema({"type": "string", "examples": ["nas[0:4]"]}),
]
