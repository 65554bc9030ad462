"""Writes what the page's server offers as OpenAPI, from which the types of the page are made.

python -m flowbackup.ui.openapi [FILE]
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from flowbackup.spec.schema import graph_schema
from flowbackup.ui.app import make_app
from flowbackup.ui.settings import Settings

SPEC = "GraphSpec"
_HOME = "#/components/schemas/"
_SPEC_IN = ("Design", "EditDesign")
"""Whose `spec` it is; the server takes any JSON there, so that it can say what is wrong with it."""


def openapi() -> dict[str, Any]:
    """The same for every machine and version, so that a change of it is a change of the routes."""
    app = make_app(Settings(roots=(Path("/"),), state=Path("/nowhere")))
    described = app.openapi()
    described["info"]["version"] = "1"
    schemas = described["components"]["schemas"]
    schemas |= _spec_schemas()
    for name in _SPEC_IN:
        spec = schemas[name]["properties"]["spec"]
        ways = [part for part in spec.get("anyOf", ()) if part.get("type") == "null"]
        reference = {"$ref": f"{_HOME}{SPEC}"}
        schemas[name]["properties"]["spec"] = {"anyOf": [reference, *ways]} if ways else reference
    return described


def _spec_schemas() -> dict[str, Any]:
    """The models of a graph file, by their names."""
    text = json.dumps(graph_schema()).replace("#/$defs/", _HOME)
    schema = json.loads(text)
    parts = schema.pop("$defs")
    for key in ("$schema", "$id"):
        schema.pop(key)
    return {**parts, SPEC: {**schema, "title": SPEC}}


def openapi_text() -> str:
    """As it is kept beside the page's source."""
    return json.dumps(openapi(), indent=1, sort_keys=True) + "\n"


def main(arguments: list[str]) -> None:
    """To a file, or to standard output."""
    if arguments:
        Path(arguments[0]).write_text(openapi_text(), encoding="utf-8")
    else:
        sys.stdout.write(openapi_text())


if __name__ == "__main__":
    main(sys.argv[1:])
