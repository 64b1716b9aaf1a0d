"""The OpenAPI document is complete, its examples fit, and the answers of the hot routes fit it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from jsonschema import Draft202012Validator, FormatChecker

from tests.support.people import Join, solve

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]

Json = dict[str, Any]


@pytest.fixture
def document(app: FastAPI) -> Json:
    """The document, as clients get it."""
    found: Json = json.loads(json.dumps(app.openapi()))
    return found


def operations(document: Json) -> Iterator[tuple[str, Json]]:
    """Every operation with its name."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def complaints(document: Json, schema: Json, value: object) -> list[str]:
    """Why a value does not fit a schema of the document."""
    validator = Draft202012Validator(schema | {"components": document["components"]}, format_checker=FormatChecker())
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]


def bodies(operation: Json) -> Iterator[tuple[str, str, Json]]:
    """Every body that an operation takes or gives: where, its type, and its description."""
    for kind, media in operation.get("requestBody", {}).get("content", {}).items():
        yield "request", kind, media
    for status, response in operation["responses"].items():
        for kind, media in response.get("content", {}).items():
            yield status, kind, media


def examples(media: Json) -> list[object]:
    """The examples of a body."""
    several = [each["value"] for each in media.get("examples", {}).values()]
    return [media["example"]] if "example" in media else several


async def test_it_is_openapi_3_1_and_served_as_it_is(client: httpx2.AsyncClient, document: Json) -> None:
    assert document["openapi"].startswith("3.1.")
    answer = await client.get("/openapi.json")
    assert (answer.status_code, answer.json()) == (200, document)
    assert {"title", "version", "description", "summary"} <= set(document["info"])


async def test_every_operation_says_what_it_is(document: Json) -> None:
    ids = [operation["operationId"] for _, operation in operations(document)]
    assert len(ids) == len(set(ids)) > 30
    for name, operation in operations(document):
        assert operation["summary"], name
        assert operation["description"].rstrip().endswith("."), name
        assert operation["tags"], name
        assert len([status for status in operation["responses"] if status < "400"]) == 1, name


async def test_every_error_is_a_problem_document_with_an_example(document: Json) -> None:
    for name, operation in operations(document):
        errors = {status: response for status, response in operation["responses"].items() if status >= "400"}
        assert {"429", "503"} <= set(errors), name
        assert ("401" in errors) or not operation.get("security"), name
        assert ("422" in errors) or not (operation.get("parameters") or operation.get("requestBody")), name
        for status, response in errors.items():
            assert list(response["content"]) == ["application/problem+json"], (name, status)
            media = response["content"]["application/problem+json"]
            assert examples(media), (name, status)
            assert all(example["status"] == int(status) for example in examples(media)), (name, status)  # type: ignore[index]
            assert response["description"], (name, status)
    assert "HTTPValidationError" not in json.dumps(document)


async def test_every_body_has_an_example_and_every_example_fits(document: Json) -> None:
    wrong = []
    for name, operation in operations(document):
        for where, kind, media in bodies(operation):
            if "json" in kind and not examples(media):
                wrong.append(f"{name} {where}: no example")
            for example in examples(media):
                wrong += [f"{name} {where}: {each}" for each in complaints(document, media["schema"], example)]
    assert not wrong, "\n".join(wrong)


async def test_every_parameter_is_described_by_a_schema_whose_examples_fit(document: Json) -> None:
    for name, operation in operations(document):
        for parameter in operation.get("parameters", []):
            assert parameter["schema"], name
            for example in parameter["schema"].get("examples", []):
                assert complaints(document, parameter["schema"], example) == [], (name, parameter["name"])


async def test_every_reference_leads_somewhere_and_nothing_is_left_over(document: Json) -> None:
    text = json.dumps(document)
    for name in document["components"]["schemas"]:
        assert f'"#/components/schemas/{name}"' in text, f"{name} is not used"
    used = {part.split('"')[0] for part in text.split('"#/components/schemas/')[1:]}
    assert used == set(document["components"]["schemas"])


async def test_it_is_the_same_in_every_process(document: Json, tmp_path: object) -> None:
    script = (
        "import json\nfrom mentorq.main import create_app\nfrom mentorq.settings import Settings\n"
        "settings = Settings(database_url='sqlite:///x.db', log_level='error')\n"
        "print(json.dumps(create_app(settings).openapi()))"
    )
    made = subprocess.run([sys.executable, "-c", script], cwd=str(tmp_path), capture_output=True, check=True).stdout
    assert made.decode().strip() == json.dumps(document)


async def test_answers_of_the_hot_routes_fit_their_schema(document: Json, student: Join, mentor: Join) -> None:
    ana, ben = await student(), await mentor(skills=["python"])
    ids = [(await ana.ask(is_anonymous=True))["id"], (await ana.ask())["id"], (await solve(ana, ben))["id"]]
    ids.append((await solve(ana, ben, close=True))["id"])
    await ben.expect(200, "POST", f"/tickets/{ids[1]}/accept")
    await ben.expect(201, "POST", f"/tickets/{ids[1]}/messages", {"body": "Hello"})
    asked = [("/tickets/{ticket_id}", f"/tickets/{number}") for number in ids]
    asked += [
        ("/tickets", path) for path in ("/tickets", "/tickets?sort=oldest", "/tickets?limit=1", "/tickets?q=list")
    ]
    asked += [("/tickets/me", "/tickets/me"), ("/tickets/{ticket_id}/messages", f"/tickets/{ids[1]}/messages")]
    asked += [("/tickets/{ticket_id}/events", f"/tickets/{number}/events") for number in ids]
    asked += [
        ("/tags", "/tags"),
        ("/mentors", "/mentors"),
        ("/users/{user_id}", f"/users/{ana.id}"),
        ("/auth/me", "/auth/me"),
    ]
    wrong = []
    for template, path in asked:
        schema = document["paths"][template]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        for person in (ana, ben):
            answer = await person.get(path)
            if answer.status_code == 200:
                wrong += [f"{path}: {each}" for each in complaints(document, schema, answer.json())]
            else:
                assert answer.status_code in (403, 404), path
    ranked = await ben.expect(200, "GET", "/tickets?sort=match")
    schema = document["paths"]["/tickets"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    wrong += complaints(document, schema, ranked)
    assert ranked["items"]
    assert not wrong, "\n".join(wrong)
