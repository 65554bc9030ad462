"""Reports and states that came as objects of JSON, from another process: the way back of
`published`.  Keys that this version does not know are passed over, those it misses are empty."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from flowbackup.model.report import DeviceReport, ObjectReport, Outcome, SessionReport
from flowbackup.monitor import EdgeState, Problem, Progress

Fields = Mapping[str, Any]


def report_of(fields: Fields) -> SessionReport:
    """Of a `summary`, without what was freed.  Raises KeyError, TypeError, ValueError for what is
    none."""
    return SessionReport(
        **_known(SessionReport, fields, {"objects", "devices", "problems", "freed", "stages"}),
        objects=tuple(_object_of(item) for item in fields["objects"]),
        devices=tuple(_device_of(item) for item in fields["devices"]),
        problems=tuple(problem_of(item) for item in fields["problems"]),
        stages=tuple(report_of(item) for item in fields.get("stages", ())),
    )


def problem_of(fields: Fields) -> Problem:
    """Raises KeyError for what is none."""
    return Problem(fields["kind"], fields["text"], _path_of(fields), fields.get("device"))


def progress_of(fields: Fields) -> Progress:
    """Without rates.  Raises KeyError, TypeError for what is none."""
    edges = tuple(EdgeState(**_known(EdgeState, edge)) for edge in fields["edges"])
    return Progress(**_known(Progress, fields, {"edges"}), edges=edges)


def _path_of(fields: Fields) -> bytes | None:
    if "path_base64" in fields:
        return base64.b64decode(fields["path_base64"])
    return str(fields["path"]).encode() if "path" in fields else None


def _object_of(fields: Fields) -> ObjectReport:
    return ObjectReport(**_known(ObjectReport, fields))


def _device_of(fields: Fields) -> DeviceReport:
    return DeviceReport(**_known(DeviceReport, fields))


def _known(kind: type[Any], fields: Fields, without: Iterable[str] = ()) -> dict[str, Any]:
    names = {field.name for field in dataclasses.fields(kind)} - set(without)
    known = {name: value for name, value in fields.items() if name in names}
    return known | ({"outcome": Outcome(known["outcome"])} if "outcome" in known else {})
