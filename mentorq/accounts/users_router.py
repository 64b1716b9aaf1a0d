"""/users: profiles, export, deletion."""

from typing import Annotated

from fastapi import APIRouter, File, Response, UploadFile

from mentorq.accounts import avatars, profile
from mentorq.accounts.access import CurrentViewer, MaybeViewer, limited
from mentorq.accounts.errors import (
    PicturesUnavailable,
    PictureTooLarge,
    UnsupportedPicture,
    UserNotFound,
    WrongPassword,
)
from mentorq.accounts.schemas import AccountDeletion, ProfileChange, PublicProfile, User
from mentorq.core.errors import PreconditionFailed, problems
from mentorq.core.http import IfMatch, Read, Route, Write, json_response, with_etag
from mentorq.core.inputs import RowId

router = APIRouter(prefix="/users", tags=["users"], route_class=Route)


@router.patch("/me", responses=problems(PreconditionFailed), summary="Edit my profile")
async def change_me(
    body: ProfileChange, viewer: CurrentViewer, db: Write, response: Response, if_match: IfMatch = None
) -> User:
    """Change what is sent, keep the rest. `skills` replaces a mentor's expertise, or what a student learns."""
    changes = {name: value for name, value in body.model_dump(exclude_unset=True).items() if value is not None}
    user, response.headers["ETag"] = await profile.change(db, viewer, changes, if_match)
    return user


@router.put(
    "/me/avatar",
    responses=problems(PictureTooLarge, UnsupportedPicture, PicturesUnavailable),
    dependencies=[limited("avatar", avatars.LIMIT)],
    summary="Set my picture",
)
async def set_avatar(
    file: Annotated[UploadFile, File(description="A PNG, JPEG, WebP or GIF of up to 2 MiB.")],
    viewer: CurrentViewer,
    db: Write,
    reads: Read,
    response: Response,
) -> User:
    """Show a picture beside your name. Its middle is kept, in small sizes, and nothing else of the file."""
    content = await file.read(avatars.LARGEST_FILE + 1)
    user, response.headers["ETag"] = await profile.set_avatar(db, reads, viewer, content)
    return user


@router.delete("/me/avatar", status_code=204, summary="Remove my picture")
async def remove_avatar(viewer: CurrentViewer, db: Write) -> None:
    """Show no picture beside your name; again changes nothing. It is gone from where it was kept within moments."""
    await profile.remove_avatar(db, viewer)


@router.get("/me/export", dependencies=[limited("export", "10/hour")], summary="Export my data")
async def export_me(viewer: CurrentViewer, db: Read) -> Response:
    """Everything that is kept about you, as JSON."""
    headers = {"Content-Disposition": f'attachment; filename="mentorq-{viewer.username}.json"'}
    return json_response(await profile.export(db, viewer), headers=headers)


@router.delete("/me", status_code=204, responses=problems(WrongPassword), summary="Delete my account")
async def delete_me(body: AccountDeletion, viewer: CurrentViewer, db: Write, reads: Read) -> None:
    """Delete the account for good. What you contributed stays, under "deleted user"."""
    await profile.delete(db, reads, viewer, body.password)


@router.get("/{user_id}", responses=problems(UserNotFound), summary="Get a person")
async def get_user(user_id: RowId, viewer: MaybeViewer, db: Read, response: Response) -> PublicProfile:
    """A person's public profile."""
    return with_etag(response, await profile.public(db, user_id))
