"""A prediction as rows for programs, and as tables for people."""

from __future__ import annotations

from collections.abc import Sequence

from flowbackup.cli.columns import table
from flowbackup.cli.output import Output
from flowbackup.simulate.prediction import SHORT_SHARE, Loss, Prediction, Sample
from flowbackup.simulate.scenario import ASSUMED_RATE
from flowbackup.simulate.told import rate_of, rows_of
from flowbackup.units import format_rate, format_seconds, format_size

PICTURE_COLUMNS = 24
BARS = "▁▂▃▄▅▆▇█"


def show_prediction(found: Prediction, losses: Sequence[Loss], output: Output) -> None:
    """The session, the copies that follow it, and what would be lost."""
    if found.assumed:
        names, rate = ", ".join(found.assumed), format_rate(ASSUMED_RATE)
        output.remark(f"nobody said how fast these are, so {rate} are assumed: {names}; see --rate")
    if output.json:
        for kind, fields in rows_of(found, losses):
            output.row(kind, fields, "")
        return
    output.text(prediction_text(found, output))
    for number, stage in enumerate(found.stages, 1):
        output.text(f"\nstage {number} of copies\n\n{prediction_text(stage, output)}")
    for loss in losses:
        output.text(f"\n{loss_text(loss)}")


def prediction_text(found: Prediction, output: Output) -> str:
    """One session or stage."""
    outcome = output.styled(found.outcome, found.outcome)
    size, taken = format_size(found.bytes_safe), format_seconds(found.seconds)
    head = f"{found.graph}: {outcome}, {size} in {taken}, {format_rate(found.rate)}"
    rows = [
        (
            device.agent, str(device.level), format_size(device.bytes_durable),
            format_rate(rate_of(found, device.bytes_durable)), _share(device.busy_seconds, found),
            f"{device.slots_peak}/{device.slots}", _fill(found.samples, place, device.slots),
            device.failure,
        )
        for place, device in enumerate(found.devices)
    ]  # fmt: skip
    heads = ("agent", ">level", ">durable", ">rate", ">busy", ">peak", "fill", "")
    waits = [
        f"{wait.who} waited for {wait.whom or 'who was lost'}: {_share(wait.seconds, found)}"
        for wait in found.waits if wait.seconds >= SHORT_SHARE * found.seconds
    ]  # fmt: skip
    told = waits or [found.bottleneck]
    memory = ", ".join(
        f"{format_size(part.bytes_peak)} of {format_size(part.bytes_planned)} {part.node}"
        for part in found.memory
    )
    lines = [head, "", table(heads, rows), "", *told, f"memory: {memory}"]
    return "\n".join(lines)


def loss_text(loss: Loss) -> str:
    """What the death of a device would cost."""
    when, size = format_seconds(loss.at_seconds), format_size(loss.bytes_durable)
    lost = format_size(loss.bytes_lost) if loss.bytes_lost else "nothing"
    places = ", ".join(f"{format_size(found)} from {name}" for name, found in loss.elsewhere)
    rest = f"; it can be restored: {places}" if places else ""
    return f"if {loss.device} dies at {when}, with {size} on it, {lost} is lost{rest}"


def _share(seconds: float, found: Prediction) -> str:
    return f"{seconds / found.seconds:.0%}" if found.seconds else "-"


def _fill(samples: Sequence[Sample], place: int, slots: int) -> str:
    """How full a buffer was from the beginning to the end: a column for each part of the time."""
    end = samples[-1].seconds if samples else 0.0
    if not end:
        return ""
    columns, at = [], 0
    for column in range(PICTURE_COLUMNS):
        while at + 1 < len(samples) and samples[at + 1].seconds <= column * end / PICTURE_COLUMNS:
            at += 1
        columns.append(BARS[min(len(BARS) - 1, int(samples[at].fill[place] * len(BARS) / slots))])
    return "".join(columns)
