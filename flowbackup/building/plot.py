"""How full the buffers were, as a picture: a row for each agent, time from left to right."""

from __future__ import annotations

from xml.sax.saxutils import escape

from flowbackup.building.picture import Drawing
from flowbackup.simulate.prediction import Prediction
from flowbackup.units import format_rate, format_seconds

WIDTH, ROW_HEIGHT, LEFT, RIGHT, TOP, BOTTOM, GAP = 640, 44, 170, 20, 44, 30, 10
STYLE = """
  text { font: 12px ui-sans-serif, system-ui, "Segoe UI", "DejaVu Sans", sans-serif; fill: #475569 }
  .title { font-size: 15px; font-weight: 600; fill: #0f172a }
  .paper { fill: #ffffff } .row { fill: #f1f5f9 } .fill { fill: #2563eb; opacity: .75 }
  .failed { stroke: #dc2626; stroke-width: 2 }
  @media (prefers-color-scheme: dark) {
    text { fill: #a3b1c6 } .title { fill: #f1f5f9 } .paper { fill: #0f172a }
    .row { fill: #1e293b } .fill { fill: #60a5fa }
  }
"""


def plot_of(found: Prediction) -> Drawing:
    """SVG by itself: no fonts, scripts or files from outside."""
    height = TOP + len(found.devices) * (ROW_HEIGHT + GAP) + BOTTOM
    head = f"{found.graph}: {format_seconds(found.seconds)}, {format_rate(found.rate)}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" role="img"><style>{STYLE}</style>',
        f'<rect class="paper" width="{WIDTH}" height="{height}"/>',
        f'<text class="title" x="{GAP}" y="24">{escape(head)}</text>',
    ]
    for place in range(len(found.devices)):
        parts += _row(found, place, TOP + place * (ROW_HEIGHT + GAP))
    end = f'x="{WIDTH - RIGHT}" y="{height - GAP}" text-anchor="end"'
    parts.append(f'<text x="{LEFT}" y="{height - GAP}">0</text>')
    parts.append(f"<text {end}>{escape(format_seconds(found.seconds))}</text></svg>")
    return Drawing("\n".join(parts), "svg", f"{head}\n{found.bottleneck}")


def _row(found: Prediction, place: int, top: float) -> list[str]:
    """The buffer of one agent; the mean fill since the sample before, up to each sample."""
    device = found.devices[place]
    bottom = top + ROW_HEIGHT
    points = [f"{LEFT},{bottom}"]
    x = float(LEFT)
    for sample in found.samples[1:]:
        y = bottom - ROW_HEIGHT * sample.fill[place] / device.slots
        points.append(f"{x:.1f},{y:.1f}")
        x = _x(found, sample.seconds)
        points.append(f"{x:.1f},{y:.1f}")
    points.append(f"{x:.1f},{bottom}")
    row = [
        f'<text x="{GAP}" y="{top + 18}">{escape(device.agent)}</text>',
        f'<text x="{GAP}" y="{top + 34}">{device.slots} buffers</text>',
        f'<rect class="row" x="{LEFT}" y="{top}" width="{WIDTH - LEFT - RIGHT}" '
        f'height="{ROW_HEIGHT}"/>',
        f'<polygon class="fill" points="{" ".join(points)}"/>',
    ]
    if device.failure:
        x = _x(found, device.failed_at)
        row.append(f'<line class="failed" x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}"/>')
    return row


def _x(found: Prediction, seconds: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * (seconds / found.seconds if found.seconds else 0.0)
