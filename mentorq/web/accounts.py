"""Signing up, in and out; forgotten passwords; small choices that every page offers."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from mentorq.accounts import passwords, profile, registration, signins
from mentorq.accounts.access import CurrentDevice, caller
from mentorq.accounts.errors import BadAccountToken, EmailTaken, UsernameTaken, WrongCredentials
from mentorq.accounts.models import Role
from mentorq.accounts.schemas import ANONYMOUS, PasswordForgot, PasswordReset, SignUp
from mentorq.core.errors import InvalidInput, TooManyRequests
from mentorq.core.http import Read, Write
from mentorq.core.inputs import NOT_TEXT
from mentorq.core.languages import LANGUAGES
from mentorq.web import locale
from mentorq.web.pages import Answer, Form, PageRoute, home_of, messages, redirect, render
from mentorq.web.signins import MaybeVisitor, keep, own_path

router = APIRouter(route_class=PageRoute)

YEAR_SECONDS = 365 * 86400


@router.get("/signup")
async def sign_up_page(request: Request, viewer: MaybeVisitor, role: str = "student") -> Response:
    """Become a student or a mentor."""
    if not viewer.is_anonymous:
        return redirect(request, home_of(viewer))
    return render(request, "signup.html", form=Form({"role": role if role in ("student", "mentor") else "student"}))


@router.post("/signup")
async def sign_up(request: Request, viewer: MaybeVisitor, db: Write, reads: Read, device: CurrentDevice) -> Response:
    """Make the account, and sign in."""
    form = await Form.read(request)
    given = {name: form[name] for name in ("username", "email", "password", "role")}
    body = form.fit(SignUp, **given)
    if body is not None:
        limiter = request.app.state.limiter
        await limiter.hit("sign_up", "10/hour", caller(request, ANONYMOUS))
        try:
            user = await registration.sign_up(
                db, body.username, body.email, body.password, Role(body.role), locale.language.get()
            )
            keep(request, await signins.open_for(db, user.id, device))
        except UsernameTaken as error:
            form.refuse(error, "username")
        except EmailTaken as error:
            form.refuse(error, "email")
        except InvalidInput as error:
            form.refuse(error)
        else:
            return redirect(request, "/app/settings?welcome=1" if body.role == "mentor" else "/app", "signed_up")
    raise Answer(render(request, "signup.html", 422, form=form))


@router.get("/signin")
async def sign_in_page(request: Request, viewer: MaybeVisitor, next: Annotated[str, Query()] = "") -> Response:
    """Sign in, and go on to where one wanted to be."""
    if not viewer.is_anonymous:
        return redirect(request, own_path(next, home_of(viewer)))
    return render(request, "signin.html", form=Form({"next": next}))


@router.post("/signin")
async def sign_in(request: Request, viewer: MaybeVisitor, db: Write, reads: Read, device: CurrentDevice) -> Response:
    """Check the password; the tokens become cookies."""
    form = await Form.read(request)
    name = form["username"].strip().lower()
    status, headers = 422, {}
    if name and form["password"]:
        try:
            if NOT_TEXT.search(name):  # no database has such a name, and not every one can be asked for it
                raise WrongCredentials
            tokens = await signins.sign_in(db, reads, request.app.state.limiter, name, form["password"], device)
            keep(request, tokens)
            return redirect(request, own_path(form["next"], "/app"))
        except WrongCredentials as error:
            form.refuse(error)
        except TooManyRequests as error:
            form.refuse(error)
            status, headers = 429, error.headers
    else:
        form.note("", messages()["fill_in_both"])
    response = render(request, "signin.html", status, form=form)
    response.headers.update(headers)
    raise Answer(response)


@router.post("/signout")
async def sign_out(request: Request, viewer: MaybeVisitor, db: Write) -> Response:
    """End this sign-in; pressing the button twice does no harm."""
    if not viewer.is_anonymous:
        await signins.sign_out(db, viewer)
    keep(request, None)
    return redirect(request, "/", "signed_out")


@router.get("/forgot")
async def forgot_page(request: Request, viewer: MaybeVisitor) -> Response:
    """Ask for a link that sets a new password."""
    return render(request, "forgot.html", form=Form(), is_sent=False)


@router.post("/forgot")
async def forgot(request: Request, viewer: MaybeVisitor, db: Write) -> Response:
    """Mail the link; the answer is the same whether or not there is such an account."""
    form = await Form.read(request)
    body = form.fit(PasswordForgot, email=form["email"])
    if body is None:
        raise Answer(render(request, "forgot.html", 422, form=form, is_sent=False))
    await request.app.state.limiter.hit("forgot", "10/hour", caller(request, ANONYMOUS))
    await passwords.forget(db, body.email, locale.language.get())
    return render(request, "forgot.html", form=form, is_sent=True)


@router.get("/reset")
async def reset_page(request: Request, viewer: MaybeVisitor, token: str = "") -> Response:
    """Set a new password by the mailed link."""
    return render(request, "reset.html", form=Form({"token": token}))


@router.post("/reset")
async def reset(request: Request, viewer: MaybeVisitor, db: Write, reads: Read) -> Response:
    """Set it; every device is signed out."""
    form = await Form.read(request)
    body = form.fit(PasswordReset, token=form["token"], new_password=form["new_password"])
    if body is not None:
        try:
            await passwords.reset(db, reads, body.token, body.new_password)
        except BadAccountToken as error:
            form.note("", locale.gettext(error.detail))  # the token is no field that one could mend
        except InvalidInput as error:
            form.refuse(error)
        else:
            keep(request, None)
            return redirect(request, "/signin", "password_reset")
    raise Answer(render(request, "reset.html", 422, form=form))


@router.get("/verify")
async def verify_page(request: Request, viewer: MaybeVisitor, token: str = "") -> Response:
    """The mailed link leads here; a button confirms, since programs that look into mail open links as well."""
    return render(request, "verify.html", form=Form({"token": token}))


@router.post("/verify")
async def verify(request: Request, viewer: MaybeVisitor, db: Write) -> Response:
    """Confirm an e-mail address."""
    form = await Form.read(request)
    try:
        await registration.verify_email(db, form["token"].strip()[:200])
    except BadAccountToken as error:
        form.note("", locale.gettext(error.detail))
        raise Answer(render(request, "verify.html", 422, form=form)) from None
    return redirect(request, "/signin" if viewer.is_anonymous else home_of(viewer), "email_verified")


@router.post("/language")
async def choose_language(request: Request, viewer: MaybeVisitor, db: Write) -> Response:
    """Read in another language: pages on this device, and, for those who are signed in, mails."""
    form = await Form.read(request)
    response = redirect(request, own_path(form["next"], "/"))
    if form["language"] in LANGUAGES:
        if not viewer.is_anonymous:
            await profile.change(db, viewer, {"language": form["language"]}, None)
        is_https = request.app.state.settings.is_https
        response.set_cookie(locale.COOKIE, form["language"], YEAR_SECONDS, path="/", samesite="lax", secure=is_https)
    return response
