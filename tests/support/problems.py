"""What every error must look like."""

from typing import Any

import httpx2

from mentorq.core.errors import Problem


def problem(answer: httpx2.Response, status: int, code: str | None = None) -> dict[str, Any]:
    """The problem document of an answer that must be one, with this status and code."""
    assert answer.status_code == status, (answer.status_code, answer.text[:500])
    assert answer.headers["Content-Type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    Problem.model_validate(document)
    assert document["status"] == status
    assert document["request_id"] == answer.headers["X-Request-Id"] != ""
    assert answer.headers["Cache-Control"] == "no-store"
    if code is not None:
        assert document["code"] == code, document
    return document


def fields(answer: httpx2.Response) -> set[str]:
    """The pointers of the fields that a 422 complains about."""
    return {error["pointer"] for error in problem(answer, 422)["errors"]}
