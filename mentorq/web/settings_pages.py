"""One's own settings: profile, e-mail, notifications, devices, password, data. Each form posts to a path of its own."""

from functools import cache
from typing import Any, Literal

from fastapi import APIRouter, Request, Response

from mentorq.accounts import avatars, passwords, profile, registration, schemas, signins
from mentorq.accounts.access import caller
from mentorq.accounts.errors import PicturesUnavailable, PictureTooLarge, UnsupportedPicture, WrongPassword
from mentorq.accounts.models import MOST_AT_ONCE
from mentorq.accounts.schemas import AccountDeletion, PasswordChange, ProfileChange, User, Viewer
from mentorq.core.clock import now
from mentorq.core.database import Read as Reading
from mentorq.core.errors import InvalidInput
from mentorq.core.http import Read, Write, json_response
from mentorq.core.inputs import Cursor, RowId
from mentorq.core.pagination import keyset
from mentorq.mentors import service as mentors
from mentorq.mentors.schemas import Capacity
from mentorq.notifications import preferences as telling
from mentorq.web import devices, locale, preferences
from mentorq.web.locale import gettext as _
from mentorq.web.pages import Answer, Form, PageRoute, file_in, redirect, render, tag_names
from mentorq.web.signins import VisitingMentor, Visitor, keep

router = APIRouter(route_class=PageRoute, prefix="/app/settings")

DEVICES_SHOWN = 20
AS_WRITTEN = ("headline", "pronouns", "bio", "time_zone")
LARGEST_BODY = 16 << 20
"""Far more than a picture may have: what a camera makes is refused beside the field, not by the door."""
AREAS = (
    "Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific",
)  # fmt: skip


@cache
def time_zones() -> dict[str, list[tuple[str, str]]]:
    """Names of zones with what to call them, by area; those that are neither old nor of an administration."""
    names = sorted(schemas.time_zones())
    return {
        area: [(name, name.partition("/")[2].replace("_", " ")) for name in names if name.startswith(f"{area}/")]
        for area in AREAS
    }


def _form_of(user: User) -> Form:
    return Form(
        {
            "headline": user.headline,
            "pronouns": user.pronouns,
            "bio": user.bio,
            "links": "\n".join(user.links),
            "skills": ", ".join(user.skills),
            "time_zone": user.time_zone,
            "capacity": "" if user.capacity is None else str(user.capacity),
        }
        | ({"on_leaderboard": "on"} if user.on_leaderboard else {})
    )


async def _page(
    request: Request,
    viewer: Viewer,
    db: Reading,
    status: int = 200,
    *,
    avatar_form: Form | None = None,
    profile_form: Form | None = None,
    password_form: Form | None = None,
    notify_form: Form | None = None,
    capacity_form: Form | None = None,
    cursor: str | None = None,
) -> Response:
    user = (await profile.own(db, viewer))[0]
    place = keyset(db.settings, f"devices {viewer.id}", cursor, DEVICES_SHOWN)
    signed_in, next_cursor = await signins.listing(db, viewer, place)
    how = await telling.of(db, viewer.id)
    return render(
        request,
        "settings.html",
        status,
        user=user,
        avatar_form=avatar_form or Form(),
        profile_form=profile_form or _form_of(user),
        password_form=password_form or Form(),
        notify_form=notify_form or preferences.form_of(viewer, how),
        capacity_form=capacity_form or _form_of(user),
        usual_capacity=db.settings.max_active_tickets,
        most_at_once=MOST_AT_ONCE,
        choices=preferences.choices(viewer, how["paused_until"]),
        devices=[(sign_in, devices.name_of(sign_in.user_agent)) for sign_in in signed_in],
        next_cursor=next_cursor,
        zones=time_zones(),
        most=avatars.LARGEST_FILE,
        now=now(),
        is_welcome=viewer.is_mentor and "welcome" in request.query_params,
    )


@router.get("")
async def settings_page(request: Request, viewer: Visitor, db: Read, cursor: Cursor = None) -> Response:
    """All of one's settings on one page."""
    return await _page(request, viewer, db, cursor=cursor)


@router.post("/profile")
async def change_profile(request: Request, viewer: Visitor, db: Write, reads: Read) -> Response:
    """Save the profile; a field that was not sent stays as it is."""
    form = await Form.read(request)
    given: dict[str, Any] = {name: form[name] for name in AS_WRITTEN if name in form.values}
    if "links" in form.values:
        given["links"] = [line.strip() for line in form["links"].splitlines() if line.strip()]
    if "skills" in form.values:
        given["skills"] = tag_names(form["skills"])
    if "ranking_asked" in form.values:  # a box that is not ticked is not sent
        given["on_leaderboard"] = "on_leaderboard" in form.values
    body = form.fit(ProfileChange, **given)
    if body is None:
        raise Answer(await _page(request, viewer, reads, 422, profile_form=form))
    await profile.change(db, viewer, body.model_dump(exclude_unset=True), None)
    return redirect(request, "/app/settings#profile", "profile_saved")


@router.post("/avatar")
async def change_avatar(request: Request, viewer: Visitor, db: Write, reads: Read) -> Response:
    """Show a picture; what is wrong with it is said beside the field."""
    await request.app.state.limiter.hit("avatar", avatars.LIMIT, caller(request, viewer))
    form = Form()
    content = await file_in(request, "file", avatars.LARGEST_FILE + 1)
    try:
        if content:
            await profile.set_avatar(db, reads, viewer, content)
            return redirect(request, "/app/settings#avatar", "avatar_saved")
        form.note("file", _("Please choose a picture."))
        status = 422
    except (PictureTooLarge, UnsupportedPicture, PicturesUnavailable) as error:
        form.refuse(error, "file")
        status = error.status
    raise Answer(await _page(request, viewer, reads, status, avatar_form=form))


@router.post("/avatar/remove")
async def remove_avatar(request: Request, viewer: Visitor, db: Write) -> Response:
    """Show no picture any longer."""
    await profile.remove_avatar(db, viewer)
    return redirect(request, "/app/settings#avatar", "avatar_removed")


@router.post("/capacity")
async def change_capacity(request: Request, mentor: VisitingMentor, db: Write, reads: Read) -> Response:
    """Save how many tickets a mentor wants at once; an empty field: as many as is usual."""
    form = await Form.read(request)
    body = form.fit(Capacity, capacity=form.number("capacity"))
    if body is None:
        raise Answer(await _page(request, mentor, reads, 422, capacity_form=form))
    await mentors.set_capacity(db, mentor, body.capacity)
    return redirect(request, "/app/settings#capacity", "capacity_saved")


@router.post("/notifications")
async def change_notifications(request: Request, viewer: Visitor, db: Write, reads: Read) -> Response:
    """Save how one wants to be told."""
    form = await Form.read(request)
    changes = preferences.changes_in(form, viewer)
    if changes is None:
        raise Answer(await _page(request, viewer, reads, 422, notify_form=form))
    await telling.change(db, viewer, changes)
    return redirect(request, "/app/settings#notify", "preferences_saved")


@router.post("/verification")
async def send_verification(request: Request, viewer: Visitor, db: Write) -> Response:
    """Mail the link that confirms the address once more."""
    await request.app.state.limiter.hit("verification", "10/hour", caller(request, viewer))
    await registration.resend_verification(db, viewer, locale.language.get())
    return redirect(request, "/app/settings#email", "verification_sent")


@router.post("/signins/end")
async def end_other_devices(request: Request, viewer: Visitor, db: Write) -> Response:
    """Sign out everywhere but here."""
    await signins.end_all(db, viewer.id, but=viewer.sign_in_id)
    return redirect(request, "/app/settings#devices", "signins_ended")


@router.post("/signins/{signin_id}/end")
async def end_device(request: Request, signin_id: RowId, viewer: Visitor, db: Write) -> Response:
    """Sign one device out; the one at hand is sent to the front door."""
    await signins.end_one(db, viewer, signin_id)
    if signin_id == viewer.sign_in_id:
        keep(request, None)
        return redirect(request, "/", "signed_out")
    return redirect(request, "/app/settings#devices", "signin_ended")


@router.post("/password")
async def change_password(request: Request, viewer: Visitor, db: Write, reads: Read) -> Response:
    """Set a new password; all other devices are signed out."""
    form = await Form.read(request)
    body = form.fit(PasswordChange, current_password=form["current_password"], new_password=form["new_password"])
    if body is not None:
        try:
            await passwords.change(db, reads, viewer, body.current_password, body.new_password)
        except WrongPassword as error:
            form.refuse(error, "current_password")
        except InvalidInput as error:
            form.refuse(error)
        else:
            return redirect(request, "/app/settings#password", "password_changed")
    raise Answer(await _page(request, viewer, reads, 422, password_form=form))


@router.get("/export")
async def export(request: Request, viewer: Visitor, db: Read) -> Response:
    """Everything that is kept about the viewer, as a file."""
    await request.app.state.limiter.hit("export", "10/hour", caller(request, viewer))
    headers = {"Content-Disposition": f'attachment; filename="mentorq-{viewer.username}.json"'}
    return json_response(await profile.export(db, viewer), headers=headers)


@router.get("/delete")
async def delete_page(request: Request, viewer: Visitor) -> Response:
    """Think again, and type the password."""
    return render(request, "delete_account.html", form=Form())


@router.post("/delete")
async def delete(request: Request, viewer: Visitor, db: Write, reads: Read) -> Response:
    """Delete the account for good."""
    form = await Form.read(request)
    body = form.fit(AccountDeletion, password=form["password"])
    if body is not None:
        try:
            await profile.delete(db, reads, viewer, body.password)
        except WrongPassword as error:
            form.refuse(error, "password")
        else:
            keep(request, None)
            return redirect(request, "/", "account_deleted")
    raise Answer(render(request, "delete_account.html", 422, form=form))


@router.get("/{section}")
async def section_page(
    request: Request,
    viewer: Visitor,
    section: Literal["avatar", "profile", "password", "verification", "notifications", "capacity"],
) -> Response:
    """Who reloads what a form answered comes back to the settings."""
    anchors = {"verification": "email", "notifications": "notify"}
    return redirect(request, f"/app/settings#{anchors.get(section, section)}")
