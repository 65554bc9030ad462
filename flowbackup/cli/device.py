"""flowbackup device: make, list and show media."""

from __future__ import annotations

from pathlib import Path

import click

from flowbackup import api
from flowbackup.cli.columns import table
from flowbackup.cli.names import long_id, short_id, time_text
from flowbackup.cli.options import Command, Group, catalog_option, output_options
from flowbackup.cli.output import Output
from flowbackup.errors import EXIT_SUCCESS
from flowbackup.model.device import MediumInfo
from flowbackup.units import format_size

HEADS = ("device", "pool", "medium", "made", ">free", "node", "location")


@click.group(
    cls=Group,
    examples=("flowbackup device init /mnt/nas", "flowbackup device list"),
)
def device() -> None:
    """Make, list and show devices and their media."""


@device.command(
    cls=Command,
    examples=(
        "flowbackup device init /mnt/nas",
        "flowbackup device init /mnt/usb --name usb --pool offsite",
    ),
)
@click.argument("location", metavar="DIR")
@click.option("--name", default="", help="The device's name; else that of the directory.")
@click.option("--pool", default="default", show_default=True, help="The pool of the medium.")
@output_options
@click.pass_obj
def init(output: Output, location: str, name: str, pool: str) -> int:
    """Make a medium in the directory DIR."""
    medium = api.init_device(location, name, pool)
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
            output.row("device", medium_fields(row), "")
    elif rows:
        output.text(table(HEADS, [_cells(row) for row in rows]))
    else:
        output.remark("no devices yet; flowbackup device init DIR makes a medium")
    return EXIT_SUCCESS


@device.command(
    cls=Command,
    examples=("flowbackup device show /mnt/nas", "flowbackup device show /mnt/usb --json"),
)
@click.argument("location", metavar="DIR")
@output_options
@click.pass_obj
def show(output: Output, location: str) -> int:
    """Show what the label of the medium in DIR says."""
    medium = api.show_device(location)
    output.row("device", medium_fields(medium), medium_text(medium))
    return EXIT_SUCCESS


def medium_fields(medium: MediumInfo) -> dict[str, object]:
    return {
        "device": medium.device,
        "medium": long_id(medium.medium),
        "pool": medium.pool,
        "location": medium.location,
        "node": medium.node,
        "format": f"{medium.format_major}.{medium.format_minor}",
        "block_bytes": medium.block_bytes,
        "free_bytes": medium.free_bytes if medium.free_bytes >= 0 else None,
        "created_ns": medium.created_ns,
    }


def medium_text(medium: MediumInfo) -> str:
    lines = (
        ("device", medium.device),
        ("medium", long_id(medium.medium)),
        ("pool", medium.pool),
        ("location", medium.location),
        ("node", medium.node),
        ("format", f"{medium.format_major}.{medium.format_minor}"),
        ("block", format_size(medium.block_bytes)),
        ("free", _free_text(medium)),
        ("made", time_text(medium.created_ns)),
    )
    return "\n".join(f"{name:<10}{value}" for name, value in lines)


def _free_text(medium: MediumInfo) -> str:
    return format_size(medium.free_bytes) if medium.free_bytes >= 0 else "unknown"


def _cells(medium: MediumInfo) -> tuple[str, ...]:
    return (
        medium.device,
        medium.pool,
        short_id(medium.medium),
        time_text(medium.created_ns),
        _free_text(medium),
        medium.node,
        medium.location,
    )
