"""What makes actors live, behind its port; and that Ray is imported only where it is needed."""

from __future__ import annotations

import subprocess
import sys

IMPORT_ALL = """
import pkgutil, sys
from importlib import import_module
import flowbackup.api, flowbackup.runtime as house

names = [found.name for found in pkgutil.walk_packages(house.__path__, "flowbackup.runtime.")]
for name in names:
    if not name.endswith((".lean_ray", ".on_ray", ".ray_nodes", ".ray_start")):
        import_module(name)
print(len(names) > 60, "ray" in sys.modules)
"""


def test_nothing_but_its_own_engine_imports_ray() -> None:
    found = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL], capture_output=True, text=True, check=True
    )
    assert found.stdout.split() == ["True", "False"]
