"""A checker for the part of JSON Schema that docs/reference/json.md uses; any other keyword is an error."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TYPES: dict[str, tuple[type, ...]] = {
    "null": (type(None),),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "string": (str,),
    "array": (list,),
    "object": (dict,),
}
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
KNOWN = {
    "$id", "$ref", "additionalProperties", "allOf", "description", "enum", "format", "items", "maximum", "minimum",
    "pattern", "properties", "required", "type",
}  # fmt: skip


def faults(value: object, schema: Mapping[str, Any], schemas: Mapping[str, Any], at: str = "$") -> Iterator[str]:
    """Yield what is wrong with a value, each with its place; `schemas` holds what `$ref` may name."""
    assert schema.keys() <= KNOWN, schema.keys() - KNOWN
    for other in schema.get("allOf", ()):
        yield from faults(value, other, schemas, at)
    if "$ref" in schema:
        yield from faults(value, schemas[schema["$ref"]], schemas, at)
    if "type" in schema and not _has_type(value, schema["type"]):
        yield f"{at}: {value!r} is not {schema['type']}"
    elif "enum" in schema and value not in schema["enum"]:
        yield f"{at}: {value!r} is none of {schema['enum']}"
    elif isinstance(value, dict):
        yield from _object_faults(value, schema, schemas, at)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from faults(item, schema.get("items", {}), schemas, f"{at}[{index}]")
    elif not _is_plain_value_allowed(value, schema):
        yield f"{at}: {value!r} is not allowed"


def _object_faults(
    value: Mapping[str, Any], schema: Mapping[str, Any], schemas: Mapping[str, Any], at: str
) -> Iterator[str]:
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{at}.{name} is missing"
    described = schema.get("properties", {})
    others = schema.get("additionalProperties", True)
    for name, item in value.items():
        if name in described:
            yield from faults(item, described[name], schemas, f"{at}.{name}")
        elif others is False:
            yield f"{at}.{name} is not described"
        elif others is not True:
            yield from faults(item, others, schemas, f"{at}.{name}")


def _is_plain_value_allowed(value: object, schema: Mapping[str, Any]) -> bool:
    match value:
        case str():
            instant = schema.get("format") != "date-time" or INSTANT.fullmatch(value)
            return bool(instant and re.search(schema.get("pattern", ""), value))
        case int() | float():
            return bool(schema.get("minimum", value) <= value <= schema.get("maximum", value))
    return True


def _has_type(value: object, names: str | list[str]) -> bool:
    wanted = [names] if isinstance(names, str) else names
    return any(isinstance(value, TYPES[name]) and (name == "boolean" or not isinstance(value, bool)) for name in wanted)
