"""The first try: some data, temporary devices, and a chain of three between them."""

from __future__ import annotations

import random
import shutil
import tempfile
from pathlib import Path

from flowbackup.ui.refusal import Refused
from flowbackup.ui.starting import templates
from flowbackup.units import KIB, MIB

CHAIN = "cascade"
TEXTS, TEXT_BYTES = 60, 20 * KIB
LARGE_BYTES = 48 * MIB
"""Enough frames that one sees them go from level to level."""


def make_demo(folder: Path) -> Path:
    """A new folder in `folder`, with data and a graph file, which is returned.  Raises Refused
    where there is no room for it."""
    try:
        place = Path(tempfile.mkdtemp(prefix="flowbackup-demo-", dir=folder))
        try:
            return _filled(place)
        except OSError:
            shutil.rmtree(place, ignore_errors=True)
            raise
    except OSError as fault:
        raise Refused(
            507, "room", f"nothing can be written to {folder}: {fault.strerror}",
            "make room there, and try again",
        ) from fault  # fmt: skip


def _filled(place: Path) -> Path:
    documents = place / "documents"
    chosen = random.Random(place.name)
    words = ("buffer", "chain", "mirror", "device", "frame", "copy", "level", "medium")
    for number in range(TEXTS):
        path = documents / f"chapter-{number // 10 + 1}" / f"page-{number % 10 + 1}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        text = " ".join(chosen.choices(words, k=TEXT_BYTES // 7))
        path.write_text(text, encoding="utf-8")
    with open(documents / "film.bin", "wb") as film:
        for _ in range(LARGE_BYTES // MIB):
            film.write(chosen.randbytes(MIB))
    graph = place / "demo.yaml"
    template = next(item for item in templates() if item.name == CHAIN)
    graph.write_text(template.text.replace(f"graph: {CHAIN}", "graph: demo"), encoding="utf-8")
    return graph
