"""Domain errors and the one place where they become RFC 9457 problem documents."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar, TypedDict, cast

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection


class FieldError(TypedDict):
    """What is wrong with one field; `pointer` is an RFC 6901 pointer into the body or a parameter's name."""

    pointer: str
    detail: str


class DomainError(Exception):
    """Something that the rules do not allow. Subclasses say what, by `status`, `code` and a sentence for people."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    keeps_changes: ClassVar[bool] = False
    """Whether what was written before the error is committed all the same: for refusals that must leave a trace."""
    detail: str = "Something went wrong on our side."

    def __init__(
        self,
        detail: str | None = None,
        *,
        errors: list[FieldError] | None = None,
        headers: Mapping[str, str] | None = None,
        **extra: object,
    ) -> None:
        self.detail = detail or type(self).detail
        self.errors = errors
        self.headers = dict(headers or {})
        self.extra = extra
        super().__init__(self.detail)


class InvalidInput(DomainError):
    """The request does not fit the contract."""

    status = 422
    code = "invalid_input"
    detail = "Some of what was sent is not valid."
    example: ClassVar[list[FieldError]] = [
        {"pointer": "/title", "detail": "String should have at least 1 character"},
    ]
    """What `errors` may be, for the document."""

    @classmethod
    def of(cls, pointer: str, detail: str) -> "InvalidInput":
        """One field is wrong."""
        return cls(detail, errors=[{"pointer": pointer, "detail": detail}])


class NotSignedIn(DomainError):
    """Who asks is unknown."""

    status = 401
    code = "not_signed_in"
    detail = "Sign in first: this needs a valid access token."

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": "Bearer"})


class Forbidden(DomainError):
    """Known, but not allowed."""

    status = 403
    code = "forbidden"
    detail = "You may not do this."


class NotFound(DomainError):
    """There is none, or none that the viewer may know of."""

    status = 404
    code = "not_found"
    detail = "There is nothing here, or nothing that you may see."


class PreconditionFailed(DomainError):
    """If-Match names a version that is no longer the current one."""

    status = 412
    code = "precondition_failed"
    detail = "It has changed since you read it. Read it again, then repeat your change."


class BodyTooLarge(DomainError):
    """The request's body is over the limit."""

    status = 413
    code = "body_too_large"
    detail = "What was sent is larger than allowed."


class TooManyRequests(DomainError):
    """A limit is used up; `Retry-After` says when to come back."""

    status = 429
    code = "too_many_requests"
    detail = "Too many requests. Wait a little, then try again."


class Unavailable(DomainError):
    """Something we depend on does not answer; nothing was changed."""

    status = 503
    code = "unavailable"
    detail = "The service is briefly unavailable. Nothing was changed; please try again."

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail, headers={"Retry-After": "2"})


class FieldProblem(BaseModel):
    """`FieldError`, as the document describes it."""

    pointer: str = Field(examples=["/tags/0"])
    detail: str


class Problem(BaseModel):
    """An error, as RFC 9457 `application/problem+json`."""

    model_config = ConfigDict(title="Problem", extra="allow")

    type: str = Field("about:blank", description="A URI that names the kind of problem.")
    title: str = Field(description="The status in words.", examples=["Conflict"])
    status: int = Field(description="The HTTP status.", examples=[409])
    detail: str = Field(description="A sentence for people: what happened and what to do.")
    instance: str = Field(description="The path that was asked.", examples=["/tickets/12/accept"])
    code: str = Field(description="A stable word for programs.", examples=["ticket_not_open"])
    request_id: str = Field(description="Name it when you report the problem.")
    errors: list[FieldProblem] | None = Field(None, description="With 422: each field that is wrong.")


def problem_document(request: HTTPConnection, error: DomainError) -> dict[str, Any]:
    """The body of the answer to `request` that failed with `error`."""
    document: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(error.status).phrase,
        "status": error.status,
        "detail": error.detail,
        "instance": request.url.path,
        "code": error.code,
        "request_id": request.scope.get("request_id", ""),
    }
    if error.errors is not None:
        document["errors"] = error.errors
    return document | error.extra


def problem_response(request: Request, error: DomainError) -> Response:
    """Answer with a problem document, or with a page to a browser that came for one."""
    error_page = getattr(request.app.state, "error_page", None)
    if error_page is not None and (page := error_page(request, error)) is not None:
        return cast("Response", page)
    body = orjson.dumps(problem_document(request, error), default=str)
    headers = {"Cache-Control": "no-store"} | error.headers
    return Response(body, error.status, headers, media_type="application/problem+json")


def problems(*errors: type[DomainError]) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may fail with `errors`, each with an example."""
    responses: dict[int | str, dict[str, Any]] = {}
    for error in errors:
        entry = responses.setdefault(error.status, {"description": "", "model": Problem, "content": {}})
        media = entry["content"].setdefault("application/problem+json", {"examples": {}})
        media["examples"][error.code] = {"summary": error.code, "value": _example(error)}
        entry["description"] = " · ".join(filter(None, [entry["description"], error.__doc__ or error.code]))
    return responses


def _example(error: type[DomainError]) -> dict[str, Any]:
    example: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(error.status).phrase,
        "status": error.status,
        "detail": error.detail,
        "instance": "/",
        "code": error.code,
        "request_id": "01JD3X5B8N",
    }
    if "example" in vars(error):
        example["errors"] = vars(error)["example"]
    return example


def _pointer(location: tuple[int | str, ...]) -> str:
    """RFC 6901 pointer of a pydantic location; the leading "body", "query", … is ours, not the client's."""
    parts = location[1:] if location and location[0] in ("body", "query", "path", "header", "form") else location
    pointer = "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)
    return pointer[:LONGEST_POINTER]


def invalid(error: RequestValidationError) -> InvalidInput:
    """What FastAPI found wrong, without an echo of what was sent."""
    return InvalidInput(errors=[_field(item) for item in error.errors()[:MOST_FIELDS]])


def _field(item: Mapping[str, Any]) -> FieldError:
    if item["type"] == "json_invalid":
        return {"pointer": "", "detail": f"The body is not valid JSON: {item['ctx']['error']}"}
    return {"pointer": _pointer(tuple(item["loc"])), "detail": str(item["msg"]).removeprefix("Value error, ")}


UNREADABLE = "The body cannot be read as what its Content-Type says."
LONGEST_POINTER = 200
MOST_FIELDS = 50
HTTP_ERRORS = {
    404: ("not_found", NotFound.detail),
    405: ("method_not_allowed", "This cannot be done here; `Allow` says what can."),
    413: ("body_too_large", BodyTooLarge.detail),
}


class _FromFramework(DomainError):
    """An error that the framework raised itself: unknown path, wrong method, unreadable body."""

    def __init__(self, error: HTTPException) -> None:
        code, sentence = HTTP_ERRORS.get(error.status_code, ("http_error", str(error.detail)))
        headers = dict(error.headers or {})
        if "GET" in headers.get("Allow", "").split(", "):
            headers["Allow"] = ", ".join(sorted({*headers["Allow"].split(", "), "HEAD"}))
        super().__init__(sentence, headers=headers)
        self.status = error.status_code  # type: ignore[misc]
        self.code = code  # type: ignore[misc]


def install(app: FastAPI) -> None:
    """Let `app` answer every error as a problem document."""

    @app.exception_handler(DomainError)
    async def domain(request: Request, error: DomainError) -> Response:
        return problem_response(request, error)

    @app.exception_handler(RequestValidationError)
    async def validation(request: Request, error: RequestValidationError) -> Response:
        return problem_response(request, invalid(error))

    @app.exception_handler(HTTPException)
    async def framework(request: Request, error: HTTPException) -> Response:
        unreadable = error.status_code == 400  # a form that cannot be parsed; JSON that cannot is a validation error
        return problem_response(request, InvalidInput.of("", UNREADABLE) if unreadable else _FromFramework(error))
