"""What a name may look like.  Names become parts of agent, actor and file names, so that they hold
letters, digits and a few marks, and nothing that a terminal, a shell or a page would obey."""

from __future__ import annotations

import re
import unicodedata

NAME_LENGTH_MAX = 64
"""Agents are named group.device and edges join two of these: four names fit on one line."""

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_DOTTED = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_RESERVED = frozenset({"latest"})


def check_name(name: str) -> str:
    """A name of a group or device: no dots, because "group.device" names an agent."""
    return _checked(name, _PLAIN, 'letters, digits, "-" and "_"')


def check_dotted_name(name: str) -> str:
    """A name of a graph, node, client or data object: as a host or a file, dots included."""
    return _checked(name, _DOTTED, 'letters, digits, ".", "-" and "_"')


def check_object_name(name: str) -> str:
    """A name of a data object.  "latest" means the newest version of any object."""
    if name.casefold() in _RESERVED:
        raise ValueError(f'"{name}" is a word of the restore command|Choose another name')
    return check_dotted_name(name)


def safe_name(text: str) -> str:
    """`text` made into a legal name of any kind, as near as possible; "" where nothing is left."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", ascii_text).strip("-_")
    return name[:NAME_LENGTH_MAX].rstrip("-_")


def shown(text: str, most: int = 60) -> str:
    """`text` for a message: control characters and non-ASCII spelled out, cut after `most`."""
    escaped = text.encode("unicode_escape", "surrogatepass").decode("ascii")
    if text.isprintable() and len(escaped) != len(text):
        escaped = text
    return escaped if len(escaped) <= most else escaped[:most] + "..."


def _checked(name: str, pattern: re.Pattern[str], allowed: str) -> str:
    """Raises ValueError "reason|remedy"."""
    if not name:
        raise ValueError("a name is empty|Write a name")
    if len(name) > NAME_LENGTH_MAX:
        raise ValueError(
            f'the name "{shown(name, 20)}" has {len(name)} characters'
            f"|A name has at most {NAME_LENGTH_MAX}"
        )
    if pattern.fullmatch(name) is None:
        near = safe_name(name)
        remedy = f"|Names hold {allowed}, and begin with a letter or digit"
        raise ValueError(
            f'the name "{shown(name)}" holds characters that names must not hold{remedy}'
            + (f', as in "{near}"' if near else "")
        )
    return name
