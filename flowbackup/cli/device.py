"""flowbackup device: make, list, show and measure devices and their media."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from flowbackup import api
from flowbackup.api.rows import medium_fields, medium_row_fields
from flowbackup.catalog.rows import MediumRow, VerifiedRow
from flowbackup.cli.columns import table
from flowbackup.cli.names import long_id, short_id, time_text
from flowbackup.cli.options import Command, Duration, Group, Size, catalog_option, output_options
from flowbackup.cli.output import Output
from flowbackup.errors import EXIT_SUCCESS
from flowbackup.model.device import DEFAULT_BLOCK_BYTES, MediumInfo
from flowbackup.units import GIB, counted, format_rate, format_size

HEADS = ("device", "pool", "set", "medium", "made", ">free", "verified", "node", "location")


@click.group(
    cls=Group,
    examples=("flowbackup device init /mnt/nas", "flowbackup device list"),
)
def device() -> None:
    """Make, list, show and measure devices and their media."""


@device.command(
    cls=Command,
    examples=(
        "flowbackup device init /mnt/vault --pool offsite --media-size 100GiB",
        "flowbackup device init tape:///dev/nst0",
    ),
)
@click.argument("location", metavar="DIR")
@click.option("--name", default="", help="The device's name; else that of the directory.")
@click.option("--pool", default="default", show_default=True, help="The pool of the medium.")
@click.option(
    "--media-size",
    type=Size(),
    default=0,
    help="Of one medium: DIR then holds a set of media, and an object may lie on several.",
)
@click.option(
    "--block-size",
    type=Size(),
    default=DEFAULT_BLOCK_BYTES,
    help="Everything on the medium begins at a multiple of this: 4 KiB, on tapes 64 KiB.",
)
@click.option(
    "--virtual",
    type=click.IntRange(1, 10_000),
    metavar="TAPES",
    help="Make a directory with so many virtual tapes first, of --media-size each.",
)
@output_options
@click.pass_obj
def init(
    output: Output, location: str, name: str, pool: str, media_size: int, block_size: int,
    virtual: int | None,
) -> int:  # fmt: skip
    """Make a medium in the directory DIR, or of the blank tape in the drive tape://DRIVE."""
    if virtual:
        api.make_virtual_tapes(location, virtual, media_size or GIB)
        media_size = 0
    medium = api.init_device(location, name, pool, media_bytes=media_size, block_bytes=block_size)
    text = f"medium {short_id(medium.medium)} made in {medium.location} (pool {medium.pool})"
    output.row("device", medium_fields(medium), text)
    return EXIT_SUCCESS


@device.command(
    "list", cls=Command, examples=("flowbackup device list", "flowbackup device list --json")
)
@catalog_option
@output_options
@click.pass_obj
def list_devices(output: Output, catalog: Path | None) -> int:
    """List the media that the catalog knows."""
    rows = api.devices(catalog)
    if output.json:
        for row in rows:
            output.row("device", medium_row_fields(row), "")
    elif rows:
        output.text(table(HEADS, [_cells(row) for row in rows]))
    else:
        output.remark("no devices yet; flowbackup device init DIR makes a medium")
    return EXIT_SUCCESS


@device.command(
    cls=Command,
    examples=("flowbackup device show /mnt/nas", "flowbackup device show usb --json"),
)
@click.argument("device", metavar="DEVICE")
@catalog_option
@output_options
@click.pass_obj
def show(output: Output, device: str, catalog: Path | None) -> int:
    """Show what the label of a medium says, and what the catalog knows of it.

    DEVICE is a directory, or the name of a device that the catalog knows.
    """
    row = api.show_device(device, catalog)
    output.row("device", medium_row_fields(row), medium_text(row))
    return EXIT_SUCCESS


@device.command(
    cls=Command,
    short_help="Measure how fast a device writes.",
    examples=(
        "flowbackup device measure /mnt/usb",
        "flowbackup device measure --graph nightly.yaml",
    ),
)
@click.argument("devices", metavar="[DEVICE]...", nargs=-1)
@click.option(
    "--graph", type=click.Path(path_type=Path), metavar="FILE",
    help="DEVICE are names in this graph, none for all on this machine; their rates are written "
    "into it.",
)  # fmt: skip
@click.option("--seconds", type=Duration(), default=5.0, help="How long it writes; 5s if not said.")
@click.option("--size", type=Size(), default=2 * GIB, help="Or how much; 2 GiB if not said.")
@output_options
@click.pass_obj
def measure(
    output: Output, devices: tuple[str, ...], graph: Path | None, seconds: float, size: int
) -> int:
    """Measure how fast each DEVICE writes: a directory, or with --graph the name of a device.

    A temporary folder is made there, written to as a session does, and removed.  Media and what is
    on them are not touched.
    """
    if graph is None and not devices:
        raise click.UsageError("name a directory, or a graph file with --graph")
    named = (
        [(target.location, target.name, target.rate_limit) for target in
         api.devices_of_graph(graph, devices)]
        if graph is not None
        else [(place, "", 0) for place in devices]
    )  # fmt: skip
    rates: dict[str, int] = {}
    for place, name, limit in named:
        found = api.measure_device(
            place, name=name, bytes_max=size, seconds_max=seconds, rate_limit=limit
        )
        rates[found.device] = rounded(found.rate)
        text = (
            f"{found.device}: {format_rate(found.rate)}, a sync takes "
            f"{found.sync_seconds * 1000:.0f} ms ({format_size(found.bytes_written)} in "
            f"{found.seconds:.1f} s)"
        )
        output.row("measured", asdict(found), text)
    if graph is not None:
        api.write_rates(graph, rates)
        output.remark(f"rates written to {graph}")
    return EXIT_SUCCESS


def rounded(rate: float) -> int:
    """Three digits: nobody measures better than that."""
    step: int = 10 ** max(0, len(str(int(rate))) - 3)
    return round(rate / step) * step


def medium_text(row: MediumRow) -> str:
    medium = row.info
    lines = (
        ("device", medium.device),
        ("medium", long_id(medium.medium)),
        ("pool", medium.pool),
        ("set", _set_text(medium)),
        ("location", medium.location),
        ("node", medium.node),
        ("format", f"{medium.format_major}.{medium.format_minor}"),
        ("block", format_size(medium.block_bytes)),
        ("free", _free_text(medium)),
        ("made", time_text(medium.created_ns)),
        ("verified", _verified_text(row.verified)),
    )
    return "\n".join(f"{name:<10}{value}" for name, value in lines)


def _set_text(medium: MediumInfo) -> str:
    member = medium.membership
    if member is None:
        return "-"
    size = (
        f"of {format_size(member.media_bytes)}" if member.media_bytes else "as much as goes on it"
    )
    return f"{long_id(member.set_id)}, medium {member.number}, {size}"


def _free_text(medium: MediumInfo) -> str:
    return format_size(medium.free_bytes) if medium.free_bytes >= 0 else "unknown"


def _verified_text(known: VerifiedRow | None) -> str:
    """Since when all of it counts as verified, or how much of it was so far."""
    if known is None or not known.frames:
        return "-"
    text = time_text(known.oldest_ns)
    if known.frames_verified < known.frames:
        text = f"{known.frames_verified} of {counted(known.frames, 'frame')}"
    return f"{text}, {known.frames_damaged} damaged" if known.frames_damaged else text


def _cells(row: MediumRow) -> tuple[str, ...]:
    medium = row.info
    return (
        medium.device,
        medium.pool,
        f"{short_id(m.set_id)}/{m.number}" if (m := medium.membership) else "-",
        short_id(medium.medium),
        time_text(medium.created_ns),
        _free_text(medium),
        _verified_text(row.verified),
        medium.node,
        medium.location,
    )
