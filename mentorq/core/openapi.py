"""The OpenAPI document: completed with what every operation shares, and with an example of every body."""

from typing import Any

from fastapi import FastAPI

from mentorq.core.errors import InvalidInput, NotSignedIn, TooManyRequests, Unavailable, problems
from mentorq.core.idempotency import LONGEST_KEY, InFlight

Json = dict[str, Any]

EXAMPLE_TIME = "2026-01-31T09:30:00Z"
BY_FORMAT = {"date-time": EXAMPLE_TIME, "uri": "https://mentorq.example.org"}
BY_TYPE: dict[str, Any] = {"integer": 12, "number": 0.5, "boolean": True, "string": "text", "null": None}
DEEPEST = 8
IDEMPOTENCY_KEY: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Any text of yours, kept for 24 hours: the same request with it gives the first answer again.",
    "schema": {"type": "string", "maxLength": LONGEST_KEY},
    "example": "6f1c2a9e-ask",
}


def complete(app: FastAPI, document: Json) -> Json:
    """Add the errors that any operation may give, and an example wherever JSON is sent or answered."""
    schemas: Json = document.get("components", {}).get("schemas", {})
    for path, operations in document["paths"].items():
        for operation in operations.values():
            _add_idempotency_key(operation)
            _add_common_errors(operation, has_parameters="{" in path)
            _add_examples(operation, schemas)
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    return document


def _add_common_errors(operation: Json, *, has_parameters: bool) -> None:
    common = [TooManyRequests, Unavailable]
    if operation.get("parameters") or operation.get("requestBody") or has_parameters:
        common.append(InvalidInput)
    else:
        operation["responses"].pop("422", None)
    if operation.get("security"):
        common += [NotSignedIn]
    for status, response in problems(*common).items():
        existing = operation["responses"].get(str(status))
        if existing is None or "HTTPValidationError" in str(existing):
            response.pop("model", None)
            operation["responses"][str(status)] = response
    for status, response in operation["responses"].items():
        if status >= "400":
            _describe_problem(response)
    operation["responses"] = dict(sorted(operation["responses"].items()))


def _add_idempotency_key(operation: Json) -> None:
    """Whatever creates can be sent again."""
    if "201" in operation["responses"]:
        operation.setdefault("parameters", []).append(IDEMPOTENCY_KEY)
        conflicts = operation["responses"].setdefault("409", {"description": "", "content": {}})
        media = conflicts["content"].setdefault("application/problem+json", {"examples": {}})
        (in_flight,) = problems(InFlight).values()
        conflicts["description"] = " · ".join(filter(None, [conflicts["description"], in_flight["description"]]))
        media["examples"] |= in_flight["content"]["application/problem+json"]["examples"]


def _describe_problem(response: Json) -> None:
    content = response.get("content", {})
    content.pop("application/json", None)
    content.setdefault("application/problem+json", {})["schema"] = {"$ref": "#/components/schemas/Problem"}
    response["content"] = content


def _add_examples(operation: Json, schemas: Json) -> None:
    bodies = [operation.get("requestBody", {})] + [
        response for status, response in operation["responses"].items() if status < "400"
    ]
    for body in bodies:
        for media in body.get("content", {}).values():
            if "schema" in media and "example" not in media and "examples" not in media:
                media["example"] = _with_nulls(example_of(media["schema"], schemas), media["schema"], schemas)


def example_of(schema: Json, schemas: Json, depth: int = 0) -> Any:
    """A value that fits a JSON schema: its own example where it has one, else made of its parts."""
    if depth > DEEPEST:
        return None
    known, value = _stated(schema)
    if known:
        return value
    part = _part(schema, schemas)
    if part is not None:
        return example_of(part, schemas, depth + 1)
    if schema.get("type") == "array":
        return [example_of(schema.get("items", {}), schemas, depth + 1)]
    if "properties" in schema:
        return {name: example_of(member, schemas, depth + 1) for name, member in schema["properties"].items()}
    return {} if schema.get("type") == "object" else _simple(schema)


def _with_nulls(value: Any, schema: Json, schemas: Json) -> Any:
    """FastAPI drops every null of the document, also those of examples: a member that must be there is null again."""
    while (part := _part(schema, schemas)) is not None:
        schema = part
    if isinstance(value, list):
        return [_with_nulls(each, schema.get("items", {}), schemas) for each in value]
    if not isinstance(value, dict):
        return value
    members: Json = schema.get("properties", {})
    there = {
        name: _with_nulls(value[name], members.get(name, {}), schemas) for name in value if value[name] is not None
    }
    return there | {name: None for name in members if name in schema.get("required", ()) and name not in there}


def _stated(schema: Json) -> tuple[bool, Any]:
    """What the schema itself gives as a value."""
    for several in ("examples", "enum"):
        if schema.get(several):
            return True, schema[several][0]
    for single in ("example", "const", "default"):
        if single in schema:
            return True, schema[single]
    return False, None


def _part(schema: Json, schemas: Json) -> Json | None:
    """The schema that stands for this one: what it refers to, or its first choice."""
    if "$ref" in schema:
        found: Json = schemas[schema["$ref"].rpartition("/")[2]]
        return found
    return next((schema[choice][0] for choice in ("anyOf", "oneOf", "allOf") if choice in schema), None)


def _simple(schema: Json) -> Any:
    return BY_FORMAT.get(schema.get("format", ""), BY_TYPE.get(schema.get("type", "")))
