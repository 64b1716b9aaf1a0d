"""/avatars: people's pictures. Their addresses name their content, so whoever has one need not ask again."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Response

from mentorq.accounts import avatars
from mentorq.accounts.errors import PictureNotFound
from mentorq.core.errors import problems
from mentorq.core.http import Read, Route

router = APIRouter(prefix="/avatars", tags=["users"], route_class=Route)

FOR_GOOD = "public, max-age=31536000, immutable"
PICTURE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The picture, or, where it cannot be read right now, one of the initials.",
        "content": {"image/webp": {}, "image/svg+xml": {}},
    }
}


@router.get(
    "/{picture}/{file}",
    response_class=Response,
    responses=PICTURE | problems(PictureNotFound),
    summary="Get a picture",
)
async def get_avatar(
    picture: Annotated[str, Path(max_length=100)], file: Annotated[str, Path(max_length=20)], db: Read
) -> Response:
    """A person's picture, as `avatar` names it; in other sizes as /96.webp and /48.webp."""
    found = await avatars.shown(db, f"/avatars/{picture}/{file}")
    headers = {"Cache-Control": FOR_GOOD if found.lasts else "no-store"}
    return Response(found.content, headers=headers, media_type=found.kind)
