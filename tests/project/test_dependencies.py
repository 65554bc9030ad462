"""Who installs flowbackup without the extras of its developers has everything that it imports."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEST_KIT = {"hypothesis", "pytest"}
"""flowbackup.testing is shipped, for people who have these."""
COMES_WITH = {"pydantic-core": "pydantic"}
"""One project in two packages of one version."""
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def imported(path: Path) -> Iterator[str]:
    """The first part of each module that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def distributions_of(modules: set[str]) -> set[str]:
    """Names of the packages that modules come from, as PyPI writes them."""
    known = packages_distributions()
    foreign = modules - set(sys.stdlib_module_names) - {"flowbackup"}
    missing = sorted(foreign - known.keys())
    assert not missing, f"not installed: {missing}"
    names = {plain(name) for module in foreign for name in known[module]}
    return {COMES_WITH.get(name, name) for name in names}


def plain(name: str) -> str:
    """A package's name as PyPI compares it."""
    return re.sub("[-_.]+", "-", name).lower()


def declared() -> set[str]:
    return {plain(re.split(r"[<>=!~\[; ]", line)[0]) for line in PROJECT["dependencies"]}


def test_what_is_imported_is_declared_and_nothing_else() -> None:
    modules = {name for path in (ROOT / "flowbackup").rglob("*.py") for name in imported(path)}
    assert distributions_of(modules - TEST_KIT) == declared()


@pytest.mark.parametrize("name", sorted(declared()))
def test_each_has_a_version_to_begin_with_and_one_that_is_locked(name: str) -> None:
    (line,) = (each for each in PROJECT["dependencies"] if plain(each).startswith(f"{name}>="))
    locked = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert re.search(rf"^{re.escape(name)}==\d", locked, re.MULTILINE), line
