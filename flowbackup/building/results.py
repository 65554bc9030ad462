"""What a session or a simulation told, as values, as Arrow tables, and as it shows itself."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from flowbackup.building.picture import Drawing
from flowbackup.building.plot import plot_of
from flowbackup.building.tables import table_from, table_of
from flowbackup.model.report import DeviceReport, ObjectReport, Outcome, SessionReport
from flowbackup.monitor import Problem
from flowbackup.simulate.prediction import DeviceResult, EdgeResult, Loss, Prediction, Wait
from flowbackup.units import format_rate, format_seconds, format_size


class SessionResult:
    """How a session ended.  `report` has all of it."""

    def __init__(self, report: SessionReport) -> None:
        self.report = report

    @property
    def outcome(self) -> Outcome:
        """Of it and its stages, the worst: success, incomplete or failed."""
        return self.report.worst.outcome

    @property
    def objects(self) -> pa.Table:
        return table_of(ObjectReport, self.report.objects)

    @property
    def devices(self) -> pa.Table:
        return table_of(DeviceReport, self.report.devices)

    @property
    def problems(self) -> pa.Table:
        return table_of(Problem, self.report.problems)

    def __repr__(self) -> str:
        report = self.report
        size, seconds = format_size(report.bytes_source), format_seconds(report.duration_seconds)
        lines = [f"{report.kind} {report.graph}: {self.outcome}, {size} in {seconds}"]
        lines += [problem.text for problem in report.problems]
        return "\n".join(lines)


class Simulation:
    """What would be.  `prediction` has all of it."""

    def __init__(self, prediction: Prediction) -> None:
        self.prediction = prediction

    @property
    def seconds(self) -> float:
        """With the copies that follow the session."""
        return self.prediction.seconds_total

    @property
    def outcome(self) -> str:
        return self.prediction.outcome

    @property
    def bottleneck(self) -> str:
        return self.prediction.bottleneck

    @property
    def devices(self) -> pa.Table:
        return table_of(DeviceResult, _joined(self._parts, "devices"))

    @property
    def edges(self) -> pa.Table:
        return table_of(EdgeResult, _joined(self._parts, "edges"))

    @property
    def waits(self) -> pa.Table:
        """Who waited for whom, in seconds."""
        return table_of(Wait, _joined(self._parts, "waits"))

    @property
    def fill(self) -> pa.Table:
        """Slots in use of each agent at moments of the session, in the mean since the one
        before."""
        samples = self.prediction.samples
        agents = {
            device.agent: [sample.fill[place] for sample in samples]
            for place, device in enumerate(self.prediction.devices)
        }
        return table_from({"seconds": [sample.seconds for sample in samples], **agents})

    def if_lost(self, device: str, at_seconds: float) -> Loss:
        """See Prediction."""
        return self.prediction.if_lost(device, at_seconds)

    def plot(self) -> Drawing:
        """How full the buffers were."""
        return plot_of(self.prediction)

    @property
    def _parts(self) -> tuple[Prediction, ...]:
        return self.prediction, *self.prediction.stages

    def __repr__(self) -> str:
        found = self.prediction
        size, seconds = format_size(found.bytes_safe), format_seconds(found.seconds)
        head = f"{found.graph}: {found.outcome}, {size} in {seconds}, {format_rate(found.rate)}"
        return f"{head}\n{found.bottleneck}"

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return {"image/svg+xml": str(self.plot()), "text/plain": repr(self)}


def _joined(parts: Sequence[Prediction], name: str) -> list[object]:
    return [row for part in parts for row in getattr(part, name)]
