"""A prediction as rows for programs, and as tables for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from flowbackup.cli.columns import table
from flowbackup.cli.output import Output
from flowbackup.simulate.prediction import SHORT_SHARE, Loss, Prediction, Sample
from flowbackup.simulate.scenario import ASSUMED_RATE
from flowbackup.units import format_rate, format_seconds, format_size

PICTURE_COLUMNS = 24
BARS = "▁▂▃▄▅▆▇█"


def show_prediction(found: Prediction, losses: Sequence[Loss], output: Output) -> None:
    """The session, the copies that follow it, and what would be lost."""
    if found.assumed:
        names, rate = ", ".join(found.assumed), format_rate(ASSUMED_RATE)
        output.remark(f"nobody said how fast these are, so {rate} are assumed: {names}; see --rate")
    if output.json:
        for kind, fields in _rows(found, losses):
            output.row(kind, fields, "")
        return
    output.text(prediction_text(found, output))
    for number, stage in enumerate(found.stages, 1):
        output.text(f"\nstage {number} of copies\n\n{prediction_text(stage, output)}")
    for loss in losses:
        output.text(f"\n{loss_text(loss)}")


def _rows(found: Prediction, losses: Sequence[Loss]) -> Iterator[tuple[str, dict[str, object]]]:
    for number, part in enumerate((found, *found.stages)):
        for device in part.devices:
            yield "device", {"stage": number, **device._asdict()}
        for edge in part.edges:
            yield "edge", {"stage": number, **edge._asdict(), "rate": _rate(part, edge.bytes_moved)}
        for wait in part.waits:
            yield "wait", {"stage": number, **wait._asdict()}
        names = [device.agent for device in part.devices]
        for sample in part.samples:
            fill = dict(zip(names, sample.fill, strict=True))
            place = {"stage": number, "seconds": sample.seconds}
            yield "sample", {**place, "bytes_read": sample.bytes_read, "fill": fill}
    for loss in losses:
        yield "loss", {**loss._asdict(), "elsewhere": dict(loss.elsewhere)}
    yield "summary", summary_fields(found)


def summary_fields(found: Prediction) -> dict[str, object]:
    """What a simulation ends with; it is none of a session, and its exit code is 0."""
    return {
        "graph": found.graph,
        "outcome": found.outcome,
        "duration_seconds": found.seconds,
        "duration_seconds_total": found.seconds_total,
        "rate": found.rate,
        "bytes_source": found.bytes_source,
        "bytes_safe": found.bytes_safe,
        "bottleneck": found.bottleneck,
        "memory": [memory._asdict() for memory in found.memory],
        "assumed": list(found.assumed),
        "leapt_seconds": found.leapt_seconds,
        "frames": found.frames,
        "stages": [summary_fields(stage) for stage in found.stages],
    }


def prediction_text(found: Prediction, output: Output) -> str:
    """One session or stage."""
    outcome = output.styled(found.outcome, found.outcome)
    size, taken = format_size(found.bytes_safe), format_seconds(found.seconds)
    head = f"{found.graph}: {outcome}, {size} in {taken}, {format_rate(found.rate)}"
    rows = [
        (
            device.agent, str(device.level), format_size(device.bytes_durable),
            format_rate(_rate(found, device.bytes_durable)), _share(device.busy_seconds, found),
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


def _rate(found: Prediction, size_bytes: int) -> float:
    return size_bytes / found.seconds if found.seconds else 0.0


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
