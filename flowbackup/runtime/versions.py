"""Which tools made a medium: written on it, for whoever reads it in twenty years."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

TOOLS = ("flowbackup", "ray", "pyarrow", "blake3", "xxhash")


def tool_versions() -> dict[str, str]:
    """Name -> version, Python included; "unknown" for what is not an installed package."""
    return {"python": platform.python_version()} | {tool: _version(tool) for tool in TOOLS}


def _version(tool: str) -> str:
    try:
        return version(tool)
    except PackageNotFoundError:
        return "unknown"
