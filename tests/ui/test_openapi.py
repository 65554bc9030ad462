"""What the page's source knows of the server is what the server offers."""

from __future__ import annotations

from pathlib import Path

import flowbackup.ui
from flowbackup.ui.openapi import openapi, openapi_text

KEPT = Path(flowbackup.ui.__file__).parent / "page" / "src" / "api" / "openapi.json"


def test_what_is_kept_beside_the_page_is_what_there_is() -> None:
    assert KEPT.read_text() == openapi_text(), f"run python -m flowbackup.ui.openapi {KEPT}"


def test_a_spec_has_the_shape_of_a_graph_file() -> None:
    schemas = openapi()["components"]["schemas"]
    spec = {"$ref": "#/components/schemas/GraphSpec"}
    assert schemas["EditDesign"]["properties"]["spec"] == spec
    assert spec in schemas["Design"]["properties"]["spec"]["anyOf"]
    assert "mirror_groups" in schemas["GraphSpec"]["properties"]
    assert "MirrorGroupSpec" in schemas


def test_routes_have_names_of_their_own_and_lists_a_limit() -> None:
    paths = openapi()["paths"]
    ways = [way for each in paths.values() for way in each.values()]
    names = [way["operationId"] for way in ways]
    assert len(set(names)) == len(names)
    for path, each in paths.items():
        for way in each.values():
            for parameter in way.get("parameters", ()):
                if parameter["name"] == "limit":
                    assert parameter["schema"]["maximum"] == 200, path
