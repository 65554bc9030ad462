"""Lines of gitignore's dialect: which of them decides about a name.

Names are matched as git matches them, by `pathspec`; a line is asked about one path at a time, and
paths below one that is left out are never asked for.  Whatever a line looks like, an answer takes
about the length of the line times that of the path.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import partial
from typing import NamedTuple

from pathspec.patterns.gitignore import GitIgnorePatternError
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

Segment = Callable[[str], object]

_STAR = "[^/]*"
"""What pathspec makes of a star."""


class Rule(NamedTuple):
    """A line that was understood.  number: from 1.  leaves_out: False for one that begins with "!",
    and brings names back.  only_directories: it ended with a slash."""

    number: int
    text: str
    leaves_out: bool
    only_directories: bool
    matches: Callable[[str], object]


class IgnoreLines:
    """The lines of one place; the last one that matches decides."""

    def __init__(self, lines: Iterable[str]) -> None:
        numbered = (_rule(number, line) for number, line in enumerate(lines, 1))
        self._rules = [rule for rule in numbered if rule is not None]
        self._rules.reverse()

    def __bool__(self) -> bool:
        return bool(self._rules)

    def decides(self, path: str, *, is_directory: bool) -> Rule | None:
        """The line that decides about a path relative to the place of the lines, or None."""
        for rule in self._rules:
            if (is_directory or not rule.only_directories) and rule.matches(path):
                return rule
        return None


def ignore_lines(data: bytes) -> IgnoreLines:
    """Of the content of a file."""
    return IgnoreLines(as_text(data.removeprefix(b"\xef\xbb\xbf")).split("\n"))


def as_text(name: bytes) -> str:
    """So that "?" stands for a character, and every byte for itself where it is none."""
    return name.decode("utf-8", "surrogateescape")


def _rule(number: int, line: str) -> Rule | None:
    """None for comments, empty lines, and what git does not understand either."""
    text = line if line.endswith("\\ ") else line.rstrip(" ")
    if not text or text.startswith("#"):
        return None
    pattern = text.removeprefix("!")
    body = pattern.removesuffix("/")
    parts = body.removeprefix("/").split("/") if "/" in body else ["**", body]
    if parts[-1] == "**":
        parts.append("*")  # "a/**" is everything below a, and not a itself.
    try:
        segments = [None if part == "**" else _segment(part) for part in parts]
    except GitIgnorePatternError:
        return None
    return Rule(number, text, pattern == text, body != pattern, partial(_matches, segments))


def _segment(part: str) -> Segment:
    """What matches one name of a path.  Raises GitIgnorePatternError."""
    if not part:
        raise GitIgnorePatternError("a path has no empty names")
    # A space at the end counts inside of a line.
    escaped = part if part.endswith("\\ ") or part[-1] != " " else part[:-1] + "\\ "
    regex = GitIgnoreSpecPattern("/" + escaped).regex
    if regex is None:
        raise GitIgnorePatternError("a range that is none")
    first, *between = regex.pattern.split(_STAR)
    if len(between) < 2:
        return regex.fullmatch
    # Between two stars the first place that fits is as good as any: without going back, a name
    # costs its length and not a power of it, whoever wrote the line.
    atoms = "".join(f"(?>{_STAR}?{fixed})" for fixed in between[:-1])
    return re.compile(f"{first}{atoms}{_STAR}{between[-1]}", re.DOTALL).fullmatch


def _matches(segments: list[Segment | None], path: str) -> bool:
    """Whether the names of a path are those segments, None standing for any number of names: the
    shortest run that fits is tried first, and only the last one is ever made longer."""
    names = path.split("/")
    at = name = run_ends = 0
    run = -1
    while name < len(names):
        segment = segments[at] if at < len(segments) else _never
        if segment is None:
            run, run_ends = at, name
            at += 1
        elif segment(names[name]):
            at, name = at + 1, name + 1
        elif run >= 0:
            at, run_ends = run + 1, run_ends + 1
            name = run_ends
        else:
            return False
    return at == len(segments)


def _never(name: str) -> bool:
    return False
