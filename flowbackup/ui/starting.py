"""Templates: graphs to start from, each with its title in the first line."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from flowbackup.ui.values.design import Template

FOLDER = Path(__file__).parent / "templates"


@cache
def templates() -> list[Template]:
    """The simplest first."""
    return [_template(path) for path in sorted(FOLDER.glob("*.yaml"))]


def _template(path: Path) -> Template:
    """Called as its file behind the number that sorts it."""
    text = path.read_text(encoding="utf-8")
    title = text.partition("\n")[0].removeprefix("#").strip()
    return Template(name=path.stem.partition("-")[2], title=title, text=text)
