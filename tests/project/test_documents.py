"""What the documents say is true: their commands exist, their links lead somewhere."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from flowbackup import errors
from flowbackup.cli.main import commands

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(ROOT.glob("cluster/*.md"))]
LINK = re.compile(r"\]\((?!https?://)([^)#]+)")


def code_blocks(document: Path) -> list[str]:
    return re.findall(r"```(?:sh|console)\n(.*?)```", document.read_text(), flags=re.DOTALL)


def command_lines() -> list[str]:
    """Every flowbackup and make call of a code block, continued lines joined."""
    lines: list[str] = []
    for document in DOCUMENTS:
        for block in code_blocks(document):
            for line in block.replace("\\\n", " ").splitlines():
                words = line.strip().removeprefix("$ ").split("#")[0].strip()
                if words.startswith(("flowbackup ", "make ")):
                    lines.append(words)
    return lines


@pytest.mark.parametrize("line", [line for line in command_lines() if line.startswith("flow")])
def test_a_command_of_the_documents_can_be_called(line: str) -> None:
    words = shlex.split(line.split("|")[0].split(" > ")[0])[1:]
    command: click.Command = commands
    while isinstance(command, click.Group):
        below = command.get_command(click.Context(command), words.pop(0))
        assert below is not None, line
        command = below
    with command.make_context("documents", words):
        pass


@pytest.mark.parametrize("line", [line for line in command_lines() if line.startswith("make")])
def test_a_target_of_the_documents_exists(line: str) -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    assert line.split()[1] in targets


def test_the_readme_names_its_two_commands() -> None:
    assert {"make demo", "make test"} <= set(command_lines())


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    for target in LINK.findall(document.read_text()):
        assert (document.parent / target).exists(), target


def test_the_readme_has_every_exit_code() -> None:
    text = (ROOT / "README.md").read_text()
    table = {int(code) for code in re.findall(r"^\| (\d+) \|", text, flags=re.MULTILINE)}
    defined = {value for name, value in vars(errors).items() if name.startswith("EXIT_")}
    assert table == defined
