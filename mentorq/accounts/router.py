"""/auth: accounts, sign-ins, passwords."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Form, Request, Response

from mentorq.accounts import passwords, profile, registration, signins
from mentorq.accounts.access import CurrentDevice, CurrentViewer, limited, limited_by_address
from mentorq.accounts.errors import (
    BadAccountToken,
    BadRefreshToken,
    EmailTaken,
    ReusedRefreshToken,
    SignInNotFound,
    UsernameTaken,
    WrongCredentials,
    WrongPassword,
)
from mentorq.accounts.models import Role
from mentorq.accounts.schemas import (
    EmailVerification,
    PasswordChange,
    PasswordForgot,
    PasswordReset,
    RefreshRequest,
    SignIn,
    SignUp,
    Tokens,
    User,
)
from mentorq.core.errors import problems
from mentorq.core.http import Read, Route, Write
from mentorq.core.inputs import Cursor, Limit, Line, RowId
from mentorq.core.pagination import BadCursor, Page, keyset, link_next, list_name
from mentorq.core.ratelimit import RateLimiter

router = APIRouter(prefix="/auth", tags=["auth"], route_class=Route)


async def _limiter(request: Request) -> RateLimiter:
    limiter: RateLimiter = request.app.state.limiter
    return limiter


Limiter = Annotated[RateLimiter, Depends(_limiter)]
Name = Annotated[Line, Form(max_length=320, description="Username or e-mail address.")]
PlainPassword = Annotated[str, Form(max_length=1000)]


@router.post(
    "/signup",
    status_code=201,
    responses=problems(UsernameTaken, EmailTaken),
    dependencies=[limited_by_address("sign_up", "10/hour")],
    summary="Sign up",
)
async def signup(body: SignUp, db: Write, response: Response) -> User:
    """Make an account as student or mentor. A link that verifies the address is mailed."""
    user = await registration.sign_up(db, body.username, body.email, body.password, Role(body.role))
    response.headers["Location"] = f"/users/{user.id}"
    return user


@router.post("/signin", responses=problems(WrongCredentials), summary="Sign in")
async def signin(
    username: Name,
    password: PlainPassword,
    db: Write,
    reads: Read,
    limiter: Limiter,
    device: CurrentDevice,
    grant_type: Annotated[Literal["password"] | None, Form()] = None,
    scope: Annotated[Line, Form(max_length=100)] = "",
    client_id: Annotated[Line | None, Form(max_length=100)] = None,
    client_secret: Annotated[Line | None, Form(max_length=100)] = None,
) -> Tokens:
    """Sign in by OAuth2's password form. The access token is short-lived; the refresh token gives the next pair."""
    return await signins.sign_in(db, reads, limiter, username.lower(), password, device)


@router.post("/refresh", responses=problems(BadRefreshToken, ReusedRefreshToken), summary="Refresh the tokens")
async def refresh(body: RefreshRequest, db: Write, device: CurrentDevice) -> Tokens:
    """Spend a refresh token for a new pair. Using a spent one again ends the sign-in, because it may be stolen."""
    return await signins.refresh(db, body.refresh_token, device)


@router.post("/signout", status_code=204, summary="Sign out")
async def signout(viewer: CurrentViewer, db: Write) -> None:
    """End this sign-in: its tokens stop working at once."""
    await signins.sign_out(db, viewer)


@router.get("/me", summary="Who am I")
async def me(viewer: CurrentViewer, db: Read, response: Response) -> User:
    """The account that the access token belongs to."""
    user, response.headers["ETag"] = await profile.own(db, viewer)
    return user


@router.get("/signins", responses=problems(BadCursor), summary="List signed-in devices")
async def list_signins(
    request: Request, response: Response, viewer: CurrentViewer, db: Read, limit: Limit = 20, cursor: Cursor = None
) -> Page[SignIn]:
    """All devices on which you are signed in, newest first."""
    place = keyset(db.settings, list_name(request, viewer.id), cursor, limit)
    items, next_cursor = await signins.listing(db, viewer, place)
    link_next(request, response, next_cursor)
    return Page[SignIn](items=items, next_cursor=next_cursor)


@router.delete("/signins/{signin_id}", status_code=204, responses=problems(SignInNotFound), summary="Sign a device out")
async def end_signin(signin_id: RowId, viewer: CurrentViewer, db: Write) -> None:
    """End one sign-in."""
    await signins.end_one(db, viewer, signin_id)


@router.delete("/signins", status_code=204, summary="Sign all other devices out")
async def end_other_signins(viewer: CurrentViewer, db: Write) -> None:
    """End all sign-ins but this one."""
    await signins.end_all(db, viewer.id, but=viewer.sign_in_id)


@router.post("/password/change", status_code=204, responses=problems(WrongPassword), summary="Change the password")
async def change_password(body: PasswordChange, viewer: CurrentViewer, db: Write, reads: Read) -> None:
    """Set a new password; all other devices are signed out."""
    await passwords.change(db, reads, viewer, body.current_password, body.new_password)


@router.post(
    "/password/forgot",
    status_code=202,
    dependencies=[limited_by_address("forgot", "10/hour")],
    summary="Ask for a new password",
)
async def forgot_password(body: PasswordForgot, db: Write) -> None:
    """Mail a link that sets a new password. The answer is the same whether or not there is such an account."""
    await passwords.forget(db, body.email)


@router.post("/password/reset", status_code=204, responses=problems(BadAccountToken), summary="Set a new password")
async def reset_password(body: PasswordReset, db: Write, reads: Read) -> None:
    """Set a new password by a mailed token (single use, 30 minutes). All devices are signed out."""
    await passwords.reset(db, reads, body.token, body.new_password)


@router.post("/email/verify", status_code=204, responses=problems(BadAccountToken), summary="Verify an e-mail address")
async def verify_email(body: EmailVerification, db: Write) -> None:
    """Prove an address by the token that was mailed to it."""
    await registration.verify_email(db, body.token)


@router.post(
    "/email/verification",
    status_code=202,
    dependencies=[limited("verification", "10/hour")],
    summary="Mail the verification again",
)
async def resend_verification(viewer: CurrentViewer, db: Write) -> None:
    """Mail the link that verifies the account's address once more."""
    await registration.resend_verification(db, viewer)
