"""Checking a graph and making its plan."""

from __future__ import annotations

from flowbackup.plan.context import Context, context_of
from flowbackup.plan.decided import Plan
from flowbackup.plan.machine import Machine
from flowbackup.plan.placement import place
from flowbackup.plan.rules import RULES
from flowbackup.spec.document import GraphDocument
from flowbackup.spec.dump import document_of
from flowbackup.spec.finding import Finding, Severity, graph_error, in_file_order
from flowbackup.spec.models import GraphSpec


def check(
    written: GraphDocument | GraphSpec, *, machine: Machine | None = None
) -> tuple[Finding, ...]:
    """All findings of all rules, errors and warnings, in the order of the file.  Nothing that the
    graph names needs to exist now.  machine: what memory is compared with, this one unless given."""
    return _findings(context_of(_document(written), machine))


def make_plan(written: GraphDocument | GraphSpec, *, machine: Machine | None = None) -> Plan:
    """The plan of a graph.  Raises GraphError with all findings if one of them is an error.  Paths
    in it are absolute; whether they exist is asked when it starts."""
    context = context_of(_document(written), machine)
    findings = _findings(context)
    if any(finding.severity is Severity.ERROR for finding in findings):
        raise graph_error(context.document.path, findings)
    return place(context)


def _document(written: GraphDocument | GraphSpec) -> GraphDocument:
    return document_of(written) if isinstance(written, GraphSpec) else written


def _findings(context: Context) -> tuple[Finding, ...]:
    return in_file_order(finding for rule in RULES for finding in rule(context))
