"""A picture as a Mermaid flowchart, which GitHub and notebooks show."""

from __future__ import annotations

from flowbackup.plan.picture import Box, Picture

_CLIENT, _AGENT = ("([", "])"), ("[", "]")


def draw_mermaid(picture: Picture) -> str:
    """Text of a flowchart, ending in a line feed."""
    ids = {box.name: f"n{index}" for index, box in enumerate(picture.boxes)}
    rows = ["flowchart LR"]
    frames: dict[str, list[Box]] = {}
    for box in picture.boxes:
        frames.setdefault(box.frame, []).append(box)
    for index, (frame, boxes) in enumerate(frames.items()):
        indent = "  "
        if frame:
            rows.append(f'  subgraph g{index}["{_escaped(frame)}"]')
            indent = "    "
        rows.extend(f"{indent}{ids[box.name]}{_shape(box)}" for box in boxes)
        if frame:
            rows.append("  end")
    for line in picture.lines:
        arrow = "-.->" if line.optional else "-->"
        label = f'|"{_escaped(line.label)}"|' if line.label else ""
        rows.append(f"  {ids[line.source]} {arrow}{label} {ids[line.target]}")
    return "\n".join(rows) + "\n"


def _shape(box: Box) -> str:
    before, behind = _CLIENT if box.kind == "client" else _AGENT
    text = "<br/>".join(_escaped(part) for part in (box.name, *box.lines))
    return f'{before}"{text}"{behind}'


def _escaped(text: str) -> str:
    """Paths may hold what Mermaid or HTML would obey."""
    table = {"#": "#35;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "&": "#amp;", "`": "#96;"}
    return "".join(table.get(letter, letter) for letter in text)
