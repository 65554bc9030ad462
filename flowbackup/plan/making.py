"""Checking a graph and making its plan."""

from __future__ import annotations

import re
from pathlib import Path

from flowbackup.plan.context import Context, context_of
from flowbackup.plan.decided import Plan
from flowbackup.plan.machine import Machine
from flowbackup.plan.placement import place
from flowbackup.plan.rules import (
    DECLARED_IN,
    INDEPENDENT_RULES,
    RULES,
    RULES_OF_PLACES,
)
from flowbackup.spec.document import GraphDocument, Reading, read_graph_file
from flowbackup.spec.dump import document_of
from flowbackup.spec.finding import Finding, Severity, graph_error, in_file_order
from flowbackup.spec.models import GraphSpec

_QUOTED = re.compile('"([^"]*)"')


def check(
    written: GraphDocument | GraphSpec, *, machine: Machine | None = None
) -> tuple[Finding, ...]:
    """All findings of all rules, errors and warnings, in the order of the file.  Nothing that the
    graph names needs to exist now.  machine: what memory is compared with; this one
    unless given."""
    return _findings(context_of(_document(written), machine))


def make_plan(written: GraphDocument | GraphSpec, *, machine: Machine | None = None) -> Plan:
    """The plan of a graph.  Raises GraphError with all findings if one of them is an error.  Paths
    in it are absolute; whether they exist is asked when it starts."""
    context = context_of(_document(written), machine)
    findings = _findings(context)
    if any(finding.severity is Severity.ERROR for finding in findings):
        raise graph_error(context.document.path, findings)
    return place(context)


def check_reading(reading: Reading, *, machine: Machine | None = None) -> tuple[Finding, ...]:
    """Faults of form and all findings of rules that do not follow from them."""
    if reading.document is None:
        return in_file_order(reading.findings)
    found = _findings(context_of(reading.document, machine))
    if not reading.findings:
        return found
    taken = {finding.place for finding in reading.findings}
    independent = (
        finding
        for finding in found
        if finding.rule in INDEPENDENT_RULES
        and finding.place not in taken
        and not _follows(finding, reading)
    )
    return in_file_order((*reading.findings, *independent))


def _follows(finding: Finding, reading: Reading) -> bool:
    """Does it speak of something that is not there, or not where it was, since faults of form were
    cut out?"""
    if not reading.dropped.isdisjoint(DECLARED_IN.get(finding.rule, ())):
        return True
    doubtful = reading.dropped | (reading.damaged if finding.rule in RULES_OF_PLACES else set())
    return not doubtful.isdisjoint(_QUOTED.findall(finding.reason))


def load_plan(path: str | Path, *, machine: Machine | None = None) -> Plan:
    """Reads a graph file and plans it.  Raises GraphError with the faults of form and of meaning
    together."""
    return load_checked(path, machine=machine)[0]


def load_checked(
    path: str | Path, *, machine: Machine | None = None
) -> tuple[Plan, tuple[Finding, ...]]:
    """As `load_plan`, with the warnings."""
    reading = read_graph_file(path)
    findings = check_reading(reading, machine=machine)
    if reading.document is None or any(f.severity is Severity.ERROR for f in findings):
        raise graph_error(str(path), findings)
    return place(context_of(reading.document, machine)), findings


def _document(written: GraphDocument | GraphSpec) -> GraphDocument:
    return document_of(written) if isinstance(written, GraphSpec) else written


def _findings(context: Context) -> tuple[Finding, ...]:
    return in_file_order(finding for rule in RULES for finding in rule(context))
