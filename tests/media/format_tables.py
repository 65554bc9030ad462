"""The byte tables of FORMAT.md, made from layout.py: what the document must say.

python tests/media/format_tables.py      prints them, to be put into the document
"""

from __future__ import annotations

import struct

from flowbackup.media.layout import FIELDS, INDEX_FIELDS

_TYPES = {"H": "u16", "I": "u32", "Q": "u64"}


def table(fields: tuple[tuple[str, str, str], ...]) -> str:
    """A Markdown table: offset, size, type, name, meaning."""
    lines = ["| offset | size | type | field | meaning |", "|---|---|---|---|---|"]
    offset = 0
    for name, code, meaning in fields:
        size = struct.calcsize("<" + code)
        lines.append(f"| {offset} | {size} | {_TYPES.get(code, 'bytes')} | {name} | {meaning} |")
        offset += size
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(FIELDS), table(INDEX_FIELDS), sep="\n\n")
