"""flowbackup key: make keys, and say who may use them.  Passphrases never stand in arguments."""

from __future__ import annotations

import getpass
from pathlib import Path

import click

from flowbackup import api
from flowbackup.cli.columns import table
from flowbackup.cli.options import Command, Group, output_options
from flowbackup.cli.output import Output
from flowbackup.errors import EXIT_SUCCESS
from flowbackup.keys import KeyRow

HEADS = ("slot", "name", "opened by")
OPENED_BY = {"scrypt": "a passphrase", "age": "an identity of age"}

file_argument = click.argument("file", metavar="FILE", type=click.Path(path_type=Path))


@click.group(
    cls=Group,
    examples=("flowbackup key create site.key", "flowbackup key writer site.key --to web.key"),
)
def key() -> None:
    """Make keys for encryption, and say who may use them.

    A key file holds a key that passphrases open, or identities of age.  Its wrapped form goes with
    everything that is encrypted: media and a passphrase are enough to restore.  A passphrase is
    read from the file in FLOWBACKUP_PASSPHRASE_FILE, from what FLOWBACKUP_PASSPHRASE_COMMAND
    prints, from the systemd credential flowbackup-passphrase, or typed.
    """


@key.command(
    cls=Command,
    examples=(
        "flowbackup key create site.key",
        "flowbackup key create site.key --name safe",
    ),
)
@file_argument
@click.option("--name", default="", help="Of the passphrase; that of the user unless given.")
@output_options
@click.pass_obj
def create(output: Output, file: Path, name: str) -> int:
    """Make a new key, opened by a new passphrase, in FILE."""
    row = api.create_key(file, name or _user())
    output.row("key", _fields(row), f"key {row.key} made in {file}; lose the passphrase, lose all")
    return EXIT_SUCCESS


@key.command(
    cls=Command,
    examples=(
        "flowbackup key add site.key --name safe",
        "flowbackup key add site.key --name anna --recipient age1ql3z7hjy54pw3hyww5ayyf",
    ),
)
@file_argument
@click.option("--name", default="", help="Of the new slot; that of the user unless given.")
@click.option("--recipient", default="", metavar="AGE1...", help="Who has its identity opens it.")
@output_options
@click.pass_obj
def add(output: Output, file: Path, name: str, recipient: str) -> int:
    """Let one more passphrase open a key, or an identity of age.

    The new passphrase is read from the file in FLOWBACKUP_NEW_PASSPHRASE_FILE, or typed.  It opens
    what is written from now on; on media written before, those of then do.
    """
    return _show(api.add_slot(file, name or _user(), recipient), output)


@key.command(
    cls=Command,
    examples=("flowbackup key remove site.key anna", "flowbackup key remove site.key 3fa2"),
)
@file_argument
@click.argument("slot", metavar="SLOT")
@output_options
@click.pass_obj
def remove(output: Output, file: Path, slot: str) -> int:
    """Let a passphrase or identity open a key no more, by its name or the beginning of its slot.

    What was written before stays as it is: who has such a medium and the old passphrase reads it.
    If that must not be, make a new key and back up everything anew.
    """
    return _show(api.remove_slot(file, slot), output)


@key.command(
    cls=Command,
    examples=("flowbackup key writer site.key --to web.key", "flowbackup key list web.key"),
)
@file_argument
@click.option("--to", required=True, metavar="FILE", type=click.Path(path_type=Path))
@output_options
@click.pass_obj
def writer(output: Output, file: Path, to: Path) -> int:
    """Make a key for a client that may write, and not read.

    It needs no passphrase, and opens nothing: neither what others wrote nor what it wrote itself.
    """
    row = api.make_writer_key(file, to)
    output.row("key", _fields(row), f"writer key of key {row.key} made in {to}: it opens nothing")
    return EXIT_SUCCESS


@key.command(
    "list", cls=Command,
    examples=("flowbackup key list site.key", "flowbackup key list site.key --json"),
)  # fmt: skip
@file_argument
@output_options
@click.pass_obj
def list_slots(output: Output, file: Path) -> int:
    """List what opens a key."""
    return _show(api.key_row(file), output)


@key.command(
    cls=Command,
    examples=("flowbackup key check site.key", "flowbackup key check site.key --json"),
)
@file_argument
@output_options
@click.pass_obj
def check(output: Output, file: Path) -> int:
    """Open a key, as a restore would; exit code 12 if the passphrase does not."""
    row = api.check_key(file)
    output.row("key", _fields(row), f"key {row.key} opens")
    return EXIT_SUCCESS


def _show(row: KeyRow, output: Output) -> int:
    if output.json:
        output.row("key", _fields(row), "")
        return EXIT_SUCCESS
    output.remark(f"{'writer key of ' if row.is_writer else ''}key {row.key}")
    rows = [(slot.slot, slot.name, OPENED_BY.get(slot.kind, slot.kind)) for slot in row.slots]
    output.text(table(HEADS, rows))
    return EXIT_SUCCESS


def _fields(row: KeyRow) -> dict[str, object]:
    return {
        "key": row.key,
        "writer": row.is_writer,
        "slots": [{"slot": s.slot, "name": s.name, "kind": s.kind} for s in row.slots],
    }


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "somebody"
