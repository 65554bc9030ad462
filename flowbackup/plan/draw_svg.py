"""A picture as SVG by itself: no fonts, scripts or files from outside, for dark and light."""

from __future__ import annotations

from dataclasses import dataclass
from xml.sax.saxutils import escape

from flowbackup.plan.picture import Box, Line, Picture

_LETTER_WIDTH = 6.7
_TITLE_WIDTH = 7.6
_LINE_HEIGHT = 16
_BOX_GAP, _RANK_GAP, _FRAME_PAD, _MARGIN, _HEAD = 26, 96, 14, 24, 44
_FRAME_TITLE = 20
_PORTS_SHOWN = 16
_STYLE = """
  text { font: 12px ui-sans-serif, system-ui, "Segoe UI", "DejaVu Sans", sans-serif; fill: #475569 }
  .name { font-size: 13px; font-weight: 600; fill: #0f172a }
  .title { font-size: 16px; font-weight: 600; fill: #0f172a }
  .paper { fill: #ffffff }
  .frame { fill: #f8fafc; stroke: #cbd5e1; stroke-dasharray: 4 3 }
  .box { fill: #ffffff; stroke-width: 1.5 }
  .client { stroke: #2563eb } .backup { stroke: #15803d } .mirror { stroke: #9333ea }
  .restore { stroke: #b45309 } .copy { stroke: #0e7490 }
  .port { stroke: none; opacity: .75 }
  .port.backup { fill: #15803d } .port.mirror { fill: #9333ea }
  .port.restore { fill: #b45309 } .port.copy { fill: #0e7490 }
  .line { fill: none; stroke: #64748b; stroke-width: 1.5 }
  .optional { stroke-dasharray: 5 4 }
  .tip { fill: #64748b }
  .label { font-size: 11px; paint-order: stroke; stroke: #ffffff; stroke-width: 4px }
  @media (prefers-color-scheme: dark) {
    text { fill: #a3b1c6 } .name, .title { fill: #f1f5f9 } .paper { fill: #0f172a }
    .frame { fill: #16213a; stroke: #3b4a66 } .box { fill: #1e293b }
    .client { stroke: #60a5fa } .backup { stroke: #4ade80 } .mirror { stroke: #c084fc }
    .restore { stroke: #fbbf24 } .copy { stroke: #22d3ee }
    .port.backup { fill: #4ade80 } .port.mirror { fill: #c084fc }
    .port.restore { fill: #fbbf24 } .port.copy { fill: #22d3ee }
    .line { stroke: #94a3b8 } .tip { fill: #94a3b8 } .label { stroke: #0f172a }
  }
"""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a box stands, in pixels."""

    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        return self.y + self.height / 2


def draw_svg(picture: Picture) -> str:
    """The text of an SVG file."""
    places = _layout(picture)
    right = max((p.x + p.width for p in places.values()), default=0.0) + _FRAME_PAD + _MARGIN
    bottom = max((p.y + p.height for p in places.values()), default=0.0) + _FRAME_PAD + _MARGIN
    notes = [part for part in picture.note.replace(". ", ".\n", 1).split("\n") if part]
    width = max([right, *(len(note) * _LETTER_WIDTH + 2 * _MARGIN for note in notes)])
    height = bottom + len(notes) * _LINE_HEIGHT + 8
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" role="img">',
        f"<title>{_safe(picture.title)}</title>",
        f"<style>{_STYLE}</style>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path class="tip" d="M0 0 8 4 0 8z"/></marker></defs>',
        '<rect class="paper" width="100%" height="100%"/>',
        _text(_MARGIN, _MARGIN + 8, picture.title, "title"),
        *_frames(picture, places),
        *(_line(line, places) for line in picture.lines),
        *(part for box in picture.boxes for part in _box(box, places[box.name])),
        *(_label(line, places) for line in picture.lines if line.label),
        *(_text(_MARGIN, bottom + index * _LINE_HEIGHT, note) for index, note in enumerate(notes)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _layout(picture: Picture) -> dict[str, _Place]:
    """Ranks from left to right, each centred against the highest."""
    heights = [_rank_height(rank) for rank in picture.ranks]
    places: dict[str, _Place] = {}
    x = float(_MARGIN + _FRAME_PAD)
    for rank, height in zip(picture.ranks, heights, strict=True):
        width = max(_width(box) for box in rank)
        y = _HEAD + _FRAME_TITLE + _FRAME_PAD + (max(heights) - height) / 2
        frame = rank[0].frame
        for box in rank:
            if box.frame != frame:
                y += _FRAME_TITLE + 2 * _FRAME_PAD - _BOX_GAP / 2
                frame = box.frame
            places[box.name] = _Place(x, y, width, _height(box))
            y += _height(box) + _BOX_GAP
        x += width + _RANK_GAP
    return places


def _rank_height(rank: tuple[Box, ...]) -> float:
    changes = len({box.frame for box in rank}) - 1
    gaps = changes * (_FRAME_TITLE + 2 * _FRAME_PAD - _BOX_GAP / 2)
    return sum(_height(box) + _BOX_GAP for box in rank) - _BOX_GAP + gaps


def _width(box: Box) -> float:
    texts = max((len(text) * _LETTER_WIDTH for text in box.lines), default=0)
    return max(texts, len(box.name) * _TITLE_WIDTH, 120) + 28


def _height(box: Box) -> float:
    return 30 + len(box.lines) * _LINE_HEIGHT + (14 if box.buffers else 0)


def _frames(picture: Picture, places: dict[str, _Place]) -> list[str]:
    groups: dict[tuple[int, str], list[_Place]] = {}
    for box in picture.boxes:
        if box.frame:
            groups.setdefault((box.rank, box.frame), []).append(places[box.name])
    parts = []
    for (rank, name), boxes in groups.items():
        left, top = boxes[0].x - _FRAME_PAD, boxes[0].y - _FRAME_PAD - _FRAME_TITLE
        height = boxes[-1].y + boxes[-1].height + _FRAME_PAD - top
        width = boxes[0].width + 2 * _FRAME_PAD
        parts.append(_rect("frame", _Place(left, top, width, height), 10))
        parts.append(_text(left + 12, top + 20, f"{name} · level {rank - 1}"))
    return parts


def _box(box: Box, place: _Place) -> list[str]:
    parts = [
        f"<g><title>{_safe(box.name)}</title>",
        _rect(f"box {box.kind}", place, 8),
        _text(place.x + 14, place.y + 22, box.name, "name"),
    ]
    for index, text in enumerate(box.lines):
        parts.append(_text(place.x + 14, place.y + 40 + index * _LINE_HEIGHT, text))
    for index in range(min(box.buffers, _PORTS_SHOWN)):
        port = _Place(place.x + 14 + index * 8, place.y + place.height - 16, 6, 6)
        parts.append(_rect(f"port {box.kind}", port, 1))
    return [*parts, "</g>"]


def _ends(line: Line, places: dict[str, _Place]) -> tuple[float, float, float, float]:
    source, target = places[line.source], places[line.target]
    return source.x + source.width, source.middle, target.x - 2, target.middle


def _line(line: Line, places: dict[str, _Place]) -> str:
    x1, y1, x2, y2 = _ends(line, places)
    bend = (x2 - x1) / 2
    kind = "line optional" if line.optional else "line"
    return (
        f'<path class="{kind}" marker-end="url(#tip)" d="M{x1:.1f} {y1:.1f}'
        f'C{x1 + bend:.1f} {y1:.1f} {x2 - bend:.1f} {y2:.1f} {x2:.1f} {y2:.1f}">'
        f"<title>{_safe(line.source)} to {_safe(line.target)}</title></path>"
    )


def _label(line: Line, places: dict[str, _Place]) -> str:
    x1, y1, x2, y2 = _ends(line, places)
    x, y = (x1 + x2) / 2, (y1 + y2) / 2 - 6
    return (
        f'<text class="label" text-anchor="middle" x="{x:.1f}" y="{y:.1f}">'
        f"{_safe(line.label)}</text>"
    )


def _rect(kind: str, place: _Place, radius: int) -> str:
    return (
        f'<rect class="{kind}" x="{place.x:.1f}" y="{place.y:.1f}" width="{place.width:.1f}" '
        f'height="{place.height:.1f}" rx="{radius}"/>'
    )


def _text(x: float, y: float, text: str, kind: str = "") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text{named} x="{x:.1f}" y="{y:.1f}">{_safe(text)}</text>'


def _safe(text: str) -> str:
    return escape(text.encode("utf-8", "replace").decode())
