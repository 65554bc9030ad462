"""A graph in Python, and all that can be done with it.

g = Graph("nightly")
site = g.client("web").object("site", path="/srv/www")
primary = g.backup_group("primary", devices=["/mnt/nas"], buffers=8)
offsite = primary.mirror("offsite", devices=["/mnt/usb"], on_failure="optional")
g.check(); g.draw(); g.simulate(rates={"usb": "80MB/s"}).plot(); g.run(init=True)
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import pyarrow as pa

from flowbackup import api
from flowbackup import plan as planning
from flowbackup.building.given import table_from_bytes, with_tables
from flowbackup.building.live import LiveView
from flowbackup.building.picture import Drawing
from flowbackup.building.results import SessionResult, Simulation
from flowbackup.errors import GraphError
from flowbackup.monitor import Monitor, SilentMonitor
from flowbackup.plan.decided import Plan
from flowbackup.requests import RestoreRequest, RunSettings
from flowbackup.simulate.asked import Asked, Named, Word, scenario_of
from flowbackup.simulate.running import simulate
from flowbackup.spec.builder import GraphBuilder
from flowbackup.spec.document import GraphDocument, load_graph, parse_graph
from flowbackup.spec.dump import document_of, edit_graph
from flowbackup.spec.finding import Finding, Severity, graph_error


class Graph(GraphBuilder):
    """A GraphBuilder that reads and writes files, and runs.  Nothing is kept between two calls but
    what was written: whatever the graph says at the time of a call is done."""

    _origin: GraphDocument | None = None
    """The file that it came from: what did not change since then keeps its form and comments."""

    @classmethod
    def from_file(cls, path: str | Path) -> Self:
        """Raises GraphError with every fault of form."""
        return cls._from(load_graph(path))

    @classmethod
    def from_text(cls, text: str) -> Self:
        """As `from_file`; relative paths are those of the present directory."""
        return cls._from(parse_graph(text))

    @classmethod
    def _from(cls, document: GraphDocument) -> Self:
        graph = cls.of(document.spec)
        graph._origin = document
        return graph

    def to_file(self, path: str | Path) -> None:
        """Writes the text of the graph, which reads back to the same graph."""
        Path(path).write_text(self.text, encoding="utf-8")

    @property
    def text(self) -> str:
        """As a file has it.  Raises GraphError with every fault of form."""
        return self._document().text

    def check(self) -> tuple[Finding, ...]:
        """The doubts that there are.  Raises GraphError with all faults, of form and of meaning."""
        document = self._document()
        findings = planning.check(document)
        if any(finding.severity is Severity.ERROR for finding in findings):
            raise graph_error(document.path, findings)
        return findings

    def plan(self) -> Plan:
        """What will run where, with how much memory.  Raises GraphError with all faults."""
        return planning.make_plan(self._document())

    def draw(self, form: str = "svg") -> Drawing:
        """As svg, mermaid or text.  In a notebook it shows itself."""
        plan = self.plan()
        return Drawing(planning.draw(plan, form), form, planning.draw(plan, "text"))

    def simulate(
        self, *, rates: Named = (), sizes: Mapping[str, Word] | Word | None = None,
        files: Mapping[str, Word] | Word | None = None, rooms: Named = (), fails: Named = (),
        network: Word = 0, jitter: float = 0.0, seed: int = 0, exact: bool = False,
    ) -> Simulation:  # fmt: skip
        """How long it would take, and what would hold it up; see Asked for the words.  Raises
        GraphError, UsageError."""
        plan = self.plan()
        asked = Asked(rates, sizes, files, rooms, fails, network, jitter, seed, exact)
        return Simulation(simulate(plan, scenario_of(plan, asked)))

    def live(self) -> LiveView:
        """To be shown in a notebook, and given to `run` as its monitor."""
        return LiveView(str(self._head["graph"]))

    def run(self, *, monitor: Monitor | None = None, **settings: Any) -> SessionResult:
        """Backs up, mirrors and copies as the graph says, and returns at the end.  settings: those
        of RunSettings, as in run(init=True).  Raises what `api.run_backup` raises."""
        said = RunSettings(**settings)
        with with_tables(self.plan(), self._tables) as plan:
            return SessionResult(api.run_backup(plan, said, monitor or SilentMonitor()))

    def copy(
        self, *groups: str, monitor: Monitor | None = None, **settings: Any
    ) -> SessionResult:  # fmt: skip
        """Runs these copy groups, all of them if none is named, without the backup."""
        said = RunSettings(**settings)
        return SessionResult(api.run_copy(self.plan(), groups, said, monitor or SilentMonitor()))

    def restore(
        self, query: str = "latest", *, target: str | Path, monitor: Monitor | None = None,
        **request: Any,
    ) -> SessionResult:  # fmt: skip
        """Restores OBJECT[:PATH] into a directory.  request: the words of RestoreRequest; the
        catalog is that of the graph if none is named."""
        catalog = self.plan().catalog
        said = RestoreRequest(**{"catalog": Path(catalog) if catalog else None, **request})
        report = api.restore(query, str(target), said, monitor or SilentMonitor())
        return SessionResult(report)

    def table(self, query: str) -> pa.Table:
        """A version of an object that was given as a table, verified, and equal to that; of a Ray
        Dataset what it held, in the order in which it came.  Raises NotFoundError, UsageError."""
        catalog = self.plan().catalog
        held = io.BytesIO()
        api.cat(f"{query}:", held, Path(catalog) if catalog else None)
        return table_from_bytes(held.getbuffer(), query)

    def _document(self) -> GraphDocument:
        spec, origin = self.spec(), self._origin
        if origin is None:
            return document_of(spec)
        return origin if spec == origin.spec else edit_graph(origin, spec)

    def __repr__(self) -> str:
        name, groups = self._head["graph"], [*self._backup_groups, *self._mirror_groups]
        groups += [*self._restore_groups, *self._copy_groups]
        return f"<graph {name}: {', '.join(groups) or 'no groups yet'}>"

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        """A picture, or what is not right yet."""
        try:
            return self.draw()._repr_mimebundle_()
        except GraphError as error:
            return {"text/plain": "\n".join([error.message, *error.findings])}
