"""Where a coupling may end that somebody is about to draw: each target is tried, dry, with the
rules of `graph check`, and what would be refused is refused with the words of that rule.
"""

from __future__ import annotations

from collections.abc import Iterator

from flowbackup.plan.groups import groups_of
from flowbackup.plan.making import check
from flowbackup.spec.document import GraphDocument
from flowbackup.spec.endpoint import parse_endpoint
from flowbackup.spec.finding import Finding, Severity
from flowbackup.spec.models import ClientSpec, CouplingSpec, GraphSpec, ObjectSpec
from flowbackup.ui.refusal import Refused
from flowbackup.ui.values.design import LegalTarget

TRIED_MAX = 64
"""Agents that are tried one by one; of more of them, each is told what its group is told."""
ANY_PATH = "/"
"""Of an object that stands for those which a client will have."""


def legal_targets(document: GraphDocument, source: str) -> list[LegalTarget]:
    """Every group and agent, and whether `source` may feed it.  Raises Refused for a source that
    does not exist."""
    found = _verdicts(document, source)
    return [LegalTarget(target=t, legal=not reason, reason=reason) for t, reason in found]


def _verdicts(document: GraphDocument, source: str) -> Iterator[tuple[str, str]]:
    spec = document.spec
    groups = [(name, tuple(group.devices)) for _, name, group in groups_of(spec)]
    if source in spec.clients:
        before = _errors(document)
        for name, _ in groups:
            yield name, _reason(document, _with_object(spec, source, name), before)
        return
    _refuse_unknown(source, groups)
    before = _errors(document)
    agents = sum(len(devices) for _, devices in groups)
    for name, devices in groups:
        of_group = _reason(document, _with_coupling(spec, source, name), before)
        yield name, of_group
        for device in devices:
            target = f"{name}.{device}"
            if agents > TRIED_MAX:
                yield target, of_group
            else:
                yield target, _reason(document, _with_coupling(spec, source, target), before)


def _refuse_unknown(source: str, groups: list[tuple[str, tuple[str, ...]]]) -> None:
    try:
        end = parse_endpoint(source)
    except ValueError as fault:
        reason, _, remedy = str(fault).partition("|")
        raise Refused(400, "usage", reason, remedy) from None
    devices = dict(groups).get(end.group)
    if devices is None or (end.device is not None and end.device not in devices):
        raise Refused(404, "notfound", f'there is no client, group or agent "{source}"')


def _with_coupling(spec: GraphSpec, source: str, target: str) -> GraphSpec:
    more = CouplingSpec.model_validate({"from": source, "to": target})
    return spec.model_copy(update={"couplings": (*spec.couplings, more)})


def _with_object(spec: GraphSpec, client: str, group: str) -> GraphSpec:
    """With all objects of the client in that group, or with one if there is none yet."""
    written = spec.clients[client]
    objects = {
        name: item.model_copy(update={"group": group, "buffers": None})
        for name, item in written.objects.items()
    } or {"object": ObjectSpec(path=ANY_PATH, group=group)}
    changed = ClientSpec(node=written.node, objects=objects)
    return spec.model_copy(update={"clients": {**spec.clients, client: changed}})


def _reason(document: GraphDocument, spec: GraphSpec, before: set[tuple[str, str]]) -> str:
    """Of the first error that was not there before; "" for none."""
    changed = GraphDocument(spec, document.text, document.path, document.places)
    for finding in check(changed):
        if _is_error(finding) and (finding.rule, finding.reason) not in before:
            return f"{finding.reason}. {finding.remedy}".strip()
    return ""


def _errors(document: GraphDocument) -> set[tuple[str, str]]:
    return {(f.rule, f.reason) for f in check(document) if _is_error(f)}


def _is_error(finding: Finding) -> bool:
    return finding.severity is Severity.ERROR
