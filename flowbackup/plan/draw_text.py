"""A picture in box-drawing characters, for terminals."""

from __future__ import annotations

from collections import defaultdict

from flowbackup.plan.picture import Box, Line, Picture

_NORTH, _SOUTH, _EAST, _WEST = 1, 2, 4, 8
_STROKES = {
    _EAST: "╶", _WEST: "╴", _NORTH: "╵", _SOUTH: "╷",
    _EAST | _WEST: "─", _NORTH | _SOUTH: "│",
    _SOUTH | _EAST: "┌", _SOUTH | _WEST: "┐", _NORTH | _EAST: "└", _NORTH | _WEST: "┘",
    _NORTH | _SOUTH | _EAST: "├", _NORTH | _SOUTH | _WEST: "┤",
    _EAST | _WEST | _SOUTH: "┬", _EAST | _WEST | _NORTH: "┴",
    _NORTH | _SOUTH | _EAST | _WEST: "┼",
}  # fmt: skip
_GAP_BEFORE, _GAP_BEHIND = 2, 2


def draw_text(picture: Picture) -> str:
    """Lines of text without colour, ending in a line feed.  Dotted arrows (▷) lead to optional
    copies."""
    canvas = _Canvas()
    at: dict[str, tuple[int, int, int]] = {}
    left = 0
    for index, rank in enumerate(picture.ranks):
        width = max(_width(box) for box in rank)
        top = 0
        for box in rank:
            canvas.box(left, top, width, box)
            at[box.name] = (left, top + 1, left + width - 1)
            top += len(box.lines) + 4
        leaving = _leaving(picture, rank)
        if index + 1 < len(picture.ranks):
            left = _connect(canvas, at, leaving, left + width, picture.ranks[index + 1])
    return f"{picture.title}\n\n{canvas.text()}\n\n{picture.note}\n"


def _leaving(picture: Picture, rank: tuple[Box, ...]) -> dict[str, list[Line]]:
    leaving: defaultdict[str, list[Line]] = defaultdict(list)
    for line in picture.lines:
        leaving[line.source].append(line)
    return {box.name: leaving[box.name] for box in rank if leaving[box.name]}


def _connect(
    canvas: _Canvas,
    at: dict[str, tuple[int, int, int]],
    leaving: dict[str, list[Line]],
    left: int,
    next_rank: tuple[Box, ...],
) -> int:
    """Draws the lines of one gap, each source with a column of its own.  Returns where the next
    rank begins."""
    rows: dict[str, int] = {}
    top = 0
    for box in next_rank:
        rows[box.name] = top + 1
        top += len(box.lines) + 4
    labels: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for line in (line for lines in leaving.values() for line in lines if line.label):
        labels[line.target][line.label] = None
    # Lines to one box share its row.
    texts = {target: ", ".join(found) for target, found in labels.items()}
    buses = left + _GAP_BEFORE
    label_at = buses + len(leaving) + 1
    right = label_at + max(map(len, texts.values()), default=0) + _GAP_BEHIND
    for index, (source, lines) in enumerate(leaving.items()):
        start = at[source][1]
        column = buses + index
        canvas.across(left - 1, column, start)
        for line in lines:
            row = rows[line.target]
            canvas.down(column, start, row)
            canvas.across(column, right - 1, row)
            canvas.put(label_at, row, texts.get(line.target, ""))
            canvas.put(right - 1, row, "▷" if line.optional else "▶")
    return right


def _width(box: Box) -> int:
    return max(len(text) for text in (box.name, *box.lines)) + 4


class _Canvas:
    """Strokes that join where they meet, and text above them."""

    def __init__(self) -> None:
        self._strokes: defaultdict[tuple[int, int], int] = defaultdict(int)
        self._letters: dict[tuple[int, int], str] = {}

    def across(self, left: int, right: int, row: int) -> None:
        for x in range(left, right):
            self._strokes[x, row] |= _EAST
            self._strokes[x + 1, row] |= _WEST

    def down(self, column: int, first: int, last: int) -> None:
        for y in range(min(first, last), max(first, last)):
            self._strokes[column, y] |= _SOUTH
            self._strokes[column, y + 1] |= _NORTH

    def put(self, x: int, y: int, text: str) -> None:
        for index, letter in enumerate(text):
            self._letters[x + index, y] = letter

    def box(self, left: int, top: int, width: int, box: Box) -> None:
        right, bottom = left + width - 1, top + len(box.lines) + 2
        for row in (top, bottom):
            self.across(left, right, row)
        for column in (left, right):
            self.down(column, top, bottom)
        for index, text in enumerate((box.name, *box.lines)):
            self.put(left + 2, top + 1 + index, text)

    def text(self) -> str:
        cells = {place: _STROKES[bits] for place, bits in self._strokes.items()}
        cells.update(self._letters)
        rows: defaultdict[int, dict[int, str]] = defaultdict(dict)
        for (x, y), letter in cells.items():
            rows[y][x] = letter
        return "\n".join(
            "".join(rows[y].get(x, " ") for x in range(max(rows[y], default=-1) + 1))
            for y in range(max(rows, default=-1) + 1)
        )
