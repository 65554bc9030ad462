"""Which tools made a medium: written on it, for whoever reads it in twenty years."""

from __future__ import annotations

import platform

TOOLS = ("flowbackup", "ray", "pyarrow", "blake3", "xxhash")


def tool_versions() -> dict[str, str]:
    """Name -> version, Python included; "unknown" for what is not an installed package."""
    return {"python": platform.python_version()} | {tool: version_of(tool) for tool in TOOLS}


def version_of(tool: str) -> str:
    """ "unknown" for what is not an installed package."""
    # A hundredth of a second, which commands that only look or restore need not wait for.
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415

    try:
        return version(tool)
    except PackageNotFoundError:
        return "unknown"
