"""Lines of gitignore's dialect: which of them decides about a name.

The dialect, its escapes and its oddities are those of git, by `pathspec`.  A line is asked about
one name at a time: names below one that is left out are never asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from pathspec.patterns.gitignore import GitIgnorePatternError
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

_EVERYTHING = "."


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
    body = text.removesuffix("/")
    try:
        pattern = GitIgnoreSpecPattern(body)
    except GitIgnorePatternError:
        return None
    regex = pattern.regex
    if regex is None or pattern.include is None:
        return None
    if regex.pattern == _EVERYTHING:
        matches: Callable[[str], object] = _always
    else:
        # "a/**" is everything below a; all others are whole paths.
        matches = regex.match if body.endswith("/**") else regex.fullmatch
    return Rule(number, text, pattern.include, text != body, matches)


def _always(path: str) -> bool:
    return True
