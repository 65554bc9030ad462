"""The JSON Schema of a graph file, for editors and forms."""

from __future__ import annotations

from typing import cast

from pydantic.json_schema import JsonSchemaValue

from flowbackup.spec.models import GraphSpec

SCHEMA_ID = "https://flowbackup.io/schema/graph-1.json"


def graph_schema() -> dict[str, object]:
    """JSON Schema, draft 2020-12.  It knows keys, kinds and limits; `graph check` knows more."""
    schema: JsonSchemaValue = GraphSpec.model_json_schema(by_alias=True, mode="validation")
    coupling = schema["$defs"]["CouplingSpec"]
    schema["properties"]["couplings"]["items"] = {
        "anyOf": [
            {"type": "string", "examples": ["primary -> offsite"]},
            {"$ref": "#/$defs/CouplingSpec"},
        ]
    }
    coupling.setdefault("description", "An edge from buffers to buffers.")
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA_ID}
    return cast("dict[str, object]", {**head, **schema, "title": "flowbackup graph"})
