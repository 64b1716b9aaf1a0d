"""What all pages share: their route, templates, forms, messages and errors."""

import gzip
import secrets
from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime
from functools import cache
from http import HTTPStatus
from importlib import resources
from typing import Any, TypeVar
from urllib.parse import quote

import jinja2
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from jinja2 import nodes
from markupsafe import Markup
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse

from mentorq.accounts.schemas import ANONYMOUS, Viewer
from mentorq.core import charts, markdown
from mentorq.core.errors import BodyTooLarge, DomainError, NotFound, NotSignedIn
from mentorq.core.http import Route
from mentorq.core.languages import LANGUAGES, Tongue
from mentorq.knowledge.schemas import url as article_url
from mentorq.web import assets, components, locale, signins
from mentorq.web.locale import gettext as _

WORTH_COMPRESSING = 1000
THEMES = ("light", "dark")
SAID = "said"
SAID_SECONDS = 30
SAFE_IN_PATH = ":/%#?=@[]!$&'()*+,;"

M = TypeVar("M", bound=BaseModel)


class Answer(Exception):
    """Ends a page's handler with an answer; what it has written so far is rolled back."""

    def __init__(self, response: Response) -> None:
        self.response = response
        super().__init__()


class PageRoute(Route):
    """A route of the web app: a unit of work as everywhere, signed in by cookie, and errors are pages."""

    async def in_unit(self, request: Request, handler: Callable[[Request], Coroutine[Any, Any, Response]]) -> Response:
        """Answer by `handler`; what it says of tokens goes with the answer, whatever that is."""
        request.scope["is_page"] = True
        locale.language.set(locale.choose(request))
        locale.zone.set("UTC")
        try:
            signins.require_own_form(request)
            response = await super().in_unit(request, handler)
        except Answer as answer:
            response = answer.response
        except RequestValidationError:
            response = show_error(request, NotFound())  # an id that is no number, a cursor that is no cursor
        except DomainError as error:
            response = show_error(request, error)
        signins.write_cookies(request, response)
        return response


class _Environment(jinja2.Environment):
    """Templates of one language: a text without placeholders is translated when its template is compiled."""

    def __init__(self, language: str) -> None:
        super().__init__(
            loader=jinja2.FileSystemLoader(str(resources.files("mentorq.web").joinpath("templates"))),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
        )
        self.language = language

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        template = super()._parse(source, name, filename)
        for parent in [template, *template.find_all(nodes.Node)]:
            for field, value in parent.iter_fields():
                if isinstance(value, list):
                    value[:] = [self._translated(item) for item in value]
                else:
                    setattr(parent, field, self._translated(value))
        return template

    def _translated(self, node: object) -> object:
        match node:
            case nodes.Call(node=nodes.Name(name="_"), args=[nodes.Const(value=str(text))], kwargs=[]):
                translated = Tongue(self.language).gettext(text)
                return nodes.Const(Markup(translated) % {}, lineno=node.lineno)  # noqa: S704 - ours, as jinja2 has it
        return node


@cache
def _environment(language: str) -> jinja2.Environment:
    environment = _Environment(language)
    environment.install_gettext_callables(locale.gettext, locale.ngettext, newstyle=True)  # type: ignore[attr-defined]
    environment.filters |= {
        "active": locale.active,
        "ago": locale.ago,
        "appointment": locale.appointment,
        "clock": locale.clock,
        "code": lambda source, language, title: markdown.code(source, language, title, _("Copy")),
        "day": locale.day,
        "day_ahead": locale.day_ahead,
        "full_date": locale.full_date,
        "hour": locale.hour,
        "is_elsewhere": locale.is_elsewhere,
        "moment": datetime.fromisoformat,
        "markdown": lambda text: markdown.render(text, _("Copy")),
        "number": locale.number,
        "plain": markdown.plain,
        "rating": locale.rating,
        "month": locale.month,
        "short_day": locale.short_day,
        "span": locale.span,
        "time_there": locale.time_there,
        "z": locale.utc,
    }
    environment.globals |= {
        "article_url": lambda ticket: article_url(ticket["id"], ticket["title"]),
        "asset": assets.address,
        "avatar": components.avatar,
        "icon": components.icon,
        "spark": charts.spark,
        "tag": components.tag,
        "languages": LANGUAGES,
        "direction": locale.direction,
    }
    return environment


def render(request: Request, template: str, status: int = 200, /, **context: object) -> Response:
    """A page, or a part of one, as an answer that nobody but its reader keeps."""
    nonce = secrets.token_urlsafe(16)
    theme = request.cookies.get("theme", "")
    text = (
        _environment(locale.language.get())
        .get_template(template)
        .render(
            viewer=request.scope.get("viewer", ANONYMOUS),
            path=request.url.path,
            here=request.url.path + (f"?{request.url.query}" if request.url.query else ""),
            request_id=request.scope.get("request_id", ""),
            nonce=nonce,
            theme=theme if theme in THEMES else "",
            language=locale.language.get(),
            toast=_said(request),
            **context,
        )
    )
    headers = {
        "Content-Security-Policy": content_security_policy(nonce),
        "Cache-Control": "no-store",
        "Vary": "Cookie, HX-Request, Accept-Encoding, Accept-Language",
    }
    body = text.encode()
    if len(body) > WORTH_COMPRESSING and "gzip" in request.headers.get("accept-encoding", ""):
        body, headers["Content-Encoding"] = gzip.compress(body, 5, mtime=0), "gzip"
    response = HTMLResponse(body, status, headers)
    if request.cookies.get(SAID):
        response.delete_cookie(SAID, path="/", httponly=True, samesite="lax")
    return response


def content_security_policy(nonce: str) -> str:
    """Our own files and what carries the nonce; nothing inline, no other host."""
    return (
        f"default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; "
        "img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )


def is_part(request: Request) -> bool:
    """Whether a script of ours asks, which puts the answer into the page that is there."""
    return request.headers.get("hx-request") == "true"


def redirect(request: Request, path: str, said: str | None = None) -> Response:
    """Go on to another page of ours, which says what has happened: a key of `messages`."""
    path = quote(path, safe=SAFE_IN_PATH)
    if is_part(request):
        response = Response(status_code=200, headers={"HX-Redirect": path, "Cache-Control": "no-store"})
    else:
        response = RedirectResponse(path, HTTPStatus.SEE_OTHER, {"Cache-Control": "no-store"})
    if said is not None:
        is_https = request.app.state.settings.is_https
        response.set_cookie(SAID, said, SAID_SECONDS, path="/", httponly=True, samesite="lax", secure=is_https)
    return response


def _said(request: Request) -> str:
    key = request.cookies.get(SAID, "")
    return messages().get(key, "") if key else ""


def messages() -> dict[str, str]:
    """What a page may be told to say when it opens, in its language."""
    return {
        "signed_up": _("Welcome. Your account is ready."),
        "fill_in_both": _("Fill in both, please."),
        "signed_out": _("You are signed out."),
        "profile_saved": _("Profile saved."),
        "avatar_saved": _("Your picture is saved."),
        "avatar_removed": _("Your picture is gone."),
        "password_changed": _("Password changed. All other devices are signed out."),
        "password_reset": _("Your new password is set. Sign in with it."),
        "email_verified": _("Your e-mail address is confirmed."),
        "verification_sent": _("We have sent the link again."),
        "signin_ended": _("That device is signed out."),
        "signins_ended": _("All other devices are signed out."),
        "account_deleted": _("Your account is deleted."),
        "available": _("You are available: matching tickets are offered to you."),
        "away": _("You are away: no ticket is offered to you."),
        "away_until": _("You are away. You will be available again by yourself, at the time that you chose."),
        "capacity_saved": _("Saved. You are offered no more tickets than that at once."),
        "asked": _("Posted. Mentors who know this can see it now."),
        "ticket_saved": _("Saved."),
        "ticket_deleted": _("The ticket is withdrawn."),
        "accepted": _("It is yours. Write to the student, or post a solution."),
        "released": _("Given back to the queue."),
        "extended": _("You have more time."),
        "resolved": _("Solution posted. It is public now."),
        "solution_saved": _("Solution saved. The earlier version is kept."),
        "reopened": _("Reopened. Your mentor is told."),
        "closed": _("Closed. Thank you for closing the loop."),
        "reviewed": _("Thank you for the review."),
        "allowed": _("Your mentor may show it on the profile."),
        "withdrawn": _("It is not shown on any profile any longer."),
        "shown": _("It stands on your profile now."),
        "hidden": _("It is off your profile."),
        "passed": _("Passed. It is not offered to you again."),
        "unpassed": _("It is offered to you again."),
        "sent": _("Sent."),
        "draft_saved": _("Draft saved."),
        "bookmarked": _("It is among your bookmarks again."),
        "all_read": _("All are marked as read."),
        "not_yours": _("This ticket is not yours to see any longer."),
        "preferences_saved": _("Saved: that is how we tell you."),
        "session_requested": _("Asked. We tell you as soon as there is an answer."),
        "session_booked": _("Booked for both of you."),
        "session_begins": _("Accepted: your session begins now."),
        "session_offered": _("Offered. We tell you as soon as there is an answer."),
        "session_declined": _("Declined. The student is told."),
        "session_cancelled": _("Cancelled, and the time is free again."),
        "session_ended": _("The session is over."),
        "schedule_saved": _("Your hours are saved."),
        "schedule_dropped": _("You have no hours any longer: students may ask you for any time."),
        "calendar_dropped": _("The address of your calendar leads nowhere any longer."),
        "transcript_attached": _("The transcript is attached to the ticket."),
        "transcript_agreed": _("Noted. It is attached as soon as both of you agree."),
        "transcript_private": _("The transcript stays between the two of you."),
        "holds_secrets": _("The session is over. The transcript is not attached yet: see what is said beside it."),
        "deflected": _("Good. Your draft is gone, and we count this as a question answered."),
    }


class Form:
    """What somebody filled in, and what is wrong with it, so that the page can show both again."""

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self.values = dict(values or {})
        self.errors: dict[str, str] = {}
        self.general = ""

    @classmethod
    async def read(cls, request: Request, most: int = 100) -> "Form":
        """The fields of a posted form, at most so many; files are no fields.

        Raises:
            NotFound: it is no form.
        """
        try:
            given = await request.form(max_files=0, max_fields=most)
        except HTTPException:
            raise NotFound from None
        return cls({name: value for name, value in given.items() if isinstance(value, str)})

    def __getitem__(self, name: str) -> str:
        return self.values.get(name, "")

    def number(self, name: str) -> int | str | None:
        """A field as a whole number; None where it is empty; as it is, for `fit` to refuse, where it is none."""
        given = self[name].strip()
        return int(given) if given.isdecimal() and len(given) < 19 else given or None

    def error(self, name: str) -> str:
        """What is wrong with a field, or nothing."""
        return self.errors.get(name, "")

    def fit(self, model: type[M], **fields: object) -> M | None:
        """The fields as a body of the API, or None, with the errors noted."""
        try:
            return model(**fields)
        except ValidationError as error:
            for item in error.errors():
                name = str(item["loc"][0]) if item["loc"] else ""
                self.note(name, explain(item))
            return None

    def note(self, name: str, sentence: str) -> None:
        """Note what is wrong with a field; the first remark counts. Without a field: with the whole."""
        if name:
            self.errors.setdefault(name, sentence)
        else:
            self.general = self.general or sentence

    def rename(self, names: Mapping[str, str]) -> None:
        """Have what is wrong with a field of the API stand at the field of the form that has another name."""
        self.errors = {names.get(name, name): sentence for name, sentence in self.errors.items()}

    def refuse(self, error: DomainError, name: str = "") -> None:
        """Note what a service refused: at the fields that it names, else at `name`."""
        for item in error.errors or ():
            self.note(item["pointer"].strip("/").split("/")[0], _(item["detail"]))
        if not error.errors:
            self.note(name, _(error.detail))


async def file_in(request: Request, name: str, most: int) -> bytes:
    """The beginning of a file that came with a form, or nothing where none was chosen.

    Raises:
        NotFound: it is no form.
    """
    try:
        async with request.form(max_files=1, max_fields=10) as form:
            given = form.get(name)
            return b"" if given is None or isinstance(given, str) else await given.read(most)
    except HTTPException as error:
        if error.status_code == BodyTooLarge.status:
            raise
        raise NotFound from None


def explain(item: Mapping[str, Any]) -> str:
    """A validation error in the words of the house."""
    kind, limits = item["type"], item.get("ctx", {})
    if kind == "missing" or (kind in ("string_too_short", "too_short") and limits.get("min_length") == 1):
        return _("Please fill this in.")
    if kind.startswith("url_"):
        return _("Please write a whole address, as in https://example.org.")
    if kind in ("string_too_short", "too_short"):
        return _("At least %(count)s characters, please.") % {"count": limits["min_length"]}
    if kind in ("string_too_long", "too_long"):
        is_text = isinstance(item["input"], str)
        sentence = _("At most %(count)s characters, please.") if is_text else _("At most %(count)s, please.")
        return sentence % {"count": limits["max_length"]}
    plain = {"int_type": _("A whole number, please."), "literal_error": _("Please choose one.")}
    return plain.get(kind) or _(str(item["msg"]).removeprefix("Value error, "))


def tag_names(given: str) -> list[str]:
    """The tags of a comma separated field."""
    return [name.strip() for name in given.split(",") if name.strip()]


def error_page(request: Request, error: DomainError) -> Response | None:
    """The page for an error, where a browser came for a page; None: a program came, answer with a document."""
    scope = request.scope
    unmatched = ("route" not in scope and "endpoint" not in scope) or error.status == HTTPStatus.METHOD_NOT_ALLOWED
    is_plain = request.method in ("GET", "HEAD") or error.status == BodyTooLarge.status
    wants_page = is_plain and "text/html" in request.headers.get("accept", "")
    if not scope.get("is_page") and not (unmatched and wants_page):
        return None
    locale.language.set(locale.choose(request))
    response = show_error(request, error)
    signins.write_cookies(request, response)  # a page that failed may have renewed the tokens all the same
    return response


def show_error(request: Request, error: DomainError) -> Response:
    """An error as a page that says what happened and what to do next; needs no database."""
    if isinstance(error, NotSignedIn):
        return to_sign_in(request)
    template = "parts/toast.html" if is_part(request) else "error.html"
    response = render(request, template, error.status, text=_(error.detail), error=error, next_ticket=None)
    response.headers.update({name: value for name, value in error.headers.items() if name != "WWW-Authenticate"})
    if is_part(request):
        response.headers.update({"HX-Retarget": ".toasts", "HX-Reswap": "innerHTML"})
    return response


def to_sign_in(request: Request) -> Response:
    """Sign in first, and come back to where one was."""
    target = request.url.path if request.method == "GET" else "/app"
    if request.method == "GET" and request.url.query:
        target += f"?{request.url.query}"
    return redirect(request, f"/signin?next={quote(target, safe='/')}")


def home_of(viewer: Viewer) -> str:
    """Where somebody begins."""
    return "/app/queue" if viewer.is_mentor else "/app"
