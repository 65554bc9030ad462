"""Other packages that are installed here: what they bring by entry points, and what of them is not
wanted."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType

PANDAS = "pandas"
BLAS_THREADS = "OPENBLAS_NUM_THREADS"


def brought(group: str, name: str) -> EntryPoint | None:
    """What a package brings under this name.  It may import whatever it wants to."""
    found = tuple(entry_points(group=group, name=name))
    if found and _WITHOUT_PANDAS in sys.meta_path:
        sys.meta_path.remove(_WITHOUT_PANDAS)
    return found[0] if found else None


def all_brought(group: str) -> str:
    """The names of everything that packages bring, as in "a, b"."""
    return ", ".join(sorted(entry.name for entry in entry_points(group=group)))


def spare_pandas() -> None:
    """For processes that are nobody else's.  Where pandas is installed pyarrow imports it, to make
    an array of a list: half a second of every command, for nothing."""
    if _WITHOUT_PANDAS not in sys.meta_path:
        sys.meta_path.insert(0, _WITHOUT_PANDAS)


def spare_blas() -> None:
    """For processes that are nobody else's, before numpy is imported.  Its library of linear
    algebra starts a thread for each processor when it is loaded, a third of the time that numpy
    takes, and nobody here has matrices.  Only C sees the variable: commands of the user, which get
    what stands in `os.environ`, do not."""
    if BLAS_THREADS not in os.environ:
        os.putenv(BLAS_THREADS, "1")


class _WithoutPandas:
    """Of the importing protocol: says that it is not installed."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> None:
        if name == PANDAS:
            raise ModuleNotFoundError(f"{name} is not used here", name=name)


_WITHOUT_PANDAS = _WithoutPandas()
