"""The running server against its own OpenAPI document: whatever is sent, by anyone, is answered as it says."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings, strategies
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support.databases import settings_for
from tests.support.processes import Server

pytestmark = pytest.mark.filterwarnings("default")  # the libraries of the test itself warn

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
PASSWORD = "none-of-the-examples-9"  # else the example of DELETE /users/me would do as it says
TICKETS = 5
PEOPLE = ("nobody", "student", "mentor")
AREAS = ("auth", "users", "mentors", "reviews", "tickets", "tags", "knowledge", "notifications", "sessions", "insights")
bounded = settings(
    max_examples=20,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def contract_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a student's open, taken, solved, closed and reviewed tickets in it, and sessions in most states."""
    home = tmp_path_factory.mktemp("contract")
    mail = {"mail_url": "mailgun://key@mg.example.org", "mail_webhook_key": "a key that is not guessed"}
    with Server(settings_for(f"sqlite:///{home / 'mentorq.db'}", home, **mail)) as server:
        for name in ("student", "mentor"):
            body = {"username": name, "email": f"{name}@example.org", "password": PASSWORD, "role": name}
            assert httpx2.post(f"{server.url}/auth/signup", json=body).status_code == 201
        asker, helper = headers_of(server, "student"), headers_of(server, "mentor")
        for number in range(1, TICKETS + 1):
            question = {"title": f"Question {number}", "description": "Why?", "tags": ["python"]}
            assert httpx2.post(f"{server.url}/tickets", json=question, headers=asker).status_code == 201
        for number in (2, 3, 4, 5):
            httpx2.post(f"{server.url}/tickets/{number}/accept", headers=helper)
        for number in (3, 4, 5):
            answer = {"solution": "Because."}
            httpx2.post(f"{server.url}/tickets/{number}/resolve", json=answer, headers=helper)
        for number in (4, 5):
            assert httpx2.post(f"{server.url}/tickets/{number}/close", headers=asker).status_code == 200
        review = {"rating": 5, "comment": "Clear."}
        assert httpx2.post(f"{server.url}/tickets/4/review", json=review, headers=asker).status_code == 201
        for number in range(1, TICKETS + 1):
            wish = {"mentor_id": 2, "starts_at": (datetime.now(UTC) + timedelta(days=number)).isoformat()}
            assert httpx2.post(f"{server.url}/sessions", json=wish, headers=asker).status_code == 201
        for number, act in ((2, "accept"), (3, "decline"), (4, "cancel")):
            assert httpx2.post(f"{server.url}/sessions/{number}/{act}", headers=helper).status_code == 200
        yield server


def headers_of(server: Server, name: str) -> dict[str, str]:
    """A fresh sign-in: earlier ones may have been signed out by what was tried."""
    if name == "nobody":
        return {}
    answer = httpx2.post(f"{server.url}/auth/signin", data={"username": name, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def operations_of(server: Server, area: str) -> list[APIOperation[Any, Any, Any, Any]]:
    """The operations of an area; not a stream, whose answer never ends."""
    schema = schemathesis.openapi.from_url(f"{server.url}/openapi.json")
    found = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
    return [
        operation for operation in found if area in (operation.tags or []) and not operation.path.endswith("/stream")
    ]


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["fitting", "breaking"])
@pytest.mark.parametrize("area", AREAS)
def test_whatever_is_sent_is_answered_as_the_document_says(
    area: str, mode: GenerationMode, contract_server: Server
) -> None:
    operations = operations_of(contract_server, area)
    assert operations
    seen: set[int] = set()
    for operation in operations:
        takes_something = operation.body or operation.query or operation.path_parameters or operation.headers
        if mode is GenerationMode.POSITIVE or takes_something:
            seen |= _try(contract_server, operation, mode)
    assert min(seen) < 300 if mode is GenerationMode.POSITIVE else 422 in seen or 404 in seen, seen


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["fitting", "breaking"])
def test_whatever_providers_report_without_a_signature_is_refused(
    mode: GenerationMode, contract_server: Server
) -> None:
    seen: set[int] = set()
    for operation in operations_of(contract_server, "mail"):
        seen |= _try(contract_server, operation, mode)
    assert (
        {403, 404} <= seen <= {403, 404, 415, 422} if mode is GenerationMode.POSITIVE else seen <= {403, 404, 415, 422}
    )


def _try(server: Server, operation: APIOperation[Any, Any, Any, Any], mode: GenerationMode) -> set[int]:
    """Try one operation; returns the statuses that were seen."""
    seen: set[int] = set()
    headers = {name: headers_of(server, name) for name in PEOPLE}

    @given(
        case=operation.as_strategy(generation_mode=mode),
        name=strategies.sampled_from(PEOPLE),
        number=strategies.integers(1, TICKETS + 1),
    )
    @bounded
    def holds(case: Case[Any], name: str, number: int) -> None:
        if mode is GenerationMode.POSITIVE:
            for parameter in set(case.path_parameters or {}) & {"ticket_id", "mentor_id", "user_id", "session_id"}:
                case.path_parameters[parameter] = number  # one that exists, else nearly all would be 404
        case.headers.pop("Authorization", None)
        seen.add(case.call_and_validate(base_url=server.url, headers=headers[name], checks=CHECKS).status_code)

    try:
        holds()
    except Exception as error:
        error.add_note(f"{operation.label} by {PEOPLE}, {mode}")
        raise
    return seen
