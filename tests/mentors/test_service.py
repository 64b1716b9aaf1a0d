"""What mentors change about themselves, where only the service can be asked."""

from collections.abc import Awaitable, Callable

import pytest
import sqlalchemy as sa

from mentorq.accounts import profile
from mentorq.accounts.errors import UserNotFound
from mentorq.accounts.schemas import Viewer
from mentorq.core.database import Database, Write
from mentorq.mentors import service
from mentorq.tags.models import TagRow

pytestmark = pytest.mark.anyio

GONE = Viewer(10**6, "mentor", "ben", 1)


@pytest.mark.parametrize(
    "change",
    [
        lambda db: service.add_expertise(db, GONE, "python"),
        lambda db: service.remove_expertise(db, GONE, "python"),
        lambda db: service.set_availability(db, GONE, False),
        lambda db: profile.change(db, GONE, {"bio": "Hello."}, None),
        lambda db: profile.own(db, GONE),
    ],
)
async def test_who_was_deleted_meanwhile_changes_nothing(
    database: Database, change: Callable[[Write], Awaitable[object]]
) -> None:
    async def attempt() -> None:
        async with database.write() as db:
            await change(db)

    with pytest.raises(UserNotFound):
        await attempt()
    async with database.read() as db:
        assert await db.scalars(sa.select(TagRow.name)) == []
