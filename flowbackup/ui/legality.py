"""Where a coupling may end that somebody is about to draw: each target is tried, dry, with the
rules of `graph check`, and what would be refused is refused with the words of that rule.
"""

from __future__ import annotations

from collections.abc import Iterator

from flowbackup.plan.graph import drafted_groups
from flowbackup.plan.groups import BACKUP, FED_BY, groups_of
from flowbackup.plan.machine import this_machine
from flowbackup.plan.making import check
from flowbackup.spec.document import GraphDocument
from flowbackup.spec.endpoint import parse_endpoint
from flowbackup.spec.finding import Finding, Severity
from flowbackup.spec.models import CouplingSpec, GraphSpec
from flowbackup.spec.objects import ClientSpec, ObjectSpec
from flowbackup.ui.refusal import Refused
from flowbackup.ui.values.design import LegalTarget

TRIED_MIN, TRIED_WORK = 12, 6400
"""So many targets, or fewer times agents: with 500 of them each takes 35 ms, and somebody holds the
mouse.  Of the others their role is looked at, and the drop tells the rest."""
CLIENT = "client"
ANY_PATH = "/dev/null"
"""Of an object that stands for those which a client will have."""


class _Trial:
    """Tries what would be drawn into a document; `before` is what was wrong with it anyhow."""

    def __init__(self, document: GraphDocument) -> None:
        self._document = document
        self._machine = this_machine()
        self._before = {(f.rule, f.reason) for f in self._errors(document.spec)}

    def reason(self, spec: GraphSpec) -> str:
        """Of the first error that was not there before; "" for none."""
        for finding in self._errors(spec):
            if (finding.rule, finding.reason) not in self._before:
                return f"{finding.reason}. {finding.remedy}".strip()
        return ""

    def _errors(self, spec: GraphSpec) -> Iterator[Finding]:
        written = self._document
        changed = GraphDocument(spec, written.text, written.path, written.places)
        for finding in check(changed, machine=self._machine):
            if finding.severity is Severity.ERROR:
                yield finding


def legal_targets(document: GraphDocument, source: str) -> list[LegalTarget]:
    """Every group and agent, and whether `source` may feed it.  Raises Refused for a source that
    does not exist."""
    found = _verdicts(document, source)
    return [LegalTarget(target=t, legal=not reason, reason=reason) for t, reason in found]


def _verdicts(document: GraphDocument, source: str) -> Iterator[tuple[str, str]]:
    spec = document.spec
    groups = [(name, tuple(group.devices)) for _, name, group in groups_of(spec)]
    is_client = source in spec.clients
    if not is_client:
        _refuse_unknown(source, groups)
    trial = _Trial(document)
    agents = sum(len(devices) for _, devices in groups)
    left = max(TRIED_MIN, TRIED_WORK // max(agents, 1))
    for name, devices in groups:
        targets = (name,) if is_client else (name, *(f"{name}.{device}" for device in devices))
        reason = ""
        for target in targets:
            if left > 0:
                left -= 1
                with_it = _with_object if is_client else _with_coupling
                reason = trial.reason(with_it(spec, source, target))
            elif target == name:
                reason = _by_role(document, source, name)
            yield target, reason


def _by_role(document: GraphDocument, source: str, group: str) -> str:
    """What can be said without trying."""
    roles = {name: draft.role for name, draft in drafted_groups(document.spec).items()}
    feeds = CLIENT if source in document.spec.clients else roles[parse_endpoint(source).group]
    if feeds in (FED_BY[roles[group]] or (CLIENT if roles[group] == BACKUP else "",)):
        return ""
    return f'"{group}" is a {roles[group]} group, which {source} cannot feed'


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
