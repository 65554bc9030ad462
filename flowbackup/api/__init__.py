"""What programs, notebooks, the command line and the web page call.

Commands that only look never import ray; the functions that need it import it when called.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowbackup.api.devices import devices as devices
from flowbackup.api.devices import devices_of_graph as devices_of_graph
from flowbackup.api.devices import init_device as init_device
from flowbackup.api.devices import make_virtual_tapes as make_virtual_tapes
from flowbackup.api.devices import measure_device as measure_device
from flowbackup.api.devices import show_device as show_device
from flowbackup.api.devices import write_rates as write_rates
from flowbackup.api.keeping import ForgetRequest as ForgetRequest
from flowbackup.api.keeping import PruneRequest as PruneRequest
from flowbackup.api.keeping import forget as forget
from flowbackup.api.keeping import prune as prune
from flowbackup.api.keeping import tag as tag
from flowbackup.api.looking import copies as copies
from flowbackup.api.looking import diff as diff
from flowbackup.api.looking import entry as entry
from flowbackup.api.looking import find as find
from flowbackup.api.looking import history as history
from flowbackup.api.looking import interrupted as interrupted
from flowbackup.api.looking import objects as objects
from flowbackup.api.looking import sessions as sessions
from flowbackup.api.looking import stats as stats
from flowbackup.api.looking import versions as versions
from flowbackup.api.looking import versions_of_session as versions_of_session
from flowbackup.api.standing import Standing as Standing
from flowbackup.api.standing import standings as standings
from flowbackup.api.taking import cat as cat
from flowbackup.api.taking import export_tar as export_tar
from flowbackup.api.taking import mount as mount
from flowbackup.api.taking import restore as restore
from flowbackup.api.warming import down as down
from flowbackup.api.warming import up as up
from flowbackup.api.warming import warm as warm
from flowbackup.api.watching import watching as watching
from flowbackup.catalog.catalog import open_catalog
from flowbackup.catalog.claim import open_shared, shared_claim
from flowbackup.catalog.location import catalog_of as catalog_of
from flowbackup.catalog.resolve import split_query
from flowbackup.catalog.rows import LostMedium
from flowbackup.errors import UsageError
from flowbackup.keys import add_slot as add_slot
from flowbackup.keys import check_key as check_key
from flowbackup.keys import create_key as create_key
from flowbackup.keys import key_row as key_row
from flowbackup.keys import make_writer_key as make_writer_key
from flowbackup.keys import reader_keys, writer_key_of
from flowbackup.keys import remove_slot as remove_slot
from flowbackup.model.entry import Entry
from flowbackup.model.profile import Work
from flowbackup.model.report import SessionReport
from flowbackup.model.source_rules import EVERYTHING, SourceRules
from flowbackup.monitor import Monitor, SilentMonitor
from flowbackup.plan.decided import Plan
from flowbackup.requests import DrillRequest as DrillRequest
from flowbackup.requests import FindRequest as FindRequest
from flowbackup.requests import RepairRequest as RepairRequest
from flowbackup.requests import RestoreRequest as RestoreRequest
from flowbackup.requests import RunSettings as RunSettings
from flowbackup.runtime.beginning import Beginning
from flowbackup.runtime.doctor import Check, examine
from flowbackup.runtime.job import in_job as in_job
from flowbackup.runtime.reading.reach import far_media_by
from flowbackup.runtime.signals import cancelled_by_signals, interruptible_by_signals

if TYPE_CHECKING:
    from flowbackup.frame.keys import WriterKey
    from flowbackup.runtime.backup.why import Why
    from flowbackup.runtime.hooks.around import Begun


def load_plan(path: str | Path) -> Plan:
    """Reads, checks and plans a graph file.  Raises GraphError with every finding."""
    from flowbackup.plan.making import load_plan as load_checked_plan

    return load_checked_plan(path)


def quick_plan(
    paths: Sequence[str], to: str, mirrors: Sequence[str] = (), *,
    name: str = "", frame_size: int | None = None, rules: SourceRules = EVERYTHING, stdin: str = "",
    compression: str | Mapping[str, int] | None = None, key: str = "",
) -> Plan:  # fmt: skip
    """The plan of `flowbackup backup`: one chain, a level for each mirror.  stdin: names an object
    that is standard input.  Its `graph_text` is the graph file of the same.  Raises GraphError."""
    from flowbackup.plan import make_plan
    from flowbackup.spec import document_of, quick_graph
    from flowbackup.spec.models import FRAME_BYTES

    size = FRAME_BYTES if frame_size is None else frame_size
    spec = quick_graph(
        paths, to, mirrors, graph=name or "backup", frame_size=size, rules=rules, stdin=stdin,
        compression=compression, key=key,
    )  # fmt: skip
    return make_plan(document_of(spec))


def run_backup(plan: Plan, settings: RunSettings, monitor: Monitor) -> SessionReport:
    """Runs a plan from start to report, and then its stages of copies that follow a session; before
    and behind all that, what may go from its staging devices makes room.  Raises what is found
    before a byte moves.

    In the main thread SIGINT and SIGTERM end the command: the first in 3 s, in which objects that
    end within the first of them are finished and longer ones are cut off at the border of a frame,
    the second in one.  Before anything was written the first raises InterruptedSessionError, or
    KeyboardInterrupt while devices are looked at.  Hooks and notices of the graph stand
    around all of it: see around_session."""
    from flowbackup.runtime.engines.choice import chosen
    from flowbackup.runtime.hooks.around import around_session

    if not plan.agents:
        return run_copy(plan, (), settings, monitor, after_session=True)
    key = writer_key_of(plan)
    settings = replace(settings, engine=chosen(plan, settings))
    catalog_path = catalog_of(settings.catalog, plan.catalog)
    plan = replace(plan, catalog=str(catalog_path))
    run = partial(_run_backup, plan, settings, monitor, catalog_path, key)
    return around_session(plan, "backup", catalog_path, monitor, run)


def _run_backup(
    plan: Plan, settings: RunSettings, monitor: Monitor, catalog_path: Path,
    key: WriterKey | None, begun: Begun,
) -> SessionReport:  # fmt: skip
    beginning, cancel = Beginning(), begun.cancel
    from flowbackup.plan.narrowing import stages_after_session
    from flowbackup.runtime.backup.scan import UNASKED_SECONDS, SourceScan
    from flowbackup.runtime.backup.session import BackupSession
    from flowbackup.runtime.care.completing import complete_left
    from flowbackup.runtime.copying.stages import run_stages
    from flowbackup.runtime.crew.preflight import Labelling, check_before_start, near_nodes
    from flowbackup.runtime.crew.resume import refuse_if_nothing_left
    from flowbackup.runtime.engines.choice import LOCAL, engine_of
    from flowbackup.runtime.freeing.room import Room

    with open_shared(catalog_path, wait_seconds_max=settings.wait_seconds_max) as catalog:
        if settings.resume:
            refuse_if_nothing_left(plan, catalog)
        labels = Labelling(create=settings.create or settings.init, init=settings.init)
        wait_max = settings.wait_seconds_max
        with cancel.interruptible(1):
            check_before_start(plan, catalog, labels, monitor)
        resumes = settings.resume is not False
        if resumes and complete_left(plan, catalog, monitor, cancel, wait_max):
            beginning = Beginning()  # The newest session is this one, and not the repair.
        scan = SourceScan(plan.objects, near_nodes(plan))
        session = BackupSession(
            plan, catalog, scan, monitor, beginning, cancel, wait_max,
            resumes=resumes, reads_all=settings.full, session=begun.session, tags=settings.tags,
            key=key,
        )  # fmt: skip
        with ExitStack() as stack:
            stack.callback(session.close)
            session.wait_for_devices()
            scan.start(UNASKED_SECONDS if settings.engine == LOCAL else 0.0)
            stack.callback(scan.stop)
            beginning.turn_to(Work.STARTING)
            live = stack.enter_context(engine_of(settings, cancel))
            room = Room(plan, catalog, monitor, live, cancel)
            room.make()
            report = session.run(live)
            stages = [] if cancel.is_told else stages_after_session(plan)
            copied = run_stages(
                stages, catalog, monitor, session.session, live, cancel, wait_max, key=key
            )
            return room.report(report, copied)


def run_copy(
    plan: Plan, groups: Sequence[str], settings: RunSettings, monitor: Monitor, *,
    after_session: bool = False,
) -> SessionReport:  # fmt: skip
    """Runs stages of a plan without its backup: these copy groups, all if none is named.
    after_session: only those that a run of the graph copies.  The report of the first stage has
    those of the others.  Hooks and notices stand around it.  Raises UsageError, and what is found
    before a byte moves."""
    from flowbackup.plan.narrowing import stages_after_session, stages_named
    from flowbackup.runtime.engines.choice import chosen
    from flowbackup.runtime.hooks.around import around_session

    settings = replace(settings, engine=chosen(plan, settings))
    stages = stages_after_session(plan) if after_session else stages_named(plan, groups)
    if not stages:
        raise UsageError(
            f"graph {plan.graph} has nothing to do after a session",
            remedy="run its copy groups with `flowbackup copy`",
        )
    catalog_path = catalog_of(settings.catalog, plan.catalog)
    key = writer_key_of(plan)
    run = partial(_run_stages, plan, stages, settings, monitor, catalog_path, key)
    return around_session(plan, "copy", catalog_path, monitor, run)


def _run_stages(
    plan: Plan, stages: Sequence[Plan], settings: RunSettings, monitor: Monitor,
    catalog_path: Path, key: WriterKey | None, begun: Begun,
) -> SessionReport:  # fmt: skip
    from flowbackup.plan.narrowing import copies_only
    from flowbackup.runtime.copying.stages import newest_session, run_stages
    from flowbackup.runtime.crew.preflight import Labelling, check_before_start
    from flowbackup.runtime.engines.choice import engine_of
    from flowbackup.runtime.freeing.room import Room

    cancel = begun.cancel
    with open_shared(catalog_path, wait_seconds_max=settings.wait_seconds_max) as catalog:
        labels = Labelling(create=settings.create or settings.init, init=settings.init)
        with cancel.interruptible(1):
            check_before_start(copies_only(plan, stages), catalog, labels, monitor)
        copied = newest_session(catalog, plan.graph)
        with engine_of(settings, cancel) as live:
            room = Room(plan, catalog, monitor, live, cancel)
            room.make()
            first, *others = run_stages(
                stages, catalog, monitor, copied, live, cancel,
                settings.wait_seconds_max, begun.session, key,
            )  # fmt: skip
            return room.report(first, others)


def free(
    plan: Plan, devices: Sequence[str], settings: RunSettings, monitor: Monitor, *,
    dry_run: bool = False,
) -> SessionReport:  # fmt: skip
    """Makes room on staging devices, on all of the plan if none is named: segments go whose
    versions are old enough and have enough copies elsewhere, which the media that have them are
    asked to show.  Raises UsageError, DeviceLockedError while another command does so."""
    from flowbackup.runtime.freeing.asked import run_freeing

    catalog_path = catalog_of(settings.catalog, plan.catalog)
    with cancelled_by_signals() as cancel, open_catalog(catalog_path, create=False) as catalog:
        return run_freeing(
            plan, devices, catalog, monitor, settings.address, cancel, dry_run=dry_run
        )


def foresee_room(plan: Plan, settings: RunSettings) -> SessionReport | None:
    """What a run of the plan would free now; None where there is nothing that it ever could."""
    if not plan.staging or not catalog_of(settings.catalog, plan.catalog).exists():
        return None
    return free(plan, (), settings, SilentMonitor(), dry_run=True)


def verify(
    devices: Sequence[str], monitor: Monitor, catalog: Path | None = None, *,
    sample: Fraction | None = None, address: str = "",
) -> SessionReport:  # fmt: skip
    """Reads media, bypassing the page cache.  devices: names or locations, none for all that the
    catalog knows.  sample: that share of each medium, what was verified longest ago; without it
    all.  Media of other nodes are read there, by the Ray cluster at `address`.  Raises UsageError
    where one is needed and none is given."""
    from flowbackup.runtime.care.verifying import WHOLE, media_to_verify, refuse_far, run_verify

    with open_shared(catalog_of(catalog), create=False) as opened:
        media = media_to_verify(opened, devices)
        share = sample or WHOLE
        if not address or all(info.is_near for info in media):
            refuse_far(media)
            with interruptible_by_signals() as cancel:
                return run_verify(opened, media, share, monitor, cancel=cancel)
        from flowbackup.runtime.care.far_verifier import open_far
        from flowbackup.runtime.engines.ray_start import ray_engine

        with interruptible_by_signals() as cancel, ray_engine(address, cancel) as engine:
            far = partial(open_far, engine)
            return run_verify(opened, media, share, monitor, far, engine.name, cancel)


def drill(query: str | None, request: DrillRequest, monitor: Monitor) -> SessionReport:
    """Restores a part of OBJECT, or of the newest version of every object, to a temporary place and
    compares it with the source where that is unchanged.  Raises NotFoundError, RestoreError."""
    from flowbackup.runtime.care.drilling import DrillTask, newest_versions, run_drill

    with open_shared(catalog_of(request.catalog), create=False) as opened:
        versions = [opened.resolve(query)] if query else newest_versions(opened)
        task = DrillTask(versions, request.sample, request.seed, request.target)
        with interruptible_by_signals() as cancel, far_media_by(request.address, cancel) as far:
            return run_drill(opened, task, monitor, far, cancel, reader_keys())


def repair(devices: Sequence[str], request: RepairRequest, monitor: Monitor) -> SessionReport:
    """Brings every copy back to what it was meant to hold.  devices: names or locations, none for
    all that the catalog knows.  Raises NotFoundError, UsageError."""
    from flowbackup.runtime.care.repair_reach import far_by
    from flowbackup.runtime.care.repairing import RepairTask, run_repair

    with open_shared(catalog_of(request.catalog), create=False) as opened:
        task = RepairTask(
            tuple(devices), request.objects, request.full, request.dry_run, request.wait_seconds_max
        )
        with interruptible_by_signals() as cancel, far_by(request.address, cancel) as far:
            return run_repair(opened, task, monitor, far=far, cancel=cancel)


def rebuild(
    devices: Sequence[str], monitor: Monitor, catalog: Path | None = None, *,
    mode: str = "fast", fresh: bool = False,
) -> SessionReport:  # fmt: skip
    """Takes what media tell over into the catalog, or into a new one.  devices: directories of
    media.  mode: fast (indexes), slow (all headers) or paranoid (all digests).  fresh: begin anew,
    and keep the present catalog under another name.  Raises DeviceError, CatalogError."""
    from flowbackup.media.checks.facts import Mode
    from flowbackup.runtime.care.rebuilding import RebuildTask, run_rebuild

    task = RebuildTask(catalog_of(catalog), tuple(devices), Mode(mode), fresh, reader_keys())
    with shared_claim(task.catalog), interruptible_by_signals() as cancel:
        return run_rebuild(task, monitor, cancel)


def status(query: str = "", catalog: Path | None = None) -> list[dict[str, Any]]:
    """What the running session `query` (id prefix, "latest") is doing, or all of them
    without one.  Raises NotFoundError, UsageError, PeerLostError."""
    from flowbackup.runtime.control.sessions import ask_session, states

    with open_catalog(catalog_of(catalog), create=False) as opened:
        if query:
            return [ask_session(opened, query, "status", {})]
        return states(opened)


def change_session(query: str, verb: str, catalog: Path | None = None, **arguments: object) -> str:
    """attach (device=, from_=, init=), detach (device=), limit (edge=, rate=: bytes per second, 0
    for no limit) or cancel (now=) of the running session `query`.  Returns the agent that came or
    went, or the coupling.  Raises as `status`, and what forbids it."""
    from flowbackup.runtime.control.sessions import ask_session

    sent = {name.rstrip("_"): value for name, value in arguments.items()}
    with open_catalog(catalog_of(catalog), create=False) as opened:
        answer = ask_session(opened, query, verb, sent)
        return str(answer.get("agent") or answer.get("edge", ""))


def entries(
    query: str, catalog: Path | None = None, *, recursive: bool = False, as_of: str = ""
) -> Iterator[Entry]:  # fmt: skip
    """The entries of OBJECT[:PATH], in path order.  as_of: of the version that was newest then."""
    name, under = split_query(query)
    with open_catalog(catalog_of(catalog), create=False) as opened:
        version = opened.resolve(name, as_of)
        yield from opened.entries(version, opened.path_meant(version, under), recursive=recursive)


def why(path: str, graph: Path | None = None, catalog: Path | None = None) -> list[Why]:
    """Which rule decided whether a path is backed up, for each object that has it: of the graph,
    or of those that were backed up here.  Raises NotFoundError, SourceError, GraphError."""
    from flowbackup.runtime.backup.why import why_by_catalog, why_by_plan

    if graph is not None:
        return why_by_plan(os.fsencode(path), load_plan(graph))
    with open_catalog(catalog_of(catalog), create=False) as opened:
        return why_by_catalog(os.fsencode(path), opened)


def lost_media(catalog: Path | None = None) -> list[LostMedium]:
    """The media of this machine that are not where they were, and the versions that they take
    along."""
    from flowbackup.runtime.reading.lost_media import lost_media as look

    with open_catalog(catalog_of(catalog), create=False) as opened:
        return list(look(opened))


def doctor() -> list[Check]:
    """Whether this machine can do what is asked of it; see Check."""
    return examine(catalog_of(None))
