"""A prediction as objects for programs: the published keys, of `--json` and of the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from flowbackup.simulate.prediction import Loss, Prediction


def rows_of(found: Prediction, losses: Sequence[Loss]) -> Iterator[tuple[str, dict[str, object]]]:
    """The published rows, each with its kind, the last a summary."""
    for number, part in enumerate((found, *found.stages)):
        for device in part.devices:
            yield "device", {"stage": number, **device._asdict()}
        for edge in part.edges:
            yield (
                "edge",
                {"stage": number, **edge._asdict(), "rate": rate_of(part, edge.bytes_moved)},
            )
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


def rate_of(found: Prediction, size_bytes: int) -> float:
    """Bytes per second over the whole time."""
    return size_bytes / found.seconds if found.seconds else 0.0
