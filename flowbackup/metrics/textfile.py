"""The file that node_exporter reads (--collector.textfile.directory): Prometheus' text format.

It is replaced as a whole: a scrape sees the old one or the new one.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from flowbackup.metrics.families import FAMILIES, GRAPH, Sample

_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


def text_of(samples: Iterable[Sample]) -> str:
    """Families in their order, each once."""
    lines: dict[str, list[str]] = {}
    for sample in samples:
        names = (GRAPH, *FAMILIES[sample.family].labels)
        values = (sample.graph, *sample.labels)
        pairs = ",".join(
            f'{name}="{value.translate(_ESCAPES)}"'
            for name, value in zip(names, values, strict=True)
        )
        line = f"{sample.family}{{{pairs}}} {_number(sample.value)}"
        lines.setdefault(sample.family, []).append(line)
    parts: list[str] = []
    for name, family in FAMILIES.items():
        if name in lines:
            parts += [f"# HELP {name} {family.help}", f"# TYPE {name} gauge", *lines[name]]
    return "\n".join(parts) + "\n"


def write_textfile(path: Path, samples: Iterable[Sample]) -> None:
    """Readable by everybody: node_exporter is somebody else.  Raises OSError."""
    text = text_of(samples)
    # Whoever collects *.prom passes over it until it has its name.
    with tempfile.NamedTemporaryFile(
        "w", dir=path.parent, prefix=f".{path.name}.", delete=False, encoding="utf-8"
    ) as file:
        try:
            file.write(text)
            file.flush()
            os.fchmod(file.fileno(), 0o644)
            os.replace(file.name, path)
        except BaseException:
            os.unlink(file.name)
            raise


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(float(value))
